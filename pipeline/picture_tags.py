"""What OpenCV does not write into pictures: the kind of alpha of a TIFF, the colours of a PNG."""

from __future__ import annotations

import struct
import zlib

from pipeline.frames import Colour
from pipeline.light import primaries_of

_EXTRA_SAMPLES, _SHORT = 338, 3

_PNG, _PNG_HEADER = b"\x89PNG\r\n\x1a\n", 8 + 25


def with_colour(data: bytes, colour: Colour) -> bytes:
    """A PNG that says its primaries and curve (PNG, third edition, cICP), by H.273's numbers.

    Args:
        data: A PNG.
        colour: What its numbers mean.

    Raises:
        ValueError: It is no PNG.
    """
    if not data.startswith(_PNG):
        raise ValueError("the data are no PNG")
    body = b"cICP" + bytes((primaries_of(colour), colour.transfer, 0, 1))  # RGB, full range
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_PNG_HEADER] + chunk + data[_PNG_HEADER:]


def with_kind_of_alpha(data: bytes, *, premultiplied: bool) -> bytes:
    """A TIFF whose fourth sample is said to be alpha (TIFF 6.0, ExtraSamples).

    Its directory is copied to the end, with the tag added.

    Args:
        data: A TIFF of one picture with four samples a pixel, which does not say so yet.
        premultiplied: Whether the colour is multiplied by alpha ("associated").

    Raises:
        ValueError: It is no such TIFF.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise ValueError("the data are no TIFF")
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    entries = [data[at : at + 12] for at in range(directory + 2, directory + 2 + 12 * count, 12)]
    tags = [struct.unpack_from(f"{order}H", entry)[0] for entry in entries]
    if _EXTRA_SAMPLES in tags:
        raise ValueError("the TIFF says already what its extra samples are")
    kind = struct.pack(f"{order}HHIHH", _EXTRA_SAMPLES, _SHORT, 1, 1 if premultiplied else 2, 0)
    entries.insert(sum(tag < _EXTRA_SAMPLES for tag in tags), kind)
    padded = data + bytes(len(data) % 2)
    table = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    return padded[:4] + struct.pack(f"{order}I", len(padded)) + padded[8:] + table
