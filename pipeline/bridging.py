"""Frames in which the plate was not found, for a moment in a shot in which it is: they are bridged.

A jerk smears a frame or two, in which no edge is left to be found by, but which still look like those beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from alignment.between import Known, between
from pipeline.frames import ClipInfo, FloatImage, Observation
from pipeline.motion import thumbnail

LONGEST_SECONDS = Fraction(17, 100)
"""From the last frame in which the plate was found to the next one: three missing frames at 24 a second, or 23.976,
over which the true homographies of shaken clips are met within a pixel."""

ALIKE = 0.8
"""Correlation with the frame before or after from which a frame shows the same place."""

SAME_LIGHT = 0.05
"""How far the mean grey may be from what lies between theirs: a flash has to be measured, not bridged."""


def bridged(own: Observation, shot: Sequence[Observation], info: ClipInfo) -> Observation:
    """A frame's observation, with an alignment if those of the frames around say where the plate lies.

    Args:
        own: The observation of a frame in which the plate was not found.
        shot: All observations around it that it may depend on, of the same shot, in order, its own among them.
        info: The clip's.

    Returns:
        The same, with a report whose status is `bridged`, and the failure as it was; or `own` itself.
    """
    found = [each for each in shot if each.alignment is not None]
    before = [each for each in reversed(found) if each.index < own.index][:2]
    after = [each for each in found if each.index > own.index][:2]
    if not before or not after or len(before) + len(after) < 3:
        return own
    ends = before[0], after[0]
    if (info.pts[ends[1].index] - info.pts[ends[0].index]) * info.time_base > LONGEST_SECONDS:
        return own
    if not _looks_like(own, ends, info):
        return own
    report = between(_known(before, info), _known(after, info), _seconds(own, info))
    return replace(own, alignment=report)


def _looks_like(own: Observation, ends: tuple[Observation, Observation], info: ClipInfo) -> bool:
    small, last, first = (thumbnail(each.grey) for each in (own, *ends))
    times = [_seconds(each, info) for each in ends]
    light = np.interp(_seconds(own, info), times, (last.mean(), first.mean()))
    return bool(abs(small.mean() - light) <= SAME_LIGHT) and (_are_alike(small, last) or _are_alike(small, first))


def _are_alike(one: FloatImage, other: FloatImage) -> bool:
    """Whether they correlate; exposure does not matter. A picture of one colour is like none."""
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum()) > ALIKE * float(np.linalg.norm(one) * np.linalg.norm(other))


def _known(observations: Sequence[Observation], info: ClipInfo) -> list[Known]:
    return [Known(_seconds(each, info), each.alignment) for each in observations if each.alignment is not None]


def _seconds(observation: Observation, info: ClipInfo) -> float:
    return float(info.pts[observation.index] * info.time_base)
