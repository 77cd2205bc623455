"""Mattes that users bring: where a clip keeps its alpha."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.clip import Clip
from pipeline.composite import unit
from pipeline.frames import CleanplateError, FloatImage, Frame

GREY_TOLERANCE = 8 / 255
"""A grey picture that went through 4:2:0 comes back with channels a few codes apart; a colour one far more."""

LOOKED_AT = 9
"""Frames by which a clip is judged, spread evenly over it."""


def in_alpha(clip: Clip) -> bool:
    """Whether a clip's alpha channel is the matte: one that is opaque everywhere says nothing, and its picture is."""
    if not clip.info.has_alpha:
        return False
    chosen = np.unique(np.linspace(0, len(clip.info) - 1, LOOKED_AT).round().astype(int)).tolist()
    return any(has_shape(next(clip.frames(index, index + 1))) for index in chosen)


def has_shape(frame: Frame) -> bool:
    """Whether a frame has an alpha channel that is not opaque throughout."""
    return frame.alpha is not None and float(unit(frame.alpha).min()) < 1


def alpha_of(frame: Frame) -> FloatImage:
    """A frame's alpha channel, H x W in [0, 1]; 1 where it has none."""
    return np.ones(frame.image.shape[:2], np.float32) if frame.alpha is None else unit(frame.alpha)


def matte_of(frame: Frame, path: Path, *, is_in_alpha: bool) -> FloatImage:
    """A frame's matte, H x W in [0, 1]: its alpha channel, or its grey.

    Raises:
        CleanplateError: It is in neither: the frame has colours.
    """
    if is_in_alpha:
        return alpha_of(frame)
    if not is_grey(frame):
        raise CleanplateError(
            f"{path} is in colour at frame {frame.index} and has no alpha channel that says anything: "
            "give it as a grey clip, as `cleanplate render --alpha` writes one"
        )
    return np.ascontiguousarray(unit(frame.image)[:, :, 1])


def is_grey(frame: Frame) -> bool:
    """Whether a frame has no colours."""
    red, green, blue = cv2.split(frame.image)
    apart = max(cv2.absdiff(*pair).max() for pair in ((red, green), (green, blue), (blue, red)))
    return bool(apart <= GREY_TOLERANCE * np.iinfo(frame.image.dtype).max)
