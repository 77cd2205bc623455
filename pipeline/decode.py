"""Open whatever the user named: a video, a still, or numbered images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pipeline.clip import Clip
from pipeline.frames import CleanplateError, Frame
from pipeline.image_clips import SUFFIXES, is_pattern, open_folder, open_pattern, open_still, read_image
from pipeline.video_clip import VideoClip

__all__ = ["Clip", "open_clip", "open_timed", "parse_rate", "read_still"]


def open_clip(path: Path, fps: Fraction | None = None, *, is_matte: bool = False) -> Clip:
    """Open a clip.

    Args:
        path: A video file, an image file, a folder of images, or a pattern such as `name_%05d.png`.
        fps: Frames a second of images, whatever an OpenEXR's header says; None for that, or 25. A video has its own
            times, and it is not used there.
        is_matte: Whether the numbers are a matte's, which have no colours: images are read as they are stored.

    Returns:
        The clip, to be closed by its context manager.

    Raises:
        CleanplateError: It is missing, not a medium that can be read, empty, damaged or cut short; or `fps`
            is not positive.
    """
    path = Path(path)
    fps = None if fps is None else Fraction(fps)
    if fps is not None and fps <= 0:
        raise CleanplateError(f"{fps} frames a second is not a rate; give a positive one, such as 25")
    if path.is_dir():
        return open_folder(path, fps, is_matte=is_matte)
    if not path.exists():
        if is_pattern(path):
            return open_pattern(path, fps, is_matte=is_matte)
        raise CleanplateError(f"{path} does not exist")
    if path.suffix.lower() in SUFFIXES:
        return open_still(path, fps, is_matte=is_matte)
    return VideoClip(path)


def open_timed(path: Path, fps: Fraction | None) -> Clip:
    """Open a clip whose pictures are taken for `fps` a second, where that is said.

    Raises:
        CleanplateError: As `open_clip`; or a rate is said of a video.
    """
    clip = open_clip(path, fps)
    if fps is not None and isinstance(clip, VideoClip):
        clip.close()
        raise CleanplateError(f"--fps is for pictures, and {path} is a video with times of its own; leave --fps out")
    return clip


def parse_rate(text: str | None) -> Fraction | None:
    """Frames a second as people write them; raises CleanplateError where that is no number."""
    try:
        return Fraction(text).limit_denominator(1001) if text is not None else None  # containers count in 32 bits
    except (ValueError, ZeroDivisionError):
        raise CleanplateError(f"--fps {text}: give a number such as 25 or 24000/1001") from None


def read_still(path: Path, *, is_matte: bool = False) -> Frame:
    """Read an image file: the upright picture, 8 or 16 bits as in the file, with its alpha if it has one.

    `is_matte` as of `open_clip`.

    Raises:
        CleanplateError: The file is missing, or no image that can be read.
    """
    return read_image(Path(path), is_matte=is_matte)
