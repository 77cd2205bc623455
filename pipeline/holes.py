"""Holes: gaps amid the coarse matte in which the subject is to be seen, and not the plate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from pipeline.colourful import DEEPEST_SHADOW, colourful
from pipeline.frames import FloatImage
from pipeline.shades import DARKEST

OPEN = 0.85
"""Coarse alpha up to which a pixel is part of a gap."""

WIDE_OPEN = (0.8, 0.7, 0.6)
"""The same for what is open around, where more of the subject than that cuts off a part that is wide all over."""

WIDE_PX = 4
"""Distance to its rim that there is in such a part, coarse pixels: gaps in hair are not as wide."""

SOLID = 0.9
"""Coarse alpha of what has the subject's colour."""

LARGEST = 1 / 150
"""Of the picture, of a gap that may be a hole."""

AROUND_PX = 4
"""How far around a hole the subject's colour is taken, and the hole's rim is filled; coarse pixels."""

KERNEL = np.ones((2 * AROUND_PX + 1,) * 2, np.uint8)

UNLIKE_PLATE = 0.12
"""Mean difference of colours, in [0, 1], from which on a gap does not show the plate."""

UNLIKE_SHADED_PLATE = 0.05
"""The same for the plate in the light that fits best, which is no less than a shadow leaves."""

LIKE_SUBJECT = 0.06
"""Difference of mean colours, in [0, 1], up to which a gap shows what is around it."""

GRAIN = 0.012
"""Standard deviation of grey, in [0, 1], from which on a gap has a grain."""

OWN_GRAIN = 4
"""How many times stronger than the plate's, and than the noise, a grain is that shows no plate."""

CLEAR = 0.02
"""Coarse alpha up to which the place is seen, with the noise of the frame."""

SOMEWHERE_LIKE_SUBJECT = 0.1
"""Difference of colours, in [0, 1], up to which a gap shows what a quarter of the subject around it shows."""

DENSE = 0.15
"""Least coarse alpha of a gap in which the networks are in doubt; one that they see through shows the place."""

RIM = 0.2
"""How much more than the least coarse alpha of a gap the core of it has; the rest mixes with what is around."""

DARKER = 0.92
"""Share of the plate's light, below which the core of a gap is darker than the place."""

LONE_PX, LONE = 6, 0.9
"""How far around a gap, coarse pixels, and of what share is no gap there, if it is not one of many."""

LONE_KERNEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * LONE_PX + 1,) * 2)

NO_PLACE, TINT = 0.03, 0.15
"""As `UNLIKE_SHADED_PLATE`, for the mean colours of the core of a gap deep within the subject: a plate that lies a few
pixels off has the same. And how much the logarithms of two channels' light may differ on the place."""

DEEP = 1 / 25
"""Of the picture's long side, how far from the outline of the subject a gap that shows no place is a hole: white of an
eye, a brow, a fold, a strap. Hair is seen through nearer to the outline."""

LARGEST_DEEP = 1 / 30
"""`LARGEST` for such a gap."""

MIXED = 0.03
"""Difference of mean colours up to which such a gap may be hair: a mixture of what is around and of the place, in the
light that a shadow leaves."""

LIGHTS = np.linspace(DEEPEST_SHADOW, 1, 8, dtype=np.float32)

ABOUT_LIKE_SUBJECT = 0.2
"""Difference of colours, in [0, 1], up to which such a core shows what a quarter of the subject around it shows."""


def without_holes(coarse: Coarse, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result with its holes filled.

    A gap shows the place. One that is closed all around, looks like the subject around it and not like the plate, not
    even in a deep shadow, is none. Nor is cloth that is as bright as a shadow on the place: it has a grain that the
    plate does not have, or the networks are in doubt of the gap and the place has no hue that would tell a shadow. Nor
    is what they doubt, deep within the subject, if it does not show the place in any light, and is alone or no mixture
    of the place and what is around: the white of an eye, a brow. What the picture's border closes is asked about only
    where it is alone, and in doubt. A sleeve may get lighter towards its edge, and lets less through there than in the
    middle: what is wide and would be closed, were the rim only a little more opaque, is asked about like the others.

    Args:
        coarse: The generator's result, batch of 1.
        image: h x w x 3 RGB in [0, 1], what the generator was shown.
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known; elsewhere nothing is filled.

    Returns:
        The same with alpha 1 and no expected error there, so that it is not refined.
    """
    alpha = coarse.alpha[0, 0].cpu().numpy()
    noise = cache(partial(_noise, alpha, image, plate, coverage))
    filled = np.zeros(alpha.shape, np.bool_)
    for open_to in (OPEN, *WIDE_OPEN):
        filled |= _holes(alpha, open_to, (image, plate, coverage), noise)
    if not filled.any():
        return coarse
    return decided(coarse, torch.from_numpy(~filled).to(coarse.alpha), 1)


def _holes(
    alpha: FloatImage, open_to: float, pictures: tuple[FloatImage, ...], noise: Callable[[], float]
) -> NDArray[np.bool_]:
    """Where gaps of alpha up to so much are holes, with their rims, h x w; from image, plate and coverage."""
    image, plate, coverage = pictures
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha <= open_to).astype(np.uint8), connectivity=4)
    area, (closed, cut_off) = stats[:, cv2.CC_STAT_AREA], _closed(alpha, labels, stats)
    depth, deep = cache(lambda: _depth(closed[labels] | (alpha > open_to))), DEEP * max(alpha.shape)
    filled = np.zeros(alpha.shape, np.bool_)
    smallest = 0 if open_to == OPEN else 3 * WIDE_PX**2  # about a circle's
    for label in np.flatnonzero(closed & (area > smallest)):
        near = _near(stats[label])
        gap = labels[near] == label
        around = cv2.dilate(gap.astype(np.uint8), KERNEL) > 0
        solid = around & (alpha[near] > SOLID)
        least = alpha[near][gap].min()
        if not solid.any() or coverage[near][gap].min() < 0.5 or (smallest and not _is_wide(gap)):
            continue
        seen, behind, subject = image[near], plate[near], image[near][solid]
        given = (gap, seen, behind, subject)
        core = gap & (alpha[near] < least + RIM)
        doubted, whole = least > DENSE, not cut_off[label]
        hole = area[label] <= LARGEST * alpha.size and (
            ((doubted or whole) and _differs(gap, seen, behind) and (_is_subject(*given) or _is_cloth(*given, noise)))
            # Cut off, it may be a floor between legs.
            or (doubted and whole and _is_dark_cloth(core, seen, behind, subject))
        )
        if not hole and doubted and _is_no_place(core, seen, behind):
            alone = _is_lone(gap, alpha[near]) or not _is_mixture(core, seen, behind, subject)
            hole = alone and depth()[near][gap].min() >= deep
        if hole:
            filled[near] |= around & ((alpha[near] > open_to) | gap)
    return filled


def _closed(
    alpha: FloatImage, labels: NDArray[np.int32], stats: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which small gaps the subject closes, and of which of them the picture's border cuts off a part.

    What is cut off is closed if within the picture nothing but the subject is around it.
    """
    height, width = alpha.shape
    left, top, columns, rows, area = stats.T
    closed = area <= LARGEST_DEEP * alpha.size
    closed[0] = False  # is all that is no gap
    cut_off = (left == 0) | (top == 0) | (left + columns == width) | (top + rows == height)
    for label in np.flatnonzero(closed & cut_off):
        near = _near(stats[label])
        closed[label] = _is_lone(labels[near] == label, alpha[near])
    return closed, cut_off


def _near(stats: NDArray[np.int32]) -> tuple[slice, slice]:
    """A gap and what is around it."""
    left, top, columns, rows, _ = stats
    return np.s_[max(0, top - LONE_PX) : top + rows + LONE_PX, max(0, left - LONE_PX) : left + columns + LONE_PX]


def _depth(inside: NDArray[np.bool_]) -> FloatImage:
    """How far each pixel of the subject, its closed gaps included, is from what is outside; pixels."""
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _is_wide(gap: NDArray[np.bool_]) -> bool:
    """Whether some of a gap is as far from its rim as none in hair is."""
    return _depth(gap).max() >= WIDE_PX


def _differs(gap: NDArray[np.bool_], image: FloatImage, plate: FloatImage) -> bool:
    """Whether a gap does not show the plate as it is."""
    return bool(np.abs(image[gap] - plate[gap]).max(axis=1).mean() > UNLIKE_PLATE)


def _is_subject(gap: NDArray[np.bool_], image: FloatImage, plate: FloatImage, around: FloatImage) -> bool:
    """Whether a gap has the colour of the subject around, n x 3, and not that of the plate in any light."""
    seen, behind = image[gap], plate[gap]
    apart = np.abs(seen.mean(axis=0) - around.mean(axis=0)).max()
    return bool(_off_shade(seen, behind) > UNLIKE_SHADED_PLATE and apart < LIKE_SUBJECT)


def _is_cloth(
    gap: NDArray[np.bool_], image: FloatImage, plate: FloatImage, around: FloatImage, noise: Callable[[], float]
) -> bool:
    """Whether a gap has a grain that is neither the plate's nor noise, and the colour of some of what is around."""
    apart = np.abs(around - image[gap].mean(axis=0)).max(axis=1)
    if (apart <= SOMEWHERE_LIKE_SUBJECT).mean() < 0.25:
        return False
    own, other = (float(_grain(gap, x).std()) for x in (image, plate))
    return own > max(GRAIN, OWN_GRAIN * other) and own > OWN_GRAIN * noise()  # which takes its time


def _is_dark_cloth(core: NDArray[np.bool_], image: FloatImage, plate: FloatImage, around: FloatImage) -> bool:
    """Whether the core of a gap has about the colour of some of what is around, and is darker than a grey place.

    Before a dark place, too, no hue tells a shadow.
    """
    seen, behind = image[core], plate[core]
    alike = np.abs(around - seen.mean(axis=0)).max(axis=1) <= ABOUT_LIKE_SUBJECT
    darker = DEEPEST_SHADOW < _light(seen, behind) < DARKER and _differs(core, image, plate)
    return bool(darker and alike.mean() >= 0.25 and colourful(behind[None]).mean() < 0.5)


def _is_no_place(core: NDArray[np.bool_], image: FloatImage, plate: FloatImage) -> bool:
    """Whether the core of a gap, on the whole, does not show the plate in any light."""
    seen, behind = (x[core].mean(axis=0, keepdims=True) for x in (image, plate))
    tint = float(np.ptp(np.log((seen + DARKEST) / (behind + DARKEST))))
    unlike = _off_shade(seen, behind, deepest=0) > NO_PLACE
    return unlike and tint > TINT and _differs(core, image, plate)


def _is_mixture(core: NDArray[np.bool_], image: FloatImage, plate: FloatImage, around: FloatImage) -> bool:
    """Whether the core of a gap, on the whole, is a mixture of what is around and the place in some light."""
    behind = LIGHTS[:, None] * plate[core].mean(axis=0)
    toward, off = around.mean(axis=0) - behind, image[core].mean(axis=0) - behind
    share = np.clip((off * toward).sum(axis=1) / np.maximum((toward * toward).sum(axis=1), 1e-4), 0, 1)
    return bool(np.abs(off - share[:, None] * toward).max(axis=1).min() <= MIXED)


def _is_lone(gap: NDArray[np.bool_], alpha: FloatImage) -> bool:
    """Whether a gap is no gap of many, as between locks of hair."""
    around = (cv2.dilate(gap.astype(np.uint8), LONE_KERNEL) > 0) & ~gap
    return bool((alpha[around] > OPEN).mean() >= LONE)


def _off_shade(seen: FloatImage, behind: FloatImage, deepest: float = DEEPEST_SHADOW) -> float:
    """Mean difference of colours to the plate in the light that fits best and that a shadow may leave, n x 3 both."""
    light = np.clip(_light(seen, behind), deepest, 1)
    return float(np.abs(seen - light * behind).max(axis=1).mean())


def _light(seen: FloatImage, behind: FloatImage) -> float:
    """Share of the plate's light that fits best what is seen, n x 3 both."""
    return float((seen * behind).sum()) / max(1e-3, float((behind * behind).sum()))


def _noise(alpha: FloatImage, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> float:
    """Standard deviation of what is fine in the grey where the place is seen, and not in the plate."""
    clear = (alpha <= CLEAR) & (coverage > 0.5)
    return float(1.48 * np.median(np.abs(_grain(clear, image - plate)))) if clear.any() else 0.0


def _grain(gap: NDArray[np.bool_], image: FloatImage) -> FloatImage:
    """What is fine in the grey of a gap's pixels, whatever is beside it."""
    grey, inside = image.mean(axis=2), gap.astype(np.float32)
    smooth = cv2.GaussianBlur(grey * inside, (0, 0), 1.5) / np.maximum(cv2.GaussianBlur(inside, (0, 0), 1.5), 1e-3)
    return np.asarray((grey - smooth)[gap], np.float32)
