"""What OpenCV does not write into pictures, nor FFmpeg read: the kind of alpha of a TIFF, the colours of a PNG."""

from __future__ import annotations

import struct
import zlib

from pipeline.frames import Colour
from pipeline.light import primaries_of

_EXTRA_SAMPLES, _SHORT = 338, 3
_ASSOCIATED, _UNASSOCIATED = 1, 2
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}

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
    if data[:4] not in _ORDERS:
        raise ValueError("the data are no TIFF")
    order, entries = _ORDERS[data[:4]], _entries(data)
    if _EXTRA_SAMPLES in entries:
        raise ValueError("the TIFF says already what its extra samples are")
    kind = _ASSOCIATED if premultiplied else _UNASSOCIATED
    entries[_EXTRA_SAMPLES] = struct.pack(f"{order}HHIHH", _EXTRA_SAMPLES, _SHORT, 1, kind, 0)
    padded = data + bytes(len(data) % 2)
    table = struct.pack(f"{order}H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    return padded[:4] + struct.pack(f"{order}I", len(padded)) + padded[8:] + table


def is_multiplied(data: bytes) -> bool:
    """Whether a picture is a TIFF that says that its colours are multiplied by its alpha."""
    entry = _entries(data).get(_EXTRA_SAMPLES) if data[:4] in _ORDERS else None
    return entry is not None and struct.unpack_from(f"{_ORDERS[data[:4]]}H", entry, 8)[0] == _ASSOCIATED


def _entries(data: bytes) -> dict[int, bytes]:
    """Those of a TIFF's first directory, 12 bytes each, by their tags."""
    order = _ORDERS[data[:4]]
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    entries = (data[at : at + 12] for at in range(directory + 2, directory + 2 + 12 * count, 12))
    return {struct.unpack_from(f"{order}H", entry)[0]: entry for entry in entries}
