"""The user's own soft masks, read in step with the clip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.clip import Clip
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, ClipInfo, FloatImage, Frame
from pipeline.mattes import in_alpha, matte_of

SAME_SHAPE = 0.02
"""How far the ratio of width and height may be from the clip's, relative."""

MARKED = 0.5
"""Value of a mask from which on the subject is where it is."""


@contextmanager
def user_mask(path: Path | None, info: ClipInfo) -> Iterator[UserMask | None]:
    """A function that gives the user's soft mask of a frame: of the same number, or the one still for all."""
    if path is None:
        yield None
        return
    with open_clip(path, is_matte=True) as masks:
        if not masks.info.is_still and len(masks.info) != len(info):
            raise CleanplateError(
                f"--mask {path} has {len(masks.info)} frames, {info.path} has {len(info)}; give as many, or a still"
            )
        if not _is_alike(masks.info, info):
            raise CleanplateError(
                f"--mask {path} is {masks.info.width} x {masks.info.height}, {info.path} {info.width} x {info.height}; "
                "a mask has the shape of its clip, if not its size"
            )
        yield UserMask(masks)


def _is_alike(mask: ClipInfo, clip: ClipInfo) -> bool:
    """Whether both have one shape, as they are stored or as they are shown."""
    stored = mask.width * clip.height / (mask.height * clip.width)
    return any(abs(ratio - 1) <= SAME_SHAPE for ratio in (stored, stored * mask.pixel_aspect / clip.pixel_aspect))


class UserMask:
    """Gives the soft mask of a frame, H x W in [0, 1]; frames come in order."""

    def __init__(self, masks: Clip) -> None:
        self.masks, self._is_in_alpha = masks, in_alpha(masks)
        self._frames: Iterator[Frame] = iter(())
        self._current: Frame | None = None
        self._is_empty = True

    def __call__(self, frame: Frame) -> FloatImage:
        """The mask of a frame."""
        index = 0 if self.masks.info.is_still else frame.index
        if self._current is None:
            self._frames = self.masks.frames(index)
        while self._current is None or self._current.index < index:
            self._current = next(self._frames)
        mask = matte_of(self._current, self.masks.info.path, is_in_alpha=self._is_in_alpha)
        self._is_empty = self._is_empty and bool(mask.max() < MARKED)
        return mask

    def remarks(self, subjects: int) -> list[str]:
        """What there is to say of the masks so far, where a subject was found in so many frames."""
        if not (self._is_empty and subjects):
            return []
        return [
            f"--mask {self.masks.info.path} is below half everywhere, and a subject was found all the same: a mask is "
            "what the networks begin with, and takes nothing out"
        ]
