"""Frames that are image files: one still, or a numbered sequence."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from pipeline.clip import Clip
from pipeline.colour import UNKNOWN, Converter, as_depth, bit_depth_of, colour_of, undeveloped
from pipeline.composite import straight
from pipeline.conversion import converted_image
from pipeline.exr import header_in, pixel_aspect_in, rate_in, read_exr, timecode_in
from pipeline.frames import CleanplateError, ClipInfo, Colour, Frame, Image
from pipeline.light import LINEAR, differs
from pipeline.orientation import orientation_of_image
from pipeline.picture_tags import is_multiplied
from pipeline.pillow import SUFFIXES as BY_PILLOW
from pipeline.pillow import is_for_pillow, read_picture
from pipeline.profiles import in_known_colours, profile_of
from pipeline.timeline import DEFAULT_RATE

SUFFIXES = BY_PILLOW | frozenset(
    (".bmp", ".dpx", ".exr", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
PATTERN = re.compile(r"%(0\d+|[1-9])?d")
"""The number in a name: `%05d`, `%4d` or `%d`; `%20d`, as in `my%20dance.mp4`, is a blank in a web address."""

NOT_LINEAR = "says that it is linear light, as programs write into any DPX: it is taken for sRGB"


class ImageClip(Clip):
    """Image files as a clip, one a frame, at a constant rate."""

    def __init__(
        self, path: Path, files: list[Path], fps: Fraction | None, *, is_still: bool = False, is_matte: bool = False
    ) -> None:
        """Open the files.

        Args:
            path: What the user named: the file, the folder or the pattern.
            files: At least one, in order.
            fps: Frames a second; None for those that the first file states, or DEFAULT_RATE.
            is_still: Whether this is one picture rather than a sequence.
            is_matte: See `read_image`.

        Raises:
            CleanplateError: The first file cannot be read.
        """
        self._files, self._is_matte = files, is_matte
        first = read_image(files[0], is_matte=is_matte)
        self._remarks = dict.fromkeys(first.remarks)
        header = header_in(files[0]) if files[0].suffix.lower() == ".exr" else {}
        stated = fps or rate_in(header)
        rate = stated or DEFAULT_RATE
        self._time_base = 1 / rate
        self.info = ClipInfo(
            path=path,
            width=first.image.shape[1],
            height=first.image.shape[0],
            pts=tuple(range(len(files))),
            time_base=self._time_base,
            rate=rate,
            bit_depth=first.bit_depth,
            colour=first.colour,
            audio_streams=0,
            end_pts=len(files),
            is_still=is_still,
            timecode=timecode_in(header, rate),
            reel_name=str(header.get("reelName", "")),
            pixel_aspect=pixel_aspect_in(header),
            has_alpha=first.alpha is not None,
            assumed_rate=stated is None and not is_still,
        )

    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        for index in range(start, end):
            frame = read_image(self._files[index], index, self._time_base, is_matte=self._is_matte)
            self._remarks |= dict.fromkeys(frame.remarks)
            self._check(frame, self._files[index])
            if not self._is_matte and differs(frame.colour, self.info.colour):
                image = converted_image(frame.image, frame.colour, self.info.colour)
                frame = replace(frame, image=image, colour=self.info.colour)
            yield frame

    @property
    def notes(self) -> tuple[str, ...]:
        """Each that some picture gives cause for, once."""
        return tuple(f"{self.info.path} {remark}" for remark in tuple(self._remarks))

    def _check(self, frame: Frame, file: Path) -> None:
        height, width = frame.image.shape[:2]
        if (width, height) != (self.info.width, self.info.height):
            raise CleanplateError(
                f"{file} is {width} x {height}, but {self._files[0].name} is {self.info.width} x "
                f"{self.info.height}; the images of a sequence have one size"
            )
        if frame.bit_depth != self.info.bit_depth:
            raise CleanplateError(
                f"{file} has {frame.bit_depth} bits, but {self._files[0].name} has {self.info.bit_depth}; "
                f"the images of a sequence have one depth"
            )


def open_still(path: Path, fps: Fraction | None = None, *, is_matte: bool = False) -> ImageClip:
    """Open one image file as a clip of one frame."""
    return ImageClip(path, [path], fps, is_still=True, is_matte=is_matte)


def open_folder(path: Path, fps: Fraction | None = None, *, is_matte: bool = False) -> ImageClip:
    """Open the images in a folder, in natural order (2 before 10); gaps in the numbers are fine.

    Raises:
        CleanplateError: There are none, or of more than one kind.
    """
    files = pictures_in(path)
    if not files:
        raise CleanplateError(f"the folder {path} holds no images; known are {', '.join(sorted(SUFFIXES))}")
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) > 1:
        raise CleanplateError(
            f"the folder {path} holds images of several kinds ({', '.join(kinds)}); name one, for example "
            f"{path / ('name_%05d' + kinds[0])}"
        )
    return ImageClip(path, sorted(files, key=_natural), fps, is_matte=is_matte)


def pictures_in(folder: Path) -> list[Path]:
    """The images that lie in a folder, hidden ones apart; in no order."""
    return [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]


def open_pattern(path: Path, fps: Fraction | None = None, *, is_matte: bool = False) -> ImageClip:
    """Open the images that a pattern such as `name_%05d.png` names, from the lowest number there is.

    Raises:
        CleanplateError: There are none, or a number is missing.
    """
    numbered = matching(path)
    if not numbered:
        raise CleanplateError(f"no file is named like {path}")
    numbers = sorted(numbered)
    for expected, number in enumerate(numbers, numbers[0]):
        if number != expected:
            raise CleanplateError(
                f"{numbered_path(path, expected)} is missing: the sequence goes from {numbers[0]} to "
                f"{numbers[-1]}; add it, or name the folder {path.parent} to read what is there"
            )
    return ImageClip(path, [numbered[number] for number in numbers], fps, is_matte=is_matte)


def is_pattern(path: Path) -> bool:
    """Whether a path names numbered files, as `name_%05d.png` does."""
    return PATTERN.search(path.name) is not None


def numbered_path(pattern: Path, number: int) -> Path:
    """The file of a number: `name_%05d.png` and 7 give `name_00007.png`."""
    return pattern.with_name(PATTERN.sub(lambda found: f"{number:0{int(found[1] or 1)}d}", pattern.name, count=1))


def matching(pattern: Path) -> dict[int, Path]:
    """The files that a pattern names, by their numbers; where `%d` names both `7` and `007`, the shorter."""
    wanted = _names(pattern)
    longest_first = sorted(_listed(pattern.parent), key=lambda file: -len(file.name))
    found = ((wanted.fullmatch(file.name), file) for file in longest_first)
    return {int(match[1]): file for match, file in found if match}


def is_named_by(pattern: Path, file: Path) -> bool:
    """Whether a file is, or would be, one of those that a pattern names."""
    return file.parent.resolve() == pattern.parent.resolve() and _names(pattern).fullmatch(file.name) is not None


def _names(pattern: Path) -> re.Pattern[str]:
    before, after = PATTERN.split(pattern.name, maxsplit=1)[::2]
    digits = int((PATTERN.search(pattern.name) or [None, None])[1] or 1)
    # `%04d` never gives 00001; `%d` does not give 007 either, but is said of such files, too.
    number = rf"\d{{{digits}}}|[1-9]\d{{{digits},}}" if digits > 1 else r"\d+"
    return re.compile(f"{re.escape(before)}({number}){re.escape(after)}")


def read_image(path: Path, index: int = 0, time_base: Fraction = 1 / DEFAULT_RATE, *, is_matte: bool = False) -> Frame:
    """Read an image file.

    Args:
        path: The file.
        index: The frame's place in its clip, and its pts.
        time_base: Seconds a frame.
        is_matte: Whether the numbers are kept as they are stored, whatever light or colours they would stand for.

    Returns:
        The upright picture, with its alpha if it has one, which is straight; 8 or 16 bits as in the file.

    Raises:
        CleanplateError: The file is missing, or no image that can be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CleanplateError(f"{path} does not exist") from error
    except OSError as error:
        raise CleanplateError(f"{path} could not be opened: {error.strerror}") from error
    remarks: tuple[str, ...] = ()
    if path.suffix.lower() == ".exr":
        image, alpha, colour, remarks = read_exr(path, is_matte=is_matte)
        bits = 16
    else:
        image, alpha, bits, colour = _read(data, path)
        if alpha is not None and not is_matte and is_multiplied(data):
            image = straight(image, alpha)
        if path.suffix.lower() == ".dpx" and colour.transfer == LINEAR:
            colour, remarks = replace(colour, transfer=UNKNOWN), (NOT_LINEAR,)
        profile = None if is_matte else profile_of(data)
        if profile is not None:
            image, colour = in_known_colours(image, colour, profile)
            bits = min(bits, 8 * image.itemsize)
            alpha = None if alpha is None else as_depth(alpha, bits)
    return Frame(
        image=image,
        index=index,
        pts=index,
        time_base=time_base,
        bit_depth=bits,
        colour=colour,
        duration=1,
        alpha=alpha,
        remarks=remarks,
    )


def _read(data: bytes, path: Path) -> tuple[Image, Image | None, int, Colour]:
    """The upright picture in a file, its alpha, its bits, and what its numbers mean but for a profile."""
    if is_for_pillow(data, path.suffix.lower()):
        image, alpha, colour = read_picture(data, path)
        return image, alpha, 8, colour
    picture = _decoded(data, path)
    colour, orientation = colour_of(picture), orientation_of_image(data)
    try:
        image, alpha = Converter().to_rgb(picture, colour)
    except av.FFmpegError as error:
        raise CleanplateError(
            f"{path} has numbers of a kind that cannot be read ({picture.format.name}); save it with 8 or 16 bits, or "
            "as OpenEXR"
        ) from error
    return (
        orientation.upright(image),
        None if alpha is None else orientation.upright(alpha),
        bit_depth_of(picture.format),
        colour,
    )


def _decoded(data: bytes, path: Path) -> av.VideoFrame:
    try:
        # From memory: FFmpeg would take a % in a file's name for a pattern.
        with av.open(io.BytesIO(data), mode="r") as container:
            codec = container.streams.video[0].codec_context
            is_jpeg = codec.name == "mjpeg"
            if is_jpeg:  # of which FFmpeg would make up what is missing or damaged
                codec.options = {"err_detect": "explode"}
            picture = next(container.decode(video=0), None)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged") from error
    if picture is None:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged")
    if picture.format.is_bayer:
        raise undeveloped(path)
    if is_jpeg and picture.format.name in ("gbrap", "yuva444p"):
        raise CleanplateError(f"{path} has CMYK colours; convert it to RGB first")
    return picture


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort key under which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name) if part]


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
