"""Frames in which the plate is not found: the render stops, goes on without them, or takes a mask."""

import json

import cv2
import numpy as np
import pytest

from tests.conftest import HEIGHT, WIDTH, frames, shot, textured, write_clip


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory):
    """A clip in which frames 3 and 4 show another place."""
    place, other = textured(5), textured(77)
    images = [shot(other if i in (3, 4) else place, i, ball=True) for i in range(7)]
    return write_clip(tmp_path_factory.mktemp("disturbed") / "clip.mkv", images)


def test_a_frame_that_cannot_be_aligned_stops_the_render_by_its_number(scene, disturbed, run, tmp_path):
    code, said = run("render", disturbed, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv")
    assert code == 2
    assert "frame 3 (0.12 s)" in said and "--on-failed skip" in said
    assert list(tmp_path.iterdir()) == []


def test_or_is_skipped_and_counted(scene, disturbed, run, tmp_path):
    code, said = run(
        "render", disturbed, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv", "--on-failed", "skip"
    )
    alpha = frames(tmp_path / "alpha.mkv")
    assert code == 4
    assert "2 frames: the plate could not be aligned, alpha is 0: 3-4" in said
    assert [frame.max() > 0 for frame in alpha] == [True, True, True, False, False, True, True]


def test_or_takes_the_users_mask(scene, disturbed, run, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[100:200, 50:150] = 204
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    code, said = run(
        "render", disturbed, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv", "--on-failed", "mask",
        "--mask", tmp_path / "mask.png", "--start", 3, "--end", 5,
    )  # fmt: skip
    assert code == 4
    assert "2 frames: the plate could not be aligned, alpha is the soft mask: 3-4" in said
    for frame in frames(tmp_path / "alpha.mkv"):
        assert np.abs(frame.reshape(HEIGHT, WIDTH, -1)[..., 0].astype(int) - mask).max() <= 1


def test_which_it_has_to_be_given(scene, disturbed, run, tmp_path):
    code, said = run(
        "render", disturbed, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv", "--on-failed", "mask"
    )
    assert code == 2 and "give --mask PATH or --segmenter deeplab" in said


def test_align_says_which_frames_failed(scene, disturbed, run, tmp_path):
    code, said = run("align", disturbed, "--plate", scene.plate, "--json", tmp_path / "align.json")
    rows = json.loads((tmp_path / "align.json").read_text())["frames"]
    assert code == 4 and "5 ok, 0 weak, 2 failed" in said and "frame 3" in said
    assert rows[3]["plate_to_frame"] is None and rows[3]["status"] == "failed" and rows[3]["reason"]
