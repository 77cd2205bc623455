"""Puts mattes together with backgrounds, and turns light into code values."""

from __future__ import annotations

import numpy as np

from pipeline.frames import FloatImage, Image, Matte


def composite(matte: Matte, background: FloatImage) -> FloatImage:
    """Alpha F + (1 - alpha) B-bar, H x W x 3 in [0, 1]."""
    alpha = matte.alpha[..., None]
    result: FloatImage = background + alpha * (matte.foreground - background)
    return result


def transparent(matte: Matte) -> FloatImage:
    """Straight foreground with alpha, H x W x 4 in [0, 1]."""
    return np.concatenate((matte.foreground, matte.alpha[..., None]), axis=2)


def unit(image: Image) -> FloatImage:
    """uint8 or uint16 to float32 in [0, 1]."""
    return np.multiply(image, np.float32(1 / np.iinfo(image.dtype).max), dtype=np.float32)


def quantise(image: FloatImage, bit_depth: int) -> Image:
    """Float in [0, 1] to the nearest of 8-bit codes, or of 16-bit codes where `bit_depth` is above 8."""
    if bit_depth == 8:
        return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.clip(image * 65535 + 0.5, 0, 65535).astype(np.uint16)
