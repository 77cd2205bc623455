"""Which part of a clip: `--start` and `--end` as people write them."""

from __future__ import annotations

import re
from bisect import bisect_left
from fractions import Fraction

from pipeline.frames import CleanplateError, ClipInfo
from pipeline.timecodes import frames_a_day, frames_after, next_existing, valid_timecode


def parse_position(text: str, info: ClipInfo, option: str) -> int:
    """Frame number of `120`, `3.5s` or `00:00:03:12` (hours, minutes, seconds, frames).

    A timecode is one of the clip's own track where the clip has one that begins no later, or that reaches it past
    midnight; else it counts from the clip's start: frames, as editors do, or, where frames come irregularly, seconds
    and frames at the nominal rate.

    Args:
        text: What the user wrote.
        info: The clip; seconds are looked up in its own times, which may be rounded.
        option: The option's name, for the message.

    Returns:
        The first frame at or after that position, 0 to the clip's length.

    Raises:
        CleanplateError: It is none of these, or lies outside the clip.
    """
    if re.fullmatch(r"\d+", text):
        index = int(text)
    elif re.fullmatch(r"\d+(\.\d+)?s", text):
        index = _frame_at(Fraction(text[:-1]), info)
    elif re.fullmatch(r"\d+:\d\d:\d\d[:;]\d{1,3}", text):
        index = _at_timecode(text, info, option)
    else:
        raise CleanplateError(
            f"{option} {text}: give a frame such as 120, seconds such as 3.5s, or a timecode such as 00:00:03:12"
        )
    return _inside(index, text, info, option)


def _at_timecode(text: str, info: ClipInfo, option: str) -> int:
    none_such = f"{option} {text}: at {_short(info.rate)} frames a second there is no such timecode"
    hour, rest = text.split(":", 1)
    timecode = valid_timecode(f"{int(hour):02}:{rest}", info.rate)
    if timecode is None:
        raise CleanplateError(none_such)
    mark = timecode[8]
    for own in filter(None, (info.timecode, f"00:00:00{mark}00" if is_regular(info) else None)):
        as_own = f"{timecode[:8]}{own[8]}{timecode[9:]}"  # which counts frames as the clip's own does
        existing = next_existing(as_own, info.rate)
        later = frames_after(existing, own, info.rate)
        if later < 0 and (past_midnight := later + frames_a_day(own, info.rate)) <= len(info):
            later = past_midnight
        if later < 0:
            continue
        if existing != as_own:
            raise CleanplateError(f"{none_such}; the next is {existing}")
        return later
    hours, minutes, seconds, frames = map(int, re.split("[:;]", timecode))
    return _frame_at(hours * 3600 + minutes * 60 + seconds + frames / info.rate, info)


def parse_range(start: str | None, end: str | None, info: ClipInfo) -> tuple[int, int]:
    """First frame and the frame to stop before.

    Raises:
        CleanplateError: The range is empty or lies outside the clip.
    """
    first = parse_position(start, info, "--start") if start is not None else 0
    stop = parse_position(end, info, "--end") if end is not None else len(info)
    given = (f"{option} {text}" for option, text in (("--start", start), ("--end", end)) if text is not None)
    return _some(first, stop, info, " ".join(given))


def parse_span(text: str, info: ClipInfo, option: str) -> tuple[int, int]:
    """First frame and the frame to stop before, of `206-226`, `0-2s` or `00:00:01:00-00:00:02:12`.

    Args:
        text: Two positions as `parse_position` takes them; an `s` at the end goes for both.
        info: The clip.
        option: The option's name, for the message.

    Raises:
        CleanplateError: It is none of these, is empty or lies outside the clip.
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise CleanplateError(f"{option} {text}: give two positions, such as 206-226 (frames) or 0-2s")
    if end.endswith("s") and re.fullmatch(r"\d+(\.\d+)?", start):
        start += "s"
    first, stop = (parse_position(position, info, option) for position in (start, end))
    return _some(first, stop, info, f"{option} {text}")


def _some(first: int, stop: int, info: ClipInfo, given: str) -> tuple[int, int]:
    if first == len(info):
        raise _outside(given, info)
    if first >= stop:
        raise CleanplateError(f"{given}: no frame lies from {first} to before {stop}")
    return first, stop


def _inside(index: int, text: str, info: ClipInfo, option: str) -> int:
    if index > len(info):
        raise _outside(f"{option} {text}", info)
    return index


def _outside(given: str, info: ClipInfo) -> CleanplateError:
    count, seconds = len(info), float((info.end_pts - info.pts[0]) * info.time_base)
    return CleanplateError(
        f"{given}: {info.path.name} has {count} frames, 0 to {count - 1}, and ends at {count} ({seconds:.2f} s)"
    )


def _frame_at(seconds: Fraction, info: ClipInfo) -> int:
    """The first frame at or after a time; a clip's times are rounded to its units, which may be milliseconds.

    After its last frame, the clip's length; over a second after its end, as people round, more.
    """
    rounding = min(Fraction(1, 2), Fraction(1, 2000) / info.time_base)
    pts = info.pts[0] + seconds / info.time_base - rounding
    return bisect_left(info.pts, pts) + (pts > info.end_pts + 1 / info.time_base)


def is_regular(info: ClipInfo) -> bool:
    """Whether no frame is half a frame from where the rate has it."""
    step = 1 / (info.rate * info.time_base)
    return all(2 * abs(pts - info.pts[0] - index * step) < step for index, pts in enumerate(info.pts))


def _short(rate: Fraction) -> str:
    return f"{float(rate):.5g}"
