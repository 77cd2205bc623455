"""False veils: parts of the coarse matte that let less of the place's detail through than their alpha says."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from models.part import part_around
from models.refiner import light, stretch
from pipeline.frames import FloatImage
from pipeline.mixtures import surroundings

NEAR_PX = 7
"""Side of the square in which the place's detail is looked for, coarse pixels."""

FINE_PX = 1.0
"""Standard deviation of the smoothing that leaves no detail, coarse pixels."""

BY_CHANCE = 0.75
"""How many standard errors more of the detail than is found may come through."""

EXPECTED = (0.006, 0.012)
"""Standard deviation of the detail that would come through, in [0, 1], from which on it is missed, and wholly."""

AMID = (0.2, 0.4)
"""Mean of alpha around, from which on a pixel lies somewhat, and wholly, amid the subject."""

OPAQUE = 0.95
"""Coarse alpha from which on nothing comes through."""

BRIGHT = (0.5, 0.6)
"""Share of the plate's light: in less of it, detail may be missing because a shadow is deeper than was thought."""

TEXTURED = 0.01
"""Standard deviation of the plate's detail, in [0, 1], from which on clear parts tell how much of it a frame shows."""

CLEAR = 0.03
"""Coarse alpha up to which there is nothing but the place."""

MARGIN_PX = 24
"""How far around a pixel the clear parts tell how much of the plate's detail the frame shows, coarse pixels."""

FEWEST_CLEAR = 200
"""Pixels of clear, textured parts, without which nothing is known of that."""

OF_ALL = 10
"""How many clear, textured pixels close by count as much as all others together: leaves may have moved in one part of
the picture only."""


def without_false_veils(coarse: Coarse, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result made as opaque as it has to be where a veil would show the plate's detail, and does not.

    A mixture of colours may look like cloth or skin; what is seen through has the plate's detail, times 1 - alpha, and
    the subject's own has nothing to do with it. So a regression tells how much comes through, and what is sure not to,
    does not. A frame that shows less of the plate's detail also where there is nothing in front of it is taken for what
    it is.

    Args:
        coarse: The generator's result, batch of 1; with two hidden channels or more the second is the light.
        image: h x w x 3 RGB in [0, 1], what the generator was shown.
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known.

    Returns:
        The same with alpha nearer to 1 there, and as much nearer to 0 the expected error.
    """
    given = stretch(coarse.alpha).clamp(0, 1)
    part = part_around((given > CLEAR) & (given < OPAQUE), MARGIN_PX, 2)
    if part is None:
        return coarse
    whole, box = given[0, 0].cpu().numpy(), part.at()[2:]
    left_on_it = light(coarse)[0, 0].cpu().numpy()[box][..., None]
    known = cv2.erode(coverage[box], np.ones((5, 5), np.uint8)) > 0.99  # where the plate ends is no detail of it
    false = _false_veil(whole[box], image[box], plate[box], left_on_it, known)
    if not false.any():
        return coarse
    kept = np.ones_like(whole)
    kept[box] -= false
    return decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)


def _false_veil(
    alpha: FloatImage, image: FloatImage, plate: FloatImage, left_on_it: FloatImage, known: NDArray[np.bool_]
) -> FloatImage:
    """The share of what is said to come through that does not, h x w; from the light, h x w x 1, left on the plate."""
    (own, ours), (other, theirs) = _detail(image), _detail(plate)
    other, theirs = other * left_on_it, theirs * left_on_it[..., 0]
    strength, alike = _product(other, other), _product(own, other)
    shown = _shown(strength, alike, (alpha <= CLEAR) & known)
    if shown is None:
        return np.zeros_like(alpha)
    around = surroundings(alpha)
    seen_through = ((alpha > CLEAR) & (alpha < OPAQUE) & (around > AMID[0]) & known).astype(np.float32)
    clear = (1 - alpha) * shown * seen_through
    expected, found, there, weight = (
        _mean(x, NEAR_PX) for x in (strength * clear**2, alike * clear, _product(own, own) * seen_through, seen_through)
    )
    expected = np.maximum(expected, np.float32(1e-9))
    through = found / expected
    rest = np.maximum(there - through * found, 0) / (expected * np.maximum(weight * (NEAR_PX**2 / 2), 1))
    missing = 1 - np.clip(np.maximum(through, 0) + np.float32(BY_CHANCE) * np.sqrt(rest), 0, 1)
    missing *= ramp(np.sqrt(expected / (3 * np.maximum(weight, np.float32(1e-6)))), EXPECTED)
    missing *= ramp(around, AMID) * ramp(ours / np.maximum(theirs, np.float32(1e-3)), BRIGHT) * seen_through
    return np.asarray(cv2.GaussianBlur(missing, (0, 0), 0.7))


def _detail(picture: FloatImage) -> tuple[FloatImage, FloatImage]:
    """What is fine, h x w x 3, and the grey of what is not, h x w."""
    coarse = cv2.GaussianBlur(picture, (5, 5), FINE_PX)
    return picture - coarse, np.asarray(cv2.cvtColor(coarse, cv2.COLOR_RGB2GRAY))


def _shown(strength: FloatImage, alike: FloatImage, clear: NDArray[np.bool_]) -> FloatImage | None:
    """The share of the plate's detail that the frame shows around each pixel, h x w, at most 1; None: not to be seen.

    From the squares of the detail, its products with the frame's, and where there is nothing but the place.
    """
    telling = cv2.erode(clear.astype(np.uint8), np.ones((3, 3), np.uint8)) * (strength > 3 * TEXTURED**2)
    if np.count_nonzero(telling) < FEWEST_CLEAR:
        return None
    side = 2 * MARGIN_PX + 1
    in_all = [(x * telling).sum() / telling.sum() * OF_ALL / side**2 for x in (alike, strength)]
    found, there = (
        _mean(x * telling, side) + np.float32(more) for x, more in zip((alike, strength), in_all, strict=True)
    )
    return np.asarray(np.clip(found / there, 0, 1), np.float32)


def _product(one: FloatImage, other: FloatImage) -> FloatImage:
    """The sum over the channels, h x w."""
    return np.asarray(cv2.transform(one * other, np.ones((1, 3), np.float32)))


def _mean(x: FloatImage, side: int) -> FloatImage:
    return np.asarray(cv2.blur(x, (side, side)))


def ramp(x: NDArray[np.floating], ends: tuple[float, float]) -> FloatImage:
    """0 up to the first end, 1 from the second on."""
    low, high = (np.float32(end) for end in ends)
    return np.asarray(np.clip((x - low) / (high - low), 0, 1), np.float32)
