"""`cleanplate plate`: a clean plate from the clip itself, from several photos, or from one and a mask."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np

from alignment.build import BuiltPlate, build_plate
from alignment.holes import inpainted, known_in
from alignment.plate import PlateAlignmentError
from pipeline.clip import Clip
from pipeline.colour import as_depth
from pipeline.composite import unit
from pipeline.conversion import converted_image
from pipeline.decode import open_clip, read_still
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, ClipInfo, Image
from pipeline.image_clips import ImageClip, is_pattern
from pipeline.mattes import alpha_of, has_shape
from pipeline.places import check_apart
from pipeline.plates import ClipFrames, with_holes
from pipeline.ranges import parse_range, parse_span
from pipeline.render import Progress, silent

MOST_FRAMES = 120
"""Looked at, spread evenly over the clip."""

MASK_MARGIN_PX = 3


@dataclass(frozen=True)
class PlateJob:
    """One plate, as the user asked for it.

    Attributes:
        clips: One clip, or several photos.
        out: PNG to write.
        empty: When nobody is there, such as `206-226` or `0-2s`.
        mask: Where somebody stands in the only photo there is: an image, light there.
        start: First frame to look at.
        end: Frame to stop before.
        overwrite: Whether `out` may be replaced.
    """

    clips: tuple[Path, ...]
    out: Path
    empty: str | None = None
    mask: Path | None = None
    start: str | None = None
    end: str | None = None
    overwrite: bool = False


Source = Literal["clip", "empty", "photos", "folder"]

WHAT_TO_SHOW: dict[Source, str] = {
    "clip": "Film on until everybody has moved away from where they stood, or say when nobody is there, such as "
    "--empty 0-2s.",
    "empty": "Show all of the place while nobody is there.",
    "photos": "Take more photos, until everybody has moved away from where they stood.",
    "folder": "Take more pictures, until everybody has moved away from where they stood, or say in which nobody is, "
    "such as --empty 0-2.",
}
"""What would make a plate whole, by what it was made from."""


@dataclass(frozen=True)
class PlateSummary:
    """What became of it.

    Attributes:
        output: The file.
        width: Of the plate.
        height: Of the plate.
        known: Share of the plate that was seen, 0 to 1.
        filled: Share that was filled in by guess, 0 to 1.
        used: How many frames or photos it was made from.
        failed: Those that could not be laid over the others: frame numbers, or places in the list of photos.
        source: What it was made from: a clip, moments of one in which nobody is there (`empty`), photos, or a folder
            or pattern of pictures.
        rim: Share that was not seen since it lies at the plate's rim, where the camera seldom looked, 0 to 1.
        failed_photos: The files of those in `failed`, where the source is photos.
    """

    output: str
    width: int
    height: int
    known: float
    filled: float
    used: int
    failed: list[int] = field(default_factory=list)
    source: Source = "clip"
    rim: float = 0.0
    failed_photos: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What was written."""
        named = f" ({', '.join(self.failed_photos)})" if self.failed_photos else ""
        failed = f"; {len(self.failed)}{named} could not be laid over the others" if self.failed else ""
        return (
            f"wrote {self.output}, {self.width} x {self.height}: {100 - _percent(1 - self.known):.1f} % known, "
            f"from {self.used} pictures{failed}"
        )

    @property
    def advice(self) -> str:
        """What the user can do about it; empty where all is well."""
        if self.filled:
            return (
                f"{_percent(self.filled):.1f} % of the plate is filled in by guess from what lies around it, smooth at "
                "best. A photo of the place without anybody, or a clip in which they move away, gives a better one."
            )
        rim, inside = _percent(self.rim), _percent(1 - self.known - self.rim)
        said = []
        if inside:
            said.append(
                f"{inside:.1f} % of the place was not seen for certain; it is transparent in the plate. "
                f"{WHAT_TO_SHOW[self.source]}"
            )
        if rim:
            said.append(f"{rim:.1f} % is transparent at the rim of the plate, where the camera seldom looked.")
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"advice": self.advice}


def _percent(share: float) -> float:
    """Rounded up to a tenth, so that what there is of it never reads as nothing."""
    return math.ceil(round(1000 * share, 6)) / 10


def make_plate(job: PlateJob, progress: Progress = silent) -> PlateSummary:
    """Make a plate.

    Args:
        job: What to do.
        progress: Called with steps done and in all.

    Returns:
        The summary. The file stands under its name only when it is whole.

    Raises:
        CleanplateError: An input or the command is wrong, or the pictures do not show one place.
        MachineError: The machine could not.
    """
    _check(job)
    with open_clip(job.clips[0]) as clip:
        if job.mask is not None:
            return _fill_in(job, clip.info)
        many = len(job.clips) > 1
        pictures = _Photos(job.clips) if many else ClipFrames(clip, _chosen(job, clip.info))
        try:
            plate = build_plate(pictures, empty=job.empty is not None, progress=progress)
        except PlateAlignmentError as error:
            raise CleanplateError(f"{job.clips[0]}: {error}") from error
        _write(job, clip.info, plate)
    height, width = plate.known.shape
    failed = [pictures.number(index) for index in plate.failed]
    known, rim, used = float(plate.known.mean()), float(plate.rim.mean()), len(plate.used)
    photos = [str(job.clips[index]) for index in failed] if many else []
    return PlateSummary(str(job.out), width, height, known, 0.0, used, failed, _source(job, clip), rim, photos)


def _check(job: PlateJob) -> None:
    """What can be said before any work is done."""
    if job.out.suffix.lower() != ".png" or is_pattern(job.out):
        raise CleanplateError(f"{job.out}: a plate is one PNG, as it may be transparent; name it plate.png")
    check_apart([job.out], [*job.clips, *filter(None, [job.mask])])
    many = len(job.clips) > 1
    if many and (job.empty or job.start or job.end):
        raise CleanplateError("photos have no times: --empty, --start and --end go with one clip")
    if job.empty and (job.start or job.end):
        raise CleanplateError("--empty says which frames are looked at: leave --start and --end out")
    if many and job.mask is not None:
        raise CleanplateError(f"--mask goes with one photo, but {len(job.clips)} are given: leave it out")
    for path in job.clips:
        with open_clip(path) as clip:
            open_writer(job.out, clip.info, channels=4, overwrite=job.overwrite)
            if many and not clip.info.is_still:
                raise CleanplateError(f"{path} is no photo: give one clip, or several photos")
            if job.mask is not None and not clip.info.is_still:
                raise CleanplateError(f"--mask goes with one photo, and {path} is none: leave it out")
            if not many and clip.info.is_still and job.mask is None:
                raise CleanplateError(
                    f"{path} is one photo: give several of the same place between which everybody moves, a clip, or "
                    "--mask with an image that is light where somebody stands, to be filled in by guess"
                )


def _source(job: PlateJob, clip: Clip) -> Source:
    if len(job.clips) > 1:
        return "photos"
    if job.empty is not None:
        return "empty"
    return "folder" if isinstance(clip, ImageClip) else "clip"


def _chosen(job: PlateJob, info: ClipInfo) -> list[int]:
    if job.empty is not None:
        first, stop = parse_span(job.empty, info, "--empty")
    else:
        first, stop = parse_range(job.start, job.end, info)
        if stop - first == 1:
            raise CleanplateError(
                f"{info.path}: one frame does not tell the place from who stands in it; give more of the clip, or, if "
                f"nobody is in it, say --empty {first}-{stop}"
            )
    count = min(stop - first, MOST_FRAMES)
    return [int(index) for index in np.linspace(first, stop - 1, count).round()]


class _Photos:
    """Several image files, brought to the depth of the deepest and the colours of the first."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._bits = max(8 if read_still(path).bit_depth == 8 else 16 for path in paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Image]:
        colour = None
        for path in self._paths:
            still = read_still(path)
            colour = colour or still.colour
            picture = as_depth(with_holes(still.image, still.alpha), self._bits)
            yield converted_image(picture, still.colour, colour)

    def number(self, index: int) -> int:
        """A photo's place in the list."""
        return index


def _fill_in(job: PlateJob, info: ClipInfo) -> PlateSummary:
    """The last resort, as the paper on which this program builds had it."""
    still, mask = read_still(job.clips[0]), read_still(cast(Path, job.mask), is_matte=True)
    photo = still.image
    if mask.image.shape != photo.shape:
        raise CleanplateError(
            f"{job.mask} is {mask.image.shape[1]} x {mask.image.shape[0]}, but {job.clips[0]} is {photo.shape[1]} x "
            f"{photo.shape[0]}: a mask has the size of its photo"
        )
    light = alpha_of(mask) if has_shape(mask) else unit(mask.image).max(axis=2)
    marked = (light > 0.5).astype(np.uint8)
    side = 2 * MASK_MARGIN_PX + 1
    known = known_in(with_holes(photo, still.alpha))
    guessed = (cv2.dilate(marked, np.ones((side, side), np.uint8)) > 0) & known
    unknown = guessed | ~known
    if not marked.any() or unknown.all():
        share = "nothing" if not marked.any() else "everything"
        raise CleanplateError(f"{job.mask} marks {share}: it is to be light where somebody stands, and dark elsewhere")
    _write(job, info, BuiltPlate(inpainted(photo, unknown), known, np.zeros_like(known), (0,), ()))
    height, width = known.shape
    seen, filled = float(1 - unknown.mean()), float(guessed.mean())
    return PlateSummary(str(job.out), width, height, seen, filled, 1, source="photos")


def _write(job: PlateJob, info: ClipInfo, plate: BuiltPlate) -> None:
    image, deep = plate.image, plate.image.dtype == np.uint16
    if not plate.known.all():
        image = cast(Image, np.dstack([image, plate.known * np.array(np.iinfo(image.dtype).max, image.dtype)]))
    height, width, channels = image.shape
    one = Fraction(1, 25)
    like = ClipInfo(info.path, width, height, (0,), one, 1 / one, 16 if deep else 8, info.colour, 0, 1, is_still=True)
    with open_writer(job.out, like, channels=channels, overwrite=job.overwrite) as writer:
        writer.write(image, 0)
