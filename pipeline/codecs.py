"""How video can be encoded: what each codec is called, where it may lie, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pipeline.colour import BT709, BT2020, RGB
from pipeline.frames import CleanplateError, Colour
from pipeline.light import primaries_of


def _as_yuv(colour: Colour) -> Colour:
    """By the matrix that belongs to the primaries: players know HDR by its own (ITU-R BT.2100)."""
    matrix = BT2020 if primaries_of(colour) == BT2020 else BT709
    return Colour(matrix, colour.primaries, colour.transfer, full_range=False)


def _as_rgb(colour: Colour) -> Colour:
    return Colour(RGB, colour.primaries, colour.transfer, full_range=True)


def _as_it_is(colour: Colour) -> Colour:
    return _as_yuv(colour) if colour.matrix == RGB else colour


@dataclass(frozen=True)
class Recipe:
    """How frames are encoded in one format.

    Attributes:
        name: For people.
        codec: FFmpeg's name of the encoder.
        pixel_formats: FFmpeg's names of the formats for 8 and for 16 bits, by channels.
        colour: What the stored numbers mean, given the clip's colour.
        suffixes: Of the containers that may hold it.
        for_odd_sides: Those for 8 and for 16 bits where the width or height is odd, if they are others.
        own_format: Whether it takes the clip's own pixel format where that is planar YUV.
        even_width: Whether the width has to be even.
        tag: Four letters by which players know it, where FFmpeg's own choice is not known to all.
        options: For the encoder.
        small_options: Those that replace others where pictures are less than 64 pixels wide or high.
        quality: The encoder's option that trades size for quality, and its range; None where there is none.
        begins_at_once: Whether an .mp4 or .mov has what players need first at its beginning.
        states_aspect: Whether the encoded pictures themselves say what shape a pixel has, whatever the container.
    """

    name: str
    codec: str
    pixel_formats: dict[int, tuple[str, str]]
    colour: Callable[[Colour], Colour]
    suffixes: tuple[str, ...]
    for_odd_sides: tuple[str, str] | None = None
    even_width: bool = False
    own_format: bool = False
    tag: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    small_options: dict[str, str] = field(default_factory=dict)
    quality: tuple[str, range] | None = None
    begins_at_once: bool = False
    states_aspect: bool = False

    @property
    def has_alpha(self) -> bool:
        """Whether it can be transparent."""
        return 4 in self.pixel_formats

    def pixel_format(self, channels: int, bits: int, width: int, height: int) -> str:
        """The pixel format for so many channels (1, 3 or 4), bits (8 or 16) and pixels.

        Raises:
            CleanplateError: Pictures of that width cannot be encoded.
        """
        if self.even_width and width % 2:
            raise CleanplateError(f"{self.name} needs an even width, not {width}; --codec prores4444 takes any")
        if self.for_odd_sides is not None and (width % 2 or height % 2):
            return self.for_odd_sides[bits // 16]
        return self.pixel_formats[channels][bits // 16]

    def container_options(self, suffix: str) -> dict[str, str]:
        """The muxer's options for a file of that suffix."""
        if suffix in (".mkv", ".webm"):
            # FFmpeg would shift all streams to make the sound's priming positive, the pictures with it.
            return {"avoid_negative_ts": "disabled"}
        return {"movflags": "+faststart"} if self.begins_at_once else {}

    @property
    def states_hdr10(self) -> bool:
        """Whether the encoded pictures can say what HDR10 states of a whole clip."""
        return self.codec == "libx265"

    def options_for(self, width: int, height: int, hdr10: str = "") -> dict[str, str]:
        """The encoder's options for pictures of that size, pixels, and what HDR10 states of them."""
        options = self.options | (self.small_options if min(width, height) < 64 else {})
        if not (hdr10 and self.states_hdr10):
            return options
        return options | {"x265-params": f"{options['x265-params']}:{hdr10}"}

    def at_quality(self, value: int | None) -> Recipe:
        """The recipe at another quality than its own.

        Raises:
            CleanplateError: It has none to choose, or not this one.
        """
        if value is None:
            return self
        if self.quality is None:
            raise CleanplateError(f"--quality {value}: {self.name} has no quality to choose")
        option, allowed = self.quality
        if value not in allowed:
            raise CleanplateError(
                f"--quality {value}: that of {self.name} goes from {allowed[0]} (best) to {allowed[-1]} (smallest)"
            )
        return replace(self, options={**self.options, option: str(value)})


CODECS = {
    "h264": Recipe(
        "H.264",
        "libx264",
        {1: ("yuv420p", "yuv420p"), 3: ("yuv420p", "yuv420p")},
        _as_yuv,
        (".mp4", ".mov", ".mkv"),
        for_odd_sides=("yuv444p", "yuv444p"),  # rather than crop or pad
        # No frame may depend on a later one (bf): MP4 would state a wrong length for the last.
        options={"crf": "16", "preset": "veryfast", "bf": "0"},
        quality=("crf", range(52)),
        begins_at_once=True,
        states_aspect=True,
    ),
    "h265": Recipe(
        "H.265",
        "libx265",
        {1: ("yuv420p", "yuv420p10le"), 3: ("yuv420p", "yuv420p10le")},
        _as_yuv,
        (".mp4", ".mov", ".mkv"),
        for_odd_sides=("yuv444p", "yuv444p10le"),
        tag="hvc1",  # Apple's players know no other
        options={"crf": "18", "preset": "fast", "x265-params": "bframes=0:log-level=error"},
        # There x265's tree of blocks writes beyond its memory, and its threads once died over pictures of one block.
        small_options={"x265-params": "bframes=0:log-level=error:cutree=0:frame-threads=1:pools=none"},
        quality=("crf", range(52)),
        begins_at_once=True,
        states_aspect=True,
    ),
    "prores422": Recipe(
        "ProRes 422 HQ",
        "prores_ks",
        {1: ("yuv422p10le", "yuv422p10le"), 3: ("yuv422p10le", "yuv422p10le")},
        _as_yuv,
        (".mov", ".mkv"),
        even_width=True,  # FFmpeg's encoder spoils the last column's colour otherwise
        options={"profile": "hq", "vendor": "apl0"},
    ),
    "prores4444": Recipe(
        "ProRes 4444",
        "prores_ks",
        {1: ("yuv444p10le", "yuv444p10le"), 3: ("yuv444p10le", "yuv444p10le"), 4: ("yuva444p10le", "yuva444p10le")},
        _as_yuv,
        (".mov", ".mkv"),
        options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
    ),
    "vp9": Recipe(
        "VP9",
        "libvpx-vp9",
        # The libvpx that comes with PyAV knows 8 bits only.
        {1: ("yuv420p", "yuv420p"), 3: ("yuv420p", "yuv420p"), 4: ("yuva420p", "yuva420p")},
        _as_yuv,
        (".webm", ".mkv"),
        options={"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"},
        quality=("crf", range(64)),
    ),
    "ffv1": Recipe(
        "lossless FFV1",
        "ffv1",
        {1: ("gray", "gray16le"), 3: ("bgr0", "gbrp16le"), 4: ("bgra", "gbrap16le")},
        _as_rgb,
        (".mkv",),
        options={"level": "3", "slices": "16", "slicecrc": "1"},
    ),
    "ffv1yuv": Recipe(
        "lossless FFV1 in the clip's own format",
        "ffv1",
        {1: ("gray", "gray16le"), 3: ("yuv444p", "yuv444p10le")},
        _as_it_is,
        (".mkv",),
        own_format=True,
        options={"level": "3", "slices": "16", "slicecrc": "1"},
    ),
    "animation": Recipe(
        "lossless QuickTime Animation",
        "qtrle",
        {1: ("rgb24", "rgb24"), 3: ("rgb24", "rgb24"), 4: ("argb", "argb")},
        _as_rgb,
        (".mov",),
    ),
}

BY_SUFFIX = {".mp4": ("h264",), ".mov": ("h264", "prores4444"), ".mkv": ("ffv1",), ".webm": ("vp9",)}
"""What a suffix stands for where no codec is named: the first that can be transparent if it has to be."""

FOR_EDITING = {".mov": "prores4444"}
"""What a suffix stands for in alpha and foreground, which are for editors and never for viewers."""


def choose_codec(suffix: str, name: str | None, *, transparent: bool) -> Recipe:
    """The recipe for a container.

    Args:
        suffix: One of BY_SUFFIX.
        name: One of CODECS; None for what the suffix stands for.
        transparent: Whether alpha has to be kept.

    Raises:
        CleanplateError: There is no such codec, or not there, or it cannot be transparent.
    """
    if name is not None and name not in CODECS:
        raise CleanplateError(f"--codec {name}: the codecs are {', '.join(CODECS)}")
    names = BY_SUFFIX[suffix] if name is None else (name,)
    chosen = next((CODECS[one] for one in names if CODECS[one].has_alpha or not transparent), None)
    if chosen is None:
        able = ", ".join(f"{key} ({' '.join(one.suffixes)})" for key, one in CODECS.items() if one.has_alpha)
        raise CleanplateError(
            f"{CODECS[names[0]].name} in {suffix} cannot be transparent, which a composite without a --background is; "
            f"codecs that can are {able}, and so can numbered .png, .tif and .exr"
        )
    if suffix not in chosen.suffixes:
        raise CleanplateError(f"{chosen.name} does not go into {suffix}; name the file {' or '.join(chosen.suffixes)}")
    return chosen
