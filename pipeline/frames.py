"""The types that travel through the program. They hold data, check themselves and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.levels import AS_IT_IS, Levels

if TYPE_CHECKING:  # they bring PyTorch, which takes seconds
    from alignment.plate import AlignmentReport
    from models.coarse import Coarse

Image = NDArray[np.uint8] | NDArray[np.uint16]
FloatImage = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16", "int8"]


class CleanplateError(Exception):
    """Something the user can mend: the command, or a file that it names. Exit code 2."""


class MachineError(Exception):
    """Something this machine could not do, such as finding room on the disk. Exit code 3."""


@dataclass(frozen=True)
class Colour:
    """What a clip's numbers mean, in the code points of ITU-T H.273, as containers and FFmpeg store them.

    Attributes:
        matrix: Matrix coefficients: 0 RGB, 1 BT.709, 5 and 6 BT.601, 9 BT.2020.
        primaries: Colour primaries, 2 where the clip does not say.
        transfer: Transfer characteristics, 2 where the clip does not say.
        full_range: Whether luma spans all codes rather than the studio's 16 to 235.
        assumed: Whether the matrix was not tagged and is a guess from the picture's size.
    """

    matrix: int = 1
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False
    assumed: bool = False


@dataclass(frozen=True, repr=False)
class Planes:
    """Luma and chroma as they were decoded.

    Attributes:
        pixel_format: FFmpeg's name, such as `yuv420p10le`.
        colour: What the numbers mean.
        samples: Y, Cb and Cr, H x W and the chroma's size, uint8 or uint16.
    """

    pixel_format: str
    colour: Colour
    samples: tuple[NDArray[Any], ...]


@dataclass(frozen=True, repr=False)
class Frame:
    """One picture of a clip, upright.

    Attributes:
        image: H x W x 3 RGB, full range: uint8, or uint16 spanning all of 0..65535 when the source has more
            than 8 bits.
        index: Place in the clip, from 0.
        pts: Presentation time in units of `time_base`.
        time_base: Seconds a unit.
        bit_depth: Bits a sample of the source: 8, 10, 12 or 16.
        colour: What the source's numbers meant; the writer tags its output with it.
        duration: In units of `time_base`; None where the clip does not say.
        alpha: H x W of the image's type, where the source has an alpha channel.
        planes: As they were decoded, where they are YUV and upright.
        remarks: What the user should know of how it was read, each to stand behind the name of its file or clip.
    """

    image: Image
    index: int
    pts: int
    time_base: Fraction
    bit_depth: int = 8
    colour: Colour = field(default_factory=Colour)
    duration: int | None = None
    alpha: Image | None = None
    planes: Planes | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"image is H x W x 3, not {self.image.shape}")
        wanted = np.uint8 if self.bit_depth == 8 else np.uint16
        if self.image.dtype != wanted:
            raise ValueError(f"a frame of {self.bit_depth} bits is {wanted.__name__}, not {self.image.dtype}")

    @property
    def seconds(self) -> float:
        """Presentation time in seconds, for people; arithmetic uses `pts` and `time_base`."""
        return float(self.pts * self.time_base)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Frame({self.index}, {width} x {height}, {self.bit_depth} bit, pts {self.pts} x {self.time_base})"


@dataclass(frozen=True, repr=False)
class ClipInfo:
    """What is known of a clip before a picture of it is decoded.

    Attributes:
        path: The file, the folder, or the pattern that it was opened from.
        width: Of the upright picture, pixels.
        height: Of the upright picture, pixels.
        pts: Presentation time of every frame, ascending, in units of `time_base`. Its length is the clip's.
        time_base: Seconds a unit.
        rate: Nominal frames a second, for containers that want one; never used to compute times.
        bit_depth: Bits a sample.
        colour: What the numbers mean.
        audio_streams: How many audio streams can be carried along.
        end_pts: Where the last frame ends, in units of `time_base`.
        is_still: Whether the clip is a single image file.
        pixel_format: FFmpeg's name of the pictures' format; empty where it is not kept.
        timecode: Of the first frame, `HH:MM:SS:FF`, or `HH:MM:SS;FF` where frames are dropped; None without one.
        unfit_timecode: What the clip gives for one, but does not go with its rate; empty where all is well.
        reel_name: Of the tape or card that timecodes count on; empty without one.
        pixel_aspect: Width of an upright picture's pixel over its height; 1 where the clip does not say.
        subtitle_streams: How many streams of subtitles can be carried along.
        chapters: How many chapters can be carried along.
        has_alpha: Whether the pictures have an alpha channel of their own.
        assumed_rate: Whether `rate` is a guess, of numbered pictures that do not say theirs.
        hdr10: What HDR10 states of the whole clip, see `hdr10_of`.
    """

    path: Path
    width: int
    height: int
    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction
    bit_depth: int
    colour: Colour
    audio_streams: int
    end_pts: int
    is_still: bool = False
    timecode: str | None = None
    unfit_timecode: str = ""
    reel_name: str = ""
    pixel_format: str = ""
    pixel_aspect: Fraction = Fraction(1)
    subtitle_streams: int = 0
    chapters: int = 0
    has_alpha: bool = False
    assumed_rate: bool = False
    hdr10: str = ""

    @property
    def has_company(self) -> bool:
        """Whether there is anything beside the pictures: sound, subtitles or chapters."""
        return bool(self.audio_streams or self.subtitle_streams or self.chapters)

    def __len__(self) -> int:
        return len(self.pts)

    def __repr__(self) -> str:
        return (
            f"ClipInfo({self.path.name}, {self.width} x {self.height}, {len(self)} frames, "
            f"{float(self.rate):.3f} a second, {self.bit_depth} bit)"
        )


@dataclass(frozen=True)
class Settings:
    """What decides a matte, beside the window and the plate.

    Attributes:
        model: Name of the generator: `fast` or `paper`.
        weights: Another weights file than the one that ships with the model.
        segmenter: Where the soft mask comes from: `difference` (the plate) or `deeplab` (a person net).
        device: `cpu`, `cuda` or `mps`; `auto` takes the best that works.
        precision: Of the networks' convolutions: `float32`, `bfloat16`, `int8`, or `auto`, which takes what the device
            is quickest at. Alpha moves by less than 1/1024 on average, single pixels of hair by more; with int8 most
            where the picture is dark or has little contrast.
        tile_px: Height of the refiner's tiles, even.
        tile_batch: How many times that the tiles are wide, together, that the refiner takes at once; None is what
            suits the device.
    """

    model: str = "fast"
    weights: Path | None = None
    segmenter: str = "difference"
    device: str = "auto"
    precision: Precision = "auto"
    tile_px: int = 64
    tile_batch: int | None = None


@dataclass(frozen=True, repr=False)
class Observation:
    """What one frame tells the mattes of the frames around it. A pure function of that frame and the plate.

    Attributes:
        index: The frame's place in the clip.
        small: The frame at the generator's size, h x w x 3 RGB of its own depth.
        grey: The same in grey, h x w float32 in [0, 1].
        alignment: Where the plate lies in the frame; None where it was not found, nor bridged.
        failure: Why it was not found; empty where it was.
    """

    index: int
    small: Image
    grey: FloatImage
    alignment: AlignmentReport | None
    failure: str = ""


@dataclass(frozen=True, repr=False)
class FrameWindow:
    """All that the matte of one frame may depend on, beside the plate and the settings.

    Attributes:
        frame: The frame itself.
        observation: Its own observation.
        neighbours: Those at t - 2T, t - T, t + T and t + 2T, clamped at the clip's ends and at cuts.
        mask: The user's own soft mask for this frame, H x W float32 in [0, 1], or None.
        beside: The frames just before and just after by whose drafts this one's is steadied, see
            `motion.indices_beside`; None where the shot does not have both.
        standing: Where the plate lies by the frames around, plate to frame, where they say that the camera stands
            still and this frame has it elsewhere (`alignment.standing`); else None.
    """

    frame: Frame
    observation: Observation
    neighbours: tuple[Observation, ...]
    mask: FloatImage | None = None
    beside: tuple[int, int] | None = None
    standing: NDArray[np.float64] | None = None


@dataclass(frozen=True, repr=False)
class Draft:
    """What the generator makes of one window: a pure function of it, the plate and the settings.

    Attributes:
        window: The window.
        coarse: The coarse matte; None where the plate was not found, and for networks that see crops.
        image: The frame as the generator was shown it, h x w x 3 float32 in [0, 1]; None without a matte.
        plate, coverage: The aligned plate, likewise, and where it is known, h x w.
        levels: What the generator was shown them in.
    """

    window: FrameWindow
    coarse: Coarse | None
    image: FloatImage | None = None
    plate: FloatImage | None = None
    coverage: FloatImage | None = None
    levels: Levels = AS_IT_IS

    @property
    def index(self) -> int:
        """The frame's place in the clip."""
        return self.window.frame.index


class FrameStatus(StrEnum):
    """How the matting of one frame ended."""

    OK = "ok"
    NO_SUBJECT = "no subject"
    ALIGNMENT_FAILED = "alignment failed"


@dataclass(frozen=True, repr=False)
class Matte:
    """The result for one frame.

    Attributes:
        alpha: H x W float32 in [0, 1].
        foreground: H x W x 3 float32 RGB in [0, 1], straight (not multiplied by alpha).
        status: How it went.
        alignment: Where the plate was found; None where it was not.
        hides: H x W, where the subject hides the old background: alpha as it was before its edge was drawn in or
            softened by taste; None where it is alpha.
    """

    alpha: FloatImage
    foreground: FloatImage
    status: FrameStatus
    alignment: AlignmentReport | None
    hides: FloatImage | None = None

    def __repr__(self) -> str:
        height, width = self.alpha.shape
        return f"Matte({width} x {height}, {self.status})"
