import numpy as np
import pytest

from alignment.plate import PlateAligner, PlateAlignmentError


def noisy(value, seed=0):
    grain = np.random.default_rng(seed).normal(0, 1.5, (360, 640, 3))
    return np.clip(value + grain, 0, 255).astype(np.uint8)


def test_a_black_plate():
    with pytest.raises(PlateAlignmentError, match="the plate is black: its brightest value is 3 of 255"):
        PlateAligner(np.full((360, 640, 3), 3, np.uint8), (640, 360))


def test_a_transparent_plate():
    plate = np.dstack([noisy(120), np.zeros((360, 640), np.uint8)])
    with pytest.raises(PlateAlignmentError, match="transparent everywhere"):
        PlateAligner(plate, (640, 360))


@pytest.mark.parametrize("texture", ["octaves", "boxes", "bricks"])
def test_an_unrelated_plate(make_scene, texture):
    plate, _ = make_scene(seed=1, texture=texture).make()
    _, frame = make_scene(seed=900, texture=texture).make()
    with pytest.raises(PlateAlignmentError, match=r"does not fit the frame: .*\d"):
        PlateAligner(plate, (640, 360)).register(frame)


def test_a_mirrored_plate(make_scene):
    plate, frame = make_scene(seed=1).make()
    mirrored = np.ascontiguousarray(plate[:, ::-1])
    with pytest.raises(PlateAlignmentError, match=r"mirrored: .* \d+ of its key points agree .* Flip the plate"):
        PlateAligner(mirrored, (640, 360)).register(frame)


@pytest.mark.parametrize("frame", [np.zeros((360, 640, 3), np.uint8), noisy(200)])
def test_a_frame_that_shows_nothing(make_scene, frame):
    plate, _ = make_scene(seed=1).make()
    with pytest.raises(PlateAlignmentError, match=r"the frame shows too little .*: \d+ key points"):
        PlateAligner(plate, (640, 360)).register(frame)


def test_a_frame_that_the_subject_fills(make_scene):
    plate, frame = make_scene(seed=1, hidden=0.99, subject="noise").make()
    with pytest.raises(PlateAlignmentError):
        PlateAligner(plate, (640, 360)).register(frame)


def test_a_plate_that_is_no_picture():
    with pytest.raises(ValueError, match=r"plate is .* of float64, wanted is H x W x 3 of uint8 or uint16"):
        PlateAligner(np.zeros((360, 640, 3)), (640, 360))
