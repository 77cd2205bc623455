"""A camera that stands still: what the frames around say, and when the frame itself knows better."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from alignment.homography import corners, project
from alignment.plate import PlateAligner
from alignment.standing import contradicts, where_others_lie
from alignment.verify import Verification

SIZE = (1280, 720)


def shifted(x, y=0.0):
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def farthest(one, other, size=SIZE):
    """How far two homographies put the frame's corners apart, pixels."""
    return np.abs(project(one @ np.linalg.inv(other), corners(size)) - corners(size)).max()


def test_a_frame_that_strays_alone_is_put_where_the_others_are():
    truth = np.array([[0.98, 0.02, 12.0], [-0.02, 0.99, 5.0], [1e-5, 2e-5, 1.0]])
    others = [shifted(x) @ truth for x in (0.1, -0.1, 0.05, 2.0, 0.0, -0.05)]  # one of them strays as well
    stray = truth + np.array([[0, 0, 0], [0, 0, 0], [3e-6, 0, 0]])
    assert farthest(stray, truth) > 1
    moved = where_others_lie(stray, others[:3], others[3:], SIZE)
    assert farthest(moved, truth) < 0.1 and moved[2, 2] == 1


@pytest.mark.parametrize(
    ("own", "before", "after"),
    [
        (0.0, [0.1, 0.0, -0.1], [0.1, 0.0, 0.1]),  # it is there already
        (0.0, [-1.0, -2.0, -3.0], [1.0, 2.0, 3.0]),  # a pan
        (0.0, [1.0, 1.0, -3.0], [1.0, -2.0, 3.0]),  # a hand
        (2.0, [0.0, 0.0, 0.0], [0.0, 0.0]),  # too few after it
        (2.0, [], []),
    ],
)
def test_a_frame_stays_where_the_others_do_not_say_otherwise(own, before, after):
    assert where_others_lie(shifted(own), [shifted(x) for x in before], [shifted(x) for x in after], SIZE) is None


def test_a_slow_pan_at_the_edge_of_what_is_still_keeps_its_middle():
    before, after = [shifted(-0.1 * k) for k in range(1, 9)], [shifted(0.1 * k) for k in range(1, 5)]
    assert where_others_lie(shifted(0.0), before, after, SIZE) is None


def test_what_is_still_goes_by_the_size_of_the_frame():
    def moved(scale):
        around = [shifted(scale * x) for x in (0.4, -0.4, 0.4)]
        frame = (scale * SIZE[0], scale * SIZE[1])
        return where_others_lie(shifted(2.0 * scale), around, [shifted(0.0)] * 3, frame)

    assert moved(1) is not None and moved(3) is not None
    assert farthest(moved(3), shifted(0), (3840, 2160)) < 1


@pytest.fixture
def stray(make_scene):
    """A scene, its aligner and frame, where the plate is, and a report that is over a pixel off in two corners."""
    scene = make_scene(seed=21, hidden=0.3, shake=0.0, gain=(1.1, 1.0, 0.9))
    plate, frame = scene.make()
    aligner = PlateAligner(plate, scene.size)
    found = aligner.register(frame)
    skewed = found.plate_to_frame + np.array([[0, 0, 0], [0, 0, 0], [4e-6, 0, 0]])
    assert farthest(skewed, found.plate_to_frame, scene.size) > 1.2
    return scene, aligner, frame, replace(found, plate_to_frame=skewed, gain=(1.0, 1.0, 1.0), status="weak")


def test_a_report_follows_the_others_with_light_and_all(stray):
    scene, aligner, frame, report = stray
    there = aligner.stood_still(report, frame, scene.truth)
    assert (there.plate_to_frame == scene.truth).all()
    assert there.status == "ok" and there.residual_px < 0.1
    assert there.gain == pytest.approx(scene.gain, rel=0.01)


def test_a_camera_that_was_pushed_is_believed(stray):
    scene, aligner, frame, _ = stray
    pushed = cv2.warpAffine(frame, shifted(0.6)[:2], scene.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    report = aligner.register(pushed)
    assert farthest(report.plate_to_frame, shifted(0.6) @ scene.truth, scene.size) < 0.2
    assert aligner.stood_still(report, pushed, scene.truth) is report


def test_somewhere_else_is_refuted(stray):
    _, aligner, frame, report = stray
    assert aligner.stood_still(report, frame, shifted(40.0, 10.0)) is report


def test_a_camera_that_trembles_is_not_held():
    """As a tripod in wind: the frame is as far from the middle as others are."""
    around = [shifted(0.45 * np.sin(2.0 * k)) for k in range(1, 9)]
    assert where_others_lie(shifted(0.45), around, around, SIZE) is None


def test_where_nothing_holds_the_plate_it_is_not_put():
    assert contradicts(verification(error_px=np.inf), verification(error_px=np.inf), SIZE)
    assert not contradicts(verification(error_px=0.5), verification(error_px=0.5), SIZE)


def verification(error_px):
    confirmed = np.ones((8, 12), np.bool_)
    return Verification(confirmed, ~confirmed, 0.1, error_px, 5000)
