"""What every source of frames can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from pipeline.frames import ClipInfo, Frame


class Clip(ABC):
    """A source of frames: a video file, a numbered sequence of images, or one still.

    A context manager. Frames are read as they are asked for; `frames` may be called as often as wanted, and
    each iterator it returns goes its own way.

    Attributes:
        info: What is known of the clip, the presentation time of every frame included.
    """

    info: ClipInfo
    _closed = False

    def frames(self, start: int = 0, end: int | None = None) -> Iterator[Frame]:
        """Yield the frames `start` (inclusive) to `end` (exclusive), in order of presentation.

        The frames are the same, bit for bit, wherever the reading starts.

        Args:
            start: Index of the first frame, 0 to the clip's length.
            end: Index after the last frame, `start` to the clip's length; None for the clip's end.

        Raises:
            ValueError: `start` or `end` lies outside the clip; or, while iterating, the clip has been closed.
            CleanplateError: While iterating, a frame could not be decoded.
        """
        end = len(self.info) if end is None else end
        if not 0 <= start <= end <= len(self.info):
            raise ValueError(f"frames {start} to {end} do not lie in 0 to {len(self.info)}")
        return self._until_closed(start, end)

    def _until_closed(self, start: int, end: int) -> Iterator[Frame]:
        # Closing files under an iterator's feet would crash FFmpeg: each iterator closes its own.
        for frame in self._frames(start, end):
            if self._closed:
                break
            yield frame
        if self._closed:
            raise ValueError(f"{self.info.path} has been closed")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how its pictures were taken, those that have been read by now."""
        return ()

    @abstractmethod
    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        """Yield frames of a range that has been checked."""

    def close(self) -> None:
        """End all iterators: reading on is an error."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
