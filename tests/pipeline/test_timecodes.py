"""Timecodes: counted right, found in files, carried on, and understood where a user names one."""

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, ClipInfo, Colour
from pipeline.notes import notes_on
from pipeline.ranges import parse_position
from pipeline.timecodes import advanced, frames_after, valid_timecode
from tests.contract.made import picture

NTSC = Fraction(30000, 1001)


def info(rate: Fraction, timecode: str | None, count: int = 60) -> ClipInfo:
    pts = tuple(range(count))
    return ClipInfo(Path("none.mov"), 64, 48, pts, 1 / rate, rate, 8, Colour(), 0, count, timecode=timecode)


@pytest.mark.parametrize(
    ("rate", "start", "frames", "end"),
    [
        (Fraction(25), "01:00:00:00", 30, "01:00:01:05"),
        (NTSC, "01:00:59;28", 2, "01:01:00;02"),  # frames 0 and 1 of a minute are dropped
        (NTSC, "01:09:59;28", 2, "01:10:00;00"),  # but not of every tenth
        (NTSC, "01:00:59:28", 2, "01:01:00:00"),
        (Fraction(24000, 1001), "00:59:59:23", 1, "01:00:00:00"),
        (Fraction(50), "10:00:00:49", 1, "10:00:01:00"),
    ],
)
def test_frames_are_counted_as_broadcasters_do(rate: Fraction, start: str, frames: int, end: str) -> None:
    assert advanced(start, rate, frames) == end
    assert frames_after(end, start, rate) == frames
    assert frames_after(start, end, rate) == -frames


@pytest.mark.parametrize("text", [None, "", "99:99:99:99", "01:00:00:25", "24:00:00:00", "1:0:0:0"])
def test_what_is_no_timecode_is_left(text: str | None) -> None:
    assert valid_timecode(text, Fraction(25)) is None


@pytest.mark.parametrize(("rate", "text", "wanted"), [(8, "5", "05"), (120, "005", "05"), (240, "105", "105")])
def test_frames_have_two_digits_or_as_many_as_they_need(rate: int, text: str, wanted: str) -> None:
    assert valid_timecode(f"01:00:00:{text}", Fraction(rate)) == f"01:00:00:{wanted}"
    assert valid_timecode(f"01:00:00:{rate}", Fraction(rate)) is None
    assert parse_position(f"00:00:01:{text}", info(Fraction(rate), None, 3 * rate), "--start") == rate + int(text)


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize(("rate", "timecode", "third"), [
    (Fraction(25), "01:00:00:00", "01:00:00:03"), (NTSC, "01:00:59;28", "01:01:00;03"),
    (Fraction(10), "01:00:00:05", "01:00:00:08"), (Fraction(120), "01:00:00:98", "01:00:00:101"),
    (Fraction(240), "01:00:00:05", "01:00:00:08"),
])  # fmt: skip
def test_a_part_carries_the_timecode_of_its_first_frame(
    suffix: str, rate: Fraction, timecode: str, third: str, tmp_path: Path
) -> None:
    path = tmp_path / f"out{suffix}"
    like = info(rate, timecode)
    codec = "prores4444" if suffix == ".mov" else "h264"
    with open_writer(path, like, channels=3, codec=codec) as writer:
        for pts in like.pts[3:9]:
            writer.write(picture(pts), pts)
    with open_clip(path) as clip:
        assert clip.info.timecode == third
    words = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    said = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    tags = [stream.get("tags", {}) for stream in said["streams"]]
    stated = [value for tag in tags for key, value in tag.items() if key.lower() == "timecode"]
    assert third in {valid_timecode(value, rate) for value in stated}
    if suffix != ".mkv":
        assert any(stream.get("codec_tag_string") == "tmcd" for stream in said["streams"])


@pytest.mark.parametrize(("name", "timecode", "kept"), [
    ("a.mov", "01:00:00:00", True), ("a.mkv", "01:00:00:00", True), ("a.exr", "01:00:00:00", True),
    ("a.mp4", "01:00:00:00", False), ("a.mov", None, False), ("a.png", "01:00:00:00", False),
])  # fmt: skip
def test_the_reel_goes_along_or_is_said_not_to(name: str, timecode: str | None, kept: bool, tmp_path: Path) -> None:
    like = replace(info(Fraction(25), timecode, 1), reel_name="A001_C002")
    with open_writer(tmp_path / name, like, channels=3) as writer:
        writer.write(picture(0), 0)
    with open_clip(tmp_path / name) as clip:
        assert (clip.info.reel_name == "A001_C002") == kept
    assert any("reel name" in note for note in writer.notes) != kept


@pytest.mark.parametrize("start", [0, 5])
def test_a_missing_frame_does_not_change_how_frames_are_counted(start: int, tmp_path: Path) -> None:
    """The mean rate of a short clip is 29 then, at which no frames are dropped."""
    source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=30000/1001:duration=1", "-vf", "select=not(eq(n\\,20))"]
    words = ["-vsync", "vfr", "-bf", "0", "-timecode", "01:00:00;00", str(tmp_path / "a.mov")]
    subprocess.run(["ffmpeg", "-v", "error", *source, *words], check=True)
    clip = open_clip(tmp_path / "a.mov")
    with clip, open_writer(tmp_path / "out.mov", clip.info, channels=3) as writer:
        for frame in clip.frames(start):
            writer.write(frame.image, frame.pts)
    with open_clip(tmp_path / "out.mov") as written:
        assert (written.info.timecode, len(written.info)) == (f"01:00:00;0{start}", 29 - start)


def test_a_timecode_that_does_not_go_with_the_rate_is_noted(tmp_path: Path) -> None:
    words = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=0.2", "-metadata", "timecode=01:00:00;00"]
    subprocess.run(["ffmpeg", "-v", "error", *words, str(tmp_path / "a.mkv")], check=True)
    with open_clip(tmp_path / "a.mkv") as clip:
        assert clip.info.timecode is None
        notes = " ".join(notes_on(clip.info))
    assert "has the timecode 01:00:00;00, which does not go with 25 frames a second, and is left out" in notes


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(24), Fraction(30), Fraction(60000, 1001)])
def test_positions_hit_their_frames_where_times_are_rounded(rate: Fraction) -> None:
    pts = tuple(round(1000 * index / rate) for index in range(600))
    clip = replace(info(rate, None, 600), pts=pts, time_base=Fraction(1, 1000), end_pts=round(600000 / rate))
    base = round(rate)
    for index in range(600):
        assert parse_position(f"00:00:{index // base:02}:{index % base:02}", clip, "--start") == index
        assert parse_position(f"{pts[index] / 1000:.3f}s", clip, "--start") == index


@pytest.mark.parametrize("rate", [Fraction(2998, 100), Fraction(2995, 100), Fraction(2499, 100), Fraction(5995, 100)])
def test_a_phones_clock_does_not_change_the_count(rate: Fraction) -> None:
    clip, whole = info(rate, None, 6000), round(rate)
    assert parse_position("00:00:01:00", clip, "--start") == whole
    assert parse_position(f"00:00:01:{whole - 1}", clip, "--start") == 2 * whole - 1
    assert parse_position("00:01:00:00", clip, "--start") == 60 * whole
    assert advanced("01:00:00:00", rate, whole) == "01:00:01:00"


def test_seconds_between_frames_go_to_the_next() -> None:
    assert parse_position("1.019s", info(Fraction(25), None), "--start") == 26
    assert parse_position("1s", info(Fraction(25), None), "--start") == 25


def test_minutes_count_frames_as_editors_do() -> None:
    clip = info(Fraction(24000, 1001), None, 15000)
    assert parse_position("00:10:00:00", clip, "--start") == 14400
    jittering = replace(clip, pts=tuple(2 * index for index in range(15000)))  # the nominal rate says nothing
    assert parse_position("00:00:01:00", replace(jittering, end_pts=30000), "--start") == 12


@pytest.mark.parametrize("text", ["00:00:03:30", "00:99:00:00", "00:00:60:00"])
def test_a_timecode_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(CleanplateError, match="there is no such timecode"):
        parse_position(text, info(Fraction(24000, 1001), "00:00:00:00"), "--start")


@pytest.mark.parametrize(("rate", "own", "texts", "following", "at"), [
    (NTSC, "01:00:59;20", ("01:01:00;00", "01:01:00;01", "01:01:00:01", "1:01:00;1"), "01:01:00;02", 10),
    (2 * NTSC, "01:00:59;20", ("01:01:00;00", "01:01:00;03"), "01:01:00;04", 40),
    (4 * NTSC, "01:00:59;20", ("01:01:00;07",), "01:01:00;08", 100),
    (NTSC, "23:58:59;28", ("23:59:00;01",), "23:59:00;02", 2),
    (NTSC, "01:01:00;02", ("01:01:00;00",), "01:01:00;02", 0),
    (NTSC, None, ("00:01:00;00",), "00:01:00;02", 1800),
    (NTSC, "01:00:00:00", ("00:01:00;00",), "00:01:00;02", 1800),  # from the clip's start
])  # fmt: skip
def test_a_timecode_that_is_dropped_is_refused_and_the_next_is_named(
    rate: Fraction, own: str | None, texts: tuple[str, ...], following: str, at: int
) -> None:
    clip = info(rate, own, 2000)
    for text in texts:
        said = f"--start {text}: at .* frames a second there is no such timecode; the next is {following}$"
        with pytest.raises(CleanplateError, match=said):
            parse_position(text, clip, "--start")
    assert parse_position(following, clip, "--start") == at


@pytest.mark.parametrize(("rate", "own", "text", "at"), [
    (NTSC, "01:09:59;28", "01:10:00;00", 2),  # every tenth minute has all
    (NTSC, "01:00:59:28", "01:01:00;00", 2), (NTSC, None, "00:01:00:00", 1800),  # where none are dropped
    (NTSC, "01:00:00;00", "00:01:00:00", 1800), (Fraction(30), "01:00:59;28", "01:01:00;00", 2),
])  # fmt: skip
def test_a_timecode_that_is_not_dropped_is_taken(rate: Fraction, own: str | None, text: str, at: int) -> None:
    assert parse_position(text, info(rate, own, 2000), "--start") == at


def test_a_position_in_the_clips_own_timecode() -> None:
    clip = info(Fraction(25), "01:00:00:00")
    assert parse_position("01:00:01:05", clip, "--start") == 30
    assert parse_position("00:00:01:05", clip, "--start") == 30  # earlier than the clip's: from its start
    assert parse_position("00:00:01:05", replace(clip, timecode=None), "--start") == 30
    with pytest.raises(CleanplateError, match="has 60 frames"):
        parse_position("01:00:03:00", clip, "--end")


@pytest.mark.parametrize(("rate", "first", "mark"), [
    (Fraction(25), "23:59:59:20", ":"), (NTSC, "23:59:59;25", ";"), (Fraction(24000, 1001), "23:59:59:19", ":"),
])  # fmt: skip
def test_a_position_past_midnight(rate: Fraction, first: str, mark: str) -> None:
    clip = info(rate, first)
    assert parse_position(f"00:00:00{mark}02", clip, "--start") == 7
    assert parse_position(advanced(first, rate, 60), clip, "--end") == 60
    assert parse_position(advanced(f"00:00:00{mark}00", rate, 58), clip, "--end") == 58  # which the clip does not reach


def test_a_clip_may_be_said_to_be_a_little_longer_than_it_is():
    clip = info(Fraction(25), None)
    ends = (clip.end_pts - clip.pts[0]) * clip.time_base
    assert parse_position(f"{float(ends) + 0.9}s", clip, "--end") == len(clip)
    with pytest.raises(CleanplateError, match="ends at"):
        parse_position(f"{float(ends) + 1.5}s", clip, "--end")
