"""What a clip's numbers mean: between FFmpeg's frames and full-range RGB, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from pipeline.frames import CleanplateError, Colour, Image

RGB, BT709, UNKNOWN, BT601, BT2020 = 0, 1, 2, 6, 9

# H.273 matrix coefficients to the coefficient sets of FFmpeg's scaler.
_SCALER_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}

# Without full chroma interpolation and accurate rounding, 8-bit 4:2:0 comes back up to 4/255 off.
_SCALING = (
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)

# The scaler's 16-bit RGB has its white at 255 x 256: when it makes YUV, or came from limited-range YUV.
_SCALER_WHITE = 255 * 256


def bit_depth_of(pixel_format: av.VideoFormat) -> int:
    """Bits a sample of a pixel format, at least 8."""
    return max(8, *(component.bits for component in pixel_format.components))


def undeveloped(path: Path) -> CleanplateError:
    """What to say of a sensor's numbers, which lie behind a mosaic of colours."""
    return CleanplateError(f"{path} is a camera's raw; develop it first: pictures to TIFF or PNG, clips to ProRes")


def colour_of(frame: av.VideoFrame) -> Colour:
    """Read what a frame's numbers mean from its tags and pixel format.

    YUV without a matrix tag is taken as players take it: BT.709 from 1280 x 720 on, else BT.601. RGB and grey
    without a range tag are full range, YUV is not.
    """
    name = frame.format.name
    primaries = frame.color_primaries or UNKNOWN
    transfer = frame.color_trc or UNKNOWN
    if _is_rgb(frame.format) or _is_grey(frame.format):
        return Colour(RGB, primaries, transfer, full_range=frame.color_range != ColorRange.MPEG)
    full_range = name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
    if frame.colorspace in (RGB, UNKNOWN, 3):
        matrix = BT709 if frame.height >= 720 or frame.width >= 1280 else BT601
        return Colour(matrix, primaries, transfer, full_range=full_range, assumed=True)
    return Colour(frame.colorspace, primaries, transfer, full_range=full_range)


class Converter:
    """Converts frames, keeping the scaler's tables from one frame to the next. For one thread at a time."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._upsampler = VideoReformatter()

    def to_rgb(self, frame: av.VideoFrame, colour: Colour) -> tuple[Image, Image | None]:
        """Convert a decoded frame to full-range RGB.

        Args:
            frame: Of any pixel format.
            colour: What its numbers mean.

        Returns:
            H x W x 3, and H x W alpha where the pixel format has one: uint8 for 8-bit formats, else uint16
            spanning 0..65535.

        Raises:
            CleanplateError: The matrix is one that cannot be converted.
        """
        pixel_format = frame.format
        if pixel_format.name.startswith("gray"):
            codes = _integers(frame)
            grey = _stretched(codes, *_code_range(bit_depth_of(pixel_format), colour.full_range))
            return _tripled(grey[..., None]), None
        bits = bit_depth_of(pixel_format)
        has_palette = pixel_format.has_palette
        has_alpha = has_palette or any(component.is_alpha for component in pixel_format.components)
        if bits == 8:
            pixels = self._as_rgb(frame, "rgba" if has_alpha else "rgb24", colour)
        else:
            frame = self._with_whole_chroma(frame, has_alpha, colour)
            pixels = self._as_rgb(frame, "rgba64le" if has_alpha else "rgb48le", colour)
        image = _contiguous(pixels[..., :3])
        alpha = _contiguous(pixels[..., 3]) if has_alpha else None
        if has_palette and alpha is not None and alpha.min() == 255:
            alpha = None
        if bits > 8 and not _is_rgb(pixel_format):
            image = _scaled(image, 65535 / (_white(bits) if colour.full_range else _SCALER_WHITE))
            alpha = None if alpha is None else _scaled(alpha, 65535 / _white(bits))
        return image, alpha

    def _as_rgb(self, frame: av.VideoFrame, pixel_format: str, colour: Colour) -> Image:
        converted = self._scaler.reformat(
            frame,
            format=pixel_format,
            src_colorspace=None if colour.matrix == RGB else _scaler_matrix(colour.matrix),
            src_color_range=_scaler_range(colour),
            dst_color_range=ColorRange.JPEG,
            interpolation=_SCALING,
        )
        return _integers(converted)

    def _with_whole_chroma(self, frame: av.VideoFrame, has_alpha: bool, colour: Colour) -> av.VideoFrame:
        """Bring deep YUV to 4:4:4 first: from 4:2:0 in one step, FFmpeg 8.1 makes 16-bit RGB of wrong colours."""
        if frame.format.chroma_height(frame.height) == frame.height:
            return frame
        return self._upsampler.reformat(
            frame,
            format="yuva444p16le" if has_alpha else "yuv444p16le",
            src_color_range=_scaler_range(colour),
            dst_color_range=_scaler_range(colour),
            interpolation=_SCALING,
        )

    def from_rgb(self, image: Image, pixel_format: str, colour: Colour) -> av.VideoFrame:
        """Convert a full-range image to a frame that is tagged with what its numbers mean.

        Args:
            image: H x W (x 1) grey, H x W x 3 RGB or H x W x 4 RGBA; uint8 or uint16.
            pixel_format: FFmpeg's name of the format wanted.
            colour: What the numbers of the result are to mean.

        Returns:
            A frame without a time.
        """
        target = av.VideoFormat(pixel_format, image.shape[1], image.shape[0])
        deep = bit_depth_of(target) > 8
        image = as_depth(image, 16 if deep else 8)
        if image.ndim == 2:
            image = image[..., None]
        if _is_grey(target):
            frame = av.VideoFrame.from_ndarray(_contiguous(image[..., 0]), format=pixel_format)
            return _tagged(frame, colour)
        if image.shape[2] == 1:
            image = _tripled(image)
        if deep and not _is_rgb(target):
            scaled = _scaled(image, _SCALER_WHITE / 65535)
            scaled[..., 3:] = image[..., 3:]
            image = scaled
        names = ("rgb48le", "rgba64le") if deep else ("rgb24", "rgba")
        frame = av.VideoFrame.from_ndarray(_contiguous(image), format=names[image.shape[2] - 3])
        converted = self._scaler.reformat(
            frame,
            format=pixel_format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=None if colour.matrix == RGB else _scaler_matrix(colour.matrix),
            dst_color_range=_scaler_range(colour),
            interpolation=_SCALING,
        )
        return _tagged(converted, colour)


def as_depth(image: Image, bits: int) -> Image:
    """Convert an image to 8 or 16 bits a sample, full range to full range, rounded to the nearest."""
    if bits == 8 and image.dtype == np.uint16:
        return cast(Image, cv2.addWeighted(image, 1 / 257, image, 0, 0, dtype=cv2.CV_8U).reshape(image.shape))
    if bits == 16 and image.dtype == np.uint8:
        return image.astype(np.uint16) * np.uint16(257)
    return image


def _integers(frame: av.VideoFrame) -> Image:
    """The samples of a frame of one of the integer formats that are used here."""
    return cast(Image, frame.to_ndarray())


def _contiguous(image: Image) -> Image:
    return cast(Image, np.ascontiguousarray(image))


def _tripled(grey: Image) -> Image:
    """H x W x 1 to H x W x 3."""
    return cast(Image, np.repeat(grey, 3, axis=2))


def _tagged(frame: av.VideoFrame, colour: Colour) -> av.VideoFrame:
    frame.colorspace = colour.matrix
    frame.color_primaries = colour.primaries
    frame.color_trc = colour.transfer
    frame.color_range = _scaler_range(colour)
    return frame


def _is_rgb(pixel_format: av.VideoFormat) -> bool:
    return pixel_format.is_rgb or pixel_format.has_palette


def _is_grey(pixel_format: av.VideoFormat) -> bool:
    return pixel_format.name.startswith(("gray", "ya8", "ya16", "mono"))


def _scaler_range(colour: Colour) -> ColorRange:
    return ColorRange.JPEG if colour.full_range else ColorRange.MPEG


def _scaler_matrix(matrix: int) -> int:
    if matrix not in _SCALER_MATRIX:
        raise CleanplateError(
            f"matrix coefficients {matrix} (ITU-T H.273) cannot be converted to RGB; convert the clip to one "
            f"of {sorted(_SCALER_MATRIX)} first, for example 1 (BT.709)"
        )
    return _SCALER_MATRIX[matrix]


def _code_range(bits: int, full_range: bool) -> tuple[int, int]:
    """The codes of black and white in luma of so many bits."""
    return (0, (1 << bits) - 1) if full_range else (16 << (bits - 8), 235 << (bits - 8))


def _white(bits: int) -> int:
    """Where the scaler, which only shifts, puts the highest code of so many bits in 16."""
    return ((1 << bits) - 1) << (16 - bits)


def _scaled(image: Image, gain: float) -> Image:
    """Multiply, round and clip an image, keeping its type. Twenty times as fast as a table in NumPy."""
    return cast(Image, cv2.addWeighted(image, gain, image, 0, 0).reshape(image.shape))


def _stretched(codes: Image, black: int, white: int) -> Image:
    """Stretch the codes `black`..`white` over all of their type, clipped."""
    highest = int(np.iinfo(codes.dtype).max)
    if (black, white) == (0, highest):
        return codes
    gain = highest / (white - black)
    return cast(Image, cv2.addWeighted(codes, gain, codes, 0, -black * gain).reshape(codes.shape))
