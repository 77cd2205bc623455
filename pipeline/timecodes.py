"""SMPTE timecodes of a clip's frames; the arithmetic is that of the package `timecode`."""

from __future__ import annotations

import re
from fractions import Fraction

from timecode.timecode import Timecode

_SLOWED = (24, 30, 48, 60, 120)
"""Frames a second that television has a thousandth slower, too."""

_DROPPING = 30
"""Frames a second of which, and of whose multiples, some are dropped."""

_FORM = re.compile(r"(\d\d:[0-5]\d:[0-5]\d[:;])(\d{1,3})")


def valid_timecode(text: str | None, rate: Fraction) -> str | None:
    """The timecode, where it is one at that rate (`HH:MM:SS:FF`, with `;` before the frames where some are dropped).

    FFmpeg gives the frames as many digits as the rate needs, from one to three; here they have at least two.
    """
    match = _FORM.fullmatch(text or "")
    if match is None or int(match[1][:2]) > 23 or int(match[2]) >= round(rate):
        return None
    if match[1].endswith(";") and round(rate) % _DROPPING:
        return None
    return f"{match[1]}{int(match[2]):02}"


def next_existing(timecode: str, rate: Fraction) -> str:
    """The timecode itself, or, where it is one of the first of a minute that are dropped, the next that is not."""
    parsed = _parsed(timecode, rate)
    if not parsed.drop_frame or str(parsed) == timecode:
        return timecode
    return f"{timecode[:9]}{2 * round(rate) // _DROPPING:02}"


def advanced(timecode: str, rate: Fraction, frames: int) -> str:
    """The timecode so many frames later."""
    return str(_parsed(timecode, rate) + frames) if frames else timecode


def frames_after(timecode: str, earlier: str, rate: Fraction) -> int:
    """By how many frames one timecode comes after another; negative where it comes before."""
    return int(_parsed(timecode, rate).frame_number - _parsed(earlier, rate).frame_number)


def frames_a_day(timecode: str, rate: Fraction) -> int:
    """After how many frames a timecode comes again; whether some are dropped, it says itself."""
    mark = timecode[8]
    return frames_after(f"23:59:59{mark}{round(rate) - 1:02}", f"00:00:00{mark}00", rate) + 1


def _parsed(timecode: str, rate: Fraction) -> Timecode:
    nominal = _nominal(rate)
    return Timecode(f"{nominal.numerator}/{nominal.denominator}", timecode, force_non_drop_frame=";" not in timecode)


def _nominal(rate: Fraction) -> Fraction:
    """The rate by which timecodes are counted where a phone's clock gave one near it: 30, or 30000/1001."""
    whole = Fraction(round(rate))
    slowed = whole * 1000 / 1001
    return slowed if whole in _SLOWED and abs(slowed - rate) < abs(whole - rate) else whole
