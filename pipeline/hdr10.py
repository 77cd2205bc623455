"""What HDR10 states once for a whole clip: the screen that it was graded on, and how bright it gets."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import cast

import av
from av.sidedata.sidedata import SideDataContainer, Type

_PRIMARY, _LUMINANCE = Fraction(1, 50000), Fraction(1, 10000)
"""Units of SMPTE ST 2086: of x and y, and cd/m2."""


def hdr10_of(frame: av.VideoFrame) -> str:
    """The statements that come with a frame (SMPTE ST 2086, CTA-861.3), as x265 takes them; empty without any."""
    try:
        found = {data.type: bytes(data) for data in cast(SideDataContainer, frame.side_data)}
    except ValueError:  # PyAV refuses all side data where one kind is newer than it knows
        return ""
    words = []
    if Type.MASTERING_DISPLAY_METADATA in found:
        words += _screen(found[Type.MASTERING_DISPLAY_METADATA])
    if Type.CONTENT_LIGHT_LEVEL in found:
        words.append("max-cll={},{}".format(*struct.unpack_from("=2I", found[Type.CONTENT_LIGHT_LEVEL])))
    return ":".join(words)


def _screen(data: bytes) -> list[str]:
    """From FFmpeg's AVMasteringDisplayMetadata: ten fractions, and whether primaries and luminance are stated."""
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
    if not (has_primaries and has_luminance):
        return []
    values = [Fraction(*numbers[at : at + 2]) for at in range(0, 20, 2)]
    points = [round(value / _PRIMARY) for value in values[:8]]
    red, green, blue, white = (f"({points[at]},{points[at + 1]})" for at in range(0, 8, 2))
    darkest, brightest = (round(value / _LUMINANCE) for value in values[8:])
    return [f"master-display=G{green}B{blue}R{red}WP{white}L({brightest},{darkest})"]
