"""What the subject is put in front of."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from pipeline.clip import Clip
from pipeline.composite import unit
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, FloatImage, Frame, Image, Matte

BLUR = 1 / 50
"""Sigma of `blur` as a fraction of the frame's long side."""


class Background(ABC):
    """A new background. A picture depends on the frame's time and content only, so frames come in any order."""

    @abstractmethod
    def behind(self, frame: Frame, matte: Matte) -> FloatImage:
        """The picture behind a frame: H x W x 3 float32 RGB in [0, 1]."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of open files."""


class Colour(Background):
    """One colour everywhere."""

    def __init__(self, rgb: tuple[float, float, float]) -> None:
        self.rgb = rgb

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The colour, as a picture that takes no memory."""
        return np.broadcast_to(np.array(self.rgb, np.float32), frame.image.shape)


class Blurred(Background):
    """The old background out of focus, without the subject in it."""

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:
        """Blur of the pixels that are not the subject's: no ghost of it around its edge."""
        height, width = matte.alpha.shape
        small = (max(1, width // 4), max(1, height // 4))
        image = cv2.resize(unit(frame.image), small, interpolation=cv2.INTER_AREA)
        free = 1 - cv2.resize(matte.alpha, small, interpolation=cv2.INTER_AREA)
        free = np.maximum(cv2.erode(free, np.ones((5, 5), np.uint8)), 1e-4)[..., None]
        sigma = BLUR * max(small)
        blurred = cv2.GaussianBlur(image * free, (0, 0), sigma) / cv2.GaussianBlur(free, (0, 0), sigma)[..., None]
        return cv2.resize(blurred.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


class Still(Background):
    """A photograph that fills the frame; what is too much at two sides is cut off."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._fitted: dict[tuple[int, int], FloatImage] = {}

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The photograph at the frame's size."""
        height, width = frame.image.shape[:2]
        if (width, height) not in self._fitted:
            self._fitted[width, height] = fill_frame(unit(self.image), (width, height))
        return self._fitted[width, height]


class Moving(Background):
    """A video that starts with the clip and begins again when it is over."""

    def __init__(self, clip: Clip, clip_start: Fraction) -> None:
        """Takes over an open clip.

        Args:
            clip: The background video.
            clip_start: Presentation time of the matted clip's first frame, seconds, whatever part is rendered.
        """
        self.clip, self.clip_start = clip, clip_start
        self._frames: Iterator[Frame] = iter(())
        self._current: Frame | None = None

    def behind(self, frame: Frame, matte: Matte) -> FloatImage:  # noqa: ARG002
        """The background's picture at the time of the frame, filling it."""
        image = self._at(self._index(frame.pts * frame.time_base - self.clip_start))
        return fill_frame(unit(image), (frame.image.shape[1], frame.image.shape[0]))

    def close(self) -> None:
        """Close the video."""
        self.clip.close()

    def _index(self, seconds: Fraction) -> int:
        info = self.clip.info
        length = info.end_pts - info.pts[0]
        pts = info.pts[0] + (seconds / info.time_base) % length
        return max(0, bisect_right(info.pts, pts) - 1)

    def _at(self, index: int) -> Image:
        if self._current is None or not self._current.index <= index <= self._current.index + 30:
            self._frames = self.clip.frames(index)
            self._current = next(self._frames)
        while self._current.index < index:
            self._current = next(self._frames)
        return _over_black(self._current)


def open_background(what: str, clip_start: Fraction) -> Background | None:
    """The background of that name: a path, `#rrggbb`, `blur`, or `none` for transparency (then None).

    Raises:
        CleanplateError: It is none of these, or cannot be read.
    """
    if what == "none":
        return None
    if what == "blur":
        return Blurred()
    if what.startswith("#"):
        return Colour(_parse_colour(what))
    clip = open_clip(Path(what))
    if not clip.info.is_still:
        return Moving(clip, clip_start)
    with clip:
        return Still(_over_black(next(clip.frames())))


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


def fill_frame(image: FloatImage, size: tuple[int, int]) -> FloatImage:
    """Scale a picture until it fills `size` (width, height), and cut off what is too much, evenly."""
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    scaled = (max(size[0], round(width * scale)), max(size[1], round(height * scale)))
    if scaled != (width, height):
        image = cv2.resize(image, scaled, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
    return np.clip(image[top : top + size[1], left : left + size[0]], 0, 1)
