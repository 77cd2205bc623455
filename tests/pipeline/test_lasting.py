"""A place at which the plate differs from every frame is named; a subject is not, be it one that keeps still."""

import re

import cv2
import numpy as np
import pytest

from alignment.plate import AlignmentReport
from pipeline.frames import FrameStatus, Matte
from pipeline.lasting import Lasting
from tests.conftest import HEIGHT, WIDTH, textured, write_clip

FRAME, PLATE = (480, 270), (720, 420)
CHAIR = (520, 300, 36, 30)  # middle and half sides, pixels of the plate
FRAMES = 24


def box(x, y, half_width, half_height):
    picture = np.zeros(PLATE[::-1], np.float32)
    picture[y - half_height : y + half_height, x - half_width : x + half_width] = 1
    return picture


def walker(t, step=14):
    """A body, and under it legs that stride."""
    x, stride = 100 + step * t, round(20 * np.sin(t))
    body = cv2.ellipse(np.zeros(PLATE[::-1], np.float32), (x, 170), (40, 90), 0, 0, 360, 1, -1)
    return np.max([body, box(x + stride, 280, 10, 50), box(x - stride, 280, 10, 50)], axis=0)


def sitter(t):
    """The seat keeps still, head and hands do not."""
    sway = round(26 * np.sin(t / 3))
    return np.maximum(box(330, 330, 60, 60), box(330 + sway, 210, 40, 70))


def hand(t):
    """Where a camera that shakes has the plate, which is larger than what it sees."""
    turn, zoom = 0.01 * np.sin(t), FRAME[0] / PLATE[0] * 1.1
    x, y = -24 + 9 * np.sin(1.3 * t), -18 + 7 * np.cos(1.7 * t)
    return np.array([[zoom, -turn, x], [turn, zoom, y], [1e-5, 0, 1]])


def matte(alpha, plate_to_frame):
    seen = cv2.warpPerspective(alpha, plate_to_frame, FRAME, flags=cv2.INTER_LINEAR)
    report = AlignmentReport(plate_to_frame, 0.1, 900, 1.0, (1.0,) * 3, (0.0,) * 3, "ok")
    return Matte(seen, np.zeros((*seen.shape, 3), np.float32), FrameStatus.OK, report)


def said(*shapes, frames=FRAMES, camera=hand):
    lasting = Lasting(PLATE, FRAME, frames)
    for t in range(frames):
        alpha = np.max([shape(t) if callable(shape) else shape for shape in shapes], axis=0)
        lasting.add(matte(alpha, camera(t)))
    return lasting.notes()


def places(notes):
    (note,) = notes
    return [(int(x), int(y)) for x, y in re.findall(r"(\d+), (\d+)", note.split(" px")[0])]


def near(place, box=CHAIR):
    return abs(place[0] - box[0]) <= 16 and abs(place[1] - box[1]) <= 16


def test_a_thing_that_is_not_where_the_plate_has_it_is_found():
    notes = said(walker, box(*CHAIR))
    (place,) = places(notes)
    assert near(place) and "make the plate transparent" in notes[0]


@pytest.mark.parametrize("step", [14, 8, 5, 4, 3, 2, 1, 0])
def test_a_subject_is_not_however_slowly_it_walks(step):
    assert not said(lambda t: walker(t, step))


def test_one_that_sits_is_not_but_a_chair_beside_it_is():
    assert not said(sitter)
    (place,) = places(said(sitter, box(*CHAIR)))
    assert near(place)


def test_a_thing_larger_than_the_subject_is_found():
    sofa = (500, 260, 130, 80)
    (place,) = places(said(lambda t: walker(t, 6), box(*sofa)))
    assert near(place, sofa)


def test_what_a_subject_walks_past_is_found():
    (place,) = places(said(lambda t: walker(t, 24), box(330, 280, 30, 40)))
    assert near(place, (330, 280))


def test_three_of_many_places_are_named():
    notes = said(walker, *(box(x, y, 20, 20) for x in (440, 540, 620) for y in (130, 230)))
    assert len(places(notes)) == 3 and "px of the plate and elsewhere (" in notes[0]


def test_few_frames_say_nothing():
    assert not said(walker, box(*CHAIR), frames=7)
    assert said(walker, box(*CHAIR), frames=8)


def test_what_only_some_frames_show_says_nothing():
    """The camera turns away: the chair is in half of the frames."""
    assert not said(walker, box(*CHAIR), camera=lambda t: np.float64([[1, 0, 12.0 * t - 120], [0, 1, -60], [0, 0, 1]]))


def test_a_frame_without_it_is_enough_and_one_without_an_alignment_is_none():
    lasting, other = (Lasting(PLATE, FRAME, FRAMES) for _ in range(2))
    for t in range(FRAMES):
        with_chair, without = (matte(np.maximum(walker(t), thing), hand(t)) for thing in (box(*CHAIR), 0))
        lasting.add(without if t == 9 else with_chair)
        other.add(with_chair)
        other.add(Matte(without.alpha, without.foreground, FrameStatus.ALIGNMENT_FAILED, None))
    assert not lasting.notes() and other.notes()


def test_a_render_says_where_its_plate_is_wrong(run, tmp_path):
    place = np.uint8(255 * textured(5)[:HEIGHT, :WIDTH])
    plate = place.copy()
    plate[60:140, 60:130] = (20, 60, 200)
    pictures = []
    for t in range(10):
        picture = place.copy()
        cv2.circle(picture, (260 + 30 * t, 200), 60, (217, 20, 25), -1, cv2.LINE_AA)
        pictures.append(picture)
    clip = write_clip(tmp_path / "clip.mkv", pictures)
    for name, image in (("wrong", plate), ("right", place)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image[..., ::-1])
    words = ["render", clip, "--alpha", tmp_path / "alpha.mkv", "--overwrite", "--plate"]
    code, told = run(*words, tmp_path / "wrong.png")
    assert code == 0
    (where,) = re.findall(r"in the same place, around (\d+), (\d+) px of the plate", told)
    assert abs(int(where[0]) - 95) < 12 and abs(int(where[1]) - 100) < 12
    assert "in the same place" not in run(*words, tmp_path / "wrong.png", "--end", 7)[1]
    assert "in the same place" not in run(*words, tmp_path / "right.png")[1]
