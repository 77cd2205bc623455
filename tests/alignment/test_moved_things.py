"""Something that plate and frame both show, each elsewhere, is not taken for the place."""

import cv2
import numpy as np
import pytest

from alignment.build import build_plate
from alignment.plate import PlateAligner

SIZE = (640, 360)
SHAKE = np.array([[1.008, 0.009, 5.0], [-0.009, 1.008, -3.0], [0.0, 0.0, 1.0]])


@pytest.fixture
def pictures(data):
    """A real room, and a thing with the texture of a photograph over a part of it: (room, thing of a share)."""
    room, other = (
        cv2.resize(cv2.imread(str(data / name / "plate.png"))[..., ::-1], SIZE, interpolation=cv2.INTER_AREA)
        for name in ("static", "handheld")
    )

    def thing(share):
        return other[: int(SIZE[1] * share**0.5), : int(SIZE[0] * share**0.5)]

    return room, thing


def put(picture, thing, left, top, seed=0):
    there = picture.copy()
    there[top : top + len(thing), left : left + thing.shape[1]] = thing
    return np.clip(there + np.random.default_rng(seed).normal(0, 1.5, there.shape), 0, 255).round().astype(np.uint8)


def shaken(room, shake=SHAKE):
    return cv2.warpPerspective(room, shake, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


STILL = np.eye(3)


@pytest.mark.parametrize(("share", "shake", "status"), [(0.35, SHAKE, "weak"), (0.3, STILL, "ok")])
def test_the_place_is_found_and_not_what_moved_in_it(pictures, share, shake, status):
    room, thing = pictures
    plate, frame = put(room, thing(share), 60, 30, 1), put(shaken(room, shake), thing(share), 120, 40, 2)
    report = PlateAligner(plate, SIZE).register(frame)
    moved = report.plate_to_frame @ np.linalg.inv(shake)
    assert np.abs(moved[:2, 2]).max() < 0.5  # the thing moved by 60
    assert report.status == status


def test_two_places_that_share_a_corner_are_two(pictures):
    """The thing stays, and the camera turns about a corner of the plate: which of them moved is not sure."""
    room, thing = pictures
    turn = np.vstack((cv2.getRotationMatrix2D((0, 0), 4, 1), (0, 0, 1)))
    plate, frame = put(room, thing(0.35), 60, 30, 1), put(shaken(room, turn), thing(0.35), 60, 30, 2)
    assert PlateAligner(plate, SIZE).register(frame).status == "weak"


def test_a_plate_is_built_of_the_place_and_not_of_what_crosses_it(pictures):
    room, thing = pictures
    shakes = [np.array([[1, 0, 2.0 * (k % 3)], [0, 1, k % 2], [0, 0, 1]]) for k in range(14)]
    images = [put(shaken(room, shake), thing(0.3), 22 * k, 80, k) for k, shake in enumerate(shakes)]
    built = build_plate(images)
    assert built.failed == () and built.image.shape[1] < SIZE[0] + 20
    aligned = PlateAligner(room, (built.image.shape[1], built.image.shape[0])).align(built.image)
    seen = (aligned.coverage == 1) & built.known.astype(bool)
    assert seen.mean() > 0.85
    wrong = np.abs(aligned.image - built.image / 255.0).max(axis=2)[seen] > 0.1
    assert wrong.mean() < 0.08  # there the thing was before the room in every picture
