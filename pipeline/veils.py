"""False veils: parts of the coarse matte that let less of the place's detail through than their alpha says."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from models.refiner import light, stretch
from pipeline.frames import FloatImage
from pipeline.mixtures import surroundings

NEAR_PX = 3
"""Side of the square in which detail is measured, coarse pixels."""

FINE_PX = 1.0
"""Standard deviation of the smoothing that leaves no detail, coarse pixels."""

EXPECTED = (0.006, 0.012)
"""Standard deviation of the detail that would come through, in [0, 1], from which on it is missed, and wholly."""

AMID = (0.3, 0.5)
"""Mean of alpha around, from which on a pixel lies somewhat, and wholly, amid the subject."""

OPAQUE = 0.95
"""Coarse alpha from which on nothing comes through."""

BRIGHT = (0.5, 0.6)
"""Share of the plate's light: in less of it, detail may be missing because a shadow is deeper than was thought."""

TEXTURED = 0.01
"""Standard deviation of the plate's detail, in [0, 1], from which on clear parts tell how sharp the frame is."""

CLEAR = 0.03
"""Coarse alpha up to which there is nothing but the place."""

MARGIN_PX = 24
"""How far around what may be a veil the frame's sharpness is measured, coarse pixels."""

FEWEST_CLEAR = 25
"""Squares of clear, textured parts, without which nothing is known of the frame's sharpness."""


def without_false_veils(coarse: Coarse, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result made as opaque as it has to be where a veil would show the plate's detail, and does not.

    A mixture of colours may look like cloth or skin; what is seen through has the contrast 1 - alpha of the plate, to
    which the subject's own detail only adds. Where the frame has less, less comes through. A frame that is less sharp
    than the plate all over is taken for what it is.

    Args:
        coarse: The generator's result, batch of 1; with two hidden channels or more the second is the light.
        image: h x w x 3 RGB in [0, 1], what the generator was shown.
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known.

    Returns:
        The same with alpha nearer to 1 there, and as much nearer to 0 the expected error.
    """
    whole = stretch(coarse.alpha)[0, 0].clamp(0, 1).cpu().numpy()
    left, top, width, height = cv2.boundingRect(((whole > CLEAR) & (whole < OPAQUE)).astype(np.uint8))
    if not width:
        return coarse
    box = np.s_[max(0, top - MARGIN_PX) : top + height + MARGIN_PX, max(0, left - MARGIN_PX) : left + width + MARGIN_PX]
    ours, theirs = (cv2.cvtColor(x[box], cv2.COLOR_RGB2GRAY) for x in (image, plate))
    theirs *= light(coarse)[0, 0].cpu().numpy()[box]
    kept = np.ones_like(whole)
    kept[box] -= _false_veil(whole[box], ours, theirs, coverage[box] > 0.99)
    return coarse if kept.min() == 1 else decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)


def _false_veil(alpha: FloatImage, ours: FloatImage, theirs: FloatImage, known: NDArray[np.bool_]) -> FloatImage:
    """The share of what is said to come through that does not, h x w; from the greys of frame and lit plate."""
    (own, ours), (other, theirs) = _detail(ours), _detail(theirs)
    sharpness = _sharpness(own, other, (alpha <= CLEAR) & known)
    if sharpness is None:
        return np.zeros_like(alpha)
    around = surroundings(alpha)
    seen_through = ((alpha > CLEAR) & (alpha < OPAQUE) & (around > AMID[0]) & known).astype(np.float32)
    weight = _mean(seen_through) + np.float32(1e-6)
    own, other, clear = (_mean(x * seen_through) / weight for x in (own, other, 1 - alpha))
    expected = np.sqrt(other) * clear * np.float32(sharpness)
    missing = np.maximum(1 - np.sqrt(own) / np.maximum(expected, np.float32(1e-4)), 0)
    false = missing * ramp(expected, EXPECTED) * ramp(around, AMID)
    false *= ramp(ours / np.maximum(theirs, np.float32(1e-3)), BRIGHT) * seen_through
    return np.asarray(cv2.GaussianBlur(false, (0, 0), 0.7))


def _detail(grey: FloatImage) -> tuple[FloatImage, FloatImage]:
    """The square of what is fine, and what is not, h x w each."""
    coarse = np.asarray(cv2.GaussianBlur(grey, (5, 5), FINE_PX), np.float32)
    fine = grey - coarse
    return fine * fine, coarse


def _sharpness(own: FloatImage, other: FloatImage, clear: NDArray[np.bool_]) -> float | None:
    """How strong detail is in the frame for the plate's, at most 1; None where too little is to be seen."""
    size = (max(1, own.shape[1] // NEAR_PX), max(1, own.shape[0] // NEAR_PX))
    own, other, share = (
        cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (own, other, clear.astype(np.float32))
    )
    telling = (share > 0.99) & (other > TEXTURED**2)
    if telling.sum() < FEWEST_CLEAR:
        return None
    return min(1.0, float(np.sqrt(np.median(own[telling] / other[telling]))))


def _mean(x: FloatImage) -> FloatImage:
    return np.maximum(cv2.blur(x, (NEAR_PX, NEAR_PX)), 0)  # its sums go up and down, and may end below 0


def ramp(x: NDArray[np.floating], ends: tuple[float, float]) -> FloatImage:
    """0 up to the first end, 1 from the second on."""
    low, high = (np.float32(end) for end in ends)
    return np.asarray(np.clip((x - low) / (high - low), 0, 1), np.float32)
