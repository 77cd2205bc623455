"""Clips that were cut without being encoded anew, damaged at their beginning, or named oddly."""

import os
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.decode import open_clip
from pipeline.frames import CleanplateError
from tests.contract.made import picture, video

LENGTH, GROUP = 24, 8

GROUPS = f"open-gop=1:keyint={GROUP}:min-keyint={GROUP}:scenecut=0:b-adapt=0"

OPEN = {
    "libx264": {"bf": "2", "crf": "10", "x264-params": f"{GROUPS}:b-pyramid=0"},
    "libx265": {"crf": "10", "x265-params": f"{GROUPS}:bframes=2:log-level=none"},
    "mpeg2video": {"bf": "2", "g": str(GROUP), "q": "2"},
}
"""Encoders of which the last pictures of a group may need the group after it."""


def cut(source: Path, target: Path, first: int) -> Path:
    """Copies what follows the key frame of that number."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as part:
        stream = part.add_stream_from_template(whole.streams.video[0])
        keys = -1
        for packet in whole.demux(video=0):
            keys += packet.is_keyframe
            if keys >= first and packet.size:
                packet.stream = stream
                part.mux(packet)
    return target


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
@pytest.mark.parametrize("codec", OPEN)
def test_a_clip_cut_at_an_open_group_begins_with_what_can_be_decoded(codec: str, suffix: str, tmp_path: Path) -> None:
    whole = video(
        tmp_path / f"whole{suffix}", codec, "yuv420p", [picture(n) for n in range(LENGTH)], times=range(LENGTH),
        options=OPEN[codec],
    )  # fmt: skip
    with open_clip(whole) as clip:
        expected = [frame.image for frame in clip.frames()]
    with open_clip(cut(whole, tmp_path / f"part{suffix}", 1)) as clip:
        frames = [frame.image for frame in clip.frames()]
        assert len(frames) == len(clip.info)
    assert LENGTH - GROUP - 3 <= len(frames) <= LENGTH - GROUP + 3
    for image, wanted in zip(frames, expected[-len(frames) :], strict=True):
        assert np.array_equal(image, wanted)


@pytest.mark.parametrize("kind", ["mjpeg", "libx264"])
def test_an_avi_that_lost_its_tail_is_refused(kind: str, tmp_path: Path) -> None:
    """Frames that were dropped, or reordered, have empty chunks; what went through a pipe says no length."""
    whole = video(tmp_path / "a.mov", kind, "yuvj420p", [picture(n) for n in range(12)], times=[*range(11), 20])
    words = ["ffmpeg", "-v", "error", "-i", str(whole), "-c", "copy", "-f", "avi"]
    subprocess.run([*words, str(tmp_path / "a.avi")], check=True)
    (tmp_path / "piped.avi").write_bytes(subprocess.run([*words, "-"], check=True, capture_output=True).stdout)
    for name in ("a.avi", "piped.avi"):
        with open_clip(tmp_path / name) as clip:
            assert len(clip.info) == 12
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(data[: data.index(b"movi") + (len(data) - data.index(b"movi")) // 2])
    with pytest.raises(
        CleanplateError, match=r"cut short: it should last 0\.\d\d seconds, .* ends in frame \d, after 0\.[12]"
    ):
        open_clip(tmp_path / "a.avi")


def test_recordings_in_a_row_are_refused_where_their_times_begin_again(tmp_path: Path) -> None:
    """As cameras' files are when somebody joins them end to end."""
    part = video(tmp_path / "a.mts", "libx264", "yuv420p", [picture(n) for n in range(12)], options={"bf": "2"})
    joined = tmp_path / "joined.mts"
    joined.write_bytes(2 * part.read_bytes())
    with pytest.raises(CleanplateError, match=r"joined\.mts has times that begin again at frame 12: .* remux it"):
        open_clip(joined)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_last_frame_that_is_held_is_no_loss(missing: int, tmp_path: Path) -> None:
    """Matroska stores no length of it, but that of the whole. A file that ends early may be filled up with zeros."""
    whole = video(
        tmp_path / "a.mp4", "libx264", "yuv420p", [picture(n) for n in range(6)], times=range(6), last=75,
        options={"bf": "0"},
    )  # fmt: skip
    with open_clip(whole) as clip:
        end = clip.info.end_pts * clip.info.time_base
    assert end == Fraction(80, 25)
    words = ["-i", str(whole), "-c", "copy", "-cues_to_front", str(missing), str(tmp_path / "copied.mkv")]
    subprocess.run(["ffmpeg", "-v", "error", *words], check=True)
    copied = tmp_path / "copied.mkv"
    with open_clip(copied) as clip:
        assert len(clip.info) == 6
        assert clip.info.end_pts * clip.info.time_base == end
    with av.open(str(copied)) as container:
        last = max(packet.pos for packet in container.demux(video=0) if packet.size)
    data = copied.read_bytes()
    copied.write_bytes(data[: last - 8] + bytes(missing * (len(data) - last + 8)))
    with pytest.raises(CleanplateError, match=r"cut short: it should last 3\.20 seconds, but the file ends in frame"):
        open_clip(copied)


def _spoiled(path: Path) -> Path:
    """Overwrites the first packet's data."""
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        at, size = packet.pos, packet.size
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * size)
    return path


def test_a_clip_whose_first_frame_is_damaged_is_refused(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", "libx264", "yuv420p", [picture(n) for n in range(12)], options={"g": "6"})
    with pytest.raises(CleanplateError, match=r"a\.mp4 cannot be decoded from its beginning, .* cut its beginning off"):
        open_clip(_spoiled(path))


@pytest.mark.skipif(os.name == "nt", reason="Windows has drives before colons")
@pytest.mark.parametrize("make", [str, lambda name: f"x:{name}"])
def test_a_colon_in_a_name_is_no_protocol(make: Callable[[str], str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    images = [picture(n) for n in range(12)]
    made = video(tmp_path / "old.avi", "libx264", "yuv420p", images, options={"bf": "2", "crf": "10"})
    path = made.rename(tmp_path / make("old.avi"))
    with open_clip(Path(path.name)) as clip:
        assert len(clip.info) == 12


def test_a_clip_copied_into_avi_lasts_as_long(tmp_path: Path) -> None:
    """Reordered frames are stored with an empty chunk after each, at twice the rate."""
    images = [picture(n) for n in range(12)]
    whole = video(tmp_path / "a.mp4", "libx264", "yuv420p", images, options={"bf": "2", "crf": "10"})
    words = ["ffmpeg", "-v", "error", "-i", str(whole), "-c", "copy", str(tmp_path / "a.avi")]
    subprocess.run(words, check=True)
    with open_clip(tmp_path / "a.avi") as clip:
        assert len(clip.info) == 12
        assert clip.info.end_pts * clip.info.time_base == Fraction(12, 25)
