"""What a clip has beside its pictures (sound, subtitles, chapters), carried from the source to the output."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Disposition

from pipeline.audio import audio_track
from pipeline.chapters import cut_chapters
from pipeline.frames import CleanplateError
from pipeline.subtitles import subtitle_track
from pipeline.track import Span, Track

TITLES = frozenset(("title", "artist", "album", "date", "creation_time", "copyright", "description", "make", "model"))
"""Tags of a whole file that are the output's, too; where it was filmed is nobody's business."""

_AHEAD = Fraction(2)
"""Seconds of one track before which what belongs beside it lies in a file: cameras write pieces of half a second."""


class Carrier:
    """Moves sound, subtitles and chapters of a file into an output, along with the video's progress.

    Packets are copied as they are where the output's format takes their codec. Sound that it does not take is
    encoded anew, and subtitles are left out. Times are counted from the first frame written, so all stay together.
    Title, date and the like go along.
    """

    def __init__(self, source: Path, output: OutputContainer, notes: list[str]) -> None:
        """Open the source and add its streams to the output, which has not begun.

        Args:
            source: A media file; one with nothing but pictures is fine.
            output: Where the streams are added.
            notes: Where it is said what the user should know, also later on.

        Raises:
            CleanplateError: The source cannot be read.
        """
        self._notes, self._path = notes, source
        try:
            self._source = av.open(f"file:{source}")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise CleanplateError(f"the sound of {source} cannot be read: {error}") from error
        self._output = output
        for key, value in self._source.metadata.items():
            if key.lower() in TITLES:
                output.metadata[key] = value
        self._tracks = dict(self._made_tracks())
        self._note_what_stays()
        self._packets = self._read()
        self._held: deque[tuple[Fraction, av.Packet[Any]]] = deque()
        self._span = Span(Fraction(0), Fraction(0), from_beginning=True, to_end=True)

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
        held, self._held = self._held, deque()
        for each in held:
            self._take(*each, until)
        # Tracks lie in the file in pieces, one after another: behind what is too late of one there is more of others.
        while not self._is_far_enough(until) and (following := next(self._packets, None)) is not None:
            self._take(*following, until)

    def _take(self, time: Fraction, packet: av.Packet[Any], until: Fraction | None) -> None:
        if until is None or time < until:
            self._tracks[packet.stream.index].put(packet, self._span)
        else:
            self._held.append((time, packet))

    def _is_far_enough(self, until: Fraction | None) -> bool:
        """Whether all tracks were read to that time, or what is held is so far ahead that no more is to be expected."""
        if until is None:
            return False
        tracks = {packet.stream.index for _, packet in self._held}
        return tracks == set(self._tracks) or any(time >= until + _AHEAD for time, _ in self._held)

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
            sound = audio_track(stream, self._output, self._path, self._notes)
            if sound is not None:
                yield stream.index, sound
        for written in self._source.streams.subtitles:
            track = subtitle_track(written, self._output, self._path, self._notes)
            if track is not None:
                yield written.index, track

    def _note_what_stays(self) -> None:
        """Of streams that are neither sound nor subtitles; timecodes go along on their own."""
        others = [
            str(stream.type)
            for stream in self._source.streams
            if stream.type in ("data", "attachment") and "timecode" not in stream.metadata
        ]
        if self._source.chapters() and "data" in others:
            others.remove("data")  # their titles
        covers = [bool(each.disposition & Disposition.attached_pic) for each in self._source.streams.video]
        others += ["pictures"] * (covers.count(False) - 1)
        counted = [f"{number} of {kind}" for kind, number in sorted(Counter(others).items())]
        if any(covers):
            counted.append(f"{sum(covers)} cover" + "s" * (sum(covers) > 1))
        if counted:
            self._notes.append(f"{self._path}: further tracks are left out: {', '.join(counted)}")

    def _read(self) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
        """Packets with their times, seconds."""
        if not self._tracks:
            return
        try:
            for packet in self._source.demux([self._source.streams[index] for index in self._tracks]):
                if packet.pts is not None and packet.dts is not None:
                    yield packet.pts * packet.time_base, packet
        except av.FFmpegError as error:
            raise CleanplateError(f"the sound of {self._path} is damaged: {error.strerror}") from error
