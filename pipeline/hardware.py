"""Encoders that graphics hardware brings, for those who ask for them; which of them work is found out by trying.

Their options follow FFmpeg's documentation: none of them was at hand to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.codecs import Recipe
from pipeline.frames import CleanplateError
from pipeline.trial import try_codec


@dataclass(frozen=True)
class Encoder:
    """One that stands in for a software encoder.

    Attributes:
        codec: FFmpeg's name.
        pixel_formats: For 8 and for 16 bits.
        options: For the encoder. No frame may depend on a later one.
        quality: The option that trades size for quality, and its range.
    """

    codec: str
    pixel_formats: tuple[str, str]
    options: dict[str, str]
    quality: tuple[str, range]


def _family(codec: str, deep: str) -> tuple[Encoder, ...]:
    """NVIDIA's, Intel's and AMD's; `deep` is the format for 16 bits."""
    flat = "nv12"
    nvidia = {"preset": "p5", "rc": "vbr", "cq": "19", "b": "0", "bf": "0"}
    amd = {"rc": "qvbr", "qvbr_quality_level": "18", "bf": "0"}
    return (
        Encoder(f"{codec}_nvenc", (flat, deep), nvidia, ("cq", range(1, 52))),
        Encoder(f"{codec}_qsv", (flat, deep), {"global_quality": "18", "bf": "0"}, ("global_quality", range(1, 52))),
        Encoder(f"{codec}_amf", (flat, deep), amd, ("qvbr_quality_level", range(1, 52))),
    )


HARDWARE: dict[str, tuple[Encoder, ...]] = {"libx264": _family("h264", "nv12"), "libx265": _family("hevc", "p010le")}
"""What can stand in for which software encoder, the likeliest first."""


def on_hardware(recipe: Recipe, size: tuple[int, int], bits: int) -> Recipe:
    """The recipe with the first hardware encoder that works here.

    Args:
        recipe: For software.
        size: Width and height of the pictures, pixels.
        bits: 8 or 16.

    Raises:
        CleanplateError: There is no such encoder for the recipe's codec or for this size, or none works.
    """
    encoders = HARDWARE.get(recipe.codec, ())
    if not encoders:
        raise CleanplateError(f"--hardware: {recipe.name} is encoded by software only; h264 and h265 are not")
    if size[0] % 2 or size[1] % 2:
        raise CleanplateError(f"--hardware needs even sides, not {size[0]} x {size[1]}; leave it out")
    problems = []
    for encoder in encoders:
        problem = try_codec(encoder.codec, encoder.pixel_formats[bits // 16], size, encoder.options)
        if not problem:
            return replace(
                recipe,
                name=f"{recipe.name} by {encoder.codec}",
                codec=encoder.codec,
                pixel_formats=dict.fromkeys((1, 3), encoder.pixel_formats),
                for_odd_sides=None,
                options=encoder.options,
                quality=encoder.quality,
            )
        problems.append(f"{encoder.codec} {problem}")
    raise CleanplateError(
        f"--hardware: no hardware encoder of {recipe.name} works on this machine for {size[0]} x {size[1]} "
        f"({'; '.join(problems)}); leave it out to encode by software"
    )
