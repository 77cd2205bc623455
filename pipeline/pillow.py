"""Pillow, which reads what FFmpeg does not: HEIC as phones take it, TGA, and what stands beside the pixels."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pillow_heif
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from pipeline.colour import RGB, UNKNOWN
from pipeline.frames import CleanplateError, Colour, Image

SUFFIXES = frozenset((".heic", ".heif", ".tga"))
"""Of the pictures that `read_picture` is for."""

UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError)
"""What Pillow raises where a picture is damaged, or of a kind that it does not know."""


@cache
def _prepare() -> None:
    """Have Pillow read HEIC, and pictures of any size: its limit is for strangers', and phones take 200 megapixels."""
    pillow_heif.register_heif_opener()
    PillowImage.MAX_IMAGE_PIXELS = None


def opened(data: bytes) -> PillowImage.Image:
    """The content of a picture's file, of which only the header has been read.

    Raises:
        One of UNREADABLE.
    """
    _prepare()
    return PillowImage.open(io.BytesIO(data))


def read_picture(data: bytes, path: object) -> tuple[Image, Image | None, Colour]:
    """Decode a picture.

    Args:
        data: The file's content.
        path: Its name, for messages.

    Returns:
        H x W x 3 uint8, upright; its alpha, H x W, where it has one; and the colours that HEIC is tagged with.

    Raises:
        CleanplateError: It is none.
    """
    try:
        with opened(data) as picture:
            has_alpha = "A" in picture.getbands()
            tags = picture.info.get("nclx_profile") or {}
            pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGBA" if has_alpha else "RGB"))
    except UNREADABLE as error:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged") from error
    colour = Colour(
        matrix=RGB,
        primaries=tags.get("color_primaries", UNKNOWN),
        transfer=tags.get("transfer_characteristics", UNKNOWN),
        full_range=True,
    )
    alpha = np.ascontiguousarray(pixels[..., 3]) if has_alpha else None
    return np.ascontiguousarray(pixels[..., :3]), alpha, colour if tags else Colour()
