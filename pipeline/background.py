"""What the subject is put in front of."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from pipeline.clip import Clip
from pipeline.composite import unit
from pipeline.conversion import how_converted
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, ClipInfo, Colour, FloatImage, Frame, Image, Matte
from pipeline.image_clips import ImageClip, is_pattern
from pipeline.light import converted

BLUR = 1 / 50
"""Sigma of `blur` as a fraction of the frame's long side."""


class Background(ABC):
    """A new background. A picture depends on the frame's time and content only, so frames come in any order.

    Attributes:
        notes: What the user should know of how it was taken.
        is_still: Whether the same picture is behind all frames of a size.
    """

    notes: tuple[str, ...] = ()
    is_still = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What there is to say of the pictures that have been shown by now, beside the notes."""
        return ()

    @abstractmethod
    def behind(self, frame: Frame, matte: Matte) -> FloatImage:
        """The picture behind a frame: H x W x 3 float32 RGB in [0, 1]."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of open files."""


class Plain(Background):
    """One colour everywhere."""

    is_still = True

    def __init__(self, rgb: FloatImage) -> None:
        self.rgb = rgb

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The colour, as a picture that takes the memory of one row."""
        # One pixel would do, but numpy is slow along a last axis of three.
        return np.broadcast_to(np.tile(self.rgb, (frame.image.shape[1], 1)), frame.image.shape)


class Blurred(Background):
    """The old background out of focus, without the subject in it."""

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:
        """Blur of the pixels that are not the subject's: no ghost of it around its edge."""
        height, width = matte.alpha.shape
        small = (max(1, width // 4), max(1, height // 4))
        image = cv2.resize(unit(frame.image), small, interpolation=cv2.INTER_AREA)
        hidden = matte.alpha if matte.hides is None else matte.hides
        free = 1 - cv2.resize(hidden, small, interpolation=cv2.INTER_AREA)
        free = np.maximum(cv2.erode(free, np.ones((5, 5), np.uint8)), 1e-6)[..., None]
        sigma = BLUR * max(small)
        blurred = cv2.GaussianBlur(image * free, (0, 0), sigma) / cv2.GaussianBlur(free, (0, 0), sigma)[..., None]
        return cv2.resize(blurred.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Look:
    """How a picture becomes one of the clip's.

    Attributes:
        source: What the picture's numbers mean.
        target: What the clip's mean.
        aspect: Width of the clip's pixels over that of the picture's, both over their height.
    """

    source: Colour
    target: Colour
    aspect: Fraction = Fraction(1)

    def fitted(self, image: Image, frame: Frame) -> FloatImage:
        """A picture, H x W x 3, in the clip's colours and filling the frame."""
        height, width = frame.image.shape[:2]
        return fill_frame(converted(unit(image), self.source, self.target), (width, height), self.aspect)


class Still(Background):
    """A photograph that fills the frame; what is too much at two sides is cut off."""

    is_still = True

    def __init__(self, image: Image, look: Look) -> None:
        self.image, self.look = image, look
        self._fitted: dict[tuple[int, ...], FloatImage] = {}

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The photograph at the frame's size."""
        if frame.image.shape not in self._fitted:
            self._fitted[frame.image.shape] = self.look.fitted(self.image, frame)
        return self._fitted[frame.image.shape]


class Moving(Background):
    """A video that starts with the clip and begins again when it is over."""

    def __init__(self, clip: Clip, clip_start: Fraction, frame_seconds: Fraction, look: Look) -> None:
        """Takes over an open clip.

        Args:
            clip: The background video.
            clip_start: Presentation time of the matted clip's first frame, seconds, whatever part is rendered.
            frame_seconds: How long one of its frames lasts.
            look: How its pictures become the matted clip's.
        """
        self.clip, self.clip_start, self.frame_seconds, self.look = clip, clip_start, frame_seconds, look
        self._frames: Iterator[Frame] = iter(())
        self._current: Frame | None = None

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The background's picture at the time of the frame, filling it."""
        image = self._at(self.index_at(frame.pts * frame.time_base - self.clip_start))
        return self.look.fitted(image, frame)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Those of the clip."""
        return self.clip.notes

    def close(self) -> None:
        """Close the video."""
        self.clip.close()

    def index_at(self, seconds: Fraction) -> int:
        """Which of its frames is shown a time after the matted clip's first frame.

        Looked up half a frame later, in the middle of what both show: at the same rate, times that are rounded to a
        millisecond, or that a phone's clock wrote, would else fall on either side of a frame's beginning.
        """
        info = self.clip.info
        length = info.end_pts - info.pts[0]
        middle = seconds + min(self.frame_seconds, frame_seconds(info)) / 2
        pts = info.pts[0] + (middle / info.time_base) % length
        return max(0, bisect_right(info.pts, pts) - 1)

    def _at(self, index: int) -> Image:
        if self._current is None or not self._current.index <= index <= self._current.index + 30:
            self._frames = self.clip.frames(index)
            self._current = next(self._frames)
        while self._current.index < index:
            self._current = next(self._frames)
        return _over_black(self._current)


def frame_seconds(info: ClipInfo) -> Fraction:
    """How long a clip's frames last, on the mean: what files say of their rate is not always so."""
    return (info.end_pts - info.pts[0]) * info.time_base / len(info)


def is_path(what: str) -> bool:
    """Whether a background of that name is a file or files."""
    return what not in ("", "none", "blur") and not what.startswith("#")


def open_background(what: str, like: ClipInfo) -> Background | None:
    """The background of that name: a path, `#rrggbb`, `blur`, or `none` for transparency (then None).

    Args:
        what: The name.
        like: The clip that is to stand before it: its start, colours and pixels, and its pace for numbered pictures.

    Raises:
        CleanplateError: It is none of these, or cannot be read.
    """
    if what == "none":
        return None
    if what == "blur":
        return Blurred()
    if what.startswith("#"):
        rgb = np.array(_parse_colour(what), np.float32)
        return Plain(converted(rgb[None, None], Colour(), like.colour)[0, 0])
    if not what:
        raise CleanplateError("--background is empty; give a video, a picture, a colour like #204080, blur or none")
    path = Path(what)
    if not path.exists() and not is_pattern(path):
        raise CleanplateError(
            f"--background {what}: there is no such file; it is a video, a picture, a colour like #204080, blur or none"
        )
    rate = 1 / frame_seconds(like)
    clip = open_clip(path, rate)
    look = Look(clip.info.colour, like.colour, like.pixel_aspect / clip.info.pixel_aspect)
    background: Background
    if clip.info.is_still:
        with clip:
            background = Still(_over_black(next(clip.frames())), look)
            background.notes = clip.notes
    else:
        background = Moving(clip, like.pts[0] * like.time_base, frame_seconds(like), look)
    background.notes += tuple(how_converted(what, look.source, look.target))
    if isinstance(clip, ImageClip) and not clip.info.is_still:
        background.notes += (f"{what}: its pictures are taken for {float(rate):.5g} a second, as the clip has",)
    return background


def _over_black(frame: Frame) -> Image:
    """A background's picture; below its clear pixels lies whatever the program left there that painted it."""
    if frame.alpha is None:
        return frame.image
    shown = frame.image * (frame.alpha / np.float32(np.iinfo(frame.alpha.dtype).max))[..., None]
    return cast(Image, np.rint(shown).astype(frame.image.dtype))


def _parse_colour(text: str) -> tuple[float, float, float]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise CleanplateError(f"--background {text}: a colour is # and six hexadecimal digits, such as #204080")
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def fill_frame(image: FloatImage, size: tuple[int, int], aspect: Fraction = Fraction(1)) -> FloatImage:
    """Scale a picture until it fills `size` (width, height), and cut off what is too much, evenly.

    Args:
        image: H x W x 3.
        size: Of the result.
        aspect: Width of the result's pixels over that of the picture's.
    """
    height, width = image.shape[:2]
    scale = max(size[0] * aspect / width, Fraction(size[1], height))
    scaled = (max(size[0], round(width * scale / aspect)), max(size[1], round(height * scale)))
    left, top = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
    columns, rows = slice(left, left + size[0]), slice(top, top + size[1])
    # All of a strip, enlarged both ways, would be gigabytes: it is cut in between.
    if scale < 1:
        image = cv2.resize(image, scaled, interpolation=cv2.INTER_AREA)[rows, columns]
    elif scaled[0] > size[0]:
        image = cv2.resize(image, (scaled[0], height), interpolation=cv2.INTER_CUBIC)[:, columns]
    elif scaled[1] > size[1]:
        image = cv2.resize(image, (width, scaled[1]), interpolation=cv2.INTER_CUBIC)[rows]
    if image.shape[1::-1] != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 1)
