"""Pixels that are not square stay so where a video can say it, and it is said where it cannot."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.notes import notes_on
from tests.contract.made import picture, video

WIDE = Fraction(4, 3)


def clip(path: Path, degrees: int = 0) -> Path:
    def prepare(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = WIDE
        if degrees:
            stream.set_display_rotation(degrees)

    return video(path, "libx264", "yuv420p", [picture(i) for i in range(3)], times=range(3), prepare=prepare)


def probed(path: Path) -> str:
    words = ["ffprobe", "-v", "error", "-show_entries", "stream=sample_aspect_ratio", "-of", "csv=p=0", str(path)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def copy(source: Path, out: Path, codec: str | None = None) -> list[str]:
    with open_clip(source) as clip, open_writer(out, clip.info, channels=3, codec=codec) as writer:
        for frame in clip.frames():
            writer.write(frame.image, frame.pts)
    return writer.notes


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.mp4", "h264"), ("out.mkv", "h264"), ("out.mov", "h265"), ("out.mkv", "h265"), ("out.mov", "prores422"),
        ("out.mov", "prores4444"), ("out.mov", "animation"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("degrees", "aspect", "said"), [(0, WIDE, "4:3"), (-90, 1 / WIDE, "3:4"), (180, WIDE, "4:3")])
def test_a_video_says_what_shape_its_pixels_have(
    name: str, codec: str, degrees: int, aspect: Fraction, said: str, tmp_path: Path
) -> None:
    """Also of a clip that was turned: its pixels are as much higher than wide as they were wider than high."""
    source = clip(tmp_path / "source.mov", degrees)
    with open_clip(source) as opened:
        assert opened.info.pixel_aspect == aspect
    assert copy(source, tmp_path / name, codec) == []
    assert probed(tmp_path / name) == said


@pytest.mark.parametrize(("name", "codec"), [("out.mkv", "ffv1"), ("out.webm", "vp9"), ("out.mkv", "prores422")])
def test_where_it_cannot_it_is_said(name: str, codec: str, tmp_path: Path) -> None:
    (note,) = copy(clip(tmp_path / "source.mov"), tmp_path / name, codec)
    assert "cannot say that its pixels are 4/3 as wide as high" in note and ".mp4 and .mov do" in note


def test_the_run_says_that_they_are_not_square(tmp_path: Path) -> None:
    with open_clip(clip(tmp_path / "source.mov")) as opened:
        assert any("4/3 as wide as high" in note for note in notes_on(opened.info))


def test_of_square_pixels_nothing_is_said(tmp_path: Path) -> None:
    source = video(tmp_path / "square.mov", "libx264", "yuv420p", [picture(0)], times=range(1))
    assert copy(source, tmp_path / "out.mkv", "ffv1") == []
    with open_clip(source) as opened:
        assert opened.info.pixel_aspect == 1 and not any("wide" in note for note in notes_on(opened.info))
