"""HEIC photographs, as phones take them."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
import pillow_heif
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps, UnidentifiedImageError

from pipeline.frames import CleanplateError, Image


def read_heic(data: bytes, path: object) -> Image:
    """Decode a photograph.

    Args:
        data: The file's content.
        path: Its name, for messages.

    Returns:
        H x W x 3 uint8, upright, in the colours of sRGB where a profile says what the file's are.

    Raises:
        CleanplateError: It is none.
    """
    pillow_heif.register_heif_opener()
    try:
        with PillowImage.open(io.BytesIO(data)) as opened:
            profile = opened.info.get("icc_profile")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged") from error
    if profile:
        srgb = ImageCms.createProfile("sRGB")
        picture = cast(
            PillowImage.Image, ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), srgb)
        )
    return np.asarray(picture)
