"""Whole pictures and clips in other colours than they were made in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from pipeline.clip import Clip
from pipeline.colour import BT709
from pipeline.composite import quantise, unit
from pipeline.frames import CleanplateError, Colour, Frame, Image
from pipeline.light import WHITE_NITS, converted, differs, is_known, named

SDR = Colour(BT709, 1, 1)
"""What `--sdr` makes of a clip."""


def how_converted(what: str, source: Colour, target: Colour) -> tuple[str, ...]:
    """What there is to say where `what` has to become the clip's colours."""
    if not differs(source, target):
        return ()
    kinds = f"{what} is {named(source)}, the clip {named(target)}"
    if not (is_known(source) and is_known(target)):
        return (f"{kinds}, which cannot be converted: its code values are taken as they are",)
    return (f"{kinds}: it was converted, white of graphics at {WHITE_NITS:.0f} cd/m2",)


def converted_image(image: Image, source: Colour, target: Colour) -> Image:
    """A picture, H x W x 3 or more channels, of which the first three are colours; of the same depth."""
    if not differs(source, target) or not (is_known(source) and is_known(target)):
        return image
    colours = quantise(converted(unit(image[..., :3]), source, target), 8 if image.dtype == np.uint8 else 16)
    return cast(Image, np.concatenate((colours, image[..., 3:]), axis=2))


class ConvertedClip(Clip):
    """A clip whose frames are taken out of HDR or a wide gamut into BT.709; their own planes are not kept."""

    def __init__(self, clip: Clip) -> None:
        """Takes over an open clip.

        Raises:
            CleanplateError: Its colours are not known here.
        """
        source = clip.info.colour
        if not is_known(source):
            raise CleanplateError(
                f"--sdr: {clip.info.path} is {named(source)}, which cannot be converted; known are BT.709, BT.601, "
                "BT.2020 and Display P3 in SDR, PQ and HLG. Convert it with the program of its camera first"
            )
        self._clip, self._source = clip, source
        self.info = replace(clip.info, colour=SDR, pixel_format="", hdr10="")

    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        for frame in self._clip.frames(start, end):
            image = converted_image(frame.image, self._source, SDR)
            yield replace(frame, image=image, colour=SDR, planes=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the clip."""
        return self._clip.notes

    def close(self) -> None:
        """Close the clip, too."""
        self._clip.close()
        super().close()
