"""What a clip has beside pictures and sound: subtitles and chapters, as FFmpeg's own programs find them afterwards."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.chapters import cut_chapters
from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.track import Span

WORDS = """1
00:00:00,080 --> 00:00:00,400
Hello

2
00:00:00,520 --> 00:00:00,960
World

"""
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=440
title=One
[CHAPTER]
TIMEBASE=1/1000
START=440
END=1000
title=Two
"""


@pytest.fixture(
    scope="module", params=[("a.mkv", "subrip"), ("a.mkv", "ass"), ("a.mp4", "mov_text"), ("a.webm", "webvtt")]
)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A second of 25 frames with two lines and two chapters, made by ffmpeg; and its subtitles' codec."""
    name, codec = request.param
    folder = tmp_path_factory.mktemp("film")
    (folder / "words.srt").write_text(WORDS)
    (folder / "chapters.txt").write_text(CHAPTERS)
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=1"]
    more = ["-i", str(folder / "words.srt"), "-i", str(folder / "chapters.txt")]
    kinds = ["-c:v", "libvpx-vp9" if name.endswith("webm") else "libx264", "-c:s", codec]
    tags = ["-metadata:s:s:0", "language=fra"]
    path = folder / name
    words = ["ffmpeg", "-v", "error", *picture, *more, "-map", "0", "-map", "1", "-map_chapters", "2", *kinds, *tags]
    subprocess.run([*words, str(path)], check=True)
    return path, codec


def render(source: Path, output: Path, start: int = 0, end: int | None = None) -> list[str]:
    with (
        open_clip(source) as clip,
        open_writer(output, clip.info, channels=3, company_from=source, stop=end) as writer,
    ):
        for frame in clip.frames(start, end):
            writer.write(frame.image, frame.pts)
    return writer.notes


def probe(path: Path, *what: str) -> dict[str, Any]:
    words = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def lines(path: Path) -> list[str]:
    """The first subtitles of a file as ffmpeg writes them: times and text."""
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:s:0", "-f", "srt", "-"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return [line for line in said.splitlines() if line and not line.isdigit()]


def chapters(path: Path) -> list[tuple[str, str, str]]:
    return [
        (c["start_time"][:5], c["end_time"][:5], c["tags"]["title"]) for c in probe(path, "-show_chapters")["chapters"]
    ]


FITTING = {".mkv": ("subrip", "ass", "webvtt"), ".mp4": ("mov_text",), ".mov": ("mov_text",), ".webm": ("webvtt",)}


@pytest.mark.parametrize("suffix", list(FITTING))
def test_subtitles_go_where_the_container_takes_them(film: tuple[Path, str], suffix: str, tmp_path: Path) -> None:
    source, codec = film
    notes = render(source, tmp_path / f"out{suffix}")
    streams = probe(tmp_path / f"out{suffix}", "-show_streams")["streams"]
    others = [stream for stream in streams if stream["codec_type"] == "subtitle"]
    if codec not in FITTING[suffix]:
        assert others == []
        (note,) = notes
        assert f"takes no {codec} subtitles" in note and "left out" in note
        return
    assert notes == []
    assert [stream["codec_name"] for stream in others] == [codec]
    assert [stream["tags"]["language"] for stream in others] == ["fra"]
    assert lines(tmp_path / f"out{suffix}") == lines(source)


@pytest.mark.parametrize("suffix", list(FITTING))
def test_chapters_go_everywhere(film: tuple[Path, str], suffix: str, tmp_path: Path) -> None:
    render(film[0], tmp_path / f"out{suffix}")
    assert chapters(tmp_path / f"out{suffix}") == [("0.000", "0.440", "One"), ("0.440", "1.000", "Two")]


def test_a_part_has_its_part_of_both(film: tuple[Path, str], tmp_path: Path) -> None:
    """Frames 5 to 20, from 0.2 to 0.8 seconds: both lines and both chapters are cut."""
    source, _ = film
    out = tmp_path / f"out{source.suffix}"
    render(source, out, 5, 20)
    assert lines(out) == [
        "00:00:00,000 --> 00:00:00,200", "Hello", "00:00:00,320 --> 00:00:00,600", "World",
    ]  # fmt: skip
    assert chapters(out) == [("0.000", "0.240", "One"), ("0.240", "0.600", "Two")]
    assert float(probe(out, "-show_format")["format"]["duration"]) == pytest.approx(0.6, abs=0.001)


def test_a_part_has_no_line_of_another(film: tuple[Path, str], tmp_path: Path) -> None:
    source, _ = film
    out = tmp_path / f"out{source.suffix}"
    render(source, out, 12, 25)
    assert lines(out) == ["00:00:00,040 --> 00:00:00,480", "World"]
    assert chapters(out) == [("0.000", "0.520", "Two")]


def test_a_chapter_without_a_clock_is_left() -> None:
    whole = Span(Fraction(0), Fraction(1), from_beginning=True, to_end=True)
    assert cut_chapters([{"id": 0, "start": 0, "end": 1, "time_base": None, "metadata": {}}], whole) == []


def test_a_clip_says_that_there_is_more_than_pictures(film: tuple[Path, str]) -> None:
    with open_clip(film[0]) as clip:
        assert (clip.info.audio_streams, clip.info.subtitle_streams, clip.info.chapters) == (0, 1, 2)
        assert clip.info.has_company
