"""Exposure and white balance: a gain, an offset and a tone a channel, from the pixels that the subject leaves free."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.tone import Curves, coefficients, fitted_curves, straight, toned

LONG_SIDE_PX = 240
BLUR_SIGMA_PX = 1.5
CLIPPED = (0.012, 0.985)  # averages of clipped and unclipped pixels lie a little inside
FEWEST_PIXELS = 200
MOST_PIXELS = 4000
MOST_TONED = 1600  # pixels that a tone is fitted to
LEVELS = 8  # of the plate's brightness: no more pixels of each than its share of twice MOST_PIXELS
FLAT_SHARE = 0.7
FLAT = 0.15  # a Sobel's answer: a twentieth of a pixel is a quarter of a grey level there
SAMPLES = 600
HYPOTHESES = 100
SEED = 20_200_401
USUAL_GAINS = (0.4, 2.5)
GAIN_RANGE = (0.1, 10.0)
MET = 6 / 255  # where the plate is known to be in view: no other exposure is looked for
OFFSET_RANGE = 0.3
DARK_GAIN = 0.4  # below, offsets are allowed in proportion, or a plain subject would lie on the line
INLIER = 4 / 255
SCALE_RANGE = (0.6 / 255, 3 / 255)
TUKEY = 4.685
BLACK = 0.03
BURNT = (0.97, 0.985)
NOT_BURNT = 0.95
REFUTED = 0.1  # trust below which a pixel shows something else
FEWEST_BURNT = 30
STEPS = 8
ENOUGH = 2e-5
LEAST_SHARE = 0.05  # of what is trusted to show the plate; an exposure that fewer agree on was not found
LEAST_RANGE = 0.08  # of the plate's values; below, gain and offset cannot be told apart

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """The aligned plate is `gain * plate + offset`, per channel, for pictures in [0, 1]; a guess where not `found`.

    Where the camera bent its tones otherwise its `tone` is added, see `alignment.tone.Curves`.

    Where the plate is burnt out it says "at least white": there it is `burnt`, if that is more. Of the frame the share
    `lost` is darker than white there, if most of it is.
    """

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    found: bool = True
    burnt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lost: float = 0.0
    tone: FloatImage | None = None

    @property
    def white(self) -> tuple[float, float, float]:
        """What becomes of white, per channel."""
        tone = np.zeros(3) if self.tone is None else self.tone.sum(axis=1)  # all the polynomials are 1 there
        red, green, blue = (g + o + float(t) for g, o, t in zip(self.gain, self.offset, tone, strict=True))
        return red, green, blue

    @property
    def lift(self) -> tuple[float, float, float] | None:
        """How much more than `white` `burnt` is, per channel; None where it is nowhere more."""
        red, green, blue = (max(0.0, b - w) for b, w in zip(self.burnt, self.white, strict=True))
        return (red, green, blue) if red + green + blue else None

    @property
    def curves(self) -> Curves:
        """What it makes of a plate's values, what is burnt out apart."""
        line = straight(self.gain, self.offset)
        return line if self.tone is None else line._replace(tone=self.tone)

    def applied(self, plate: FloatImage) -> FloatImage:
        """A plate in this light, h x w x 3."""
        if self.tone is None:
            given = plate * np.array(self.gain, np.float32) + np.array(self.offset, np.float32)
        else:
            given = toned(plate, coefficients(self.curves))
        return given if self.lift is None else given + burnt_out(plate) * np.array(self.lift, np.float32)


def burnt_out(plate: FloatImage) -> FloatImage:
    """How far each value of a plate is burnt out, in [0, 1]; of any shape."""
    low, high = BURNT
    return np.asarray(np.clip((plate - np.float32(low)) * np.float32(1 / (high - low)), 0, 1))


def match_exposure(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> Exposure:
    """Fits gain and offset of a frame against the plate that was warped into it.

    Args:
        plate: h x w x 3 in [0, 1], reduced.
        frame: The same.
        trust: h x w in [0, 1], 0 where the plate is unknown, high where it is known to be in view.

    Returns:
        The exposure; gain 1 and offset 0, and not `found`, where next to nothing can be compared.
    """
    # Channels first: sums over a last axis of three are slow.
    x, y = np.stack(cv2.split(smoothed(plate))), np.stack(cv2.split(smoothed(frame)))
    inside = _inside(x) & _inside(y)
    usable = np.flatnonzero((trust > 0) & inside.any(axis=0))
    if len(usable) < FEWEST_PIXELS:
        return Exposure((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), found=False)
    slope = steepness(x[1]).ravel()[usable]
    place = int(FLAT_SHARE * (len(slope) - 1))
    flat = usable[slope <= max(FLAT, np.partition(slope, place)[place])]
    x, y, inside, trust = x.reshape(3, -1), y.reshape(3, -1), inside.reshape(3, -1), trust.ravel()
    sure = usable[(trust[usable] >= 1) & inside[:, usable].all(axis=0)]
    weights = trust * inside
    given = _given(x, y, weights, flat[:: 1 + len(flat) // MOST_PIXELS])
    usual = _fit(*given, USUAL_GAINS)
    known = flat[trust[flat] >= 1]
    if not any(usual.offset) and len(known) >= FEWEST_PIXELS:
        # Most of the place is alike, and did not tell gain and offset apart: its few lights may, if they are in view.
        again = _fit(*_given(x, y, weights, _evenly(known, x[1, known])), USUAL_GAINS)
        usual = again if any(again.offset) else usual
    if len(sure) >= FEWEST_PIXELS and (off := _off(usual, x[:, sure], y[:, sure])) > MET:
        # Before a plain wall a plain shirt would pass for any gain: structure, which is known to be in view, decides.
        rare = _fit(*given, GAIN_RANGE)
        usual = rare if _off(rare, x[:, sure], y[:, sure]) < off else usual
    evenly = _evenly(flat, x[1, flat])
    evenly = evenly[:: 1 + len(evenly) // MOST_TONED]
    return _with_burnt(_toned(usual, *_given(x, y, weights, evenly)), x, y, trust)


def _toned(line: Exposure, x: FloatImage, y: FloatImage, weights: FloatImage) -> Exposure:
    """An exposure with the tone that pixels, 3 x n, ask for."""
    before = line.curves
    curves = fitted_curves(x, y, weights, before)
    if curves is before:
        return line
    (r, g, b), (dr, dg, db) = curves.gain.tolist(), curves.offset.tolist()
    return replace(line, gain=(r, g, b), offset=(dr, dg, db), tone=curves.tone.astype(np.float32))


def _given(
    x: FloatImage, y: FloatImage, weights: FloatImage, pixels: NDArray[np.intp]
) -> tuple[FloatImage, FloatImage, FloatImage]:
    """What a fit takes of some pixels; 3 x n each."""
    return x[:, pixels], y[:, pixels], weights[:, pixels]


def _with_burnt(exposure: Exposure, x: FloatImage, y: FloatImage, trust: FloatImage) -> Exposure:
    """An exposure with what the frame shows where the plate is burnt out, 3 x n: no less than white in this light.

    What is darker there is no light of the place's, but somebody's.
    """
    least = _column(np.array(exposure.white)) - np.float32(MET)
    shown = (x >= BURNT[1]) & (trust > REFUTED) & (y > least)
    red, green, blue = (
        float(np.median(own[there])) if there.sum() >= FEWEST_BURNT else 0.0
        for own, there in zip(y, shown, strict=True)
    )
    lost, white = (shown & (y < NOT_BURNT)).any(axis=0), shown.any(axis=0)
    share = float(lost.mean()) if 2 * lost.sum() > white.sum() else 0.0
    return replace(exposure, burnt=(red, green, blue), lost=share)


def _evenly(pixels: NDArray[np.intp], brightness: FloatImage) -> NDArray[np.intp]:
    """Some of the pixels, of all levels of brightness: a few lit signs say more of a night's exposure than its dark."""
    level = np.clip(brightness * LEVELS, 0, LEVELS - 1).astype(int)
    most = 2 * MOST_PIXELS // LEVELS
    groups = [pixels[level == n] for n in range(LEVELS)]
    kept = np.concatenate([group[:: 1 + len(group) // most] for group in groups])
    return kept[:: 1 + len(kept) // MOST_PIXELS]


def _fit(x: FloatImage, y: FloatImage, weights: FloatImage, gains: tuple[float, float]) -> Exposure:
    return _polish(x, y, weights, *_consensus(x, y, weights, gains))


def _off(exposure: Exposure, x: FloatImage, y: FloatImage) -> float:
    """How far pixels, 3 x n, are from an exposure, at the median of their worst channels."""
    left = y - _column(np.array(exposure.gain)) * x - _column(np.array(exposure.offset))
    return float(np.median(np.abs(left).max(axis=0)))


def smoothed(image: FloatImage) -> FloatImage:
    """With less of the noise, and of what the alignment may be off."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), BLUR_SIGMA_PX), np.float32)


def _inside(channels: FloatImage) -> NDArray[np.bool_]:
    """What is not clipped."""
    low, high = CLIPPED
    return np.asarray((channels > low) & (channels < high))


def steepness(image: FloatImage) -> FloatImage:
    """Strength of edges, h x w: at strong ones the last hundredths of a pixel would pass for exposure."""
    return np.asarray(np.abs(cv2.Sobel(image, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(image, cv2.CV_32F, 0, 1)))


def _consensus(
    x: FloatImage, y: FloatImage, weights: FloatImage, gains_allowed: tuple[float, float]
) -> tuple[Vector, Vector]:
    """The line a channel that most pixels lie near (MSAC; Torr and Zisserman 2000); 3 x n each, weight 0 if clipped."""
    random = np.random.default_rng(SEED)
    kept = random.choice(x.shape[1], min(SAMPLES, x.shape[1]), replace=False)
    x, y, weights = x[:, kept], y[:, kept], weights[:, kept]
    likely = weights.max(axis=0).astype(np.float64)
    likely /= likely.sum()
    first, second = random.choice(len(kept), (2, HYPOTHESES), p=likely)
    gains, offsets = np.ones(3), np.zeros(3)
    for channel, (p, f, weight) in enumerate(zip(x, y, weights, strict=True)):
        run = p[first] - p[second]
        apart = np.abs(run) > LEAST_RANGE / 2
        gain = np.where(apart, f[first] - f[second], f[first]) / np.where(apart, run, np.maximum(p[first], CLIPPED[0]))
        offset = np.where(apart, f[first] - gain * p[first], 0)
        most = OFFSET_RANGE * np.minimum(gain / DARK_GAIN, 1)
        allowed = (gain > gains_allowed[0]) & (gain < gains_allowed[1]) & (np.abs(offset) < most)
        allowed &= (weight[first] > 0) & ((weight[second] > 0) | ~apart)
        if not allowed.any():
            continue
        gain, offset = gain[allowed].astype(np.float32), offset[allowed].astype(np.float32)
        distance = (f - gain[:, None] * p - offset[:, None]) * np.float32(1 / INLIER)
        cost = np.minimum(distance * distance, 1)
        best = int(np.argmin(cost @ weight))
        gains[channel], offsets[channel] = gain[best], offset[best]
    return gains, offsets


def _polish(x: FloatImage, y: FloatImage, trust: FloatImage, gain: Vector, offset: Vector) -> Exposure:
    """Iteratively reweighted fit of both directions' errors; a pixel counts if all its channels agree.

    Arguments as of `_consensus`: what is clipped in one channel may be seen in another.
    """
    seen = trust > 0
    low, high = CLIPPED
    burnt = (x >= high) | (y >= high)
    above, below = burnt | (y <= low), burnt | (x <= low)  # on which side of the line what is clipped may be
    for _ in range(STEPS):
        left = y - _column(gain) * x - _column(offset)
        residuals = np.abs(left) * ~np.where(left > 0, above, below)
        quarters = np.array([_quarter(own[there][::4]) for own, there in zip(residuals, seen, strict=True)])
        scale = np.clip(quarters / 0.3186, *SCALE_RANGE)
        red, green, blue = residuals / _column(TUKEY * scale)
        ratio = np.minimum(np.maximum(np.maximum(red, green), blue), np.float32(1))
        agreement = (1 - ratio * ratio) ** 2
        weights = (trust * agreement).astype(np.float64)
        totals = weights.sum(axis=1)
        if totals.max() < 1.0:
            break
        previous = gain
        gain, offset = _line(x, y, weights / np.maximum(totals, 1.0)[:, None])
        if np.abs(gain - previous).max() < ENOUGH:
            break
    r, g, b = (float(value) for value in gain)
    black = (x < BLACK) & (y < BLACK)  # whatever its gain, it is right
    most = trust.max(axis=0)
    found = bool((most * agreement * (seen | black)).sum(axis=1).min() >= LEAST_SHARE * most.sum())
    return Exposure((r, g, b), (float(offset[0]), float(offset[1]), float(offset[2])), found)


def _quarter(values: FloatImage) -> float:
    """The lower quartile."""
    return float(np.partition(values, len(values) // 4)[len(values) // 4]) if len(values) else 0.0


def _column(values: Vector) -> FloatImage:
    return values.astype(np.float32)[:, None]


def _line(x: FloatImage, y: FloatImage, weights: Vector) -> tuple[Vector, Vector]:
    """Weighted orthogonal regression a channel: plate and frame are both noisy, least squares would flatten."""
    mean_x, mean_y = _mean(x, weights), _mean(y, weights)
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    xx, yy, xy = _mean(dx * dx, weights), _mean(dy * dy, weights), _mean(dx * dy, weights)
    difference = yy - xx
    slope = (difference + np.sqrt(difference**2 + 4 * xy**2)) / np.where(np.abs(xy) > 1e-12, 2 * xy, np.inf)
    # A uniform spread over LEAST_RANGE has this variance.
    enough = (xx >= LEAST_RANGE**2 / 12) & (slope > GAIN_RANGE[0]) & (slope < GAIN_RANGE[1])
    if enough.any():  # a channel that does not tell has the others' gain
        gain = np.where(enough, slope, slope[enough].mean())
        return gain, mean_y - gain * mean_x
    told = mean_x > 1e-3
    gain = mean_y / np.maximum(mean_x, 1e-3)
    return np.where(told, gain, gain[told].mean() if told.any() else 1.0), np.zeros(3)


def _mean(values: NDArray[np.floating], weights: Vector) -> Vector:
    return np.asarray(np.einsum("cn,cn->c", values, weights))
