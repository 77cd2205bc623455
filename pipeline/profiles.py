"""ICC profiles of pictures: colours that H.273 has a number for are tagged, others become sRGB."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms

from pipeline.colour import as_depth
from pipeline.frames import Colour, Image
from pipeline.light import CHROMATICITIES, SRGB, differs, to_d50
from pipeline.pillow import UNREADABLE, opened

SAME_PRIMARY = 3e-3
"""Of X, Y and Z, up to which a profile's primaries are those of a number."""

SAME_CURVE = 2
"""Of 255, up to which a profile's greys are those of sRGB."""


def profile_of(data: bytes) -> bytes | None:
    """The profile in a picture's file; None where there is none."""
    try:
        with opened(data) as picture:
            return picture.info.get("icc_profile")
    except UNREADABLE:
        return None


def in_known_colours(image: Image, colour: Colour, profile: bytes) -> tuple[Image, Colour]:
    """A picture whose numbers mean what its tags say.

    Args:
        image: H x W x 3.
        colour: As the file is tagged otherwise; tags that say something come first.
        profile: The ICC profile in its file.

    Returns:
        The same image with the profile's primaries, where they and the curve are known ones; else the image in sRGB,
        uint8. A profile that is damaged, or not of RGB, says nothing.
    """
    if differs(colour, Colour()):
        return image, colour
    primaries = _primaries(profile)
    if primaries is None:
        return image, colour
    if primaries in CHROMATICITIES:
        return image, replace(colour, primaries=primaries, transfer=SRGB) if primaries != 1 else colour
    return _as_srgb(as_depth(image, 8), profile), colour


@lru_cache(maxsize=8)
def _primaries(profile: bytes) -> int | None:
    """H.273's number, 0 where there is none or the curve is another; None where the profile says nothing."""
    try:
        known = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
        colorants = [x[0] for x in (known.red_colorant, known.green_colorant, known.blue_colorant) if x is not None]
        if known.xcolor_space.strip() != "RGB":
            return None
        greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
        shift = np.abs(_as_srgb(greys, profile).astype(int) - greys).max()
    except (OSError, ImageCms.PyCMSError):
        return None
    if shift > SAME_CURVE or len(colorants) < 3:
        return 0
    xyz = np.transpose(colorants)
    alike = (number for number in CHROMATICITIES if np.allclose(xyz, to_d50(number), atol=SAME_PRIMARY))
    return next(alike, 0)


def _as_srgb(image: Image, profile: bytes) -> Image:
    """H x W x 3 uint8, by Little CMS."""
    source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target: Any = ImageCms.createProfile("sRGB")
    done = ImageCms.profileToProfile(PillowImage.fromarray(image), source, target)
    assert done is not None  # it is not in place
    return np.array(done)
