"""A camera that stands still: where frames around agree that it does, they know better than one that sees less."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from alignment.homography import Matrix, corners, inverted, project
from alignment.verify import Verification

STILL_PX = 0.5
"""How far most of the frames around may be from their middle, at the frame's corners; of `UNIT_PX`."""

WORTH_PX = 0.3
"""How far a frame has to be from that middle to be moved there; what is less, nobody sees. Of `UNIT_PX`."""

MORE_RESIDUAL = 0.15
"""By how much further the frame's parts may be from the middle than from its own place, at the median; of `UNIT_PX`."""

AS_MANY = 0.9
"""Of the parts that show the plate at the frame's own place, those that have to show it at the middle."""

UNIT_PX = 1280
"""The long side of the frames that these are meant for; of larger ones in proportion."""

STRAYS = 3
"""How many times as far from that middle as the frames around usually are; a camera that trembles is not farther."""

MOST = 0.75
"""Share of the frames around that have to be near: others may see as little as the one in the middle."""

FEWEST = 3
"""Frames before, and as many after."""


def where_others_lie(
    own: Matrix, before: Sequence[Matrix], after: Sequence[Matrix], frame_size: tuple[int, int]
) -> Matrix | None:
    """Where the plate lies in a frame by those around it, if they say that the camera stands still.

    As many are taken before as after, so that a slow pan, of which the frame is the middle, stays one.

    Args:
        own: The frame's own, plate to frame, full-size pixels.
        before: Those of frames before, nearest first.
        after: Those of frames after, nearest first.
        frame_size: Width and height.

    Returns:
        Plate to frame; None where the frames around are too few or do not agree, or `own` is there already.
    """
    count = min(len(before), len(after))
    if count < FEWEST:
        return None
    ends = corners(frame_size)
    places = project(inverted(own), ends)
    unit = _unit(frame_size)
    moves = np.stack([project(each, places) - ends for each in (*before[:count], *after[:count])])
    middle = np.median(moves, axis=0)
    if np.quantile(np.abs(moves - middle).max(axis=(1, 2)), MOST) > STILL_PX * unit:
        return None
    usual = np.median(np.abs(moves - middle), axis=0)
    if not (np.abs(middle) > np.maximum(WORTH_PX * unit, STRAYS * usual)).any():
        return None
    moved = cv2.getPerspectiveTransform(ends.astype(np.float32), (ends + middle).astype(np.float32)) @ own
    return np.asarray(moved / moved[2, 2])


def contradicts(there: Verification, here: Verification, frame_size: tuple[int, int]) -> bool:
    """Whether a frame says that the plate does not lie where the frames around put it, `there`, but `here`."""
    confirmed, before = (int(np.count_nonzero(each.confirmed)) for each in (there, here))
    farther = there.residual_px > here.residual_px + MORE_RESIDUAL * _unit(frame_size)
    return not there.found or confirmed < AS_MANY * before or farther


def _unit(frame_size: tuple[int, int]) -> float:
    return max(1.0, max(frame_size) / UNIT_PX)
