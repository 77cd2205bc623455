"""Mattes that users bring: numbers as they are stored, from alpha or from grey."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from evaluation.evaluate import evaluate_clips
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, ClipInfo, Colour, Frame
from pipeline.user_mask import user_mask
from tests.contract.made import ramp

SIZE = (64, 48)
INFO = ClipInfo(Path("none.mov"), *SIZE, (0,), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 1)


def seen_as_mask(path: Path, like: ClipInfo = INFO) -> NDArray[np.float32]:
    black = np.zeros((like.height, like.width, 3), np.uint8)
    with user_mask(path, like) as mask:
        assert mask is not None
        return mask(Frame(black, 0, 0, Fraction(1, 25), 8, Colour()))


def exr(path: Path, channels: dict[str, NDArray[np.float32]]) -> Path:
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, channels) as file:
        file.write(str(path))
    return path


def test_what_a_render_writes_is_evaluated_as_it_is(tmp_path: Path) -> None:
    for name in ("alpha.exr", "alpha.png", "alpha.mkv"):
        with open_writer(tmp_path / name, INFO, channels=1) as writer:
            writer.write(ramp(0), 0)
    for name in ("alpha.exr", "alpha.png"):
        assert evaluate_clips(tmp_path / name, tmp_path / "alpha.mkv").mad < 0.2
        assert np.abs(seen_as_mask(tmp_path / name) - ramp(0) / 255).max() < 0.001


@pytest.mark.parametrize("channels", ["RGBA", "A", "Y", "RGB"])
def test_a_compositors_matte_is_read_as_it_is_stored(channels: str, tmp_path: Path) -> None:
    half = np.full((48, 64), 0.5, np.float32)
    path = exr(tmp_path / "matte.exr", dict.fromkeys(channels, half))
    assert seen_as_mask(path) == pytest.approx(half, abs=1e-3)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_an_opaque_alpha_of_half_floats_is_opaque(kind: type, tmp_path: Path) -> None:
    alpha = np.zeros((48, 64), kind)
    alpha[10:30, 20:40] = 1
    path = exr(tmp_path / "matte.exr", {**dict.fromkeys("RGB", np.full((48, 64), 0.2, kind)), "A": alpha})
    assert np.array_equal(seen_as_mask(path), alpha.astype(np.float32))


@pytest.mark.parametrize("channels", ["RGBA", "A", "Y", "RGB"])
def test_a_box_around_it_is_not_the_matte(channels: str, tmp_path: Path) -> None:
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage,
        "displayWindow": tuple(np.int32(x) for x in ([0, 0], [63, 47])),
        "dataWindow": tuple(np.int32(x) for x in ([10, 5], [39, 24])),
    }  # fmt: skip
    held = ramp(0)[:20, :30].astype(np.float32) / 255
    with OpenEXR.File(header, dict.fromkeys(channels, held)) as file:
        file.write(str(tmp_path / "matte.exr"))
    expected = np.zeros((48, 64), np.float32)
    expected[5:25, 10:40] = held
    assert seen_as_mask(tmp_path / "matte.exr") == pytest.approx(expected, abs=1e-3)


def test_a_frame_that_is_opaque_throughout_is_no_other_clip(tmp_path: Path) -> None:
    """Black, with the shape in alpha; in the second frame it is all there is."""
    for index, alpha in enumerate((ramp(0), np.full((48, 64), 255, np.uint8))):
        cv2.imwrite(str(tmp_path / f"m_{index}.png"), np.dstack([np.zeros((48, 64, 3), np.uint8), alpha]))
    like = replace(INFO, pts=(0, 1), end_pts=2)
    with user_mask(tmp_path / "m_%d.png", like) as mask:
        assert mask is not None
        black = np.zeros((48, 64, 3), np.uint8)
        seen = [mask(Frame(black, index, index, Fraction(1, 25), 8, Colour())) for index in range(2)]
    assert np.abs(seen[0] - ramp(0) / 255).max() < 1e-3 and seen[1].min() == 1


def test_a_mask_painted_in_colour_beside_opaque_alpha_is_refused(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 4), np.uint8)
    red[..., 3], red[10:20, 10:20, 2] = 255, 255
    cv2.imwrite(str(tmp_path / "red.png"), red)
    with pytest.raises(CleanplateError, match="in colour"):
        seen_as_mask(tmp_path / "red.png")


def test_a_mask_has_the_shape_that_is_stored_or_shown(tmp_path: Path) -> None:
    like = replace(INFO, width=144, height=108, pixel_aspect=Fraction(4, 3))
    for size in ((144, 108), (192, 108)):
        cv2.imwrite(str(tmp_path / "mask.png"), np.zeros(size[::-1], np.uint8))
        seen_as_mask(tmp_path / "mask.png", like)
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((108, 108), np.uint8))
    with pytest.raises(CleanplateError, match="has the shape of its clip"):
        seen_as_mask(tmp_path / "mask.png", like)


@pytest.mark.parametrize("shape", ["in alpha", "in grey beside opaque alpha", "in grey"])
def test_the_shape_is_where_it_is(shape: str, tmp_path: Path) -> None:
    white, form = np.full((48, 64), 255, np.uint8), ramp(0)
    grey, alpha = (white, form) if shape == "in alpha" else (form, white)
    image = np.dstack([grey] * 3 + ([alpha] if shape != "in grey" else []))
    cv2.imwrite(str(tmp_path / "mask.png"), image)
    cv2.imwrite(str(tmp_path / "true.png"), form)
    assert np.abs(seen_as_mask(tmp_path / "mask.png") - form / 255).max() < 1e-3
    assert evaluate_clips(tmp_path / "mask.png", tmp_path / "true.png").mad == 0
    cv2.imwrite(str(tmp_path / "other.png"), 255 - form)
    assert evaluate_clips(tmp_path / "mask.png", tmp_path / "other.png").mad > 100


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "turned.png"), np.zeros((64, 48), np.uint8))
    with pytest.raises(CleanplateError, match="has the shape of its clip"):
        seen_as_mask(tmp_path / "turned.png")
    cv2.imwrite(str(tmp_path / "smaller.png"), np.zeros((24, 32), np.uint8))
    assert seen_as_mask(tmp_path / "smaller.png").max() == 0
