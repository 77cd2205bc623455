"""The generator's soft mask: where, roughly, the subject is."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.colourful import Halved, channel_sum, largest_channel, without_gaps, without_small
from pipeline.frames import CleanplateError, FloatImage

THRESHOLD = 0.055
"""Colour difference, in [0, 1], above noise, that counts as half a subject."""

LARGEST_NOISE, QUIET = 0.08, 0.015
"""Colour difference up to which a pixel may be noise, and half of which are below where a subject fills the frame."""

SHADOW_DEPTH = (0.55, 0.3)
"""A shadow leaves at least this much of the plate's light: of a grey place, and of one that is as colourful as wood."""

DARKNESS = (0.15, 0.045)
"""Distance for every part of the plate's light that a shadow of more than a tenth takes away, for the two places."""

GLOSS = ((0.0, 0.0), (0.05, 0.0), (0.1, 0.02))
"""White light, in [0, 1], that the place may mirror and the subject keep from it: none, or what polish does; and the
distance that this costs in a grey place. In a colourful one it leaves purer colours, which tell it."""

WEAK = 2
"""Times the threshold, up to which a pixel may have been smeared, or closed, instead of seen."""

TEXTURE_PX = 11
"""Side of the squares in which the plate's texture is looked for in the frame."""

FAINTEST_TEXTURE = 0.012
"""Standard deviation of grey, in [0, 1], from which a texture says something; one of twice it says all it can."""

ALIKE = (0.55, 0.8)
"""Correlation from which on two textures are somewhat, and wholly, the same."""

TEXTURE_LIGHT = (0.35, 1.05)
"""Share of the plate's light in which its texture is still looked for."""

SHADE_LIGHT = (0.5, 1.1)
"""Share of the plate's light that may be left in a shade that begins softly: on average, and of any channel."""

SHADE_TINT = 0.2
"""Largest difference of the logarithms of two channels' light in such a shade."""

STEEPEST_SHADE = 0.02
"""Change of the logarithm of the light over two pixels, from which on it is an edge."""

CLEAR = 0.4
"""Share of the threshold below which a pixel is the place's."""

SMALLEST_CLEAR = 0.01
"""Share of the picture that is clear, from which on a shade may begin there: more than a patch of clothes."""

DARKEST = np.float32(0.04)
"""Added to both colours of which the ratio is the light, in [0, 1]: in the dark it is all noise."""


class Segmenter(Protocol):
    """Anything that gives a soft mask for a frame at the generator's size."""

    def __call__(self, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> FloatImage:
        """Soft mask of the subject.

        Args:
            image: h x w x 3 RGB in [0, 1].
            plate: h x w x 3, aligned, RGB in [0, 1], 0 where unknown.
            coverage: h x w, 1 where the plate is known.

        Returns:
            h x w float32 in [0, 1].
        """
        ...


def difference_mask(image: FloatImage, plate: FloatImage, coverage: FloatImage) -> FloatImage:
    """Soft mask of what the plate does not show: any subject, no training, no download.

    A pixel counts by its distance to the range of colours the plate takes in its 3 x 3 neighbourhood, which
    swallows misalignment below a pixel; darkening that keeps the hue counts little (a shadow), and small gaps that
    show a colourful place are told by its hue. Where the plate's texture is still to be seen, a shadow or a mirror
    image of any colour does not count, nor does a shade into which the place fades without an edge. The threshold
    rises with the noise of the frame itself. Shapes as in `Segmenter`.
    """
    halved, size = Halved.of(image, plate), (image.shape[1], image.shape[0])
    shaded = cv2.resize(_shadow_distance(halved), size, interpolation=cv2.INTER_LINEAR)
    distance = np.minimum(_neighbourhood_distance(image, plate), shaded)
    distance *= 1 - _same_texture(image, plate)
    known = coverage > 0.5
    distance *= known
    threshold = THRESHOLD + 2 * _noise(distance[known])
    score = cv2.GaussianBlur(distance, (0, 0), 1.0)
    score[_shade(image, plate, known, known & (score < CLEAR * threshold))] = 0
    mask = _hysteresis(score, low=0.5 * threshold, high=1.6 * threshold)
    mask = without_gaps(_clean(mask, known), halved, score < WEAK * threshold)
    mask = _carried_on(mask, known, image)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(image.shape[:2]) / 200)
    return np.clip(soft, 0, 1).astype(np.float32)


def _noise(distance: FloatImage) -> float:
    """What half of the pixels differ by; if most are a subject's, and the others quiet, half of the others.

    Where those are not quiet either, as in a fade, all of the frame differs, and nothing stands out as a subject.
    """
    if not distance.size:
        return 0.0
    noise, little = float(np.median(distance)), distance[distance < LARGEST_NOISE]
    quiet = float(np.median(little)) if little.size else noise
    return quiet if quiet < QUIET < noise else noise


def _neighbourhood_distance(image: FloatImage, plate: FloatImage) -> FloatImage:
    """How far each colour lies outside the plate's local range (largest channel), h x w."""
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(image, cv2.dilate(plate, kernel))
    below = cv2.subtract(cv2.erode(plate, kernel), image)
    return np.maximum(largest_channel(cv2.max(above, below)), 0)


def _shadow_distance(seen: Halved) -> FloatImage:
    """Distance to the plate's colour in the best light that a soft shadow may leave, h/2 x w/2; see `GLOSS`."""
    image, plate, hue = seen
    energy = np.maximum(channel_sum(cv2.multiply(plate, plate)), 1e-3)
    along, white = channel_sum(cv2.multiply(image, plate)), channel_sum(plate)
    depth, darkness = (grey + (coloured - grey) * hue for grey, coloured in (SHADOW_DEPTH, DARKNESS))
    least = np.full(energy.shape, np.inf, np.float32)
    for gloss, cost in GLOSS:
        light = np.clip((along + np.float32(gloss) * white) / energy, depth, np.float32(1.05))
        residual = largest_channel(cv2.absdiff(image + np.float32(gloss), plate * light[..., None]))
        # A dark subject is a very deep shadow too: the less light is left, the less this may excuse.
        distance = 1.5 * residual + darkness * np.maximum(1 - light - 0.1, 0) + cost * (1 - hue)
        np.minimum(least, distance, out=least)
    return least


def _same_texture(image: FloatImage, plate: FloatImage) -> FloatImage:
    """How surely each pixel shows what the plate shows, by the grain around it whatever the light, h x w in [0, 1]."""
    here, there = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (image, plate))
    mean_here, mean_there = _box(here), _box(there)
    variance = cv2.max(_box(cv2.multiply(there, there)) - mean_there * mean_there, 0)
    product = cv2.max(_box(cv2.multiply(here, here)) - mean_here * mean_here, 0) * variance
    correlation = (_box(cv2.multiply(here, there)) - mean_here * mean_there) / np.sqrt(product + 1e-9)
    alike = np.clip((correlation - ALIKE[0]) / (ALIKE[1] - ALIKE[0]), 0, 1)
    textured = np.clip(np.sqrt(variance) / FAINTEST_TEXTURE - 1, 0, 1)
    low, high = TEXTURE_LIGHT
    lit = (mean_here > low * mean_there) & (mean_here < high * mean_there)
    return cv2.GaussianBlur((alike * textured * lit).astype(np.float32), (0, 0), 1.0)


def _shade(
    image: FloatImage, plate: FloatImage, known: NDArray[np.bool_], clear: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """What is clear, and the shade that it fades into: light changes softly, and jumps at an outline."""
    height, width = clear.shape
    size = (max(1, width // 2), max(1, height // 2))
    weight = known.astype(np.float32)
    shares = cv2.GaussianBlur(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0) + np.float32(1e-3)
    image, plate = (_weighted(x, weight, size, shares) for x in (image, plate))
    light = cv2.log(cv2.divide(image + DARKEST, plate + DARKEST))
    slopes = (cv2.Scharr(light, cv2.CV_32F, *axis, scale=1 / 32) for axis in ((1, 0), (0, 1)))
    steepest = largest_channel(cv2.max(*(cv2.absdiff(slope, 0) for slope in slopes)))
    most, least = largest_channel(light), -largest_channel(-light)
    low, high = np.log(SHADE_LIGHT)
    soft = (channel_sum(light) > 3 * low) & (most < high) & (most - least < SHADE_TINT) & (steepest < STEEPEST_SHADE)
    soft = cv2.erode(soft.astype(np.uint8), np.ones((3, 3), np.uint8))  # a gap in an outline is no way in
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    _, labels = cv2.connectedComponents(((soft & known) | clear).astype(np.uint8), connectivity=4)
    begins = np.bincount(labels[clear], minlength=labels.max() + 1) >= SMALLEST_CLEAR * clear.size
    begins[0] = False
    shade: NDArray[np.bool_] = begins[labels]
    return shade


def _weighted(image: FloatImage, weight: FloatImage, size: tuple[int, int], shares: FloatImage) -> FloatImage:
    """Reduced to `size` (width, height) and smoothed, h x w x 3, but only of what has weight; `shares` is its own."""
    seen = cv2.resize(cv2.multiply(image, cv2.merge((weight,) * 3)), size, interpolation=cv2.INTER_AREA)
    return cv2.divide(cv2.GaussianBlur(seen, (0, 0), 1.0), cv2.merge((shares,) * 3))


def _box(image: FloatImage) -> FloatImage:
    return np.asarray(cv2.blur(image, (TEXTURE_PX, TEXTURE_PX)), np.float32)


def _hysteresis(score: FloatImage, low: float, high: float) -> NDArray[np.bool_]:
    """Pixels above `low` that hang together with one above `high`."""
    _, labels = cv2.connectedComponents((score > low).astype(np.uint8))
    strong = np.zeros(labels.max() + 1, bool)
    strong[np.unique(labels[score > high])] = True
    strong[0] = False
    kept: NDArray[np.bool_] = strong[labels]
    return kept


def _clean(mask: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop pieces below a 2000th of the picture, close gaps, fill holes below a 200th."""
    size = max(mask.shape)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (size // 170) + 1,) * 2)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, ellipse)
    closed = without_small(closed, mask.size // 2000)
    holes = without_small(1 - closed, mask.size // 200)
    return (holes == 0) & known


def _carried_on(mask: NDArray[np.bool_], known: NDArray[np.bool_], image: FloatImage) -> NDArray[np.bool_]:
    """Where the plate is unknown, what floods in from the known side: a subject goes on beyond the plate's border.

    A watershed: subject and place spread over the unknown strip at once, and meet where the picture has edges.
    """
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    if known.all() or not inner.any():
        return mask
    labels = np.where(inner, np.where(mask, 2, 1), 0).astype(np.int32)
    labels = cv2.watershed(np.clip(image * 255, 0, 255).astype(np.uint8), labels)
    flooded = cv2.morphologyEx((labels == 2).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    return np.where(inner, mask, flooded)


def make_segmenter(name: str, device: torch.device) -> Segmenter:
    """The segmenter of that name: `difference` or `deeplab`.

    Raises:
        CleanplateError: There is no such segmenter, or its weights cannot be had.
    """
    if name == "difference":
        return difference_mask
    if name == "deeplab":
        from pipeline.deeplab import DeepLabSegmenter

        return DeepLabSegmenter(device)
    raise CleanplateError(f"--segmenter {name}: the segmenters are difference, deeplab")
