"""Streams a clip as windows: each frame with what its neighbours show of it; and drafts with those around them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment.standing import where_others_lie
from pipeline.bridging import bridged
from pipeline.clip import Clip
from pipeline.frames import ClipInfo, Draft, FloatImage, Frame, FrameWindow, Observation
from pipeline.motion import clamp_at_cuts, indices_beside, is_cut, neighbour_indices
from pipeline.overlap import in_order

Observe = Callable[[Frame], Observation]


def windows(
    clip: Clip,
    observe: Observe,
    start: int,
    end: int,
    mask: Callable[[Frame], FloatImage] | None = None,
    side_by_side: int = 1,
) -> Generator[FrameWindow]:
    """Windows of frames `start` to `end` (exclusive), in order.

    Reads the clip once, from the first neighbour that is needed to the last. Holds the frames of 2T and the
    observations of 4T, whatever the clip's length. A window is the same whatever range it is asked in.

    Args:
        clip: The clip.
        observe: Called once a frame.
        start: First frame.
        end: Where to stop.
        mask: The user's own soft mask of a frame.
        side_by_side: How many frames are observed at the same time; as many more are held.
    """
    info = clip.info
    first = neighbour_indices(info.pts, info.time_base, start)[0]
    last = neighbour_indices(info.pts, info.time_base, end - 1)[3]
    waiting: deque[Frame] = deque()
    seen = _Seen(info)
    for frame, observation in _observed(clip.frames(first, last + 1), observe, side_by_side):
        seen.add(observation)
        if start <= frame.index < end:
            waiting.append(frame)
        while waiting and (wanted := _wanted(info, waiting[0]))[3] <= frame.index:
            current = waiting.popleft()
            own, neighbours = seen.around(current.index, wanted)
            beside = seen.beside(current.index, indices_beside(info.pts, info.time_base, current.index))
            standing = seen.standing(current.index, wanted)
            yield FrameWindow(current, own, neighbours, mask(current) if mask else None, beside, standing)
            seen.forget_before(_wanted(info, waiting[0])[0] if waiting else wanted[0])


class Drafts(NamedTuple):
    """A draft with those around it in its shot.

    Attributes:
        own: The frame's own.
        beside: Those of the frames just before and just after, see `motion.indices_beside`, where the shot has both.
        further: Those just before the one and just after the other of these, as far as the shot has them.
    """

    own: Draft
    beside: tuple[Draft, Draft] | None = None
    further: tuple[Draft | None, Draft | None] = (None, None)


def reach(info: ClipInfo, start: int, end: int) -> tuple[int, int]:
    """The frames whose drafts the mattes of frames `start` to `end` need: first, and where to stop.

    For a single frame of many a second, some between them are not needed.
    """
    first, last = start, end - 1
    for _ in range(2):
        first, last = (
            indices_beside(info.pts, info.time_base, index)[side] for side, index in enumerate((first, last))
        )
    return first, last + 1


def in_company(drafts: Iterable[Draft], start: int, end: int) -> Iterator[Drafts]:
    """Drafts of frames `start` to `end`, in order, with those around them.

    Args:
        drafts: Of the frames that `reach` says, in order. No more of them are held than from the first to the last
            around the current one.
        start: First frame.
        end: Where to stop.
    """
    held: dict[int, Draft] = {}
    current = start
    for draft in drafts:
        held[draft.index] = draft
        while current < end and current <= draft.index:
            around = _around(held, current, draft.index)
            if around is None:
                break
            yield around
            current += 1
            first = min(
                each.index for each in (around.own, *(around.beside or ()), *around.further) if each is not None
            )
            for index in [index for index in held if index < first]:
                del held[index]


def _around(held: Mapping[int, Draft], index: int, last: int) -> Drafts | None:
    """A frame's draft with those around it; None where one of them comes after the `last` that there is."""
    own = held[index]
    if own.window.beside is None:
        return Drafts(own)
    if own.window.beside[1] > last:
        return None
    before, after = (held[i] for i in own.window.beside)
    beyond = before.window.beside and before.window.beside[0], after.window.beside and after.window.beside[1]
    if beyond[1] is not None and beyond[1] > last:
        return None
    first, second = (None if i is None else held[i] for i in beyond)
    return Drafts(own, (before, after), (first, second))


def _observed(frames: Iterator[Frame], observe: Observe, side_by_side: int) -> Iterator[tuple[Frame, Observation]]:
    """Frames with their observations, in order."""
    if side_by_side == 1:
        yield from ((frame, observe(frame)) for frame in frames)
        return
    with (
        ThreadPoolExecutor(side_by_side, "aligning") as pool,
        closing(in_order(pool, lambda frame: (frame, observe(frame)), frames, side_by_side)) as pairs,
    ):
        yield from pairs


def _wanted(info: ClipInfo, frame: Frame) -> tuple[int, int, int, int]:
    return neighbour_indices(info.pts, info.time_base, frame.index)


class _Seen:
    """Observations of the last few frames, and where the picture jumped between them."""

    def __init__(self, info: ClipInfo) -> None:
        self._info = info
        self._observations: dict[int, Observation] = {}
        self._cuts: set[int] = set()

    def add(self, observation: Observation) -> None:
        before = self._observations.get(observation.index - 1)
        if before is not None and is_cut(before.grey, observation.grey):
            self._cuts.add(observation.index)
        self._observations[observation.index] = observation

    def around(self, index: int, wanted: tuple[int, ...]) -> tuple[Observation, tuple[Observation, ...]]:
        """The observation of a frame, bridged if need be, and those of its neighbours, clamped at cuts."""
        same_shot = clamp_at_cuts(index, wanted, self._cuts.__contains__)
        own = self._observations[index]
        if own.alignment is None:
            own = bridged(own, [self._observations[i] for i in range(same_shot[0], same_shot[-1] + 1)], self._info)
        return own, tuple(self._observations[i] for i in same_shot)

    def standing(self, index: int, wanted: tuple[int, ...]) -> NDArray[np.float64] | None:
        """Where the plate lies in a frame by those around it, where they say that the camera stands still."""
        report = self._observations[index].alignment
        if report is None or report.bend is not None:
            return None
        same_shot = clamp_at_cuts(index, wanted, self._cuts.__contains__)
        around = ((i, self._observations[i].alignment) for i in range(same_shot[0], same_shot[-1] + 1) if i != index)
        sure = [(i, each.plate_to_frame) for i, each in around if each and each.status == "ok" and each.bend is None]
        before, after = [each for i, each in reversed(sure) if i < index], [each for i, each in sure if i > index]
        return where_others_lie(report.plate_to_frame, before, after, (self._info.width, self._info.height))

    def beside(self, index: int, wanted: tuple[int, int]) -> tuple[int, int] | None:
        """The frames beside a frame, clamped at cuts; None where that leaves none on either side."""
        before, after = clamp_at_cuts(index, wanted, self._cuts.__contains__)
        return (before, after) if before < index < after else None

    def forget_before(self, index: int) -> None:
        for old in [i for i in self._observations if i < index]:
            del self._observations[old]
            self._cuts.discard(old)
