"""What a clip has beside its pictures (sound, subtitles, chapters), carried from the source to the output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from pipeline.audio import audio_track
from pipeline.chapters import cut_chapters
from pipeline.frames import CleanplateError
from pipeline.subtitles import subtitle_track
from pipeline.track import Span, Track


class Carrier:
    """Moves sound, subtitles and chapters of a file into an output, along with the video's progress.

    Packets are copied as they are where the output's format takes their codec. Sound that it does not take is
    encoded anew, and subtitles are left out. Times are counted from the first frame written, so all stay together.

    Attributes:
        notes: What the user should know of it.
    """

    def __init__(self, source: Path, output: OutputContainer) -> None:
        """Open the source and add its streams to the output, which has not begun.

        Args:
            source: A media file; one with nothing but pictures is fine.
            output: Where the streams are added.

        Raises:
            CleanplateError: The source cannot be read.
        """
        self.notes: list[str] = []
        self._path = source
        try:
            self._source = av.open(f"file:{source}")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise CleanplateError(f"the sound of {source} cannot be read: {error}") from error
        self._output = output
        self._tracks = dict(self._made_tracks())
        self._packets = self._read()
        self._held: av.Packet[Any] | None = None
        self._span = Span(Fraction(0), Fraction(0), from_beginning=True)

    def begin(self, span: Span) -> None:
        """Say which part of the source is wanted; before the first `carry`, and before the output has begun."""
        self._span = span
        self._output.set_chapters(cut_chapters(self._source.chapters(), span))

    def carry(self, until: Fraction | None) -> None:
        """Move what begins before a time.

        Args:
            until: Seconds in the source; None for all there is.

        Raises:
            CleanplateError: The source is damaged.
        """
        while True:
            packet = self._held if self._held is not None else next(self._packets, None)
            self._held = packet
            if packet is None or packet.pts is None:
                return
            if until is not None and packet.pts * packet.time_base >= until:
                return
            self._held = None
            self._tracks[packet.stream.index].put(packet, self._span)

    def finish(self) -> None:
        """Write what the encoders hold back."""
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        """Close the source."""
        with suppress(av.FFmpegError):
            self._source.close()

    def _made_tracks(self) -> Iterator[tuple[int, Track]]:
        for stream in self._source.streams.audio:
            yield stream.index, audio_track(stream, self._output, self._path, self.notes)
        for written in self._source.streams.subtitles:
            track = subtitle_track(written, self._output, self._path, self.notes)
            if track is not None:
                yield written.index, track

    def _read(self) -> Iterator[av.Packet[Any]]:
        if not self._tracks:
            return
        try:
            for packet in self._source.demux([self._source.streams[index] for index in self._tracks]):
                if packet.pts is not None and packet.dts is not None:
                    yield packet
        except av.FFmpegError as error:
            raise CleanplateError(f"the sound of {self._path} is damaged: {error.strerror}") from error
