"""Colourful places: told by their hue where the frame shows them, in whatever shadow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frames import FloatImage

COLOURFUL = (0.35, 0.55)
"""Saturation of the plate from which on a place is somewhat, and wholly, colourful: few subjects have just its hue."""

BRIGHT = (0.3, 0.45)
"""Its largest channel, in [0, 1], for the same: before a dark place any dark subject is a shadow of whatever hue."""

CRUSHED = np.float32(0.1)
"""What a camera that crushes blacks takes off its codes, in [0, 1]: a brown place is red in its shadows."""

DEEPEST_SHADOW, NO_SHADOW = 0.3, 1.05
"""Share of the light that is left on a place that is told by its hue, that black added to both colours."""

SAME_HUE = 0.03
"""Difference of colours, in [0, 1], that it may leave."""

LACE_PX = 5
"""Side of the square in which gaps count as one, pixels: brown hair before a tan wall seems to be full of them."""


class Halved(NamedTuple):
    """Frame and plate at half the size (of h x w: h // 2 x w // 2): a shadow is soft, and there is less noise.

    Attributes:
        image: 3 channels, RGB in [0, 1].
        plate: 3 channels.
        hue: How colourful each pixel of the plate is, see `colourful`.
    """

    image: FloatImage
    plate: FloatImage
    hue: FloatImage

    @staticmethod
    def of(image: FloatImage, plate: FloatImage) -> Halved:
        """Of frame and aligned plate, h x w x 3 RGB in [0, 1]."""
        height, width = image.shape[:2]
        size = (max(1, width // 2), max(1, height // 2))
        image, plate = (
            cv2.GaussianBlur(cv2.resize(x, size, interpolation=cv2.INTER_AREA), (0, 0), 0.5) for x in (image, plate)
        )
        return Halved(image, plate, colourful(plate))


def without_gaps(mask: NDArray[np.bool_], seen: Halved, weak: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask, h x w, without small parts in which a colourful place is seen, as it is or in a shadow; see `CRUSHED`.

    And without what is thin and `weak`, h x w, beside the larger of them: the smeared edge of a shadow, or what was
    closed.
    """
    image, plate = seen.image + CRUSHED, seen.plate + CRUSHED
    light = channel_sum(cv2.multiply(image, plate)) / channel_sum(cv2.multiply(plate, plate))
    apart = largest_channel(cv2.absdiff(image, plate * light[..., None]))
    shown = (apart < SAME_HUE) & (light > DEEPEST_SHADOW) & (light < NO_SHADOW) & (seen.hue > 0.5)
    size = (mask.shape[1], mask.shape[0])
    shown = (cv2.resize(shown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0) & mask
    lace = cv2.morphologyEx(shown.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((LACE_PX, LACE_PX), np.uint8))
    gaps = shown & (without_small(lace, mask.size // 200) == 0)
    if not gaps.any():
        return mask
    rest = mask & ~gaps
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (max(size) // 100) + 1,) * 2)
    thin = rest & weak & (cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_OPEN, ellipse) == 0)
    beside = cv2.dilate(without_small(gaps.astype(np.uint8), mask.size // 2000), ellipse) > 0
    _, labels = cv2.connectedComponents(thin.astype(np.uint8))
    touching = np.zeros(labels.max() + 1, np.bool_)
    touching[labels[thin & beside]] = True
    return rest & ~touching[labels]


def colourful(plate: FloatImage) -> FloatImage:
    """How surely each pixel of a place has a hue of its own, h x w in [0, 1]; see `COLOURFUL` and `BRIGHT`."""
    most, least = largest_channel(plate), -largest_channel(-plate)
    saturation = (most - least) / np.maximum(most, np.float32(1e-3))
    measures = ((saturation, COLOURFUL), (most, BRIGHT))
    saturated, bright = (np.clip((x - low) / (high - low), 0, 1) for x, (low, high) in measures)
    return saturated * bright


def channel_sum(image: FloatImage) -> FloatImage:
    """Of h x w x 3; numpy's own reduction of so short an axis takes ten times as long."""
    return np.asarray(cv2.transform(image, np.ones((1, 3), np.float32)))


def largest_channel(image: FloatImage) -> FloatImage:
    """Of h x w x 3, h x w."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def without_small(mask: NDArray[np.uint8], smallest: int) -> NDArray[np.uint8]:
    """Connected pieces of at least `smallest` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest
    large[0] = False
    kept: NDArray[np.uint8] = large[labels].astype(np.uint8)
    return kept
