"""Borders of one colour around a picture: bars, a photo's frame, the corners of one that was turned or steadied."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frames import Image

TOLERANCE = 8
"""How far what belongs to a border is from the corner's colour, grey levels of 255: an edge rings once it is coded."""

NOISE = 2
"""Grey levels that three quarters of it keep within: no wall is as even."""

AREA = (0.004, 0.7)
"""Least and largest share of the picture that a border has."""

CONVEX = 0.95
"""Least share that what a border leaves has of its convex hull."""

ALL = 0.98
"""Share of a row or column that is border, where all of it is."""

CORNERS = 8
"""Most corners of that hull: a rectangle in a rectangle, turned, has eight."""

STEP, STEPS = 16, 0.65
"""Grey levels of an edge, and the least share of the picture's rim that is one: dark corners of a room fade."""

THIN_PX, BLOCK_PX = 5, 17
"""What is thinner belongs to the picture, if it is of the border's colour, and else to the border: blocks of a code."""

RIM_PX = 6
"""Width of the picture's rim that is mixed with the border, pixels."""


def within_border(image: Image) -> NDArray[np.bool_] | None:
    """Where a picture, H x W x 3, is not its border, H x W; None without one.

    A border has one colour, lies in all four corners, and leaves something convex with hard edges.
    """
    eight = image.astype(np.uint8) if image.dtype == np.uint8 else (image >> 8).astype(np.uint8)
    height, width = eight.shape[:2]
    at = ((0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1))
    corners = np.array([eight[place] for place in at], int)
    if min(height, width) < 4 * THIN_PX or np.ptp(corners, axis=0).max() > TOLERANCE:
        return None
    border = ~_opened(~_opened(_reached(eight, at) > 0, THIN_PX), BLOCK_PX)
    if not AREA[0] <= border.mean() <= AREA[1]:
        return None
    colour = np.median(eight[border], axis=0)
    off = np.abs(eight[border] - colour).max(axis=1)
    if np.percentile(off, 75) > NOISE:
        return None
    filled = _convex(border)
    filled = _upright(border) if filled is None else filled
    if filled is None:
        return None
    inner, further = (_eroded(filled, px) for px in (RIM_PX, RIM_PX + 2))
    rim = eight[(inner > 0) & (further == 0)]
    if not len(rim) or (np.abs(rim - colour).max(axis=1) > STEP).mean() < STEPS:
        return None
    return np.asarray(inner > 0)


def _convex(border: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
    """What a border leaves, 1 there; None if that is not convex."""
    rest = (~border).astype(np.uint8)
    outlines, _ = cv2.findContours(rest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    filled = np.asarray(cv2.fillConvexPoly(np.zeros_like(rest), hull, 1), np.uint8)
    few = len(cv2.approxPolyDP(hull, 0.01 * border.shape[1], True)) <= CORNERS
    return filled if few and rest.sum() >= CONVEX * filled.sum() else None


def _upright(border: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
    """The rectangle between the rows and columns that are all border; a white sky within a white frame is in it.

    None where none are.
    """
    filled = np.zeros(border.shape, np.uint8)
    (top, bottom), (left, right) = (_between(border.mean(axis=axis) < ALL) for axis in (1, 0))
    filled[top:bottom, left:right] = 1
    return None if filled.all() or not filled.any() else filled


def _between(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """From the first to behind the last that is."""
    places = np.flatnonzero(inside)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _reached(image: NDArray[np.uint8], at: tuple[tuple[int, int], ...]) -> NDArray[np.uint8]:
    """What is connected to some places and has their colour, 1 there."""
    mask = np.zeros((image.shape[0] + 2, image.shape[1] + 2), np.uint8)
    flags = 8 | (1 << 8) | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY
    for row, column in at:
        if not mask[row + 1, column + 1]:
            cv2.floodFill(image, mask, (column, row), 0, (TOLERANCE,) * 3, (TOLERANCE,) * 3, flags)
    return mask[1:-1, 1:-1]


def _opened(mask: NDArray[np.bool_], px: int) -> NDArray[np.bool_]:
    """Without what is thinner; at the picture's own edge nothing is."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), *(px,) * 4, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((px, px), np.uint8))
    return np.asarray(opened[px:-px, px:-px] > 0)


def _eroded(mask: NDArray[np.uint8], px: int) -> NDArray[np.uint8]:
    """Smaller by some pixels, but not along the picture's own edge."""
    kernel = np.ones((2 * px + 1, 2 * px + 1), np.uint8)
    return np.asarray(cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1), np.uint8)
