"""Encoders of graphics hardware: tried, taken where they work, and named where they do not.

No machine that tests run on has any, so a software encoder stands in.
"""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline import hardware
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, ClipInfo, Colour
from pipeline.hardware import HARDWARE, Encoder
from pipeline.trial import try_codec
from tests.contract.made import picture

ABSENT = Encoder("h264_vaapi", ("nv12", "nv12"), {}, ("qp", range(52)))  # not in this FFmpeg at all
BROKEN = Encoder("libx264", ("gray10le", "nv12"), {"preset": "no such"}, ("crf", range(52)))
STAND_IN = Encoder("mpeg4", ("yuv420p", "yuv420p"), {"qmin": "2"}, ("qmin", range(1, 32)))


def info(size: tuple[int, int] = (64, 48)) -> ClipInfo:
    return ClipInfo(Path("none.mov"), *size, (0, 1, 2), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 3)


def test_h265_of_one_frame_is_tried_whatever_memory_held() -> None:
    """x265 takes the times of B-frames in so short a clip from memory it never wrote: one trial in forty failed."""
    random = np.random.default_rng(1)
    for _ in range(150):
        left = [random.integers(0, 256, int(2 ** random.uniform(4, 20)), np.uint8) for _ in range(60)][::2]
        assert try_codec("libx265", "yuv420p10le") == ""
        del left


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One on which the third of the encoders works."""
    monkeypatch.setitem(hardware.HARDWARE, "libx264", (ABSENT, BROKEN, STAND_IN))


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hardware.HARDWARE, "libx264", (ABSENT, BROKEN))


def written(path: Path, like: ClipInfo, **options: object) -> str:
    """Writes three frames; the codec that ffprobe finds."""
    with open_writer(path, like, channels=3, hardware=True, **options) as writer:
        for pts in like.pts:
            writer.write(picture(pts, like.width, like.height), pts)
    words = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,nb_frames", "-of", "csv=p=0", str(path)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.usefixtures("machine")
def test_the_first_that_works_is_taken(tmp_path: Path) -> None:
    assert written(tmp_path / "out.mp4", info()) == "mpeg4,3"
    assert written(tmp_path / "quality.mp4", info(), quality=31) == "mpeg4,3"
    assert (tmp_path / "quality.mp4").stat().st_size < (tmp_path / "out.mp4").stat().st_size


@pytest.mark.usefixtures("machine")
def test_its_quality_is_on_its_own_scale(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match=r"that of H\.264 by mpeg4 goes from 1 \(best\) to 31"):
        open_writer(tmp_path / "out.mp4", info(), channels=3, hardware=True, quality=0)


@pytest.mark.usefixtures("machine")
def test_without_being_asked_software_encodes(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.mp4", info(), channels=3) as writer:
        writer.write(picture(0), 0)
    words = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", tmp_path / "out.mp4"]
    assert subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip() == "h264"


@pytest.mark.usefixtures("bare_machine")
def test_where_none_works_all_that_were_tried_are_named(tmp_path: Path) -> None:
    said = r"no hardware encoder of H\.264 works.*h264_vaapi does not encode.*libx264 does not encode.*leave it out"
    with pytest.raises(CleanplateError, match=said):
        open_writer(tmp_path / "out.mp4", info(), channels=3, hardware=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("bare_machine")
def test_the_command_says_so_and_ends_with_2(scene, run, tmp_path: Path) -> None:
    words = ["--background", "#000000", "--hardware", "-o", tmp_path / "out.mp4"]
    code, said = run("render", scene.clip, "--plate", scene.plate, *words)
    assert code == 2 and "h264_vaapi" in said and "works on this machine" in said


@pytest.mark.parametrize(
    ("name", "size", "options", "said"),
    [
        ("out.mkv", (64, 48), {}, "lossless FFV1 is encoded by software only"),
        ("out.mov", (64, 48), {"codec": "prores422"}, "ProRes 422 HQ is encoded by software only"),
        ("out.mp4", (65, 48), {}, "even sides, not 65 x 48"),
        ("out.png", (64, 48), {}, "--hardware is for video"),
    ],
)
def test_what_hardware_does_not_encode_is_refused(
    name: str, size: tuple[int, int], options: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CleanplateError, match=said):
        open_writer(tmp_path / name, info(size), channels=3, hardware=True, **options)


@pytest.mark.parametrize("encoder", [one for family in HARDWARE.values() for one in family], ids=lambda one: one.codec)
def test_trying_a_real_one_never_raises(encoder: Encoder) -> None:
    """It works or says why not; and whether it does, its trial is that of the frames that would be written."""
    problem = try_codec(encoder.codec, encoder.pixel_formats[0], (1280, 720), encoder.options)
    assert problem == "" or problem.startswith("does not encode here: ")
