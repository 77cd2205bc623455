"""Numbered pictures, as ffmpeg reads them back: size, pixel format, colour and alpha exactly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import Frame
from pipeline.image_clips import is_pattern, matching, numbered_path
from pipeline.light import to_linear
from tests.contract.made import KINDS, Made, ramp

SOURCES = ("h264", "reordered", "turned", "hevc 10 bit", "prores 422", "prores", "vp9 alpha", "odd", "motion jpeg")

# The pixel format that ffmpeg finds, by channels.
FOUND = {
    (".png", 8): {1: "gray", 3: "rgb24", 4: "rgba"},
    (".png", 16): {1: "gray16be", 3: "rgb48be", 4: "rgba64be"},
    (".tif", 8): {1: "gray", 3: "rgb24", 4: "rgba"},
    (".tif", 16): {1: "gray16le", 3: "rgb48le", 4: "rgba64le"},
    (".exr", 16): {1: "grayf32le", 3: "gbrpf32le", 4: "gbrapf32le"},
}


@pytest.fixture(scope="module", params=SOURCES)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, list[Frame]]:
    made = KINDS[request.param](tmp_path_factory.mktemp("clip"))
    with open_clip(made.path) as opened:
        return made, list(opened.frames())


def read(pattern: Path, pixel_format: str, channels: int, size: tuple[int, int]) -> np.ndarray:
    """All pictures as ffmpeg decodes them, count x H x W x channels in [0, 1], planar ones in the order of RGBA."""
    words = ["ffmpeg", "-v", "error", "-i", str(pattern), "-f", "rawvideo", "-pix_fmt", pixel_format, "-"]
    raw = subprocess.run(words, check=True, capture_output=True).stdout
    if "f32" in pixel_format:
        planes = np.frombuffer(raw, np.float32).reshape(-1, channels, size[1], size[0])
        return np.moveaxis(planes[:, [2, 0, 1, 3][:channels] if channels > 1 else [0]], 1, -1)
    depth = np.dtype(
        ">u2" if pixel_format.endswith("be") else "<u2" if "16" in pixel_format or "le" in pixel_format else "u1"
    )
    return np.frombuffer(raw, depth).reshape(-1, size[1], size[0], channels) / np.iinfo(depth).max


@pytest.mark.parametrize(("suffix", "bits"), list(FOUND))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_numbered_pictures_are_what_was_written(
    clip: tuple[Made, list[Frame]], suffix: str, bits: int, channels: int, tmp_path: Path
) -> None:
    made, frames = clip
    pattern = tmp_path / f"out_%05d{suffix}"
    kind = np.uint8 if bits == 8 else np.uint16
    with open_clip(made.path) as opened, open_writer(pattern, opened.info, channels=channels, bits=bits) as writer:
        for frame in frames:
            alpha = ramp(frame.index, made.width, made.height)[..., None]
            alpha = alpha if frame.image.dtype == np.uint8 else alpha.astype(np.uint16) * 257
            writer.write({1: alpha, 3: frame.image, 4: np.dstack([frame.image, alpha])}[channels], frame.pts)
    words = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", str(pattern)]
    (stream,) = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["streams"]
    assert (stream["width"], stream["height"]) == (made.width, made.height)
    assert (stream["pix_fmt"], int(stream["nb_read_frames"])) == (FOUND[suffix, bits][channels], len(frames))
    shown = read(pattern, stream["pix_fmt"], channels, (made.width, made.height))
    for frame, picture in zip(frames, shown, strict=True):
        _compare(frame, picture, suffix, np.iinfo(kind).max)


def _compare(frame: Frame, picture: np.ndarray, suffix: str, codes: int) -> None:
    """Exact in the depth of the file; light and alpha within what a half float keeps."""
    height, width, channels = picture.shape
    alpha = ramp(frame.index, width, height)[..., None] / 255
    colour = frame.image / np.iinfo(frame.image.dtype).max
    if suffix == ".exr" and channels > 1:
        light = to_linear(colour.astype(np.float32)) * (alpha if channels == 4 else 1)
        assert np.abs(picture[..., :3] - light).max() < 1 / 2048
    elif channels > 1:
        assert np.abs(picture[..., :3] - colour).max() <= 0.501 / codes
    if channels != 3:
        assert np.abs(picture[..., -1:] - alpha).max() <= (1 / 4096 if suffix == ".exr" else 0.501 / codes)


@pytest.mark.parametrize(
    ("name", "written"), [("%d", "7"), ("%4d", "0007"), ("%05d", "00007"), ("%010d", "0000000007")]
)
def test_a_number_is_written_as_it_is_looked_for(name: str, written: str, tmp_path: Path) -> None:
    path = numbered_path(tmp_path / f"o_{name}.png", 7)
    assert path.name == f"o_{written}.png"
    path.touch()
    assert matching(tmp_path / f"o_{name}.png") == {7: path}


@pytest.mark.parametrize(
    ("pattern", "there", "meant"),
    [
        ("%04d", ["0000", "00001", "0002", "10000", "010001"], {0: "0000", 2: "0002", 10000: "10000"}),
        ("%d", ["007", "08", "8", "0010"], {7: "007", 8: "8", 10: "0010"}),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_no_number_is_of_two_files(
    pattern: str, there: list[str], meant: dict[int, str], order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order a disk lists them."""
    monkeypatch.setattr(
        "pipeline.image_clips._listed", lambda folder: [folder / f"f_{name}" for name in there][::order]
    )
    assert {number: path.name[2:] for number, path in matching(Path(f"f_{pattern}")).items()} == meant


def test_a_blank_of_a_web_address_is_no_number() -> None:
    assert not is_pattern(Path("my%20dance.mp4"))
