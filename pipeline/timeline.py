"""When the frames of a video file are shown, found from its packets without decoding them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.frames import CleanplateError

DEFAULT_RATE = Fraction(25)

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
"""IDs of what a Matroska file consists of, behind its header, and of what its pictures lie in."""

SAME_PACE = Fraction(1, 10)
"""Of a frame's length, by which the usual one may differ where times are rounded to milliseconds."""

UNSAID = 0xFFFFFFFF
"""The length of a piece of AVI that was written to a pipe."""


@dataclass(frozen=True)
class Timeline:
    """The times of a video stream.

    Attributes:
        pts: Of every frame that is shown, ascending, in units of `time_base`.
        keyframes: The pts at which decoding can begin, ascending.
        time_base: Seconds a unit.
        end_pts: Where the last frame ends.
        rate: Nominal frames a second.
        timed: Whether the container stores times. Where it does not, `pts` counts frames at the nominal rate.
    """

    pts: tuple[int, ...]
    keyframes: tuple[int, ...]
    time_base: Fraction
    end_pts: int
    rate: Fraction
    timed: bool = True


@dataclass(frozen=True)
class _Entry:
    dts: int | None
    pts: int | None
    duration: int
    is_keyframe: bool
    is_shown: bool
    is_whole: bool


def read_timeline(container: InputContainer, stream: VideoStream, path: Path) -> Timeline:
    """Read all packets of a stream and say when its frames are shown.

    Args:
        container: Just opened; it is read to its end.
        stream: The stream of `container` that is meant.
        path: For messages.

    Raises:
        CleanplateError: The stream is empty, its times begin again, or the file ends before it says that it does.
    """
    try:
        entries = [
            _Entry(
                packet.dts,
                packet.pts,
                packet.duration or 0,
                packet.is_keyframe,
                # An empty packet repeats the frame before it; one to discard lies outside the edit list.
                packet.size > 0 and not packet.is_discard,
                not packet.is_corrupt,
            )
            for packet in container.demux(stream)
            if packet.size or packet.dts is not None  # the last is a mere end mark
        ]
    except av.FFmpegError as error:
        raise CleanplateError(f"{path} is damaged and could not be read through: {error.strerror}") from error
    if not any(entry.is_shown for entry in entries):
        raise CleanplateError(f"{path} has a video stream without any frame; export it again")
    _check_index(container, stream, entries, path)
    _check_chunks(container, stream, entries, path)
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
    # AVI stores no times but the rate, and the order in which frames are decoded.
    reordered = container.format.name == "avi" and stream.codec_context.has_b_frames
    if reordered or any(entry.pts is None and entry.is_shown for entry in entries):
        return _untimed(path, stream.index, _rate_of_chunks(entries, stream) or rate)
    # What precedes the first key frame cannot be decoded, as in a broadcast that was tuned into.
    first = next((at for at, entry in enumerate(entries) if entry.is_keyframe), 0)
    entries = entries[first:]
    _check_order(
        [(entry.pts, entry.is_keyframe) for entry in entries if entry.pts is not None and entry.is_shown], path
    )
    return _to_its_end(container, stream, _timed(entries, stream, rate), path)


def _check_order(shown: list[tuple[int, bool]], path: Path) -> None:
    """What is stored before a key frame is shown before it, but where recordings were joined end to end.

    Args:
        shown: Pts and whether it is a key frame, in the order in which the frames are stored.
        path: For the message.
    """
    latest = accumulate((pts for pts, _ in shown), max)
    for number, (before, (pts, is_keyframe)) in enumerate(zip(latest, shown[1:], strict=False), 1):
        if is_keyframe and pts < before:
            raise CleanplateError(
                f"{path} has times that begin again at frame {number}: it is several recordings in one; split it "
                "there, or remux it"
            )


def _timed(entries: list[_Entry], stream: VideoStream, rate: Fraction) -> Timeline:
    time_base = stream.time_base or 1 / rate
    shown = {entry.pts: entry for entry in entries if entry.pts is not None and entry.is_shown}
    pts = tuple(sorted(shown))
    keyframes = sorted(entry.pts for entry in entries if entry.pts is not None and entry.is_keyframe)
    rate = _nominal_rate(stream, pts, time_base, rate)
    last = shown[pts[-1]].duration or (pts[-1] - pts[-2] if len(pts) > 1 else round(1 / (rate * time_base)))
    return Timeline(pts, tuple(keyframes), time_base, pts[-1] + max(last, 1), rate)


def _nominal_rate(stream: VideoStream, pts: tuple[int, ...], time_base: Fraction, mean: Fraction) -> Fraction:
    """The rate that most frames come at, where some are missing, so that the mean is another; else the mean."""
    guessed = stream.guessed_rate
    if guessed is None or round(guessed) == round(mean):
        return mean
    return guessed if abs(_usual_step(pts) * time_base * guessed - 1) < SAME_PACE else mean


def _rate_of_chunks(entries: list[_Entry], stream: VideoStream) -> Fraction | None:
    """Frames a second by how many chunks each takes: in AVI two of them, the second empty, where fields are counted."""
    usual = _usual_step([entry.dts for entry in entries if entry.is_shown and entry.dts is not None])
    return 1 / (usual * stream.time_base) if usual > 0 and stream.time_base else None


def _usual_step(times: Sequence[int]) -> int:
    """The median from one to the next, 0 where there is none."""
    steps = sorted(after - before for before, after in pairwise(times))
    return steps[len(steps) // 2] if steps else 0


def _untimed(path: Path, index: int, rate: Fraction) -> Timeline:
    """Count the frames by decoding them: packets without times need not be frames."""
    try:
        with av.open(f"file:{path}") as container:
            count = sum(1 for _ in container.decode(container.streams[index]))
    except av.FFmpegError as error:
        raise CleanplateError(f"{path} is damaged and could not be decoded: {error.strerror}") from error
    return Timeline(tuple(range(count)), (), 1 / rate, count, rate, timed=False)


def _check_index(container: InputContainer, stream: VideoStream, entries: list[_Entry], path: Path) -> None:
    """MP4 and its kin list every packet at the head or the tail, so what is missing can be counted."""
    if "mp4" not in container.format.name:
        return
    whole = len(entries) if entries[-1].is_whole else len(entries) - 1
    if whole < len(stream.index_entries):
        raise CleanplateError(
            f"{path} is cut short: it lists {len(stream.index_entries)} frames, but the file ends in frame "
            f"{whole}; copy it again from where it came"
        )


def _check_chunks(container: InputContainer, stream: VideoStream, entries: list[_Entry], path: Path) -> None:
    """AVI says how many chunks there are, empty ones, too; as not all say so truly, the file is looked at as well."""
    last = entries[-1]
    if container.format.name != "avi" or last.dts is None or stream.time_base is None or not _ends_within_a_riff(path):
        return
    ends = last.dts + last.is_whole
    if ends < stream.frames:
        frames = sum(entry.is_shown for entry in entries)
        raise _cut_short(path, stream.frames * stream.time_base, frames, ends * stream.time_base)


def _ends_within_a_riff(path: Path) -> bool:
    """Whether a file lacks a part of the last of its pieces, a gigabyte each; False where no length is said."""
    end = 0
    with path.open("rb") as file:
        while (header := file.read(8))[:4] == b"RIFF":
            length = int.from_bytes(header[4:], "little")
            if length == UNSAID:
                return False
            end = file.seek(length, os.SEEK_CUR)
    return end > path.stat().st_size


def _cut_short(path: Path, stated: Fraction, frames: int, end: Fraction) -> CleanplateError:
    return CleanplateError(
        f"{path} is cut short: it should last {float(stated):.2f} seconds, but the file ends in frame {frames}, after "
        f"{float(end):.2f}; copy it again from where it came"
    )


def _to_its_end(container: InputContainer, stream: VideoStream, timeline: Timeline, path: Path) -> Timeline:
    """Matroska says how long a stream is: one that ends earlier has lost its tail, or holds its last frame."""
    if "matroska" not in container.format.name:
        return timeline
    whole = Fraction(container.duration, av.time_base) if container.duration else None
    stated = _seconds(stream.metadata.get("DURATION", ""))
    if stated is None and len(container.streams) == 1:
        stated = whole
    end = timeline.end_pts * timeline.time_base
    # Millisecond rounding and differing notions of the last frame's length are no loss.
    if stated is None or end + 2 / timeline.rate >= stated:
        return timeline
    if _is_whole(path):
        return replace(timeline, end_pts=round(min(stated, whole or stated) / timeline.time_base))
    raise _cut_short(path, stated, len(timeline.pts), end)


def _is_whole(path: Path) -> bool:
    """Whether a Matroska file is rows of elements up to the ends that it states (RFC 8794, 9559)."""
    with path.open("rb") as file:
        header = _element(file)
        if header is None or header[1] is None:
            return False
        file.seek(header[1], os.SEEK_CUR)
        segment = _element(file)
        return segment is not None and segment[0] == SEGMENT and _is_row(file, segment[1], path.stat().st_size)


def _is_row(file: BinaryIO, length: int | None, size: int) -> bool:
    """Whether elements follow one another for exactly so many bytes, in clusters, too; the file has `size` of them."""
    end = file.tell() + (length or 0)
    if length is None or end > size:
        return False
    while file.tell() < end:
        found = _element(file)
        if found is None or found[1] is None:
            return False
        if found[0] != CLUSTER:
            file.seek(found[1], os.SEEK_CUR)
        elif not _is_row(file, found[1], size):
            return False
    return file.tell() == end


def _element(file: BinaryIO) -> tuple[int, int | None] | None:
    """The ID and the length of an element, None where it is not stated; None where none begins here."""
    numbers = []
    for _ in range(2):
        first = file.read(1)
        if not first or not first[0]:
            return None
        more = 8 - first[0].bit_length()
        numbers.append((int.from_bytes(first + file.read(more)), 7 * (more + 1)))
    (name, _), (length, bits) = numbers
    length &= (1 << bits) - 1
    return name, None if length == (1 << bits) - 1 else length


def _seconds(clock: str) -> Fraction | None:
    """Parse `hh:mm:ss.fraction`."""
    try:
        hours, minutes, seconds = clock.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds.strip("\0 "))
    except ValueError:
        return None
