"""What comes along with the pictures, as FFmpeg's own programs find it: sound bit for bit, languages, timecode."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import OpenEXR
import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from tests.contract.films import film
from tests.contract.made import KINDS, picture

COPIED = {
    ".mp4": ("aac", "libopus", "flac"),
    ".mov": ("aac", "pcm_s16le"),
    ".mkv": ("aac", "libopus", "flac", "pcm_s16le"),
    ".webm": ("libopus",),
}
"""Which sound a container takes as it is."""

CODECS = ("aac", "libopus", "flac", "pcm_s16le")


def said(path: Path, *what: str) -> dict[str, Any]:
    words = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def hashes(path: Path, track: int) -> list[str]:
    """The MD5 of every packet of a track of sound."""
    what = ["-select_streams", f"a:{track}", "-show_packets", "-show_data_hash", "md5", "-show_entries"]
    packets = said(path, *what, "packet=data_hash")["packets"]
    return [packet["data_hash"] for packet in packets]


def content(path: Path, track: int) -> str:
    """The hash of all that a track of sound holds, however it is cut into packets: QuickTime cuts PCM as it likes."""
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{track}", "-c", "copy", "-f", "streamhash", "-"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.partition("=")[2].strip()


def copy(source: Path, out: Path, start: int = 0, end: int | None = None) -> list[str]:
    """Copies a part of a clip with what it has beside its pictures; returns the notes."""
    with (
        open_clip(source) as clip,
        open_writer(out, clip.info, channels=3, company_from=source, stop=end) as writer,
    ):
        for frame in clip.frames(start, end):
            writer.write(frame.image, frame.pts)
    return writer.notes


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives a film with two tracks of a codec: English, and French by default."""
    folder = tmp_path_factory.mktemp("films")

    def made(codec: str) -> Path:
        path = folder / f"{codec}.mkv"
        return path if path.exists() else film(path, (codec, codec))

    return made


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("suffix", list(COPIED))
def test_both_tracks_are_the_source_s_packets_where_the_container_takes_them(
    codec: str, suffix: str, films: Callable[[str], Path], tmp_path: Path
) -> None:
    source, out = films(codec), tmp_path / f"out{suffix}"
    notes = copy(source, out)
    found = [stream for stream in said(out, "-show_streams")["streams"] if stream["codec_type"] == "audio"]
    assert [stream["tags"]["language"] for stream in found] == ["eng", "fra"]
    assert [stream["disposition"]["default"] for stream in found] == [0, 1]
    if codec in COPIED[suffix]:
        assert notes == []
        for track in (0, 1):
            assert len(hashes(source, track)) > 10
            assert content(out, track) == content(source, track)
            assert codec == "pcm_s16le" or hashes(out, track) == hashes(source, track)
        assert content(out, 0) != content(out, 1)
    else:
        assert [stream["codec_name"] for stream in found] == ["opus" if suffix == ".webm" else "aac"] * 2
        assert len(notes) == 2 and all("is encoded as" in note for note in notes)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_part_has_packets_of_the_source_in_a_row(suffix: str, films: Callable[[str], Path], tmp_path: Path) -> None:
    source, out = films("aac"), tmp_path / f"out{suffix}"
    copy(source, out, 7, 40)
    for track in (0, 1):
        whole, part = hashes(source, track), hashes(out, track)
        first = whole.index(part[0])
        assert first > 0 and part == whole[first : first + len(part)]
        assert abs(len(part) - 33 * 1920 / 1024) < 4


@pytest.mark.parametrize("suffix", list(COPIED))
def test_a_silent_clip_stays_silent(suffix: str, tmp_path: Path) -> None:
    source = KINDS["h264"](tmp_path).path
    assert copy(source, tmp_path / f"out{suffix}") == []
    assert [s["codec_type"] for s in said(tmp_path / f"out{suffix}", "-show_streams")["streams"]] == ["video"]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.mov", "h264"), ("out.mov", "prores4444"), ("out.mov", "animation"), ("out.mp4", "h264"),
        ("out.mp4", "h265"), ("out.mkv", "h264"), ("out.mkv", "ffv1"), ("out.webm", "vp9"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("start", "timecode"), [(0, "01:00:00:00"), (5, "01:00:00:05")])
def test_a_start_at_an_hour_is_found(name: str, codec: str, start: int, timecode: str, tmp_path: Path) -> None:
    made = KINDS["hour"](tmp_path)
    with open_clip(made.path) as clip, open_writer(tmp_path / name, clip.info, channels=3, codec=codec) as writer:
        for frame in clip.frames(start):
            writer.write(frame.image, frame.pts)
    found = said(tmp_path / name, "-show_streams", "-show_format")
    (pictures,) = [stream for stream in found["streams"] if stream["codec_type"] == "video"]
    assert {key.lower(): value for key, value in pictures["tags"].items()}["timecode"] == timecode
    if name.endswith(("mov", "mp4")):  # a track of its own, which editors read
        (track,) = [stream for stream in found["streams"] if stream.get("codec_tag_string") == "tmcd"]
        assert track["tags"]["timecode"] == timecode


def test_so_has_every_picture_of_an_exr_sequence(tmp_path: Path) -> None:
    made = KINDS["hour"](tmp_path)
    with open_clip(made.path) as clip, open_writer(tmp_path / "out_%03d.exr", clip.info, channels=3) as writer:
        for frame in clip.frames(0, 3):
            writer.write(frame.image, frame.pts)
    for index in range(3):
        code = OpenEXR.File(str(tmp_path / f"out_{index:03}.exr")).header()["timeCode"]
        assert (code.hours, code.minutes, code.seconds, code.frame, code.dropFrame) == (1, 0, 0, index, 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_title_and_date_go_along_and_what_does_not_is_said(suffix: str, tmp_path: Path) -> None:
    film(tmp_path / "plain.mkv", ("aac",))
    (tmp_path / "font.ttf").write_bytes(b"a font")
    tags = ["-metadata", "title=Take 7", "-metadata", "creation_time=2026-05-01T10:00:00.000000Z"]
    more = ["-attach", str(tmp_path / "font.ttf"), "-metadata:s:t", "mimetype=font/ttf"]
    words = ["-i", str(tmp_path / "plain.mkv"), "-map", "0", "-map", "0:v", "-c", "copy", *tags, *more]
    subprocess.run(["ffmpeg", "-v", "error", *words, str(tmp_path / "a.mkv")], check=True)
    notes = copy(tmp_path / "a.mkv", tmp_path / f"out{suffix}")
    assert [note for note in notes if "further tracks are left out: 1 of attachment, 1 of pictures" in note]
    found = {
        key.lower(): value for key, value in said(tmp_path / f"out{suffix}", "-show_format")["format"]["tags"].items()
    }
    assert found["title"] == "Take 7"
    assert found["creation_time"].startswith("2026-05-01T10:00:00")


@pytest.mark.parametrize(("suffix", "noted"), [(".png", True), (".tif", True), (".exr", False)])
def test_pictures_say_that_they_hold_no_timecode(suffix: str, noted: bool, tmp_path: Path) -> None:
    with open_clip(KINDS["hour"](tmp_path).path) as clip:
        assert clip.info.timecode is not None
        with open_writer(tmp_path / f"out_%04d{suffix}", clip.info, channels=3) as writer:
            for frame in clip.frames():
                writer.write(frame.image, frame.pts)
    assert any("no place for the clip's timecode" in note for note in writer.notes) is noted


def test_pictures_say_that_they_hold_no_times(tmp_path: Path) -> None:
    clip = open_clip(KINDS["irregular"](tmp_path).path)
    with clip, open_writer(tmp_path / "out_%04d.png", clip.info, channels=3) as writer:
        for frame in clip.frames():
            writer.write(frame.image, frame.pts)
    assert any("come irregularly" in note for note in writer.notes)


@pytest.mark.parametrize("more", [[], ["--sdr"]])
def test_a_silent_clip_keeps_its_title(
    more: list[str], scene: Any, run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    tags = ["-metadata", "title=Take 7", "-metadata", "location=+52.52+013.405/"]
    words = ["-i", str(scene.clip), "-c", "copy", *tags, str(tmp_path / "a.mkv")]
    subprocess.run(["ffmpeg", "-v", "error", *words], check=True)
    out = tmp_path / "out.mp4"
    words = ["render", tmp_path / "a.mkv", "--plate", scene.plate, "--background", "#204080", "--end", "2", "-o", out]
    code, spoken = run(*words, *more)
    assert code == 0 and "left out" not in spoken
    tags = said(out, "-show_format")["format"]["tags"]
    assert tags["title"] == "Take 7"
    assert "location" not in tags


@pytest.mark.parametrize(("name", "words"), [
    ("a.mp4", "-i cover.jpg -map 0 -map 1 -disposition:v:1 attached_pic"),
    ("a.mkv", "-attach cover.jpg -metadata:s:t mimetype=image/jpeg"),
])  # fmt: skip
def test_a_cover_is_no_film_and_said_to_be_left_out(name: str, words: str, tmp_path: Path) -> None:
    film(tmp_path / "plain.mp4", ("aac",))
    cv2.imwrite(str(tmp_path / "cover.jpg"), picture(0))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "plain.mp4", *words.split(), "-c", "copy", name], cwd=tmp_path, check=True
    )
    (note,) = copy(tmp_path / name, tmp_path / "out.mp4")
    assert note.endswith(f"{name}: further tracks are left out: 1 cover")


def test_second_films_are_tracks_whatever_the_timecode(tmp_path: Path) -> None:
    film(tmp_path / "plain.mkv", ("aac",))
    words = ["-i", str(tmp_path / "plain.mkv"), "-map", "0", "-map", "0:v", "-c", "copy", "-timecode", "01:00:00:00"]
    subprocess.run(["ffmpeg", "-v", "error", *words, str(tmp_path / "two.mov")], check=True)
    (note,) = copy(tmp_path / "two.mov", tmp_path / "out.mkv")
    assert note.endswith("further tracks are left out: 1 of pictures")
