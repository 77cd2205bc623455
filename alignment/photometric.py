"""Exposure and white balance: a gain and an offset a channel, from the pixels that the subject leaves free."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LONG_SIDE_PX = 240
BLUR_SIGMA_PX = 1.5
CLIPPED = (0.012, 0.985)  # averages of clipped and unclipped pixels lie a little inside
FEWEST_PIXELS = 200
MOST_PIXELS = 4000
FLAT_SHARE = 0.7
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
STEPS = 8
ENOUGH = 2e-5
LEAST_SHARE = 0.05  # of what is trusted to show the plate; an exposure that fewer agree on was not found
LEAST_RANGE = 0.08  # of the plate's values; below, gain and offset cannot be told apart

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """The aligned plate is `gain * plate + offset`, per channel, for pictures in [0, 1]; a guess where not `found`."""

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    found: bool = True


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
    usable = np.flatnonzero((trust > 0) & _unclipped(x) & _unclipped(y))
    if len(usable) < FEWEST_PIXELS:
        return Exposure((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), found=False)
    slope = steepness(x[1]).ravel()[usable]
    place = int(FLAT_SHARE * (len(slope) - 1))
    flat = usable[slope <= np.partition(slope, place)[place]]
    flat = flat[:: 1 + len(flat) // MOST_PIXELS]
    sure = usable[trust.ravel()[usable] >= 1]
    x, y = x.reshape(3, -1), y.reshape(3, -1)
    usual = _fit(x[:, flat], y[:, flat], trust.ravel()[flat], USUAL_GAINS)
    if len(sure) < FEWEST_PIXELS or (off := _off(usual, x[:, sure], y[:, sure])) <= MET:
        return usual
    # Before a plain wall a plain shirt would pass for any gain: structure, which is known to be in view, decides.
    rare = _fit(x[:, flat], y[:, flat], trust.ravel()[flat], GAIN_RANGE)
    return rare if _off(rare, x[:, sure], y[:, sure]) < off else usual


def _fit(x: FloatImage, y: FloatImage, weights: FloatImage, gains: tuple[float, float]) -> Exposure:
    return _polish(x, y, weights, *_consensus(x, y, weights, gains))


def _off(exposure: Exposure, x: FloatImage, y: FloatImage) -> float:
    """How far pixels, 3 x n, are from an exposure, at the median of their worst channels."""
    left = y - _column(np.array(exposure.gain)) * x - _column(np.array(exposure.offset))
    return float(np.median(np.abs(left).max(axis=0)))


def smoothed(image: FloatImage) -> FloatImage:
    """With less of the noise, and of what the alignment may be off."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), BLUR_SIGMA_PX), np.float32)


def _unclipped(channels: FloatImage) -> NDArray[np.bool_]:
    low, high = CLIPPED
    return np.asarray(((channels > low) & (channels < high)).all(axis=0))


def steepness(image: FloatImage) -> FloatImage:
    """Strength of edges, h x w: at strong ones the last hundredths of a pixel would pass for exposure."""
    return np.asarray(np.abs(cv2.Sobel(image, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(image, cv2.CV_32F, 0, 1)))


def _consensus(
    x: FloatImage, y: FloatImage, weights: FloatImage, gains_allowed: tuple[float, float]
) -> tuple[Vector, Vector]:
    """The line a channel that most pixels lie near (MSAC; Torr and Zisserman 2000)."""
    random = np.random.default_rng(SEED)
    kept = random.choice(x.shape[1], min(SAMPLES, x.shape[1]), replace=False)
    x, y, weights = x[:, kept], y[:, kept], weights[kept]
    likely = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    first, second = random.choice(len(kept), (2, HYPOTHESES), p=likely)
    gains, offsets = np.ones(3), np.zeros(3)
    for channel, (p, f) in enumerate(zip(x, y, strict=True)):
        run = p[first] - p[second]
        apart = np.abs(run) > LEAST_RANGE / 2
        gain = np.where(apart, (f[first] - f[second]) / np.where(apart, run, 1), f[first] / p[first])
        offset = np.where(apart, f[first] - gain * p[first], 0)
        most = OFFSET_RANGE * np.minimum(gain / DARK_GAIN, 1)
        allowed = (gain > gains_allowed[0]) & (gain < gains_allowed[1]) & (np.abs(offset) < most)
        if not allowed.any():
            continue
        gain, offset = gain[allowed].astype(np.float32), offset[allowed].astype(np.float32)
        distance = (f - gain[:, None] * p - offset[:, None]) * np.float32(1 / INLIER)
        cost = np.minimum(distance * distance, 1)
        best = int(np.argmin(cost @ weights))
        gains[channel], offsets[channel] = gain[best], offset[best]
    return gains, offsets


def _polish(x: FloatImage, y: FloatImage, trust: FloatImage, gain: Vector, offset: Vector) -> Exposure:
    """Iteratively reweighted fit of both directions' errors; a pixel counts if all its channels agree."""
    for _ in range(STEPS):
        residuals = np.abs(y - _column(gain) * x - _column(offset))
        some = residuals[:, ::4]
        low = np.partition(some, some.shape[1] // 4, axis=1)[:, some.shape[1] // 4]
        scale = np.clip(low / 0.3186, *SCALE_RANGE)
        red, green, blue = residuals / _column(TUKEY * scale)
        ratio = np.minimum(np.maximum(np.maximum(red, green), blue), np.float32(1))
        weights = (trust * (1 - ratio * ratio) ** 2).astype(np.float64)
        total = weights.sum()
        if total < 1.0:
            break
        previous = gain
        gain, offset = _line(x, y, weights / total)
        if np.abs(gain - previous).max() < ENOUGH:
            break
    r, g, b = (float(value) for value in gain)
    found = bool(total >= LEAST_SHARE * trust.sum())
    return Exposure((r, g, b), (float(offset[0]), float(offset[1]), float(offset[2])), found)


def _column(values: Vector) -> FloatImage:
    return values.astype(np.float32)[:, None]


def _line(x: FloatImage, y: FloatImage, weights: Vector) -> tuple[Vector, Vector]:
    """Weighted orthogonal regression a channel: plate and frame are both noisy, least squares would flatten."""
    mean_x, mean_y = x @ weights, y @ weights
    dx, dy = x - mean_x[:, None], y - mean_y[:, None]
    xx, yy, xy = (dx * dx) @ weights, (dy * dy) @ weights, (dx * dy) @ weights
    difference = yy - xx
    slope = (difference + np.sqrt(difference**2 + 4 * xy**2)) / np.where(np.abs(xy) > 1e-12, 2 * xy, np.inf)
    # A uniform spread over LEAST_RANGE has this variance.
    enough = (xx >= LEAST_RANGE**2 / 12) & (slope > GAIN_RANGE[0]) & (slope < GAIN_RANGE[1])
    gain = np.where(enough, slope, mean_y / np.maximum(mean_x, 1e-3))
    return gain, np.where(enough, mean_y - gain * mean_x, 0.0)
