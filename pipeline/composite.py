"""Puts mattes together with backgrounds, and turns light into code values."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.frames import FloatImage, Image, Matte

STRIP_PIXELS = 1 << 16


def composite(matte: Matte, background: FloatImage) -> FloatImage:
    """Alpha F + (1 - alpha) B-bar, H x W x 3 in [0, 1]."""
    result = np.empty_like(matte.foreground)
    for rows in _strips(result):
        result[rows] = _mixed(matte, background, (rows, slice(None)))
    return result


def composite_codes(matte: Matte, background: FloatImage, behind: Image) -> Image:
    """The composite in code values: just what `quantise` makes of it, but nothing is computed where nobody is.

    Args:
        matte: The matte.
        background: H x W x 3 in [0, 1].
        behind: The background's own code values, of as many bits as the result is to have; they stay as they are.
    """
    codes = behind.copy()
    for rows in _strips(codes):
        columns = np.flatnonzero(matte.alpha[rows].any(axis=0))
        if len(columns):
            part = rows, slice(columns[0], columns[-1] + 1)
            codes[part] = quantise(_mixed(matte, background, part), 8 * codes.itemsize)
    return codes


def _mixed(matte: Matte, background: FloatImage, part: tuple[slice, slice]) -> FloatImage:
    """The composite in a part of the picture; where alpha is 0, the background to the bit."""
    behind = np.broadcast_to(background, matte.foreground.shape)[part]
    mixed: FloatImage = matte.foreground[part] - behind
    mixed *= cv2.merge((matte.alpha[part],) * 3)  # numpy is slow along a last axis of three
    mixed += behind
    return mixed


def transparent(matte: Matte) -> FloatImage:
    """Straight foreground with alpha, H x W x 4 in [0, 1]."""
    return np.asarray(cv2.merge((matte.foreground, matte.alpha)), np.float32)


def straight(image: Image, alpha: Image) -> Image:
    """Code values that are multiplied by alpha, H x W x 3, divided by it; where it is 0 they stay."""
    share = unit(alpha)
    share[alpha == 0] = 1
    return quantise(unit(image) / share[..., None], 8 * image.itemsize)


def unit(image: Image) -> FloatImage:
    """uint8 or uint16 to float32 in [0, 1]."""
    return np.multiply(image, np.float32(1 / np.iinfo(image.dtype).max), dtype=np.float32)


def quantise(image: FloatImage, bit_depth: int) -> Image:
    """Float in [0, 1] to the nearest of 8-bit codes, or of 16-bit codes where `bit_depth` is above 8."""
    kind = np.uint8 if bit_depth == 8 else np.uint16
    most = np.float32(np.iinfo(kind).max)
    codes: Image = np.empty(image.shape, kind)
    for rows in _strips(image):
        strip = image[rows] * most
        strip += np.float32(0.5)
        codes[rows] = np.clip(strip, 0, most, out=strip)
    return codes


def _strips(image: FloatImage | Image) -> Iterator[slice]:
    """Its rows, as many at a time as stay in a processor's cache."""
    rows = max(1, STRIP_PIXELS // image.shape[1])
    return (slice(first, first + rows) for first in range(0, len(image), rows))
