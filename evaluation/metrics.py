"""How far a predicted matte is from the true one, in the measures of the literature on video matting.

MAD and MSE count every pixel alike. Grad and Conn (Rhemann et al., "A perceptually motivated online
benchmark for image matting", CVPR 2009) follow what people notice: lost detail at the edge, and islands cut
off from the figure. dtSSD (Erofeev et al., "Perceptually motivated benchmark for video matting", BMVC 2015)
is the flicker.

Alphas are H x W floats in [0, 1]. Every measure is scaled as it is usually printed, so numbers compare with
published tables, and all of them are better when smaller.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]

GRAD_SIGMA_PX = 1.4
# The filter ends where the Gaussian has fallen to this value: 9 taps at sigma 1.4.
GRAD_FILTER_EPSILON = 0.01
CONN_STEPS = 10
CONN_TOLERANCE = 0.15
FOREGROUND_ALPHA = 0.02


@dataclass(frozen=True)
class FrameScores:
    """The scores of one frame.

    Attributes:
        mad: Mean absolute difference x 1e3.
        mse: Mean squared difference x 1e3.
        grad: Gradient error / 1e3.
        conn: Connectivity error / 1e3.
        dtssd: Temporal error x 1e2; None for a clip's first frame.
        foreground_mse: Mean squared colour difference x 1e3 where the true alpha is above 0.02; None where no
            foreground was given or no pixel is above.
    """

    mad: float
    mse: float
    grad: float
    conn: float
    dtssd: float | None = None
    foreground_mse: float | None = None


@dataclass(frozen=True)
class Scores:
    """The scores of a clip: each is the mean over the frames that have it.

    Attributes:
        mad: Mean absolute difference x 1e3.
        mse: Mean squared difference x 1e3.
        grad: Gradient error / 1e3.
        conn: Connectivity error / 1e3.
        dtssd: Temporal error x 1e2, from the second frame; None for a single frame.
        foreground_mse: Colour error x 1e3; None where it was not measured.
        frames: What each frame scored, in the clip's order.
    """

    mad: float
    mse: float
    grad: float
    conn: float
    dtssd: float | None
    foreground_mse: float | None
    frames: tuple[FrameScores, ...]

    @classmethod
    def of(cls, frames: Iterable[FrameScores]) -> Scores:
        """Averages the scores of at least one frame."""
        scored = tuple(frames)
        if not scored:
            raise ValueError("scores of no frames: add at least one frame before asking for the result")
        means = {f.name: _mean([getattr(s, f.name) for s in scored]) for f in fields(FrameScores)}
        return cls(**means, frames=scored)  # type: ignore[arg-type]  # only the last two can be None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON: the means by name, and `frames`, a list of the same by frame."""
        return asdict(self) | {"frames": [asdict(frame) for frame in self.frames]}


class ScoreAccumulator:
    """Scores a clip frame by frame; holds one earlier frame, however long the clip is."""

    def __init__(self) -> None:
        self._frames: list[FrameScores] = []
        self._previous_error: Float32 | None = None

    def add(
        self,
        pred: FloatArray,
        true: FloatArray,
        foreground: tuple[FloatArray, FloatArray] | None = None,
    ) -> FrameScores:
        """Scores the clip's next frame.

        Args:
            pred: H x W predicted alpha in [0, 1].
            true: H x W true alpha in [0, 1].
            foreground: Predicted and true foreground, each H x W x 3 in [0, 1], straight.

        Raises:
            ValueError: The shapes of the two alphas, or of two following frames, differ.
        """
        error = _difference(pred, true)
        if self._previous_error is not None and self._previous_error.shape != error.shape:
            index, before = len(self._frames), self._previous_error.shape
            raise ValueError(f"frame {index} is {error.shape}, the frames before it {before}")
        scores = FrameScores(
            mad=mad(pred, true),
            mse=mse(pred, true),
            grad=grad(pred, true),
            conn=conn(pred, true),
            dtssd=None if self._previous_error is None else _root_mean_square(error - self._previous_error),
            foreground_mse=None if foreground is None else foreground_mse(*foreground, true),
        )
        self._frames.append(scores)
        self._previous_error = error
        return scores

    def result(self) -> Scores:
        """Everything so far: means and frames. Raises ValueError before the first frame."""
        return Scores.of(self._frames)


def mad(pred: FloatArray, true: FloatArray) -> float:
    """Mean absolute difference over all pixels, x 1e3."""
    return float(np.abs(_difference(pred, true)).mean(dtype=np.float64)) * 1e3


def mse(pred: FloatArray, true: FloatArray) -> float:
    """Mean squared difference over all pixels, x 1e3."""
    return float(np.square(_difference(pred, true)).mean(dtype=np.float64)) * 1e3


def grad(pred: FloatArray, true: FloatArray) -> float:
    """Sum over the pixels of the squared difference of gradient magnitudes, / 1e3."""
    error = _gradient_magnitude(pred) - _gradient_magnitude(true)
    return float(np.square(error).sum(dtype=np.float64)) / 1e3


def conn(pred: FloatArray, true: FloatArray) -> float:
    """Connectivity error, / 1e3: how differently the two hang on to the region that both agree is the figure.

    That region is taken at thresholds 0.1, 0.2, ... 1: the largest 4-connected piece where both alphas reach
    the threshold. A pixel's level is the last threshold before it drops out; what its alpha has above its
    level counts as disconnected, where it is at least 0.15.
    """
    pred, true = _checked(pred, true)
    level = np.ones(true.shape, np.float32)
    inside = np.ones(true.shape, bool)
    both = np.minimum(pred, true)
    # k / 10 rather than multiples of 0.1: in float32 these equal 51/255, 102/255 ..., which 8-bit alphas hit.
    thresholds = np.arange(CONN_STEPS + 1, dtype=np.float32) / np.float32(CONN_STEPS)
    for below, threshold in itertools.pairwise(thresholds):
        core = _largest_piece(both >= threshold)
        level[inside & ~core] = below
        inside &= core
        if not inside.any():
            break
    error = _connectedness(pred, level) - _connectedness(true, level)
    return float(np.abs(error).sum(dtype=np.float64)) / 1e3


def dtssd(pred: FloatArray, pred_before: FloatArray, true: FloatArray, true_before: FloatArray) -> float:
    """Root of the mean squared difference between the predicted and the true change of alpha, x 1e2."""
    return _root_mean_square(_difference(pred, true) - _difference(pred_before, true_before))


def foreground_mse(pred: FloatArray, true: FloatArray, true_alpha: FloatArray) -> float | None:
    """Mean squared colour difference where the foreground can be seen, x 1e3.

    Args:
        pred: H x W x 3 predicted foreground in [0, 1], straight.
        true: H x W x 3 true foreground in [0, 1], straight.
        true_alpha: H x W true alpha in [0, 1].

    Returns:
        The mean over the three channels of the pixels with alpha above 0.02; None where there are none.
    """
    seen = true_alpha > FOREGROUND_ALPHA
    if not seen.any():
        return None
    return float(np.square(_difference(pred, true)[seen]).mean(dtype=np.float64)) * 1e3


def _checked(pred: FloatArray, true: FloatArray) -> tuple[Float32, Float32]:
    if pred.shape != true.shape:
        raise ValueError(f"prediction and truth must have one shape, not {pred.shape} and {true.shape}")
    return pred.astype(np.float32, copy=False), true.astype(np.float32, copy=False)


def _difference(pred: FloatArray, true: FloatArray) -> Float32:
    pred, true = _checked(pred, true)
    return pred - true


def _root_mean_square(error: Float32) -> float:
    return math.sqrt(float(np.square(error).mean(dtype=np.float64))) * 1e2


def _gradient_taps(sigma_px: float = GRAD_SIGMA_PX) -> tuple[Float32, Float32]:
    """A Gaussian and its derivative, scaled so that their outer product, the 2-D filter, has unit L2 norm."""
    peak = 1 / (math.sqrt(2 * math.pi) * sigma_px)
    reach_px = math.ceil(sigma_px * math.sqrt(2 * math.log(peak / GRAD_FILTER_EPSILON)))
    x = np.arange(-reach_px, reach_px + 1, dtype=np.float64)
    smooth = peak * np.exp(-(x**2) / (2 * sigma_px**2))
    slope = -x / sigma_px**2 * smooth
    smooth /= np.linalg.norm(smooth)
    slope /= np.linalg.norm(slope)
    return smooth.astype(np.float32), slope.astype(np.float32)


def _gradient_magnitude(alpha: FloatArray) -> Float32:
    """Length of the gradient of an alpha stretched to 0..1; edges of the picture repeat outwards."""
    smooth, slope = _gradient_taps()
    stretched = alpha.astype(np.float32) - np.float32(alpha.min())
    if (top := float(stretched.max())) > 0:
        stretched /= np.float32(top)
    across = cv2.sepFilter2D(stretched, cv2.CV_32F, slope, smooth, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(stretched, cv2.CV_32F, smooth, slope, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest 4-connected piece of a mask, all false where the mask is empty."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count == 1:
        return np.zeros(mask.shape, bool)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest, bool)


def _connectedness(alpha: Float32, level: Float32) -> Float32:
    above = alpha - level
    above[above < CONN_TOLERANCE] = 0
    return 1 - above


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
