"""What stands behind the subject: in the clip's colours, and filling its frame as it is shown."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.background import Blurred, Moving, fill_frame, open_background
from pipeline.decode import open_clip
from pipeline.finishing import Finish, finished
from pipeline.frames import CleanplateError, ClipInfo, Colour, FloatImage, Frame, FrameStatus, Matte
from tests.contract.made import video

PQ2020 = Colour(9, 9, 16)


def info(colour: Colour = Colour(), aspect: Fraction = Fraction(1)) -> ClipInfo:  # noqa: B008 - frozen
    times = (0, 1, 2)
    return ClipInfo(
        Path("none.mov"), 64, 48, times, Fraction(1, 25), Fraction(25), 10, colour, 0, 3, pixel_aspect=aspect
    )


def shown(what: str, like: ClipInfo) -> tuple[FloatImage, tuple[str, ...]]:
    """The background of frame 1, and what is said of it."""
    background = open_background(what, like)
    nothing = np.zeros((48, 64), np.float32)
    frame = Frame(np.zeros((48, 64, 3), np.uint16), 1, 1, Fraction(1, 25), 10, like.colour)
    picture = background.behind(frame, Matte(nothing, np.dstack([nothing] * 3), FrameStatus.OK, None))
    background.close()
    return picture, background.notes


def test_a_title_on_hdr_has_the_white_of_graphics(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "title.png"), np.full((48, 64, 3), 255, np.uint8))
    picture, (note,) = shown(str(tmp_path / "title.png"), info(PQ2020))
    assert picture == pytest.approx(np.full_like(picture, 0.5807), abs=1e-3)
    assert "is BT.709 SDR, the clip BT.2020 PQ: it was converted, white of graphics at 203 cd/m2" in note


def test_so_has_a_colour_that_was_named() -> None:
    picture, notes = shown("#ff0000", info(PQ2020))
    assert picture[20, 20] == pytest.approx([0.5325, 0.3270, 0.2201], abs=1e-3) and notes == ()
    assert shown("#ff0000", info())[0][20, 20] == pytest.approx([1, 0, 0])


def test_a_film_in_hdr_stands_behind_a_clip_that_is_not(tmp_path: Path) -> None:
    def tagged(stream: object) -> None:
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, 16

    codes = np.full((48, 64, 3), round(0.5807 * 65535), np.uint16)
    path = video(tmp_path / "hdr.mkv", "ffv1", "yuv444p10le", [codes] * 3, times=range(3), prepare=tagged, matrix=9)
    picture, (note,) = shown(str(path), info(Colour(1, 1, 1)))
    assert picture.min() > 0.99 and "is BT.2020 PQ, the clip BT.709 SDR" in note


def test_what_cannot_be_converted_is_taken_as_it_is_and_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((48, 64, 3), 128, np.uint8))
    picture, (note,) = shown(str(tmp_path / "grey.png"), info(Colour(1, 1, 17)))
    assert picture == pytest.approx(np.full_like(picture, 128 / 255), abs=1e-3)
    assert "cannot be converted" in note


def test_alike_colours_are_left_alone_and_nothing_is_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((48, 64, 3), 128, np.uint8))
    picture, notes = shown(str(tmp_path / "grey.png"), info(Colour(1, 1, 1)))
    assert picture == pytest.approx(np.full_like(picture, 128 / 255), abs=1e-6) and notes == ()


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(4, 3), Fraction(2, 3)])
def test_a_disc_is_round_where_pixels_are_not_square(aspect: Fraction) -> None:
    disc = np.zeros((300, 500, 3), np.float32)
    cv2.circle(disc, (250, 150), 80, (1, 1, 1), -1, cv2.LINE_AA)
    fitted = fill_frame(disc, (240, 180), aspect)
    assert fitted.shape == (180, 240, 3)
    across, down = fitted[90, :, 0].sum(), fitted[:, 120, 0].sum()
    assert across * aspect == pytest.approx(down, rel=0.02)


@pytest.mark.parametrize("shape", [(90, 8, 3), (16, 700, 3), (200, 160, 3)])
def test_what_fills_the_frame_is_the_middle_of_the_whole_picture(shape: tuple[int, int, int]) -> None:
    image, (width, height) = np.random.default_rng(0).random(shape, np.float32), (320, 180)
    scale = max(width / shape[1], height / shape[0])
    whole = cv2.resize(image, (round(shape[1] * scale), round(shape[0] * scale)), interpolation=cv2.INTER_CUBIC)
    left, top = (whole.shape[1] - width) // 2, (whole.shape[0] - height) // 2
    wanted = np.clip(whole[top : top + height, left : left + width], 0, 1)
    assert np.abs(fill_frame(image, (width, height)) - wanted).max() < 1e-5


@pytest.mark.parametrize("shape", [(400, 4, 3), (4, 400, 3)])
def test_what_is_cut_off_a_strip_takes_no_memory(shape: tuple[int, int, int]) -> None:
    tracemalloc.start()
    fill_frame(np.zeros(shape, np.float32), (640, 360))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 640 * 360 * 3 * 4


def test_the_old_background_shows_nothing_of_a_subject_whose_edge_is_drawn_in() -> None:
    alpha = np.zeros((180, 320), np.float32)
    cv2.circle(alpha, (160, 90), 50, 1, -1)
    image = np.where(alpha[..., None] > 0, (255, 0, 0), (40, 40, 40)).astype(np.uint8)
    matte = Matte(alpha, image.astype(np.float32) / 255, FrameStatus.OK, None)
    for finish in (Finish(erode_px=12), Finish(feather_px=12)):
        drawn_in = finished(matte, finish)
        behind = Blurred().behind(Frame(image, 0, 0, Fraction(1, 25)), drawn_in)[drawn_in.alpha == 0]
        assert behind == pytest.approx(np.full_like(behind, 40 / 255), abs=0.01)


def test_a_background_s_own_pixels_count_too(tmp_path: Path) -> None:
    """A film of the same camera fills the frame as it is."""

    def wide(stream: object) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    path = video(tmp_path / "wide.mov", "qtrle", "rgb24", [image] * 3, times=range(3), prepare=wide, tagged=False)
    picture, _ = shown(str(path), info(aspect=Fraction(4, 3)))
    assert picture == pytest.approx(image / 255, abs=1e-6)
    picture, _ = shown(str(path), info())
    assert np.abs(picture - image / 255).mean() > 0.05


RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]


def film_at(path: Path, rate: Fraction) -> Path:
    grey = [np.full((48, 64, 3), 6 * index, np.uint8) for index in range(40)]
    codec = ("ffv1", "bgr0") if path.suffix == ".mkv" else ("qtrle", "rgb24")
    return video(path, *codec, grey, times=range(40), time_base=1 / rate)


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g}")
@pytest.mark.parametrize(("clip", "behind"), [(".mkv", ".mov"), (".mov", ".mkv"), (".mkv", ".mkv"), (".mov", ".mov")])
def test_at_the_same_rate_frame_stands_behind_frame(clip: str, behind: str, rate: Fraction, tmp_path: Path) -> None:
    """Whatever rounds its times: Matroska's are milliseconds."""
    with open_clip(film_at(tmp_path / f"clip{clip}", rate)) as opened:
        like = opened.info
    background = open_background(str(film_at(tmp_path / f"behind{behind}", rate)), like)
    assert isinstance(background, Moving)
    shown = [background.index_at((pts - like.pts[0]) * like.time_base) for pts in like.pts]
    assert shown == list(range(40))
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, 40)
    times = [max(Fraction(0), (index + Fraction(float(shift))) / rate) for index, shift in enumerate(jitter)]
    assert [background.index_at(time) for time in times] == list(range(40))
    background.close()


def test_numbered_pictures_go_at_the_clips_rate(tmp_path: Path) -> None:
    for index in range(10):
        cv2.imwrite(str(tmp_path / f"b_{index:02d}.png"), np.full((48, 64, 3), 20 * index, np.uint8))
    like = replace(info(), rate=Fraction(30), time_base=Fraction(1, 24))  # the header lies
    background = open_background(str(tmp_path / "b_%02d.png"), like)
    assert isinstance(background, Moving) and "taken for 24 a second" in background.notes[0]
    assert [background.index_at(Fraction(index, 24)) for index in range(12)] == [*range(10), 0, 1]


@pytest.mark.parametrize("what", ["blue", "nowhere/beach.mp4"])
def test_what_is_no_background_is_told_what_would_be(what: str) -> None:
    with pytest.raises(CleanplateError, match=f"{what}: there is no such file; .* #204080, blur or none"):
        open_background(what, info())
