"""OpenEXR pictures: linear half floats unless codes are asked for, multiplied by alpha, as compositors expect."""

from __future__ import annotations

import io
import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from pipeline.colour import RGB, UNKNOWN
from pipeline.frames import CleanplateError, ClipInfo, Colour, FloatImage, Image
from pipeline.light import CHROMATICITIES, HLG, PQ, SRGB, WHITE_NITS, primaries_of, to_display, to_light
from pipeline.timecodes import advanced, valid_timecode

NO_ALPHA = "has colours, but an alpha of 0 everywhere, which is left out"
CLIPPED = "has light brighter than white, which is clipped"

BRIGHTER = 1 + 1 / 256
"""Light from which something is brighter than white: what was multiplied by alpha and divided again is less exact."""

MOST_FRAMES = 30
"""Frames a second above which timecodes count pairs of frames, and a bit tells which of the two (SMPTE ST 12-1)."""


def header_of(like: ClipInfo, number: int) -> dict[str, Any]:
    """What the header says of a frame: rate, primaries, a pixel's shape, timecode if it fits, reel, white in HDR.

    Args:
        like: The clip.
        number: The frame's in the clip.
    """
    header: dict[str, Any] = {
        # A plain pair would become a vector, which readers of the standard attribute pass over.
        "framesPerSecond": OpenEXR.OpaqueAttribute(struct.pack("<iI", *like.rate.as_integer_ratio()), "rational"),
        "chromaticities": CHROMATICITIES.get(primaries_of(like.colour), CHROMATICITIES[1]),
        "pixelAspectRatio": float(like.pixel_aspect),
    }
    if like.colour.transfer in (PQ, HLG):
        header["whiteLuminance"] = WHITE_NITS
    if like.reel_name:
        header["reelName"] = like.reel_name
    if like.timecode is not None and has_timecode(like):
        timecode = advanced(like.timecode, like.rate, number)
        hours, minutes, seconds, frames = (int(part) for part in re.split("[:;]", timecode))
        pair, second = divmod(frames, 2) if round(like.rate) > MOST_FRAMES else (frames, 0)
        drops = int(";" in timecode)
        header["timeCode"] = OpenEXR.TimeCode(hours, minutes, seconds, pair, drops, 0, second, *[0] * 11)
    return header


def has_timecode(like: ClipInfo) -> bool:
    """Whether a header can hold the timecodes of a clip that has some: SMPTE's hold 30 frames, or pairs of frames."""
    return round(like.rate) <= 2 * MOST_FRAMES


def header_in(path: Path) -> dict[str, Any]:
    """What the header of a picture says that `read_exr` can read."""
    with _opened(path, header_only=True) as file:
        return dict(file.header())


def rate_in(header: dict[str, Any]) -> Fraction | None:
    """Frames a second, where a header says so."""
    stated = header.get("framesPerSecond")
    rate = stated.limit_denominator(1001) if isinstance(stated, Fraction) else Fraction(0)
    return rate if rate > 0 else None


def pixel_aspect_in(header: dict[str, Any]) -> Fraction:
    """Width of a pixel over its height; 1 where a header does not say."""
    return Fraction(header.get("pixelAspectRatio", 1)).limit_denominator(1000) or Fraction(1)


def timecode_in(header: dict[str, Any], rate: Fraction) -> str | None:
    """The picture's timecode, where a header holds one that is valid at that rate."""
    code = header.get("timeCode")
    if not isinstance(code, OpenEXR.TimeCode):
        return None
    frames = 2 * code.frame + code.fieldPhase if round(rate) > MOST_FRAMES else code.frame
    mark = ";" if code.dropFrame else ":"
    return valid_timecode(f"{code.hours:02}:{code.minutes:02}:{code.seconds:02}{mark}{frames}", rate)


def write_exr(path: Path, image: FloatImage, header: dict[str, Any], colour: Colour, *, codes: bool = False) -> None:
    """Write a picture.

    Args:
        path: The file.
        image: H x W x 1 alpha or mask, which becomes channel Y as it is; H x W x 3, or H x W x 4 with straight alpha,
            which become light (1 at the white of graphics) and, with alpha, premultiplied.
        header: From `header_of`.
        colour: What the image's numbers mean.
        codes: Whether the image's numbers are kept rather than made light.

    Raises:
        OSError: It cannot be written.
    """
    if image.shape[2] == 1:
        channels = {"Y": _half(image[..., 0])}
    else:
        light = image[..., :3] if codes else to_light(image[..., :3], colour.transfer)
        if image.shape[2] == 4:
            light = np.dstack([light * image[..., 3:], image[..., 3]])
        channels = {"RGB" if image.shape[2] == 3 else "RGBA": _half(light)}
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    data = io.BytesIO()
    with OpenEXR.File(header | kind, channels) as file:
        file.write(data)
    path.write_bytes(data.getbuffer())  # the library itself keeps silent where the last of a file finds no room


def read_exr(path: Path, *, is_matte: bool = False) -> tuple[Image, Image | None, Colour, tuple[str, ...]]:
    """Read a picture.

    Args:
        path: The file.
        is_matte: Whether the numbers are kept as they are, neither seen as light nor divided by alpha; then there
            may be alpha alone.

    Returns:
        Display-referred H x W x 3 uint16, brighter than white clipped; H x W alpha where there is one; what the
        numbers mean, by the header's chromaticities where they are known ones; and remarks as of a `Frame`. It has the
        size of the display window; what the file holds beyond that is cut off, and what it does not hold is clear. Of
        several parts, it is the first that holds a picture, in colour if there is one.

    Raises:
        CleanplateError: It is no such picture, or has no colours.
    """
    damaged = f"{path} is not an image that can be read, or it is damaged"
    try:
        with _opened(path, separate_channels=True) as file:
            if not file.parts:  # of one that is cut short, the library reads none
                raise CleanplateError(damaged)
            part, names = _picture_in(file.parts, path, is_matte=is_matte)
            primaries = _numbered(part.header.get("chromaticities"))
            shown = {name: _displayed(part, part.channels[name].pixels) for name in {*names, "A"} & set(part.channels)}
            held = _held(part)
    except (RuntimeError, ZeroDivisionError) as error:  # the latter: a fraction in its header has no denominator
        raise CleanplateError(damaged) from error
    light = np.dstack([shown[name] for name in names]).astype(np.float32)
    colour = Colour(RGB, primaries, SRGB, full_range=True)
    alpha, remarks = shown.get("A"), []
    if is_matte:
        return _codes(light.clip(0, 1)), None if alpha is None else _codes(alpha.clip(0, 1)), colour, ()
    if alpha is not None and light.any() and not alpha.any():
        alpha = None
        remarks.append(NO_ALPHA)
    alpha = held if alpha is None else np.clip(alpha.astype(np.float32), 0, 1)
    if alpha is not None:
        light /= np.where(alpha > 0, np.maximum(alpha, 1e-4), 1)[..., None]  # light without alpha is added to others'
    if (light > BRIGHTER).any():
        remarks.append(CLIPPED)
    return _codes(to_display(light)), None if alpha is None else _codes(alpha), colour, tuple(remarks)


def _opened(path: Path, **options: bool) -> OpenEXR.File:
    return OpenEXR.File(io.BytesIO(path.read_bytes()), **options)  # of names, the library takes only those in UTF-8


def _picture_in(parts: list[OpenEXR.Part], path: Path, *, is_matte: bool) -> tuple[OpenEXR.Part, tuple[str, ...]]:
    """The part of a file that holds the picture, the first that has its channels, and their names, three of them."""
    kinds = [("R", "G", "B"), ("Y",) * 3, *([("A",) * 3] if is_matte else [])]
    found = ((part, names) for names in kinds for part in parts if set(names) <= set(part.channels))
    chosen = next(found, None)
    if chosen is None:
        there = sorted({name for part in parts for name in part.channels})
        raise CleanplateError(f"{path} has no channels R, G and B, nor Y; it has {', '.join(there)}")
    return chosen


def _held(part: OpenEXR.Part) -> NDArray[Any] | None:
    """1 in the display window where the data window reaches, else 0, h x w; None where that is everywhere."""
    (left, top), (right, bottom) = part.header["dataWindow"]
    shown = _displayed(part, np.ones((bottom - top + 1, right - left + 1), np.float32))
    return None if shown.all() else shown


def _displayed(part: OpenEXR.Part, pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels of the data window as they lie in the display window, h x w."""
    (left, top), (right, bottom) = part.header["displayWindow"]
    (x, y), (last_x, last_y) = part.header["dataWindow"]
    if (left, top, right, bottom) == (x, y, last_x, last_y):
        return pixels
    shown = np.zeros((bottom - top + 1, right - left + 1), pixels.dtype)
    rows, columns = slice(max(y, top), min(last_y, bottom) + 1), slice(max(x, left), min(last_x, right) + 1)
    if rows.start < rows.stop and columns.start < columns.stop:
        there = pixels[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
        shown[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = there
    return shown


def _numbered(chromaticities: tuple[float, ...] | None) -> int:
    """H.273's number of primaries; UNKNOWN where they have none, or are not said."""
    given = np.array(chromaticities or (), np.float32)
    alike = (number for number, known in CHROMATICITIES.items() if np.allclose(given, known, atol=2e-3))
    return next(alike, UNKNOWN) if len(given) == 8 else UNKNOWN


def _half(values: FloatImage) -> Any:
    return np.ascontiguousarray(values, np.float16)


def _codes(values: FloatImage) -> Image:
    # A half float ends at 65504.
    return cast(Image, np.rint(np.nan_to_num(np.asarray(values, np.float32)) * 65535).astype(np.uint16))
