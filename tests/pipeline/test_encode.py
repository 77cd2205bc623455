"""What a user finds after writing: exact times, right colours, and never half a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.decode import open_clip, read_still
from pipeline.encode import Writer, open_writer
from pipeline.frames import CleanplateError, Colour, MachineError
from pipeline.stopping import undisturbed
from pipeline.video_writer import output_time_base
from pipeline.writer import Together
from tests.contract.made import numbered, picture, ramp
from tests.contract.written import info, left_in, write

TICKS = (9000, 12003, 15006, 18100, 21000, 27018, 27999, 30021)


# Times.


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_irregular_times_are_exact_and_begin_at_zero(suffix: str, tmp_path: Path) -> None:
    like = info(TICKS, Fraction(1, 90000), end=TICKS[-1] + 9876)
    write(tmp_path / f"out{suffix}", like)
    with open_clip(tmp_path / f"out{suffix}") as clip:
        assert [pts * clip.info.time_base for pts in clip.info.pts] == [Fraction(t - 9000, 90000) for t in TICKS]
        assert clip.info.end_pts * clip.info.time_base == Fraction(TICKS[-1] + 9876 - 9000, 90000)
    with av.open(str(tmp_path / f"out{suffix}")) as container:  # and so say others
        stream = container.streams.video[0]
        assert stream.start_time == 0
        assert stream.duration * stream.time_base == Fraction(TICKS[-1] + 876, 90000)


@pytest.mark.parametrize(
    ("time_base", "pts", "wanted"),
    [
        (Fraction(1001, 30000), (0, 1, 2), Fraction(1001, 30000)),
        (Fraction(1, 25), (5, 6, 7), Fraction(1, 25)),
        (Fraction(1, 10**9), (7, 33_000_007, 66_000_007), Fraction(33, 1000)),
        (Fraction(1, 10**9), (0, 33_333_333, 66_666_667), Fraction(1, 10**6)),
    ],
)
def test_a_clock_that_is_too_fine_is_made_coarser(
    time_base: Fraction, pts: tuple[int, ...], wanted: Fraction, tmp_path: Path
) -> None:
    like = info(pts, time_base, end=2 * pts[-1] - pts[-2])
    assert output_time_base(like) == wanted
    write(tmp_path / "out.mp4", like)
    with open_clip(tmp_path / "out.mp4") as clip:
        for found, given in zip(clip.info.pts, pts, strict=True):
            error = found * clip.info.time_base - (given - pts[0]) * time_base
            assert abs(error) <= (0 if wanted.denominator < 10**6 else Fraction(1, 2 * 10**6))


def test_times_must_ascend(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="pts 0 is not later than 0"),
        open_writer(tmp_path / "o.mp4", info(), channels=3) as w,
    ):
        w.write(picture(0), 0)
        w.write(picture(0), 0)
    assert left_in(tmp_path) == []


# Colours.


def test_h264_is_tagged_by_its_primaries_limited_and_keeps_what_is_known(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", info(colour=Colour(6, 9, 14, full_range=True)))
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (9, 1)
        assert (context.color_primaries, context.color_trc) == (9, 14)
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (9, 1)


def test_h264_uses_the_matrix_that_it_names(tmp_path: Path) -> None:
    """The encoder's own default would be BT.601: greens come out visibly wrong."""
    with open_writer(tmp_path / "out.mp4", info(), channels=3) as writer:
        writer.write(np.full((48, 64, 3), (20, 220, 40), np.uint8), 0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(48, -1)[24, 32]
    assert abs(luma - (16 + 219 / 255 * (0.2126 * 20 + 0.7152 * 220 + 0.0722 * 40))) <= 1.5


def test_alpha_in_h264_is_right_to_the_eye_and_to_the_reader(tmp_path: Path) -> None:
    write(tmp_path / "alpha.mp4", info(), channels=1)
    with open_clip(tmp_path / "alpha.mp4") as clip:
        image = next(clip.frames()).image
    error = np.abs(image.astype(int) - ramp(0)[..., None])
    assert error.mean() < 1
    assert image[20, 0, 0] <= 2 and image[20, -1, 0] >= 253


def test_odd_sizes_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", info(size=(65, 49)))
    with open_clip(tmp_path / "out.mp4") as clip:
        assert (clip.info.width, clip.info.height) == (65, 49)
        assert np.abs(next(clip.frames()).image.astype(int) - picture(0, 65, 49)).mean() < 3


@pytest.mark.parametrize(
    ("name", "codec", "size", "noted"),
    [
        ("out.mp4", "h264", (65, 48), True),
        ("out.mov", "h265", (64, 49), True),
        ("out.mp4", "h264", (64, 48), False),
        ("out.webm", "vp9", (65, 49), False),
        ("out.mkv", "ffv1", (65, 49), False),
        ("out.png", None, (65, 49), False),
    ],
)
def test_an_odd_side_that_many_players_do_not_show_is_noted(
    name: str, codec: str | None, size: tuple[int, int], noted: bool, tmp_path: Path
) -> None:
    with open_writer(tmp_path / name, info((0,), size=size), channels=3, codec=codec) as writer:
        writer.write(picture(0, *size), 0)
    assert ["is 4:4:4 here, which many players do not show" in note for note in writer.notes] == [True] * noted


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", ["out.mkv", "out_%03d.png", "out.png", "out_%03d.tif"])
def test_lossless_outputs_are_exact(channels: int, bits: int, name: str, tmp_path: Path) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    count = 1 if name == "out.png" else 4
    random = np.random.default_rng(bits + channels)
    images = random.integers(0, np.iinfo(dtype).max + 1, (count, 48, 64, channels)).astype(dtype)
    like = info(tuple(range(count)), bits=bits)
    with open_writer(tmp_path / name, like, channels=channels) as writer:
        for index, image in enumerate(images):
            writer.write(image, index)
    with open_clip(tmp_path / name) as clip:
        assert clip.info.bit_depth == bits
        frames = list(clip.frames())
    assert len(frames) == count
    for frame, image in zip(frames, images, strict=True):
        assert np.array_equal(frame.image, image[..., :3] if channels > 1 else image.repeat(3, 2))
        assert (frame.alpha is None) == (channels < 4)
        assert channels < 4 or np.array_equal(frame.alpha, image[..., 3])


def test_depth_can_be_asked_for(tmp_path: Path) -> None:
    with open_writer(tmp_path / "alpha.mkv", info(), channels=1, bits=16) as writer:
        writer.write(np.full((48, 64), 12345, np.uint16), 0)
    with open_clip(tmp_path / "alpha.mkv") as clip:
        assert np.unique(next(clip.frames()).image).tolist() == [12345]


def test_a_photo_comes_close(tmp_path: Path) -> None:
    write(tmp_path / "out.jpg", info((0,)))
    assert np.abs(read_still(tmp_path / "out.jpg").image.astype(int) - picture(0)).mean() < 1.5


def test_an_image_of_another_shape_is_a_mistake(tmp_path: Path) -> None:
    for name in ("out.mp4", "out.png", "out_%d.png"):
        with pytest.raises(ValueError, match="48, 64, 3"), open_writer(tmp_path / name, info(), channels=3) as writer:
            writer.write(picture(0)[:40], 0)
    assert left_in(tmp_path) == []


# Names and places.


@pytest.mark.parametrize(
    ("name", "channels", "words"),
    [
        ("out.xyz", 3, r"\.xyz, which stands for no format; known are \.mp4, \.mov, \.mkv, \.webm, \.png"),
        ("out", 3, "no suffix"),
        ("out.mp4", 4, r"which .* without a --background is; codecs that can are prores4444 \(\.mov \.mkv\), vp9"),
        ("out.jpg", 4, "cannot be transparent, which .* without a --background is"),
        ("nowhere/out.mp4", 3, "nowhere does not exist"),
        ("out_%05d.mp4", 3, r"name it out\.mp4"),
        ("folder.mkv", 3, "is a folder"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(name: str, channels: int, words: str, tmp_path: Path) -> None:
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(CleanplateError, match=words):
        open_writer(tmp_path / name, info(), channels=channels)
    assert left_in(tmp_path) == ["folder.mkv"]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    for name, there in (("out.mp4", "out.mp4"), ("out_%03d.png", "out_007.png")):
        (tmp_path / there).write_text("precious")
        with pytest.raises(CleanplateError, match=f"{there} exists already.*--overwrite"):
            open_writer(tmp_path / name, info(), channels=3)
        assert (tmp_path / there).read_text() == "precious"
        write(tmp_path / name, info(), overwrite=True)
        assert len(open_clip(tmp_path / name).info) == 8


@pytest.mark.parametrize("name", ["out.mkv", "out.png"])
def test_a_link_stays_one(name: str, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "file"
    target.parent.mkdir()
    (tmp_path / name).symlink_to(target)
    for options in ({}, {"overwrite": True}):
        with open_writer(tmp_path / name, info((0,)), channels=3, **options) as writer:
            writer.write(picture(0), 0)
        assert (tmp_path / name).is_symlink() and left_in(target.parent) == ["file"]
        with open_clip(tmp_path / name) as clip:
            assert np.array_equal(next(clip.frames()).image, picture(0))


def test_a_name_that_was_taken_meanwhile_is_respected(tmp_path: Path) -> None:
    with (
        pytest.raises(CleanplateError, match="exists already"),
        open_writer(tmp_path / "o.mkv", info(), channels=3) as w,
    ):
        w.write(picture(0), 0)
        (tmp_path / "o.mkv").write_text("precious")
    assert (tmp_path / "o.mkv").read_text() == "precious"
    assert left_in(tmp_path) == ["o.mkv"]


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    write(tmp_path / "clip.mkv", info())
    (tmp_path / "link.mkv").symlink_to(tmp_path / "clip.mkv")
    folder = numbered(tmp_path, digits=3)
    for source, output in (
        (tmp_path / "clip.mkv", tmp_path / "clip.mkv"),
        (tmp_path / "clip.mkv", tmp_path / "link.mkv"),
        (folder, folder / "shot_%03d.png"),
        (folder / "shot_%03d.png", folder / "shot_%03d.png"),
        (folder, folder / "shot_004.png"),
    ):
        with open_clip(source) as clip, pytest.raises(CleanplateError, match="is the input"):
            open_writer(output, clip.info, channels=3, overwrite=True)
    with pytest.raises(CleanplateError, match="is the input"):
        open_writer(tmp_path / "clip.mkv", info(), channels=3, company_from=tmp_path / "clip.mkv", overwrite=True)


def test_a_picture_holds_one_frame(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match=r"name a sequence, such as out_%05d\.png"):
        write(tmp_path / "out.png", info())
    assert left_in(tmp_path) == []


def test_numbers_are_those_of_the_frames(tmp_path: Path) -> None:
    with open_writer(tmp_path / "o_%04d.png", info(TICKS, Fraction(1, 90000)), channels=3) as writer:
        for index in (3, 4, 5):
            writer.write(picture(index), TICKS[index])
    assert left_in(tmp_path) == ["o_0003.png", "o_0004.png", "o_0005.png"]
    assert np.array_equal(read_still(tmp_path / "o_0004.png").image, picture(4))


def test_a_shorter_sequence_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    write(tmp_path / "o_%02d.png", info())
    with open_writer(tmp_path / "o_%02d.png", info((0, 1, 2)), channels=3, overwrite=True) as writer:
        for pts in range(3):
            writer.write(picture(pts), pts)
    assert left_in(tmp_path) == ["o_00.png", "o_01.png", "o_02.png"]
    assert any("removed what was there" in note and "5 of 3 to 7" in note for note in writer.notes)


def test_parts_of_a_sequence_leave_each_other_alone(tmp_path: Path) -> None:
    """As machines write them side by side."""
    path = tmp_path / "o_%02d.png"

    def part(start: int, stop: int, **options: object) -> Writer:
        return open_writer(path, info(), channels=3, start=start, stop=stop, **options)

    with part(0, 4) as one, part(4, 8) as other:
        for index in range(4):
            one.write(picture(index), index)
            other.write(picture(index + 4), index + 4)
    everything = [f"o_{index:02d}.png" for index in range(8)]
    assert left_in(tmp_path) == everything
    with part(2, 5, overwrite=True) as again:
        for index in range(2, 5):
            again.write(picture(0), index)
    assert left_in(tmp_path) == everything
    assert np.array_equal(read_still(tmp_path / "o_04.png").image, picture(0))
    assert np.array_equal(read_still(tmp_path / "o_05.png").image, picture(5))
    with pytest.raises(CleanplateError, match=r"o_06\.png exists already"):
        part(6, 8)


# Whole or not at all.

OUTPUTS = ["out.mp4", "out.mov", "out.mkv", "out_%04d.png", "out.png"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_exception_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_writer(tmp_path / name, info(), channels=3) as writer:
        writer.write(picture(0), 0)
        assert all(there.startswith(".") for there in left_in(tmp_path))
        raise KeyboardInterrupt
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_frames_is_a_mistake_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame was written"), open_writer(tmp_path / name, info(), channels=3):
        pass
    assert left_in(tmp_path) == []


KILLED = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Colour
like = ClipInfo(Path("none"), 64, 48, tuple(range(10**6)), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 10**6)
with open_writer(Path(sys.argv[1]), like, channels=3) as writer:
    for pts in like.pts:
        writer.write(np.random.default_rng(pts).integers(0, 256, (48, 64, 3), dtype=np.uint8), pts)
        if pts == 50:
            print("under way", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out_%04d.png"])
def test_a_killed_process_leaves_nothing_under_the_name(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"under way\n"
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    left = left_in(tmp_path)
    assert left  # it had begun
    assert all(there.startswith(".out") for there in left)
    write(tmp_path / name, info())  # and it is not in the way


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Files may have so many bytes, which fails with an OSError as a full disk does; so may what the tests print."""
    resource = pytest.importorskip("resource", reason="Windows limits no files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out_%04d.png"])
def test_a_full_disk_is_the_machine_s_fault(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    like = info(tuple(range(60)), size=(192, 144))
    with (
        small_disk(20_000),
        pytest.raises(MachineError, match="no room is left"),
        open_writer(tmp_path / name, like, channels=3) as writer,
    ):
        for pts in like.pts:
            writer.write(random.integers(0, 256, (144, 192, 3), dtype=np.uint8), pts)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("size", [100, 2_000])
@pytest.mark.parametrize("name", ["out.exr", "out_%04d.exr"])
def test_a_disk_that_is_full_at_a_small_picture_s_end_is_noticed(name: str, size: int, tmp_path: Path) -> None:
    """OpenEXR holds back the last 8 kB of a file, and says nothing if they find no room."""
    with small_disk(size), pytest.raises(MachineError, match="no room is left"):
        write(tmp_path / name, info((0,)))
    assert left_in(tmp_path) == []


def test_vp9_of_a_deep_clip_is_written_in_8_bits(tmp_path: Path) -> None:
    """Deeper, the encoder that comes with PyAV does not open."""
    write(tmp_path / "out.webm", info(bits=10))
    with open_clip(tmp_path / "out.webm") as clip:
        assert (clip.info.bit_depth, len(clip.info)) == (8, 8)


@pytest.mark.parametrize(
    ("name", "codec", "bits", "said"),
    [("out.mp4", None, 10, 1), ("out.mp4", "h265", 10, 0), ("out.mov", "prores422", 10, 0), ("out.mp4", None, 8, 0)],
)
def test_bits_that_are_lost_are_missed(name: str, codec: str | None, bits: int, said: int, tmp_path: Path) -> None:
    with open_writer(tmp_path / name, info(bits=bits), channels=3, codec=codec) as writer:
        writer.write(picture(0, 64, 48), 0)
    assert ["and not the 10 of source.mov" in note for note in writer.notes] == [True] * said


def test_bits_that_were_asked_for_are_missed_too(tmp_path: Path) -> None:
    for name, asked, said in (("out.mp4", 16, 1), ("out.jpg", 16, 1), ("out.png", 16, 0), ("out.mp4", 8, 0)):
        notes = open_writer(tmp_path / name, info(), channels=3, bits=asked).notes
        assert ["and not the 16 of --bits" in note for note in notes] == [True] * said
    for name, asked, said in (("a.mov", 8, 1), ("a.exr", 8, 1), ("a.mov", 16, 0), ("a.png", 8, 0), ("a.mov", None, 0)):
        writer = open_writer(
            tmp_path / name, info((0,)), channels=3, codec="prores422" if name == "a.mov" else None, bits=asked
        )
        assert ["more than the 8 bits of --bits" in note for note in writer.notes] == [True] * said


NARROW = """
import sys
import numpy as np
from pathlib import Path
from pipeline.encode import open_writer
from tests.contract.written import info
for at in range(20):
    random = np.random.default_rng(at)
    like = info(tuple(range(12)), size=(48, 64))
    with open_writer(Path(sys.argv[1]) / f"{at}.mp4", like, channels=3, codec="h265") as w:
        for pts in range(12):
            w.write(random.integers(0, 255, (64, 48, 3), dtype=np.uint8), pts)
"""


def test_h265_of_a_narrow_clip_harms_nobody_s_memory(tmp_path: Path) -> None:
    """Left to itself, x265 writes beyond its own below 56 pixels: the process dies sooner or later."""
    done = subprocess.run([sys.executable, "-c", NARROW, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0
    assert len(left_in(tmp_path)) == 20


@pytest.mark.parametrize("last", ["out.mp4", "out_%04d.png"])
def test_outputs_appear_together_or_not_at_all(last: str, tmp_path: Path) -> None:
    like = info(range(3), Fraction(1, 25))
    taken = tmp_path / last.replace("%04d", "0001")

    def written(name: str) -> None:
        with Together() as together:
            writers = [together.add(open_writer(tmp_path / each, like, channels=3)) for each in ("a.mkv", name)]
            for pts in like.pts:
                for writer in writers:
                    writer.write(picture(pts), pts)
            if name == last:
                taken.write_bytes(b"somebody else's")

    with pytest.raises(CleanplateError, match="exists already"):
        written(last)
    assert [*tmp_path.iterdir()] == [taken] and taken.read_bytes() == b"somebody else's"
    written("b.mkv")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a.mkv", tmp_path / "b.mkv", taken])


def replace_both(folder: Path) -> None:
    """Numbered pictures that are there already, and a video beside them."""
    like = info(range(4), Fraction(1, 25))
    with Together() as together:
        writers = [
            together.add(open_writer(folder / name, like, channels=3, overwrite=True)) for name in ("o_%d.png", "o.mkv")
        ]
        for pts in like.pts:
            for writer in writers:
                writer.write(picture(pts), pts)


def test_an_interruption_waits_until_all_outputs_have_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_both(tmp_path)
    (tmp_path / "o_3.png").write_bytes((tmp_path / "o_0.png").read_bytes())
    real = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it
    try:
        with pytest.raises(KeyboardInterrupt):
            replace_both(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert left_in(tmp_path) == ["o.mkv", *(f"o_{index}.png" for index in range(4))]
    assert np.array_equal(read_still(tmp_path / "o_3.png").image, picture(3))


def test_an_interruption_of_what_fails_leaves_the_word_to_the_failure(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no room"), undisturbed():
        signal.raise_signal(signal.SIGINT)
        raise MachineError("no room")


def test_what_cannot_be_put_in_its_place_is_kept_and_named(tmp_path: Path) -> None:
    (tmp_path / "o_2.png").mkdir()
    with pytest.raises(MachineError, match="what is not in its place yet lies in") as raised:
        replace_both(tmp_path)
    pictures, film = sorted(tmp_path.glob(".*"), key=Path.is_file)
    assert str(pictures) in str(raised.value) and str(film) in str(raised.value)
    assert left_in(pictures) == ["o_2.png", "o_3.png"] and len(open_clip(film).info) == 4
