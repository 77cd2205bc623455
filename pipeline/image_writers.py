"""Image files: one still, or a numbered sequence."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.colour import as_depth
from pipeline.composite import unit
from pipeline.exr import has_timecode, header_of, write_exr
from pipeline.frames import CleanplateError, ClipInfo, Colour, Image
from pipeline.image_clips import is_pattern, matching, numbered_path
from pipeline.light import differs, named
from pipeline.picture_tags import with_colour, with_kind_of_alpha
from pipeline.places import already_there
from pipeline.planes import Untouched
from pipeline.ranges import is_regular
from pipeline.writer import Writer

DEEP = (".png", ".tif", ".tiff", ".exr")
"""Suffixes of pictures that can have 16 bits and alpha."""

TAGGED = (".png", ".exr")
"""Those that can say what their colours are."""

_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]  # fmt: skip


@dataclass(frozen=True)
class Form:
    """How pictures are written.

    Attributes:
        channels: 1, 3 or 4.
        bits: 8 or 16, for formats that have both.
        premultiplied: Whether the colour is multiplied by alpha; said in TIFF. OpenEXR is multiplied all the same,
            from straight colour.
        codes: Whether OpenEXR gets code values rather than the light that they stand for.
    """

    channels: int
    bits: int
    premultiplied: bool = False
    codes: bool = False


class PictureWriter(Writer):
    """Pictures of a clip in files of their own."""

    def __init__(self, path: Path, like: ClipInfo, form: Form, *, overwrite: bool) -> None:
        """Prepare.

        Args:
            path: The file, or a pattern such as `name_%05d.png`.
            like: The clip that the frames come from.
            form: How to write them.
            overwrite: Whether they may replace what is there.
        """
        super().__init__(path, overwrite=overwrite, bits=bits_of(path, form.bits))
        self._like, self._form = like, form
        if form.channels > 1 and path.suffix.lower() not in TAGGED and differs(like.colour, Colour()):
            self.notes.append(f"{path} cannot say that its colours are {named(like.colour)}; .png and .exr can")
        if path.suffix.lower() == ".exr" and like.timecode is not None and not has_timecode(like):
            self.notes.append(f"{path}: OpenEXR has no timecodes of {like.rate} frames a second; they are left out")
        elif path.suffix.lower() != ".exr" and (like.timecode or like.reel_name):
            lost = [what for what, given in (("timecode", like.timecode), ("reel name", like.reel_name)) if given]
            self.notes.append(f"{path}: such pictures have no place for the clip's {' and '.join(lost)}")
        if is_pattern(path) and not is_regular(like):
            self.notes.append(f"{path}: pictures cannot say that the clip's frames come irregularly; a video can")

    def _save(self, path: Path, image: Image, number: int) -> None:
        """Write the picture of the clip's frame of that number."""
        like, form = self._like, self._form
        shape = (like.height, like.width, form.channels)
        if (*image.shape, 1)[:3] != shape:
            raise ValueError(f"an image here is {shape}, not {image.shape}")
        image = image.reshape(shape)
        if path.suffix.lower() == ".exr":
            write_exr(path, unit(image), header_of(like, number), like.colour, codes=form.codes)
        else:
            path.write_bytes(_tagged(_encoded(image, path.suffix.lower(), self.bits), path.suffix.lower(), like, form))


class StillWriter(PictureWriter):
    """One picture."""

    def _write(self, image: Image, pts: int, untouched: Untouched | None) -> None:  # noqa: ARG002 - pictures are RGB
        if self._last_pts is not None:
            raise CleanplateError(
                f"{self.path} is one picture, but the clip has more; name a sequence, such as "
                f"{self.path.stem}_%05d{self.path.suffix}, or a video"
            )
        self._save(self._partial, image, bisect_left(self._like.pts, pts))

    def _finish(self) -> None:
        """It is complete."""


class SequenceWriter(PictureWriter):
    """Numbered pictures. The number is the frame's index in the clip, also where a part is rendered."""

    def __init__(self, path: Path, like: ClipInfo, form: Form, part: range, *, overwrite: bool) -> None:
        """Make the hidden folder.

        Args:
            path: A pattern such as `name_%05d.png`.
            like: The clip that the frames come from.
            form: How to write them.
            part: The clip's frames that will be written. Pictures with other numbers belong to other parts, which
                another machine may write at the same time, and are left alone; of a whole clip there are none.
            overwrite: Whether pictures with such names may be replaced. Those that are not, because the new
                sequence is shorter, are removed, so that none is taken for a part of it; a note says how many.

        Raises:
            CleanplateError: There are such pictures, and they may not be replaced.
            MachineError: The folder cannot be made.
        """
        super().__init__(path, like, form, overwrite=overwrite)
        self._part = None if len(part) == len(like) else part
        self._numbers: list[int] = []
        self._check_free()
        with self._reporting():
            self._partial.mkdir()

    def _write(self, image: Image, pts: int, untouched: Untouched | None) -> None:  # noqa: ARG002 - pictures are RGB
        number = bisect_left(self._like.pts, pts)
        if number == len(self._like) or self._like.pts[number] != pts:
            raise ValueError(f"pts {pts} is none of the clip's")
        self._save(numbered_path(self._partial / self.path.name, number), image, number)
        self._numbers.append(number)

    def _finish(self) -> None:
        """Every picture is complete."""

    def _publish(self) -> None:
        there = self._there()
        for number in self._numbers:
            numbered_path(self._partial / self.path.name, number).replace(numbered_path(self.path, number))
        shutil.rmtree(self._partial)
        stale = sorted(there.keys() - set(self._numbers))
        for number in stale:
            there[number].unlink()
        if stale:
            self.notes.append(
                f"{self.path}: removed what was there of numbers that the clip does not have: {len(stale)} of "
                f"{stale[0]} to {stale[-1]}"
            )

    def _there(self) -> dict[int, Path]:
        """The pictures whose places are taken by what is written."""
        there = matching(self.path)
        return there if self._part is None else {number: there[number] for number in there.keys() & set(self._part)}

    def _check_free(self) -> None:
        there = self._there()
        if there and not self._overwrite:
            raise CleanplateError(already_there(there[min(there)]))


def bits_of(path: Path, wanted: int) -> int:
    """8 or 16: how finely a kind of picture is quantised where so many bits are wanted."""
    suffix = path.suffix.lower()
    if suffix == ".exr":
        return 16
    return wanted if suffix in DEEP else 8


def _encoded(image: Image, suffix: str, bits: int) -> bytes:
    deep = suffix in DEEP
    pixels = as_depth(image, bits if deep else 8).reshape(image.shape)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[image.shape[2]]
    done, data = cv2.imencode(suffix, np.ascontiguousarray(pixels[..., order]), [] if deep else _JPEG)
    if not done:
        raise RuntimeError(f"OpenCV could not encode {suffix}")
    return data.tobytes()


def _tagged(data: bytes, suffix: str, like: ClipInfo, form: Form) -> bytes:
    """The same picture, saying what has a place in it; of colours, only what is not the usual."""
    if form.channels == 4 and suffix in (".tif", ".tiff"):
        return with_kind_of_alpha(data, premultiplied=form.premultiplied)
    if form.channels > 1 and suffix == ".png" and differs(like.colour, Colour()):
        return with_colour(data, like.colour)
    return data
