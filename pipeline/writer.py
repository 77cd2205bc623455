"""What every destination of frames can do, and how its file appears only when it is whole."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from pipeline.frames import CleanplateError, Image, MachineError
from pipeline.places import already_there
from pipeline.planes import Untouched
from pipeline.stopping import undisturbed

_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class Writer(ABC):
    """A destination of frames. A context manager.

    Nothing appears under the name of the output before the block ends without an exception; until then all is
    written beside it under a hidden name, which is removed if an exception ends the block, as by `Together`.

    Attributes:
        path: The output's name, or its pattern.
        bits: 16 where the output keeps more than 8, else 8: how finely frames are best quantised for it.
        notes: What the user should know of how it was written.
    """

    def __init__(self, path: Path, *, overwrite: bool, bits: int) -> None:
        """Choose the hidden name.

        Args:
            path: What is to be written.
            overwrite: Whether it may replace what is there.
            bits: 8 or 16.
        """
        self.path = path
        self.bits = bits
        self.notes: list[str] = []
        self._overwrite = overwrite
        self._target = Path(os.path.realpath(path))  # a link stays one
        # The suffix stays: it tells the muxer which format to write.
        self._partial = self._target.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
        self._last_pts: int | None = None

    def write(self, image: Image, pts: int, untouched: Untouched | None = None) -> None:
        """Append a frame.

        Args:
            image: H x W (x 1), H x W x 3 RGB or H x W x 4 RGBA with straight alpha, as the writer was opened
                for; full range, uint8 or uint16. It is converted to the depth of the output.
            pts: Presentation time in units of the clip's time base, later than the last.
            untouched: Pixels of the image that are the clip's own; an output of the clip's own format gets its samples.

        Raises:
            ValueError: The image has another size or number of channels than the writer was opened for, or
                `pts` is not later than the last.
            MachineError: The disk is full, or cannot be written to.
        """
        if self._last_pts is not None and pts <= self._last_pts:
            raise ValueError(f"pts {pts} is not later than {self._last_pts}, the last of {self.path}")
        with self._reporting():
            self._write(image, pts, untouched)
        self._last_pts = pts

    def finish(self) -> None:
        """Complete the output, still under its hidden name.

        Raises:
            CleanplateError: Something else took the name meanwhile.
            MachineError: The disk is full, or cannot be written to.
            ValueError: No frame was written.
        """
        if self._last_pts is None:
            raise ValueError(f"no frame was written to {self.path}")
        with self._reporting():
            self._finish()
            self._check_free()

    def publish(self) -> None:
        """Give the finished output its name; raises as `finish` does, what is not in its place staying hidden."""
        with self._reporting():
            self._check_free()
            self._publish()

    @property
    def hidden(self) -> Path:
        """The file or folder in which the output is until it has its name."""
        return self._partial

    def discard(self) -> None:
        """Remove what has been written; for when something went wrong."""
        try:
            self._abandon()
        finally:
            if self._partial.is_dir():
                shutil.rmtree(self._partial, ignore_errors=True)
            else:
                self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Together(self).__exit__(kind, error, trace)

    @abstractmethod
    def _write(self, image: Image, pts: int, untouched: Untouched | None) -> None:
        """Append a frame to the hidden output."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete the hidden output."""

    def _abandon(self) -> None:  # noqa: B027 - few hold anything open
        """Let go of the hidden output, which is about to be removed."""

    def _check_free(self) -> None:
        if not self._overwrite and self.path.exists():
            raise CleanplateError(already_there(self.path))

    def _publish(self) -> None:
        self._partial.replace(self._target)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn the machine's refusals into the program's errors."""
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise MachineError(f"no room is left on the disk for {self.path}; free some and run again") from error
            raise MachineError(f"{self.path} could not be written: {error.strerror or error}") from error
        except av.FFmpegError as error:
            raise MachineError(f"{self.path} could not be written by FFmpeg: {error}") from error


class Together:
    """Writers whose outputs get their names only once all of them are whole. A context manager.

    Once the first is about to get its name, nothing is removed any more: a signal to end waits until all have theirs,
    and where one cannot have it, the error says under which hidden names the rest lies.
    """

    def __init__(self, *writers: Writer) -> None:
        self._writers = [*writers]

    def add(self, writer: Writer) -> Writer:
        """Take a writer in, and give it back."""
        self._writers.append(writer)
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.discard)
            if kind is None:
                for writer in self._writers:
                    writer.finish()
                with undisturbed():
                    stack.pop_all()
                    self._publish()

    def _publish(self) -> None:
        try:
            for writer in self._writers:
                writer.publish()
        except (CleanplateError, MachineError) as error:
            left = [str(writer.hidden) for writer in self._writers if writer.hidden.exists()]
            if not left:
                raise
            raise type(error)(
                f"{error}; what was rendered is whole, and what is not in its place yet lies in {', '.join(left)}"
            ) from error
