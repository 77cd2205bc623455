"""Streams a clip as windows: each frame with what its neighbours show of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from pipeline.clip import Clip
from pipeline.frames import ClipInfo, FloatImage, Frame, FrameWindow, Observation
from pipeline.motion import clamp_at_cuts, is_cut, neighbour_indices
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
    seen = _Seen()
    for frame, observation in _observed(clip.frames(first, last + 1), observe, side_by_side):
        seen.add(observation)
        if start <= frame.index < end:
            waiting.append(frame)
        while waiting and (wanted := _wanted(info, waiting[0]))[3] <= frame.index:
            current = waiting.popleft()
            own, neighbours = seen.around(current.index, wanted)
            yield FrameWindow(current, own, neighbours, mask(current) if mask else None)
            seen.forget_before(_wanted(info, waiting[0])[0] if waiting else wanted[0])


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

    def __init__(self) -> None:
        self._observations: dict[int, Observation] = {}
        self._cuts: set[int] = set()

    def add(self, observation: Observation) -> None:
        before = self._observations.get(observation.index - 1)
        if before is not None and is_cut(before.grey, observation.grey):
            self._cuts.add(observation.index)
        self._observations[observation.index] = observation

    def around(self, index: int, wanted: tuple[int, ...]) -> tuple[Observation, tuple[Observation, ...]]:
        """The observation of a frame and those of its neighbours, clamped at cuts."""
        same_shot = clamp_at_cuts(index, wanted, self._cuts.__contains__)
        return self._observations[index], tuple(self._observations[i] for i in same_shot)

    def forget_before(self, index: int) -> None:
        for old in [i for i in self._observations if i < index]:
            del self._observations[old]
            self._cuts.discard(old)
