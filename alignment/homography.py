"""Homographies: how points move under them, and the robust first fit to matched key points."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FEWEST_INLIERS = 10
SCALE_RANGE = (0.33, 3.0)
MOST_REMAPPED = 1 << 14
"""Points that are looked up at once: OpenCV takes no picture of more than 32,766 rows."""

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]


class PlateAlignmentError(Exception):
    """The plate could not be found in the frame. The message says why, and what to do about it."""


@dataclass(frozen=True)
class CoarseFit:
    """A homography that matched key points agree on, good to a pixel or a few.

    Attributes:
        plate_to_frame: 3 x 3, full-size pixels.
        inliers: Matches that agree.
        matches: Matches there were.
    """

    plate_to_frame: Matrix
    inliers: int
    matches: int


def between_sizes(source: tuple[int, int], target: tuple[int, int]) -> Matrix:
    """Maps pixels of a picture to pixels of the same picture at another size (width, height).

    The centre of the first pixel is at 0, 0, so that the picture's edge at -0.5 stays in place.
    """
    sx, sy = target[0] / source[0], target[1] / source[1]
    return np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1]])


def project(homography: Matrix, points: Points) -> Points:
    """Maps N x 2 points."""
    if not len(points):
        return np.zeros((0, 2))
    return np.asarray(cv2.perspectiveTransform(np.asarray(points, np.float64)[:, None], homography)[:, 0])


def displaced(points: Points, field: NDArray[np.float32], size: tuple[int, int]) -> Points:
    """Moves points of a picture, N x 2, by a field, rows x columns x 2, that reaches from corner to corner."""
    last = np.array(field.shape[1::-1]) - 1
    place = np.clip((points + 0.5) / size * last, 0, last).astype(np.float32)
    parts = (place[first : first + MOST_REMAPPED, None] for first in range(0, len(place), MOST_REMAPPED))
    moves = [cv2.remap(field, part, None, cv2.INTER_LINEAR)[:, 0] for part in parts]
    return np.asarray(points + np.concatenate(moves)) if moves else points


def inverted(homography: Matrix) -> Matrix:
    """The other direction."""
    return np.asarray(np.linalg.inv(homography), np.float64)


def corners(size: tuple[int, int]) -> Points:
    """The centres of the four corner pixels, clockwise from 0, 0."""
    right, bottom = size[0] - 1.0, size[1] - 1.0
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]])


def grid(size: tuple[int, int], columns: int = 9, rows: int = 6) -> Points:
    """Points spread evenly over a picture from corner to corner, row by row."""
    x, y = np.meshgrid(np.linspace(0, size[0] - 1, columns), np.linspace(0, size[1] - 1, rows))
    return np.column_stack([x.ravel(), y.ravel()])


def fit(plate_points: Points, frame_points: Points, threshold_px: float) -> CoarseFit:
    """Fits a homography to matches of which many may be wrong (USAC_MAGSAC; Barath et al. 2020).

    Args:
        plate_points: N x 2, full-size pixels.
        frame_points: Their partners.
        threshold_px: Largest distance at which a match may still count.

    Raises:
        PlateAlignmentError: Too few matches, or too few agree.
    """
    count = len(plate_points)
    advice = "Use a plate of the same place, sharp, filmed from the same spot."
    if count < FEWEST_INLIERS:
        raise PlateAlignmentError(
            f"the plate and the frame have only {count} matching key points, at least {FEWEST_INLIERS} are needed. "
            + advice
        )
    found, mask = cv2.findHomography(
        plate_points, frame_points, cv2.USAC_MAGSAC, threshold_px, maxIters=2000, confidence=0.999
    )
    inliers = 0 if mask is None else int(np.count_nonzero(mask))
    if found is None or inliers < FEWEST_INLIERS:
        raise PlateAlignmentError(
            f"only {inliers} of {count} matching key points agree on where the plate lies, "
            f"at least {FEWEST_INLIERS} are needed. " + advice
        )
    return CoarseFit(found / found[2, 2], inliers, count)


def implausible(plate_to_frame: Matrix, plate_size: tuple[int, int], frame_size: tuple[int, int]) -> str | None:
    """Says what is wrong with a homography as the view of one place by one camera; None if nothing.

    Both the plate's and the frame's corners must stay in front of the camera, in order, and at a scale within
    `SCALE_RANGE` of the pictures' own ratio.
    """
    if not np.isfinite(plate_to_frame).all() or abs(np.linalg.det(plate_to_frame)) < 1e-9:
        return "it is singular"
    frame_to_plate = inverted(plate_to_frame)
    ratio = float(np.hypot(*frame_size) / np.hypot(*plate_size))
    for homography, size, expected in (
        (plate_to_frame, plate_size, ratio),
        (frame_to_plate / frame_to_plate[2, 2], frame_size, 1 / ratio),
    ):
        points = corners(size)
        depth = points @ homography[2, :2] + homography[2, 2]
        if depth.min() <= 0.2:
            return "it folds the picture"
        determinant = np.linalg.det(homography) / depth**3
        if determinant.min() <= 0:
            return "it mirrors the picture"
        scale = np.sqrt(determinant) / expected
        if scale.min() < SCALE_RANGE[0] or scale.max() > SCALE_RANGE[1]:
            return (
                f"it scales by {scale.min():.2f} to {scale.max():.2f}, allowed is {SCALE_RANGE[0]} to {SCALE_RANGE[1]}"
            )
    return None


def covered_fraction(plate_to_frame: Matrix, plate_size: tuple[int, int], frame_size: tuple[int, int]) -> float:
    """Fraction of the frame's area that lies inside the plate, in [0, 1]."""
    outline = np.array([-0.5, -0.5]) + corners((plate_size[0] + 1, plate_size[1] + 1))
    seen = project(plate_to_frame, outline).astype(np.float32)
    whole = (np.array([-0.5, -0.5]) + corners((frame_size[0] + 1, frame_size[1] + 1))).astype(np.float32)
    area, _ = cv2.intersectConvexConvex(seen, whole)
    return float(min(1.0, area / (frame_size[0] * frame_size[1])))


def known_spans(
    plate_to_frame: Matrix, plate_size: tuple[int, int], frame_size: tuple[int, int], border_px: float
) -> NDArray[np.intp]:
    """In every row of the frame, from which column on and up to which (exclusive) the plate is known.

    A straight side of the plate stays straight, so that each is a linear inequality in the frame's x and y.

    Args:
        plate_to_frame: 3 x 3.
        plate_size: Width and height.
        frame_size: Width and height.
        border_px: How far beyond the centres of its outermost pixels the plate still counts as known.

    Returns:
        height x 2; both numbers are equal where the row sees nothing of the plate.
    """
    x, y, w = inverted(plate_to_frame / plate_to_frame[2, 2])
    right, bottom = plate_size[0] - 1 + border_px, plate_size[1] - 1 + border_px
    rows = np.arange(frame_size[1], dtype=np.float64)
    low, high = np.zeros_like(rows), np.full_like(rows, frame_size[0] - 1.0)
    for a, b, c in (w, x + border_px * w, right * w - x, y + border_px * w, bottom * w - y):
        rest = b * rows + c
        if abs(a) < 1e-12:
            high[rest < 0] = -1.0
        elif a > 0:
            low = np.maximum(low, -rest / a)
        else:
            high = np.minimum(high, -rest / a)
    first = np.ceil(low - 1e-9)
    end = np.maximum(np.floor(high + 1e-9) + 1, first)
    return np.clip(np.column_stack([first, end]), 0, frame_size[0]).astype(np.intp)
