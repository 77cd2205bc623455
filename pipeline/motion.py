"""The generator's motion input: grey neighbours, each moved into the frame through the plate."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.photometric import burnt_out
from alignment.plate import AlignmentReport
from alignment.tone import coefficients, tables
from pipeline.frames import FloatImage, FrameWindow, Observation

STEP_SECONDS = Fraction(1, 3)
"""T: the 2020 paper takes every 20th frame of 60 a second."""

STEPS = (-2, -1, 1, 2)

BESIDE_SECONDS = Fraction(1, 24)
"""How far the frames are whose drafts steady a frame's; where they are further apart than this, the next ones."""

TOO_FAR_SECONDS = Fraction(3, 20)
"""From where on the next frames say nothing of what lasts for a moment only."""

BURNS_MORE = 1.02
"""What an exposure makes of the plate's white, in [0, 1], from which on it burns out what the plate still shows."""

GREYS = 1 << 11
"""Levels of grey of which it is worked out what they are in another exposure."""

CUT = 0.16
"""Mean grey difference of two successive frames, in [0, 1], from which there is a cut between them."""


def neighbour_indices(pts: Sequence[int], time_base: Fraction, index: int) -> tuple[int, int, int, int]:
    """Frames nearest to t - 2T, t - T, t + T and t + 2T.

        t - 2T      t - T        t        t + T       t + 2T
          |-----------|----------|----------|-----------|
                                 ^ index; beyond the clip's ends: its first or last frame

    Args:
        pts: Presentation time of every frame, ascending, in units of `time_base`.
        time_base: Seconds a unit.
        index: The frame in the middle.
    """
    first, second, third, fourth = (_nearest(pts, pts[index] + k * STEP_SECONDS / time_base) for k in STEPS)
    return first, second, third, fourth


def indices_beside(pts: Sequence[int], time_base: Fraction, index: int) -> tuple[int, int]:
    """The frames just before and just after, by whose drafts a frame's is steadied; itself where there is none near.

    Args:
        pts: Presentation time of every frame, ascending, in units of `time_base`.
        time_base: Seconds a unit.
        index: The frame in the middle.
    """
    before, after = (_nearest(pts, pts[index] + step * BESIDE_SECONDS / time_base) for step in (-1, 1))
    pair = max(0, min(before, index - 1)), min(len(pts) - 1, max(after, index + 1))
    near = TOO_FAR_SECONDS / time_base
    before, after = (other if abs(pts[other] - pts[index]) <= near else index for other in pair)
    return before, after


def _nearest(pts: Sequence[int], target: Fraction) -> int:
    right = min(bisect_left(pts, target), len(pts) - 1)
    left = max(right - 1, 0)
    return left if target - pts[left] <= pts[right] - target else right


def is_cut(before: FloatImage, after: FloatImage) -> bool:
    """Whether the picture jumps between two successive frames (h x w grey in [0, 1]).

    A change of exposure is not a cut: the mean is taken out.
    """
    small = [thumbnail(x) for x in (before, after)]
    difference = (small[0] - small[0].mean()) - (small[1] - small[1].mean())
    return float(np.abs(difference).mean()) > CUT


def thumbnail(grey: FloatImage) -> FloatImage:
    """18 x 32 of h x w, by which frames are compared as a whole."""
    return cv2.resize(grey, (32, 18), interpolation=cv2.INTER_AREA)


def clamp_at_cuts(index: int, wanted: Sequence[int], cut_before: Callable[[int], bool]) -> tuple[int, ...]:
    """Neighbours that lie in the same shot as frame `index`.

    Args:
        index: The frame in the middle.
        wanted: Its neighbours as time has them.
        cut_before: Whether there is a cut between a frame and the one before it.
    """
    clamped = []
    for neighbour in wanted:
        step = 1 if neighbour > index else -1
        reached = index
        while reached != neighbour and not cut_before(reached + (step > 0)):
            reached += step
        clamped.append(reached)
    return tuple(clamped)


def motion_stack(window: FrameWindow, frame_size: tuple[int, int]) -> FloatImage:
    """The four neighbours as the camera of this frame would have seen them.

    Where a neighbour shows nothing (beyond its border, or not aligned) the frame's own grey stands in, which
    says "no motion".

    Args:
        window: The frame and its neighbours.
        frame_size: Full width and height, pixels.

    Returns:
        h x w x 4 float32 in [0, 1], at the size of the observations.
    """
    own = window.observation
    layers = [own.grey if n.index == own.index else _moved(n, own, frame_size) for n in window.neighbours]
    return np.stack(layers, axis=2)


def _moved(neighbour: Observation, own: Observation, frame_size: tuple[int, int]) -> FloatImage:
    if neighbour.alignment is None or own.alignment is None:
        return own.grey
    height, width = own.grey.shape
    to_frame = own.alignment.plate_to_frame @ np.linalg.inv(neighbour.alignment.plate_to_frame)
    matrix = at_size(to_frame, frame_size, (width, height))
    grey = _exposed_like(neighbour.grey, neighbour.alignment, own.alignment)
    moved = cv2.warpPerspective(grey, matrix, (width, height), flags=cv2.INTER_LINEAR)
    known = cv2.warpPerspective(np.ones_like(grey), matrix, (width, height), flags=cv2.INTER_NEAREST)
    inside = cv2.erode(known, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    result: FloatImage = np.where(inside, moved, own.grey)
    return result


def _exposed_like(grey: FloatImage, its: AlignmentReport, wanted: AlignmentReport) -> FloatImage:
    """Grey of one exposure as it would be in another, both known against the plate.

    What is burnt out stays so where the plate's burnt parts do, unless the one exposure burns more than the plate's.
    """
    if its.tone is None and wanted.tone is None:
        ratio = float(np.mean(wanted.gain)) / float(np.mean(its.gain))
        shift = float(np.mean(wanted.offset)) - ratio * float(np.mean(its.offset))
        exposed, white = ratio * grey + shift, ratio + shift
    else:
        table = _greys_like(its, wanted)
        exposed, white = table[np.rint(grey * (GREYS - 1)).astype(np.intp)], float(table[-1])
    burns_more = float(np.mean(its.exposure.white)) > BURNS_MORE
    lift = 0.0 if burns_more else max(0.0, float(np.mean(wanted.burnt)) - white)
    return np.clip(exposed + lift * burnt_out(grey), 0, 1).astype(np.float32)


def _greys_like(its: AlignmentReport, wanted: AlignmentReport) -> FloatImage:
    """What GREYS levels of one exposure would be in another, where one of them has a tone."""
    powers = [coefficients(report.exposure.curves).mean(axis=1, keepdims=True) for report in (its, wanted)]
    (plate, one), (_, other) = (tables(own)[0] for own in powers)
    there = np.interp(np.linspace(0, 1, GREYS), one, plate)
    return np.interp(there, plate, other).astype(np.float32)


def at_size(transform: NDArray[np.float64], full: tuple[int, int], small: tuple[int, int]) -> NDArray[np.float64]:
    """A 3 x 3 transform between full-size pictures, for the same pictures at another size.

    The centre of the first pixel is at 0, 0 at either size, so that sizes differ by more than a factor.
    """
    scale = scaling(full, small)
    result: NDArray[np.float64] = scale @ transform @ np.linalg.inv(scale)
    return result


def scaling(full: tuple[int, int], small: tuple[int, int]) -> NDArray[np.float64]:
    """The 3 x 3 transform from a picture of width and height `full` to the same at another size, see `at_size`."""
    sx, sy = small[0] / full[0], small[1] / full[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
