"""Pillow, which reads what FFmpeg does not: HEIC and AVIF in tiles, TGA, odd TIFFs; and what stands beside pixels."""

from __future__ import annotations

import io
import warnings
from functools import cache

import av
import numpy as np
import pillow_heif
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as PillowImage

from pipeline.colour import RGB, UNKNOWN, bit_depth_of
from pipeline.frames import CleanplateError, Colour, Image

SUFFIXES = frozenset((".avif", ".heic", ".heif", ".hif", ".tga"))
"""Of the pictures that `read_picture` is for, whatever is in them."""

JPEG_IN_TIFF, YCBCR, LAB = (6, 7), 6, (8, 9, 10)
"""Of TIFF's compressions and kinds of colour (TIFF 6.0, 8 and 22), those that FFmpeg shows black, otherwise, or not."""

UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, RuntimeError)
"""What Pillow raises where a picture is damaged, or of a kind that it does not know."""


@cache
def _prepare() -> None:
    """Have Pillow read HEIC, and pictures of any size: its limit is for strangers', and phones take 200 megapixels.

    Of odd tags it is to say nothing.
    """
    warnings.filterwarnings("ignore", module="PIL")
    pillow_heif.register_heif_opener()
    PillowImage.MAX_IMAGE_PIXELS = None


def opened(data: bytes) -> PillowImage.Image:
    """The content of a picture's file, of which only the header has been read.

    Raises:
        One of UNREADABLE.
    """
    _prepare()
    return PillowImage.open(io.BytesIO(data))


def is_for_pillow(data: bytes, suffix: str) -> bool:
    """Whether `read_picture` is to read a file, given its content and the lower-case suffix of its name."""
    if suffix in SUFFIXES and suffix != ".avif":
        return True
    try:
        with opened(data) as picture:
            if suffix == ".avif":
                return not _is_deep(picture, data)
            if picture.format != "TIFF":
                return _is_animation(picture)
            tags = picture.getexif()
    except UNREADABLE:
        return suffix in SUFFIXES
    compression, kind = tags.get(ExifTags.Base.Compression), tags.get(ExifTags.Base.PhotometricInterpretation)
    return compression in JPEG_IN_TIFF or kind == YCBCR or kind in LAB


def read_picture(data: bytes, path: object) -> tuple[Image, Image | None, Colour]:
    """Decode a picture.

    Args:
        data: The file's content.
        path: Its name, for messages.

    Returns:
        H x W x 3 uint8, upright; its alpha, H x W, where it has one; and the colours that HEIC and AVIF are tagged
        with.

    Raises:
        CleanplateError: It is none, or an animation, or of colours other than red, green and blue.
    """
    try:
        with opened(data) as picture:
            _check(picture, path)
            has_alpha = "A" in picture.getbands()
            pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGBA" if has_alpha else "RGB"))
            colour = Colour(RGB, *_tags(picture, data), full_range=True)
    except UNREADABLE as error:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged") from error
    alpha = np.ascontiguousarray(pixels[..., 3]) if has_alpha else None
    return np.ascontiguousarray(pixels[..., :3]), alpha, colour


def _check(picture: PillowImage.Image, path: object) -> None:
    if _is_animation(picture):
        raise CleanplateError(f"{path} is an animation; convert it to .webm or .apng first")
    if picture.mode in ("CMYK", "LAB"):
        raise CleanplateError(f"{path} has {picture.mode} colours; convert it to RGB first")


def _is_animation(picture: PillowImage.Image) -> bool:
    """Whether a picture moves; several in one TIFF or HEIC, or a photograph with a small one beside it, do not."""
    return picture.format in ("AVIF", "WEBP") and getattr(picture, "is_animated", False)


def _is_deep(picture: PillowImage.Image, data: bytes) -> bool:
    """Whether FFmpeg reads more of an AVIF than Pillow's 8 bits: if it is in one piece, opaque, and stands still."""
    if _is_animation(picture) or "A" in picture.getbands():
        return False
    with av.open(io.BytesIO(data)) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None or (stream.width, stream.height) != picture.size or stream.codec_context.format is None:
            return False
        return bit_depth_of(stream.codec_context.format) > 8


def _tags(picture: PillowImage.Image, data: bytes) -> tuple[int, int]:
    """Primaries and transfer; Pillow does not tell those of AVIF."""
    if picture.format == "AVIF":
        with av.open(io.BytesIO(data)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                return UNKNOWN, UNKNOWN
            return stream.codec_context.color_primaries, stream.codec_context.color_trc
    tags = picture.info.get("nclx_profile") or {}
    return tags.get("color_primaries", UNKNOWN), tags.get("transfer_characteristics", UNKNOWN)
