"""Which way up a picture is stored, and turning it upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type

from pipeline.frames import Image
from pipeline.pillow import UNREADABLE, opened

_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Orientation:
    """How stored pixels map to the upright picture: x' = a x + c y and y' = b x + d y, but for an offset.

    Each of the four is -1, 0 or 1; FFmpeg's display matrix has the same letters.
    """

    a: int = 1
    b: int = 0
    c: int = 0
    d: int = 1

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright picture is as wide as the stored one is high."""
        return self.a == 0

    def upright(self, image: Image) -> Image:
        """Turn an H x W (x C) image upright; it comes back contiguous, and itself where nothing is to do."""
        if self == Orientation():
            return image
        turned = image.swapaxes(0, 1) if self.swaps_sides else image
        across = self.a + self.c
        down = self.b + self.d
        return cast(Image, np.ascontiguousarray(turned[::down, ::across]))


# EXIF 2.32, tag 0x0112, in the order of its values 1 to 8.
_EXIF = (
    Orientation(1, 0, 0, 1),
    Orientation(-1, 0, 0, 1),
    Orientation(-1, 0, 0, -1),
    Orientation(1, 0, 0, -1),
    Orientation(0, 1, 1, 0),
    Orientation(0, 1, -1, 0),
    Orientation(0, -1, -1, 0),
    Orientation(0, -1, 1, 0),
)


def orientation_of_frame(frame: av.VideoFrame) -> Orientation:
    """The orientation that a video's display matrix asks for; angles are rounded to a quarter turn."""
    try:
        matrix = cast(SideDataContainer, frame.side_data)[Type.DISPLAYMATRIX]
    except KeyError:
        return Orientation()
    except ValueError:  # PyAV refuses all side data where one kind is newer than it knows
        return _from_angle(frame.rotation)
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), np.int32)[:5])
    if abs(a) >= abs(b):
        return Orientation(int(np.sign(a)) or 1, 0, 0, int(np.sign(d)) or 1)
    return Orientation(0, int(np.sign(b)), int(np.sign(c)) or 1, 0)


def _from_angle(counter_clockwise_degrees: int) -> Orientation:
    quarter = round(counter_clockwise_degrees / 90) % 4
    return (_EXIF[0], _EXIF[7], _EXIF[2], _EXIF[5])[quarter]


def orientation_of_image(data: bytes) -> Orientation:
    """The orientation in the EXIF data of an encoded image; upright where there is none.

    Args:
        data: The bytes of the image's file.
    """
    try:
        with opened(data) as image:
            value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except UNREADABLE:
        return Orientation()  # a format without EXIF, or one that Pillow does not know
    return _EXIF[value - 1] if value in range(1, 9) else Orientation()
