"""What the shipped weights reach on clips with truth, with a little allowance: a change that costs quality fails."""

import numpy as np
import pytest

from evaluation.metrics import mad, mse
from pipeline.decode import open_clip
from pipeline.frames import FrameStatus, Settings
from pipeline.matting import Matter
from pipeline.plates import read_plate
from pipeline.windows import Drafts, windows


def matte(folder, index, plate=None, model="fast"):
    with open_clip(folder / "clip.mp4") as clip:
        size = (clip.info.width, clip.info.height)
        matter = Matter(read_plate(plate or folder / "plate.png"), size, Settings(device="cpu", model=model))
        (window,) = windows(clip, matter.observe, index, index + 1)
        inputs = matter.inputs(window, matter.aligner.warp(window.observation.alignment))
        return matter.matte(Drafts(matter.draft(window))), inputs.mask


def true_alpha(folder, index):
    with open_clip(folder / "truth" / "alpha.mkv") as clip:
        return next(clip.frames(index, index + 1)).image[:, :, 0].astype(np.float32) / 255


@pytest.fixture(scope="module")
def scores(data):
    folders = sorted((data / "dev").iterdir())
    return {folder.name: (matte(folder, 30)[0].alpha, true_alpha(folder, 30)) for folder in folders}


def test_dev_clips_are_near_the_truth(scores):
    assert len(scores) == 4
    assert np.mean([mad(*pair) for pair in scores.values()]) < 5
    assert np.mean([mse(*pair) for pair in scores.values()]) < 2


def test_the_papers_networks_are_nearer_than_the_bar(data):
    folders = sorted((data / "dev").iterdir())
    pairs = [(matte(folder, 30, model="paper")[0].alpha, true_alpha(folder, 30)) for folder in folders]
    assert np.mean([mad(*pair) for pair in pairs]) < 8


def test_subjects_have_no_holes(scores):
    for name, (alpha, true) in scores.items():
        inside = true == 1
        assert (alpha[inside] < 0.5).mean() < 0.06, name


@pytest.mark.parametrize("index", [30, 215])
def test_an_empty_room_is_empty_in_spite_of_the_cameras_exposure(data, index):
    result, _ = matte(data / "static", index)
    assert result.status is FrameStatus.NO_SUBJECT
    assert result.alpha.max() == 0


@pytest.mark.parametrize(("index", "rows", "columns"), [(110, (40, 260), (430, 485)), (300, (70, 245), (425, 478))])
def test_people_are_whole(data, index, rows, columns):
    alpha = matte(data / "static", index)[0].alpha
    assert alpha[slice(*rows), slice(*columns)].mean() > 0.97
    assert 0.05 < alpha.mean() < 0.15


def test_a_chin_before_boats_of_its_own_grey_is_whole(data):
    folder = data / "handheld"
    with open_clip(folder / "1000_img.png") as clip:
        matter = Matter(read_plate(folder / "plate.png"), (1920, 1080), Settings(device="cpu"))
        (window,) = windows(clip, matter.observe, 0, 1)
        alpha = matter.matte(Drafts(matter.draft(window))).alpha
    assert alpha[560:670, 690:800].min() > 0.97  # cheek and jaw
    assert alpha[640:672, 676:720].min() > 0.85  # the chin
