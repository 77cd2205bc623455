"""A clip's own planes: where the subject is opaque they go into the output as they are, without a detour over RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.colour import bit_depth_of
from pipeline.frames import Colour, Planes

FORMATS = frozenset(f"yuv{chroma}p{depth}" for chroma in (420, 422, 444) for depth in ("", "10le", "12le"))

OPAQUE = 1 - 1 / 512
"""Alpha from which a pixel is the subject's alone; it rounds to 255."""


@dataclass(frozen=True)
class Untouched:
    """Which pixels of a frame are those of the clip.

    Attributes:
        planes: The clip's.
        where: H x W, True where they are wanted as they are.
    """

    planes: Planes
    where: NDArray[np.bool_]


def plain_format(name: str) -> str:
    """A pixel format without its range, which the colour says: `yuv420p` for FFmpeg's `yuvj420p`."""
    return name.replace("yuvj", "yuv")


def planes_of(frame: av.VideoFrame, colour: Colour) -> Planes | None:
    """A copy of a frame's planes; None where its format is another."""
    name = plain_format(frame.format.name)
    if name not in FORMATS:
        return None
    return Planes(name, colour, tuple(samples.copy() for samples in _views(frame)))


def restore(frame: av.VideoFrame, colour: Colour, untouched: Untouched) -> None:
    """Puts a clip's own samples back into a frame, in place, if both mean the same numbers.

    A chroma sample is the clip's where all the pixels that it stands for are.
    """
    planes = untouched.planes
    same_numbers = (planes.colour.matrix, planes.colour.full_range) == (colour.matrix, colour.full_range)
    if planes.pixel_format != frame.format.name or not same_numbers:
        return
    where = np.ascontiguousarray(untouched.where)
    for own, samples in zip(_views(frame), planes.samples, strict=True):
        where = _reduced(where, own.shape)  # once for both planes of chroma
        cv2.copyTo(samples, where.view(np.uint8), own)


def _views(frame: av.VideoFrame) -> list[NDArray[Any]]:
    """The planes' samples, which can be written to where the frame may be."""
    kind = np.dtype(np.uint8 if bit_depth_of(frame.format) == 8 else np.uint16)
    return [
        np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)[:, : plane.width]
        for plane in frame.planes
    ]


def _reduced(where: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True where all the pixels are that a sample stands for, with 1 or 2 of them a sample each way."""
    odd = [(0, pixels % 2 if pixels != samples else 0) for pixels, samples in zip(where.shape, shape, strict=True)]
    if odd != [(0, 0), (0, 0)]:
        where = np.pad(where, odd, mode="edge")
    if where.shape[0] != shape[0]:
        where = where[::2] & where[1::2]
    if where.shape[1] != shape[1]:
        where = where.view(np.uint16) == 0x0101  # two at a time: numpy is slow with every other one
    return where
