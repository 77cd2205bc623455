"""Numbers against the formulas of BT.601, BT.709 and BT.2020, and of limited and full range."""

from __future__ import annotations

import av
import numpy as np
import pytest

from pipeline.colour import Converter, as_depth, bit_depth_of, colour_of
from pipeline.frames import CleanplateError, Colour

KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
PURE = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float64)
COLOURS = np.concatenate([PURE, np.random.default_rng(0).random((40, 3))])
MIXED = ("yuv444p", "yuv420p", "yuv444p10le", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuva444p12le", "p010le")


def codes(rgb: np.ndarray, matrix: int, full_range: bool, bits: int) -> np.ndarray:
    """Y, Cb, Cr by the book (H.273, equations 38 and following), unrounded."""
    kr, kb = KR_KB[matrix]
    y = rgb @ (kr, 1 - kr - kb, kb)
    ycc = np.stack([y, (rgb[:, 2] - y) / (2 * (1 - kb)), (rgb[:, 0] - y) / (2 * (1 - kr))], axis=1)
    unit = 1 << (bits - 8)
    gain = [(1 << bits) - 1] * 3 if full_range else [219 * unit, 224 * unit, 224 * unit]
    return np.clip(ycc * gain + (0 if full_range else 16 * unit, 128 * unit, 128 * unit), 0, (1 << bits) - 1)


def patches(colours: np.ndarray, dtype: type) -> np.ndarray:
    """Each colour as a square of 8 pixels, side by side."""
    image = np.rint(colours * np.iinfo(dtype).max).astype(dtype)
    return np.ascontiguousarray(np.repeat(np.repeat(image[None], 8, 0), 8, 1))


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    dtype = np.uint16 if bit_depth_of(frame.format) > 8 else np.uint8
    return [np.frombuffer(p, dtype).reshape(p.height, -1)[:, : p.width].astype(int) for p in frame.planes]


@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_codes_are_those_of_the_standard(matrix: int, full_range: bool, bits: int) -> None:
    image = patches(COLOURS, np.uint8 if bits == 8 else np.uint16)
    name = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    frame = Converter().from_rgb(image, name, Colour(matrix, full_range=full_range))
    made = np.stack([plane[4, 4::8] for plane in planes(frame)], axis=1)
    exact = image[4, 4::8] / np.iinfo(image.dtype).max
    assert np.abs(made - np.rint(codes(exact, matrix, full_range, bits))).max() <= (1 if bits < 12 else 2)


def test_white_and_black_are_exact() -> None:
    """They show: a white that is one code short is grey beside a title."""
    for name, black, white in (("yuv420p", 16, 235), ("yuv420p10le", 64, 940), ("yuv444p12le", 256, 3760)):
        image = patches(PURE[[0, 7]], np.uint16)
        frame = Converter().from_rgb(image, name, Colour(1))
        assert planes(frame)[0][4, 4::8].tolist() == [black, white]
        back, _ = Converter().to_rgb(frame, Colour(1))
        assert back[4, 4::8].tolist() == [[0] * 3, [np.iinfo(back.dtype).max] * 3]


@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("name", MIXED)
def test_what_is_written_is_read_back(matrix: int, full_range: bool, name: str) -> None:
    """Also from subsampled chroma, where one step of FFmpeg's scaler gets deep colours wrong."""
    colour = Colour(matrix, full_range=full_range)
    frame = Converter().from_rgb(patches(COLOURS, np.uint16), name, colour)
    image, _ = Converter().to_rgb(frame, colour)
    assert image.dtype == (np.uint8 if name in ("yuv444p", "yuv420p") else np.uint16)
    found = image[4, 4::8] / np.iinfo(image.dtype).max
    # Two roundings to whole codes, of which a chroma code moves red or blue by almost two.
    assert np.abs(found - COLOURS).max() * 255 <= (2.5 if image.dtype == np.uint8 else 1.0)


def test_the_matrix_matters() -> None:
    frame = Converter().from_rgb(patches(PURE, np.uint8), "yuv444p", Colour(1))
    wrong, _ = Converter().to_rgb(frame, Colour(6))
    assert np.abs(wrong[4, 4::8] / 255 - PURE).max() * 255 > 15


@pytest.mark.parametrize(
    ("width", "height", "matrix"), [(1280, 720, 1), (720, 576, 6), (640, 480, 6), (1920, 1080, 1), (720, 1280, 1)]
)
def test_untagged_yuv_is_guessed_by_its_size(width: int, height: int, matrix: int) -> None:
    frame = av.VideoFrame(width, height, "yuv420p")
    assert colour_of(frame) == Colour(matrix, full_range=False, assumed=True)


def test_tags_are_believed() -> None:
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, 16, 2
    assert colour_of(frame) == Colour(9, 9, 16, full_range=True)


@pytest.mark.parametrize("name", ["gray", "gray10le", "gray12le", "gray16le", "gray16be"])
def test_untagged_grey_spans_all_codes(name: str) -> None:
    frame = av.VideoFrame(16, 2, name)
    bits = bit_depth_of(frame.format)
    ramp = np.linspace(0, (1 << bits) - 1, 32).astype(np.uint8 if bits == 8 else np.uint16).reshape(2, 16)
    frame = av.VideoFrame.from_ndarray(ramp, format=name)
    image, alpha = Converter().to_rgb(frame, colour_of(frame))
    assert alpha is None
    assert np.array_equal(image[..., 0], image[..., 2])
    wanted = ramp / ((1 << bits) - 1)
    assert np.abs(image[..., 1] / np.iinfo(image.dtype).max - wanted).max() <= 0.5 / np.iinfo(image.dtype).max


def test_limited_grey_is_stretched() -> None:
    frame = av.VideoFrame.from_ndarray(np.array([[0, 16, 125, 235, 255]], np.uint8), format="gray")
    frame.color_range = 1
    image, _ = Converter().to_rgb(frame, colour_of(frame))
    assert image[0, :, 0].tolist() == [0, 0, 127, 255, 255]


def test_jpeg_formats_are_full_range() -> None:
    frame = av.VideoFrame(64, 48, "yuvj420p")
    assert colour_of(frame).full_range


@pytest.mark.parametrize("name", ["yuva444p10le", "yuva444p12le", "yuva420p10le", "gbrap10le", "gbrap16le"])
def test_deep_alpha_reaches_both_ends(name: str) -> None:
    image = np.zeros((16, 16, 4), np.uint16)
    image[:, 8:] = 65535
    frame = Converter().from_rgb(image, name, colour_of(av.VideoFrame(16, 16, name)))
    _, alpha = Converter().to_rgb(frame, colour_of(frame))
    assert alpha is not None
    assert np.unique(alpha).tolist() == [0, 65535]


def test_the_frame_carries_its_tags() -> None:
    frame = Converter().from_rgb(patches(PURE, np.uint8), "yuv420p", Colour(1, 9, 14))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 9, 14, 1)


@pytest.mark.parametrize("name", ["gray", "gray16le", "bgr0", "bgra", "gbrp16le", "gbrap16le"])
def test_lossless_formats_are_exact(name: str) -> None:
    channels = {"gray": 1, "gray16le": 1, "bgr0": 3, "gbrp16le": 3}.get(name, 4)
    dtype = np.uint16 if "16" in name else np.uint8
    image = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (37, 53, channels)).astype(dtype)
    frame = Converter().from_rgb(image, name, Colour(0, full_range=True))
    back, alpha = Converter().to_rgb(frame, Colour(0, full_range=True))
    assert np.array_equal(back, image[..., :3] if channels > 1 else image.repeat(3, 2))
    assert channels < 4 or (alpha is not None and np.array_equal(alpha, image[..., 3]))


def test_depths_are_rounded_to_the_nearest() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(as_depth(every, 8), np.rint(every / 257))
    shallow = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(as_depth(as_depth(shallow, 16), 8), shallow)
    assert as_depth(shallow, 16).max() == 65535
    assert as_depth(shallow, 8) is shallow


def test_a_matrix_that_cannot_be_converted_is_named() -> None:
    with pytest.raises(CleanplateError, match="matrix coefficients 8"):
        Converter().to_rgb(av.VideoFrame(64, 48, "yuv420p"), Colour(8))
