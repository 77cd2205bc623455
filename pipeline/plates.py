"""Read the plate: a picture, or a clip that was shot of the place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np

from alignment.build import build_plate
from alignment.holes import known_in
from alignment.plate import PlateAlignmentError
from pipeline.borders import within_border
from pipeline.clip import Clip
from pipeline.conversion import converted_image, how_converted
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, Colour, Image

FRAMES = 15
"""Looked at where the plate is a clip, spread evenly over it."""

LONGEST_STEP = 40
"""Frames; where more lie between those looked at, each is sought anew rather than reached by decoding on."""


def read_plate(path: Path, colour: Colour | None = None, notes: list[str] | None = None) -> Image:
    """Read a plate.

    Args:
        path: As for `open_clip`. Of a clip or a folder of photos, which may have been shot from the hand, up to FRAMES
            are laid over one another, and what recurs in them is the plate.
        colour: What its numbers are to mean, as those of the clip do; None leaves them as they are.
        notes: Where it is said how it was taken, and if it was converted.

    Returns:
        H x W x 3, uint8 or uint16 as the source is deep; or H x W x 4, whose last channel is 0 where the plate is not
        known, where an image has transparent parts or a border, or a clip never showed the place.

    Raises:
        CleanplateError: As `open_clip`; or a clip's frames do not show one place.
    """
    with open_clip(path) as clip:
        wanted = colour or clip.info.colour
        notes = [] if notes is None else notes
        plate = converted_image(_read(clip, path, notes), clip.info.colour, wanted)
        notes += [*clip.notes, *how_converted(str(path), clip.info.colour, wanted)]
        return plate


def _read(clip: Clip, path: Path, notes: list[str]) -> Image:
    """The plate in its own colours; of a picture it is noted if it has a border."""
    count = min(len(clip.info), FRAMES)
    if count == 1:
        frame = next(clip.frames())
        plate = with_holes(frame.image, frame.alpha)
        if frame.alpha is None and plate.shape[2] == 4:
            share = 1 - known_in(plate).mean()
            notes.append(f"{path} has a border, {share:.0%} of it, which is no part of the place")
        return plate
    chosen = [round(at) for at in np.linspace(0, len(clip.info) - 1, count)]
    try:
        built = build_plate(ClipFrames(clip, chosen))
    except PlateAlignmentError as error:
        raise CleanplateError(f"{path} will not do as a plate: {error}") from error
    known = np.multiply(built.known, np.iinfo(built.image.dtype).max, dtype=built.image.dtype)
    return with_holes(built.image, known)


class ClipFrames:
    """Some frames of a clip, decoded as they are gone through."""

    def __init__(self, clip: Clip, chosen: list[int]) -> None:
        """Takes the frames' indices, in order."""
        self._clip, self._chosen = clip, chosen

    def __len__(self) -> int:
        """How many were chosen."""
        return len(self._chosen)

    def __iter__(self) -> Iterator[Image]:
        """Decodes anew: as `with_holes` gives them."""
        first, last = self._chosen[0], self._chosen[-1]
        if last - first > LONGEST_STEP * len(self._chosen):
            for index in self._chosen:
                frame = next(self._clip.frames(index, index + 1))
                yield with_holes(frame.image, frame.alpha)
            return
        wanted = set(self._chosen)
        for frame in self._clip.frames(first, last + 1):
            if frame.index in wanted:
                yield with_holes(frame.image, frame.alpha)

    def number(self, index: int) -> int:
        """A frame's in the clip."""
        return self._chosen[index]


def with_holes(image: Image, known: Image | None) -> Image:
    """H x W x 3; or H x W x 4 where something is not known, as its alpha says, or else its border of one colour."""
    if known is None and (within := within_border(image)) is not None:
        known = np.multiply(within, np.iinfo(image.dtype).max, dtype=image.dtype)
    if known is None or known.min() == np.iinfo(known.dtype).max:
        return image
    return cast(Image, np.dstack([image, known]))
