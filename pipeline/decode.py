"""Open whatever the user named: a video, a still, or numbered images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from pipeline.clip import Clip
from pipeline.frames import CleanplateError, Frame, Image
from pipeline.image_clips import SUFFIXES, is_pattern, open_folder, open_pattern, open_still, read_image
from pipeline.timeline import DEFAULT_RATE
from pipeline.video_clip import VideoClip

__all__ = ["Clip", "open_clip", "read_plate", "read_still"]

_PLATE_FRAMES = 15
_STRIP_ROWS = 64


def open_clip(path: Path, fps: Fraction | None = None) -> Clip:
    """Open a clip.

    Args:
        path: A video file, an image file, a folder of images, or a pattern such as `name_%05d.png`.
        fps: Frames a second of images, 25 unless said; a video has its own times, and it is not used there.

    Returns:
        The clip, to be closed by its context manager.

    Raises:
        CleanplateError: It is missing, not a medium that can be read, empty, damaged or cut short; or `fps`
            is not positive.
    """
    path = Path(path)
    rate = DEFAULT_RATE if fps is None else Fraction(fps)
    if rate <= 0:
        raise CleanplateError(f"{fps} frames a second is not a rate; give a positive one, such as 25")
    if path.is_dir():
        return open_folder(path, rate)
    if not path.exists():
        if is_pattern(path):
            return open_pattern(path, rate)
        raise CleanplateError(f"{path} does not exist")
    if path.suffix.lower() in SUFFIXES:
        return open_still(path, rate)
    return VideoClip(path)


def read_still(path: Path) -> Frame:
    """Read an image file: the upright picture, 8 or 16 bits as in the file, with its alpha if it has one.

    Raises:
        CleanplateError: The file is missing, or no image that can be read.
    """
    return read_image(Path(path))


def read_plate(path: Path) -> Image:
    """Read a plate: an image, or what stays the same in a video that was shot from a fixed place.

    Args:
        path: As for `open_clip`.

    Returns:
        H x W x 3, uint8 or uint16 as the source is deep. An image with transparent parts, where the plate is not
        known, gives H x W x 4. Of a video or a sequence it is the median, pixel by
        pixel, of up to 15 frames spread evenly over it.

    Raises:
        CleanplateError: As `open_clip`.
    """
    with open_clip(path) as clip:
        count = min(len(clip.info), _PLATE_FRAMES)
        chosen = [round(at) for at in np.linspace(0, len(clip.info) - 1, count)]
        frames = [next(clip.frames(index, index + 1)) for index in chosen]
    if len(frames) == 1:
        return _with_holes(frames[0])
    images = [frame.image for frame in frames]
    plate = np.empty_like(images[0])
    for row in range(0, len(plate), _STRIP_ROWS):  # a whole stack of 4K frames would not fit
        rows = slice(row, row + _STRIP_ROWS)
        plate[rows] = np.rint(np.median([image[rows] for image in images], axis=0))
    return plate


def _with_holes(frame: Frame) -> Image:
    if frame.alpha is None or frame.alpha.min() == np.iinfo(frame.alpha.dtype).max:
        return frame.image
    return cast(Image, np.dstack([frame.image, frame.alpha]))
