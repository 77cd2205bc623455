"""Clips, plates and their makers in other colours than the usual."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.composite import quantise, unit
from pipeline.conversion import SDR, ConvertedClip, converted_image
from pipeline.decode import open_clip, read_still
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, Colour
from pipeline.light import converted
from pipeline.plates import read_plate
from pipeline.registration import align_clip
from tests.contract.made import KINDS, picture, video

PQ2020 = Colour(9, 9, 16)


@pytest.fixture(scope="module")
def filmed_in_hdr(scene, tmp_path_factory):
    """The first frames of the scene as a camera would film them in HDR."""
    path = tmp_path_factory.mktemp("hdr") / "hdr.mkv"
    with open_clip(scene.clip) as clip:
        like = replace(clip.info, colour=PQ2020, bit_depth=10, path=Path("none"))
        with open_writer(path, like, channels=3, codec="ffv1yuv") as writer:
            for frame in clip.frames(0, 3):
                writer.write(quantise(converted(unit(frame.image), SDR, PQ2020), 16), frame.pts)
    return path


def test_a_clip_in_hdr_is_converted_frame_by_frame(scene, filmed_in_hdr):
    with open_clip(filmed_in_hdr) as hdr, open_clip(scene.clip) as sdr:
        assert hdr.info.colour.transfer == 16
        clip = ConvertedClip(hdr)
        assert (clip.info.colour, clip.info.bit_depth, len(clip.info)) == (SDR, 10, 3)
        for found, wanted in zip(clip.frames(1), sdr.frames(1, 3), strict=True):
            assert (found.index, found.pts, found.colour, found.planes) == (wanted.index, wanted.pts, SDR, None)
            assert np.abs(unit(found.image) - unit(wanted.image)).mean() < 0.004


def test_render_converts_where_it_is_asked_to(scene, filmed_in_hdr, run, tmp_path):
    words = ["--plate", scene.plate, "--background", "#204080", "--end", 2]
    code, said = run("render", filmed_in_hdr, *words, "--sdr", "-o", tmp_path / "sdr.mkv")
    assert code == 0 and "is BT.2020 PQ and was converted to BT.709 SDR" in said
    code, said = run("render", scene.clip, *words, "-o", tmp_path / "plain.mkv")
    assert code == 0 and "converted" not in said
    with open_clip(tmp_path / "sdr.mkv") as found, open_clip(tmp_path / "plain.mkv") as wanted:
        assert (found.info.colour.primaries, found.info.colour.transfer) == (1, 1)
        for a, b in zip(found.frames(), wanted.frames(), strict=True):
            assert np.abs(unit(a.image) - unit(b.image)).mean() < 0.006


def test_else_it_stays_and_plate_and_colour_are_converted_to_it(scene, filmed_in_hdr, run, tmp_path):
    words = ["--plate", scene.plate, "--background", "#ffffff", "--end", 2]
    code, said = run("render", filmed_in_hdr, *words, "-o", tmp_path / "out.mkv")
    assert code == 0 and "is HDR (PQ): the code values are kept" in said
    assert "plate.png is BT.709 SDR, the clip BT.2020 PQ: it was converted" in said
    with open_clip(tmp_path / "out.mkv") as clip:
        assert (clip.info.colour.primaries, clip.info.colour.transfer) == (9, 16)
        corner = next(clip.frames()).image[5, -5] / 65535
    assert corner == pytest.approx([0.5807] * 3, abs=0.003)


def test_a_plate_of_other_colours_is_found_in_the_clip(scene, filmed_in_hdr):
    rows = align_clip(filmed_in_hdr, scene.plate)
    assert all(row.report is not None for row in rows)
    gains = np.array([row.report.gain for row in rows])
    assert np.abs(gains - 1).max() < 0.05  # as bright as the place: nothing is left for the exposure to make up


def test_a_plate_made_from_a_clip_in_hdr_says_what_it_is(scene, filmed_in_hdr, run, tmp_path):
    code, _ = run("plate", filmed_in_hdr, "-o", tmp_path / "plate.png")
    assert code == 0
    colour = read_still(tmp_path / "plate.png").colour
    assert (colour.primaries, colour.transfer) == (9, 16)
    kept, lit = read_plate(tmp_path / "plate.png", PQ2020), read_plate(tmp_path / "plate.png", SDR)
    assert np.array_equal(kept, read_plate(tmp_path / "plate.png"))
    known = kept[..., 3] > 0 if kept.shape[2] == 4 else np.ones(kept.shape[:2], bool)
    assert unit(lit)[known][:, :3].mean() > unit(kept)[known][:, :3].mean() + 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_depth_and_alpha_stay(dtype):
    image = np.dstack([picture(0), picture(1)[..., :1]]).astype(dtype)
    found = converted_image(image, SDR, PQ2020)
    assert found.dtype == dtype and np.array_equal(found[..., 3], image[..., 3])
    assert not np.array_equal(found[..., :3], image[..., :3])
    assert converted_image(image, Colour(), SDR) is image


def test_a_camera_s_own_curve_cannot_be_converted(tmp_path):
    def prepare(stream):
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 1, 9

    path = video(tmp_path / "log.mkv", "ffv1", "yuv444p", [picture(0)], times=range(1), prepare=prepare)
    with open_clip(path) as clip, pytest.raises(CleanplateError, match=r"log\.mkv is BT\.709 transfer 9, which cannot"):
        ConvertedClip(clip)


def test_a_converted_clip_closes_what_it_converts(tmp_path):
    clip = ConvertedClip(open_clip(KINDS["hdr"](tmp_path).path))
    frames = clip.frames()
    next(frames)
    clip.close()
    with pytest.raises(ValueError, match="has been closed"):
        next(frames)
