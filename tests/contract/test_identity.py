"""What is not replaced comes out as it went in, in the clip's own numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.composite import composite, quantise, unit
from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import Colour, FrameStatus, Matte
from pipeline.planes import OPAQUE, Untouched, planes_of, restore

SIZE = (66, 50)
FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le")


def noise(path: Path, pixel_format: str, *, full_range: bool, codec: str = "ffv1") -> list[list[np.ndarray]]:
    """Writes a clip whose every sample is chance, which no way over RGB and back would leave alone; and its planes."""
    random = np.random.default_rng(7)
    planes = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"qp": "0"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        stream.codec_context.colorspace = 1
        stream.codec_context.color_range = 2 if full_range else 1
        for index in range(3):
            frame = av.VideoFrame(*SIZE, pixel_format)
            bits = frame.format.components[0].bits
            kind = np.uint8 if bits == 8 else np.uint16
            planes.append([])
            for plane in frame.planes:
                low, high = (60 << (bits - 8), 180 << (bits - 8))
                samples = random.integers(low, high, (plane.height, plane.width)).astype(kind)
                wide = np.zeros((plane.height, plane.line_size // samples.itemsize), kind)
                wide[:, : plane.width] = samples
                plane.update(wide.tobytes())
                planes[-1].append(samples)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            frame.colorspace, frame.color_range = 1, 2 if full_range else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return planes


def stored(path: Path) -> list[list[np.ndarray]]:
    with open_clip(path) as clip:
        return [list(frame.planes.samples) for frame in clip.frames()]


def copy(source: Path, out: Path, alpha: np.ndarray, **options: str) -> None:
    """A composite over red with an alpha that is given, written as `render` writes it."""
    with open_clip(source) as clip, open_writer(out, clip.info, channels=3, **options) as writer:
        for frame in clip.frames():
            foreground = unit(frame.image)
            matte = Matte(alpha, foreground, FrameStatus.OK, None)
            red = np.broadcast_to(np.float32([1, 0, 0]), foreground.shape)
            untouched = Untouched(frame.planes, alpha >= OPAQUE)
            writer.write(quantise(composite(matte, red), writer.bits), frame.pts, untouched)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("full_range", [False, True])
def test_alpha_of_one_is_the_source_in_every_plane(pixel_format: str, full_range: bool, tmp_path: Path) -> None:
    planes = noise(tmp_path / "clip.mkv", pixel_format, full_range=full_range)
    copy(tmp_path / "clip.mkv", tmp_path / "out.mkv", np.ones(SIZE[::-1], np.float32), codec="ffv1yuv")
    with open_clip(tmp_path / "out.mkv") as clip:
        assert clip.info.pixel_format == pixel_format
        assert (clip.info.colour.matrix, clip.info.colour.full_range) == (1, full_range)
    for before, after in zip(planes, stored(tmp_path / "out.mkv"), strict=True):
        for a, b in zip(before, after, strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("full_range", [False, True])
def test_what_a_camera_writes_in_full_range_is_the_source_too(full_range: bool, tmp_path: Path) -> None:
    """FFmpeg has a format of its own for it, of the same samples."""
    planes = noise(tmp_path / "clip.mkv", "yuv420p", full_range=full_range, codec="libx264")
    copy(tmp_path / "clip.mkv", tmp_path / "out.mkv", np.ones(SIZE[::-1], np.float32), codec="ffv1yuv")
    with open_clip(tmp_path / "out.mkv") as clip:
        assert (clip.info.pixel_format, clip.info.colour.full_range) == ("yuv420p", full_range)
    for before, after in zip(planes, stored(tmp_path / "out.mkv"), strict=True):
        for a, b in zip(before, after, strict=True):
            assert np.array_equal(a, b)


def test_only_what_is_opaque_is_the_source_s(tmp_path: Path) -> None:
    planes = noise(tmp_path / "clip.mkv", "yuv420p", full_range=False)
    alpha = np.zeros(SIZE[::-1], np.float32)
    alpha[:, 21:] = 1
    copy(tmp_path / "clip.mkv", tmp_path / "out.mkv", alpha, codec="ffv1yuv")
    luma, cb, cr = stored(tmp_path / "out.mkv")[0]
    assert np.array_equal(luma[:, 21:], planes[0][0][:, 21:])
    assert np.array_equal(cb[:, 11:], planes[0][1][:, 11:])  # that of 20 and 21 is mixed
    assert (np.abs(luma[:, :21].astype(int) - 63) <= 1).all()  # BT.709's luma of red
    assert (cr[:, :9] > 230).all()


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(66, 50), (7, 5), (1, 1), (64, 3)], ids=str)
def test_a_sample_is_the_source_s_where_all_its_pixels_are(pixel_format: str, size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    coarse = random.random((size[1] // 4 + 1, size[0] // 4 + 1))
    where = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST) > 0.4
    frame, clip = av.VideoFrame(*size, pixel_format), av.VideoFrame(*size, pixel_format)
    for plane in (*frame.planes, *clip.planes):
        plane.update(random.bytes(plane.buffer_size))
    before, own = planes_of(frame, Colour()), planes_of(clip, Colour())
    restore(frame, Colour(), Untouched(own, where))
    for found, made, given in zip(planes_of(frame, Colour()).samples, before.samples, own.samples, strict=True):
        rows, columns = (1 if a == b else 2 for a, b in zip(where.shape, found.shape, strict=True))
        for y, x in np.ndindex(found.shape):
            whole = where[rows * y : rows * (y + 1), columns * x : columns * (x + 1)].all()
            assert found[y, x] == (given if whole else made)[y, x]


def test_h264_of_the_clip_s_own_kind_gets_its_samples(tmp_path: Path) -> None:
    planes = noise(tmp_path / "clip.mkv", "yuv420p", full_range=False)
    ones = np.ones(SIZE[::-1], np.float32)
    copy(tmp_path / "clip.mkv", tmp_path / "out.mp4", ones, codec="h264", quality=0)  # 0 is lossless
    for before, after in zip(planes, stored(tmp_path / "out.mp4"), strict=True):
        for a, b in zip(before, after, strict=True):
            assert np.array_equal(a, b)


def test_other_numbers_are_converted_rather_than_copied(tmp_path: Path) -> None:
    """BT.601 samples in a BT.709 file would be wrong colours."""
    noise(tmp_path / "clip.mkv", "yuv420p", full_range=False)
    with open_clip(tmp_path / "clip.mkv") as clip:
        frame = next(clip.frames())
        other = replace(frame.planes, colour=replace(frame.planes.colour, matrix=6))
        everywhere = Untouched(other, np.ones(SIZE[::-1], bool))
        with open_writer(tmp_path / "out.mkv", clip.info, channels=3, codec="ffv1yuv") as writer:
            writer.write(np.zeros((*SIZE[::-1], 3), np.uint8), frame.pts, everywhere)
    assert (stored(tmp_path / "out.mkv")[0][0] == 16).all()
