"""Clips of what is difficult: their plate belongs to them, and each has its difficulty in it."""

import cv2
import numpy as np
import pytest

from alignment.plate import PlateAligner
from evaluation.failures import SIZE, STORIES, make_clip
from evaluation.report import find_clips
from pipeline.decode import open_clip
from pipeline.plates import read_plate


def frames(path):
    with open_clip(path) as clip:
        return [frame.image.astype(np.float32) / np.iinfo(frame.image.dtype).max for frame in clip.frames()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("failures")
    for name in STORIES:
        make_clip(name, out / name, (), seed=3, frames=2)
    return out


def parts(folder):
    """Second frame, aligned plate, its coverage, true alpha and foreground."""
    image = frames(folder / "clip.mp4")[1]
    aligned = PlateAligner(read_plate(folder / "plate.png"), (SIZE, SIZE)).align((image * 255).astype(np.uint8))
    alpha, foreground = (frames(folder / "truth" / f"{name}.mkv")[1] for name in ("alpha", "foreground"))
    return image, aligned.image, aligned.coverage > 0.5, alpha[..., 0], foreground


def test_the_report_finds_them(made):
    assert sorted(path.name for path in find_clips([made])) == sorted(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_frames_are_composites_of_the_truth(made, name):
    image, plate, known, alpha, foreground = parts(made / name)
    assert alpha.min() == 0 and alpha.max() > 0.3
    composite = alpha[..., None] * foreground + (1 - alpha[..., None]) * plate
    assert np.median(np.abs(composite - image)[known]) < 0.03


def test_the_shadow_is_deep_and_not_in_alpha(made):
    image, plate, known, alpha, _ = parts(made / "shadow")
    clear = known & (alpha == 0) & (plate.mean(axis=2) > 0.1)
    light = image.sum(axis=2)[clear] / plate.sum(axis=2)[clear]
    assert (light < 0.75).mean() > 0.01


def test_the_thinnest_hair_fills_no_pixel(made):
    _, _, _, alpha, _ = parts(made / "thinnest_hair")
    solid = cv2.dilate(cv2.erode((alpha > 0.95).astype(np.uint8), np.ones((9, 9))), np.ones((21, 21))) > 0
    hair = (alpha > 0.02) & ~solid
    assert hair.mean() > 0.03 and np.median(alpha[hair]) < 0.5


def test_the_same_seed_makes_the_same_clip(made, tmp_path):
    make_clip("same_colour", tmp_path, (), seed=3, frames=2)
    assert (tmp_path / "clip.mp4").read_bytes() == (made / "same_colour" / "clip.mp4").read_bytes()


def test_a_close_up_fills_the_frame_and_is_cut_off(made):
    _, _, _, alpha, _ = parts(made / "close_up")
    assert alpha.mean() > 0.4
    assert (alpha[-1] > 0.95).mean() > 0.5


def test_what_swings_is_smeared_the_more_the_further_down(made):
    _, _, _, alpha, _ = parts(made / "in_motion")
    steepest = np.abs(np.diff(alpha, axis=1)).max(axis=1)[(alpha > 0.9).any(axis=1)]
    third = len(steepest) // 3
    assert np.median(steepest[:third]) > 3 * np.median(steepest[-third:]) > 0.03


def test_a_rim_in_the_places_light_is_the_subjects_and_looks_like_the_place(made):
    _, plate, known, alpha, foreground = parts(made / "rim_light")
    depth = cv2.distanceTransform((alpha > 0.95).astype(np.uint8), cv2.DIST_L2, 5)
    unlike = np.abs(foreground - cv2.GaussianBlur(plate, (0, 0), SIZE / 40)).mean(axis=2)
    rim, middle = (unlike[known & where].mean() for where in ((depth > 0) & (depth < 4), depth > 20))
    assert rim < 0.6 * middle
