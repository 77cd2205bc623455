"""OpenEXR: what its header says of time, and where a picture lies in its windows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from pipeline.background import Moving, open_background
from pipeline.conversion import ConvertedClip
from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.exr import CLIPPED, NO_ALPHA, header_of, read_exr
from pipeline.frames import CleanplateError, ClipInfo, Colour, FrameStatus, Matte
from pipeline.light import to_display
from pipeline.notes import notes_on
from tests.contract.made import picture, ramp


def clip(rate: Fraction, timecode: str) -> ClipInfo:
    count = round(rate)
    return ClipInfo(
        Path("none.mov"), 64, 48, tuple(range(count)), 1 / rate, rate, 8, Colour(), 0, count, timecode=timecode
    )


@pytest.mark.parametrize(
    ("rate", "first", "frame"),
    [(Fraction(50), "01:00:00:00", 24), (Fraction(60000, 1001), "01:00:00;00", 29), (Fraction(30), "01:00:00:00", 29)],
)
def test_timecodes_of_many_frames_count_pairs(rate: Fraction, first: str, frame: int) -> None:
    code = header_of(clip(rate, first), round(rate) - 1)["timeCode"]
    assert (code.hours, code.seconds, code.frame) == (1, 0, frame)
    assert code.fieldPhase == (rate > 30) and code.dropFrame == (";" in first)


def test_where_no_timecode_fits_that_is_said(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out_%04d.exr", clip(Fraction(120), "01:00:00:99"), channels=3) as writer:
        writer.write(picture(0), 0)
    assert "no timecodes of 120 frames a second" in writer.notes[0]


@pytest.mark.parametrize("kind", ["RGBA", "RGB"])
@pytest.mark.parametrize(("held", "shown"), [((10, 5, 39, 24), (10, 5, 39, 24)), ((-8, -4, 30, 50), (0, 0, 30, 39))])
def test_a_picture_lies_where_its_windows_say(
    held: tuple[int, int, int, int], shown: tuple[int, int, int, int], kind: str, tmp_path: Path
) -> None:
    """As Nuke writes what it has, and no more; or what lies beyond the picture, too."""
    left, top, right, bottom = held
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage,
        "displayWindow": tuple(np.int32(x) for x in ([0, 0], [63, 39])),
        "dataWindow": tuple(np.int32(x) for x in (held[:2], held[2:])),
    }  # fmt: skip
    pixels = np.full((bottom - top + 1, right - left + 1, len(kind)), 1, np.float16)
    with OpenEXR.File(header, {kind: pixels}) as file:
        file.write(str(tmp_path / "a.exr"))
    image, alpha, _, _ = read_exr(tmp_path / "a.exr")
    assert image.shape == (40, 64, 3)
    if alpha is None:  # nothing is missing
        assert shown == (0, 0, 63, 39) and kind == "RGB"
        return
    there = np.argwhere(alpha)[:, ::-1]
    assert (*there.min(0), *there.max(0)) == shown


def pixels(*channels: float) -> NDArray[np.float16]:
    return np.full((48, 64, len(channels)), channels, np.float16)


def write_parts(path: Path, **parts: dict[str, NDArray[np.float16]]) -> None:
    """An OpenEXR of a few parts: channels by their names, "RGB" and "RGBA" for several in one."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File([OpenEXR.Part(dict(header), channels, name) for name, channels in parts.items()]) as file:
        file.write(str(path))


def test_of_several_parts_the_first_picture_counts(tmp_path: Path) -> None:
    """As renderers write what belongs to a picture beside it: depth, normals, a matte of something in it."""
    path = tmp_path / "a.exr"
    write_parts(
        path, depth={"Z": pixels(7)[..., 0]}, beauty={"RGB": pixels(1, 0, 0)}, normals={"RGBA": pixels(0, 1, 0, 0.5)}
    )
    image, alpha, _, _ = read_exr(path)
    assert alpha is None and image[0, 0].tolist() == [65535, 0, 0]


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_picture_that_is_cut_short_is_refused(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    noise = np.random.default_rng(0).random((48, 64, 3)).astype(np.float16)
    write_parts(path, rgb={"RGB": noise})
    path.write_bytes(path.read_bytes()[: round(kept * path.stat().st_size)])
    with pytest.raises(CleanplateError, match=r"a\.exr is not an image that can be read, or it is damaged"):
        read_exr(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with open_writer(folder / "a_%d.exr", clip(Fraction(24), "01:00:00:00"), channels=3) as writer:
        writer.write(picture(0), 0)
    with open_clip(folder) as opened:
        assert opened.info.timecode == "01:00:00:00" and len([*opened.frames()]) == 1


def test_light_without_alpha_stays_what_it_is(tmp_path: Path) -> None:
    """A glow that is added to what lies behind it; and a whole picture beside an empty channel, as Nuke writes it."""
    glow = pixels(0.5, 0.5, 0.5, 0)
    glow[0, 0] = (0.25, 0.25, 0.25, 0.5)
    grey = np.full((48, 64), round(65535 * float(to_display(np.float32(0.5)))))
    for name, some in (("glow", True), ("plate", False)):
        write_parts(tmp_path / f"{name}.exr", rgba={"RGBA": glow if some else pixels(0.5, 0.5, 0.5, 0)})
        image, alpha, _, remarks = read_exr(tmp_path / f"{name}.exr")
        assert np.abs(image[..., 0] - grey).max() <= 1
        assert (alpha is None, remarks) == (not some, () if some else (NO_ALPHA,))


def test_that_highlights_are_clipped_is_said_once(tmp_path: Path) -> None:
    for index, light in enumerate((1, 1, 4, 5)):
        write_parts(tmp_path / f"a_{index}.exr", rgb={"RGB": pixels(light, 0, 0)})
    with open_clip(tmp_path) as clip:
        list(clip.frames(0, 2))
        assert clip.notes == ()
        list(clip.frames(2))
        assert clip.notes == (f"{tmp_path} {CLIPPED}",)
        assert ConvertedClip(clip).notes == clip.notes
        background = open_background(str(tmp_path), clip.info)
        assert isinstance(background, Moving) and background.remarks == ()
        for frame in clip.frames():
            nobody = np.zeros(frame.image.shape[:2], np.float32)
            background.behind(frame, Matte(nobody, np.float32(frame.image / 65535), FrameStatus.OK, None))
        assert background.remarks == clip.notes
        background.close()


@pytest.mark.parametrize("channels", [3, 4])
def test_nothing_that_is_written_here_is_clipped(channels: int, tmp_path: Path) -> None:
    """Light is multiplied by alpha in half floats, and divided again."""
    image = np.dstack([np.full((48, 64, 3), 255, np.uint8), ramp(0)])[..., :channels]
    with open_writer(tmp_path / "a.exr", clip(Fraction(25), "01:00:00:00"), channels=channels) as writer:
        writer.write(image, 0)
    assert read_exr(tmp_path / "a.exr")[3] == ()


@pytest.mark.parametrize(
    ("rate", "timecode"),
    [(Fraction(24000, 1001), "01:02:03:04"), (Fraction(30000, 1001), "01:00:59;28"), (Fraction(60), "00:00:00:59")],
)
def test_a_sequence_is_as_its_header_says(rate: Fraction, timecode: str, tmp_path: Path) -> None:
    like = replace(clip(rate, timecode), pixel_aspect=Fraction(4, 3))
    with open_writer(tmp_path / "a_%d.exr", like, channels=3) as writer:
        for index in range(2):
            writer.write(picture(index), index)
    with open_clip(tmp_path) as opened:
        info = opened.info
        assert (info.rate, info.timecode, info.pixel_aspect) == (rate, timecode, like.pixel_aspect)
        assert [frame.time_base for frame in opened.frames()] == [info.time_base] * 2 == [1 / rate] * 2
        assert not any("times" in note for note in notes_on(info))
    with open_clip(tmp_path, Fraction(100)) as opened:
        assert opened.info.rate == 100


def test_a_header_may_say_nothing_of_time(tmp_path: Path) -> None:
    write_parts(tmp_path / "a_0.exr", rgb={"RGB": pixels(1, 0, 0)})
    with open_clip(tmp_path) as opened:
        info = opened.info
        assert (info.rate, info.timecode, info.pixel_aspect) == (25, None, 1)
        assert any("tell no times; taken for 25 a second" in note for note in notes_on(info))


def test_exr_goes_through_a_render_as_it_is(scene: Any, run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Rate, timecode and pixels; and what is lost of it is said."""
    like = replace(clip(Fraction(24), "01:00:00:00"), width=640, height=360, pixel_aspect=Fraction(2))
    with open_clip(scene.clip) as film, open_writer(tmp_path / "in_%d.exr", like, channels=3) as writer:
        for frame in film.frames(0, 2):
            writer.write(frame.image, frame.index)
    with OpenEXR.File(str(tmp_path / "in_1.exr")) as file:
        file.channels()["RGB"].pixels[:] *= 2
        file.write(str(tmp_path / "in_1.exr"))
    words = ["render", tmp_path / "in_%d.exr", "--plate", scene.plate, "--background", "#204080"]
    code, said = run(*words, "-o", tmp_path / "out_%d.exr", "--alpha", tmp_path / "alpha.mov")
    assert code == 0 and CLIPPED in said and "no times" not in said
    with open_clip(tmp_path / "out_%d.exr") as pictures, open_clip(tmp_path / "alpha.mov") as film:
        for info in (pictures.info, film.info):
            assert (info.rate, info.timecode, info.pixel_aspect) == (24, "01:00:00:00", 2)
