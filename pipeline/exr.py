"""OpenEXR pictures: scene-linear half floats, colour multiplied by alpha, as compositors expect them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenEXR

from pipeline.frames import CleanplateError, FloatImage, Image
from pipeline.light import CHROMATICITIES, to_display, to_linear


def write_exr(path: Path, image: FloatImage, rate: Fraction, primaries: int, timecode: str | None) -> None:
    """Write a picture.

    Args:
        path: The file.
        image: H x W x 1 alpha or mask, which becomes channel Y as it is; H x W x 3, or H x W x 4 with straight alpha,
            display-referred, which become linear and, with alpha, premultiplied.
        rate: Frames a second, for the header.
        primaries: As H.273 numbers them, for the header.
        timecode: Of this frame, for the header.

    Raises:
        OSError: It cannot be written.
    """
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "framesPerSecond": (rate.numerator, rate.denominator),
        "chromaticities": CHROMATICITIES.get(primaries, CHROMATICITIES[1]),
    }
    if timecode is not None:
        hours, minutes, seconds, frames = (int(part) for part in re.split("[:;]", timecode))
        header["timeCode"] = OpenEXR.TimeCode(hours, minutes, seconds, frames, int(";" in timecode), *[0] * 13)
    if image.shape[2] == 1:
        channels = {"Y": _half(image[..., 0])}
    else:
        light = to_linear(image[..., :3])
        if image.shape[2] == 4:
            light = np.dstack([light * image[..., 3:], image[..., 3]])
        channels = {"RGB" if image.shape[2] == 3 else "RGBA": _half(light)}
    try:
        with OpenEXR.File(header, channels) as file:
            file.write(str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


def read_exr(path: Path) -> tuple[Image, Image | None]:
    """Read a picture.

    Returns:
        Display-referred H x W x 3 uint16, brighter than white clipped, and H x W alpha where there is one.

    Raises:
        CleanplateError: It is no such picture, or has no colours.
    """
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: part.pixels for part in file.parts for name, part in part.channels.items()}
    except RuntimeError as error:
        raise CleanplateError(f"{path} is not an image that can be read, or it is damaged") from error
    names = ("R", "G", "B") if "R" in channels else ("Y", "Y", "Y")
    if not all(name in channels for name in names):
        raise CleanplateError(f"{path} has no channels R, G and B, nor Y; it has {', '.join(sorted(channels))}")
    light = np.dstack([channels[name] for name in names]).astype(np.float32)
    alpha = channels.get("A")
    if alpha is None:
        return _codes(to_display(light)), None
    alpha = np.clip(alpha.astype(np.float32), 0, 1)
    light /= np.maximum(alpha, 1e-4)[..., None]
    return _codes(to_display(light)), _codes(alpha)


def _half(values: FloatImage) -> Any:
    return np.ascontiguousarray(values, np.float16)


def _codes(values: FloatImage) -> Image:
    return cast(Image, np.rint(np.nan_to_num(values) * 65535).astype(np.uint16))
