"""Places that a picture does not know: filled so that nothing is found there, or as a guess at what may be."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8] | NDArray[np.uint16]
Mask = NDArray[np.bool_]
FloatImage = NDArray[np.float32]

INPAINT_RADIUS_PX = 5
INPAINT_LONG_SIDE_PX = 1024


def split(plate: Image) -> tuple[Image, Mask | None]:
    """Takes the alpha off a plate.

    Args:
        plate: H x W x 3, or H x W x 4 whose last channel is below half where the plate is not known.

    Returns:
        H x W x 3, its holes filled smoothly, without an edge to be found by; and where it is known, H x W, or
        None if everywhere.
    """
    if plate.shape[2] == 3:
        return plate, None
    known = known_in(plate)
    colours = cast(Image, np.ascontiguousarray(plate[..., :3]))
    if known.all():
        return colours, None
    return smoothly_filled(colours, known), known


def known_in(picture: Image) -> Mask:
    """Where a picture as `split` takes it shows anything, H x W."""
    if picture.shape[2] == 3:
        return np.ones(picture.shape[:2], np.bool_)
    return np.asarray(picture[..., 3] > np.iinfo(picture.dtype).max // 2)


def at_border(holes: Mask) -> Mask:
    """Those of the holes, H x W, that reach the picture's border."""
    _, labels = cv2.connectedComponents(holes.astype(np.uint8))
    rim = np.ones(holes.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    return np.asarray(holes & np.isin(labels, np.unique(labels[rim & holes])))


def smoothly_filled(image: Image, known: Mask) -> Image:
    """Continues what is known into the holes, ever more blurred (a push-pull pyramid; Gortler et al. 1996)."""
    total: FloatImage = np.where(known[..., None], image, 0).astype(np.float32)
    weight: FloatImage = known.astype(np.float32)
    levels = [(total, weight)]
    while min(weight.shape) > 1:
        size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
        total = np.asarray(cv2.resize(total, size, interpolation=cv2.INTER_AREA), np.float32)
        weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
        levels.append((total, weight))
    filled = None
    for total, weight in reversed(levels):
        mean = total / np.maximum(weight, 1e-6)[..., None]
        if filled is not None:
            size = (weight.shape[1], weight.shape[0])
            below = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR).reshape(mean.shape)
            share = np.minimum(weight, 1)[..., None]
            mean = share * mean + (1 - share) * below
        filled = np.asarray(mean, np.float32)
    result = image.copy()
    if filled is not None:
        result[~known] = np.rint(filled[~known]).astype(image.dtype)
    return result


def inpainted(image: Image, unknown: Mask) -> Image:
    """Guesses what a hole may show from what lies around it (Telea 2004).

    Args:
        image: H x W x 3, uint8 or uint16.
        unknown: H x W; some must be known.

    Returns:
        The same picture, filled. What is filled in is smooth at best: no lost detail comes back.

    Raises:
        ValueError: Nothing is known.
    """
    if unknown.all():
        raise ValueError("nothing of the picture is known, so there is nothing to fill it from")
    mask = unknown.astype(np.uint8)
    height, width = mask.shape
    factor = min(1.0, INPAINT_LONG_SIDE_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    # Its time grows with the hole's area, and what it fills in has no detail: a reduced picture will do.
    small = cv2.resize(smoothly_filled(image, ~unknown), size, interpolation=cv2.INTER_AREA)
    holes = (cv2.resize(mask * 255, size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    planes = [cv2.inpaint(plane, holes, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA) for plane in cv2.split(small)]
    filled = cv2.resize(np.dstack(planes), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(unknown[..., None], filled, image).astype(image.dtype))
