"""Windows: the same whatever part of a clip is asked for, and no more of it held than needed."""

import threading
import time
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from alignment.homography import corners, project
from alignment.plate import AlignmentReport, PlateAligner
from pipeline import observing
from pipeline.clip import Clip
from pipeline.decode import open_clip
from pipeline.frames import ClipInfo, Colour, Draft, Frame, Observation
from pipeline.plates import read_plate
from pipeline.windows import in_company, reach, windows


class Numbers(Clip):
    """A clip of made frames; keeps account of which were read."""

    def __init__(self, count, rate=24):
        self.read = []
        self.info = ClipInfo(
            Path("made"), 32, 18, tuple(range(count)), Fraction(1, rate), Fraction(rate), 8, Colour(), 0, count
        )

    def _frames(self, start, end):
        for index in range(start, end):
            self.read.append(index)
            yield Frame(np.full((18, 32, 3), index % 256, np.uint8), index, index, self.info.time_base)


def observe(frame):
    grey = np.full((18, 32), 0.5, np.float32)
    if frame.index >= 30:  # another scene
        grey[:9], grey[9:] = 0.0, 1.0
    return Observation(frame.index, np.uint8(255 * cv2.merge([grey] * 3)), grey, None, "made")


def described(window):
    return window.frame.index, window.observation.index, tuple(n.index for n in window.neighbours)


def test_every_frame_once_and_in_order_with_its_neighbours():
    rows = [described(w) for w in windows(Numbers(60), observe, 0, 60)]
    assert [row[0] for row in rows] == list(range(60))
    assert rows[20] == (20, 20, (4, 12, 28, 29))  # the scene changes at 30
    assert rows[31] == (31, 31, (30, 30, 39, 47))
    assert rows[59] == (59, 59, (43, 51, 59, 59))


@pytest.mark.parametrize(("start", "end"), [(0, 1), (10, 20), (29, 31), (35, 36), (50, 60)])
def test_a_window_does_not_depend_on_the_part_asked_for(start, end):
    whole = [described(w) for w in windows(Numbers(60), observe, 0, 60)]
    assert [described(w) for w in windows(Numbers(60), observe, start, end)] == whole[start:end]


def companies(start, end, clip=None):
    """Of each frame: its draft's index, those of the drafts beside it, and of those further away."""
    clip = clip or Numbers(60)
    drafts = (Draft(window, None) for window in windows(clip, observe, *reach(clip.info, start, end)))
    return [
        (each.own.index, *(pair and tuple(draft and draft.index for draft in pair) for pair in each[1:]))
        for each in in_company(drafts, start, end)
    ]


def test_drafts_have_those_beside_them_but_at_ends_and_cuts():
    rows = companies(0, 60)
    assert [row[0] for row in rows] == list(range(60))
    assert [index for index, beside, _ in rows if beside is None] == [0, 29, 30, 59]
    assert all(beside == (index - 1, index + 1) for index, beside, _ in rows if beside is not None)
    assert all(further == (index - 2, index + 2) for index, _, further in rows[2:28] + rows[32:58])
    ends = {index: further for index, _, further in rows if None in further}
    none = (None, None)
    assert ends == {0: none, 1: (None, 3), 28: (26, None), 29: none, 30: none, 31: (None, 33), 58: (56, None), 59: none}


def test_those_beside_are_as_far_in_time_where_frames_are_many():
    rows = companies(0, 60, Numbers(60, rate=60))
    assert rows[20] == (20, (17, 22), (14, 24))  # 2.5 frames, of a tie the earlier
    assert [index for index, beside, _ in rows if beside is None] == [0, 29, 30, 59]
    assert rows[28] == (28, (25, 29), (22, None))  # clamped at the cut


@pytest.mark.parametrize(("start", "end"), [(0, 1), (10, 20), (28, 32), (35, 36), (50, 60)])
@pytest.mark.parametrize("rate", [10, 24, 60])
def test_a_drafts_company_does_not_depend_on_the_part_asked_for(start, end, rate):
    whole = companies(0, 60, Numbers(60, rate))
    assert companies(start, end, Numbers(60, rate)) == whole[start:end]


def test_no_more_drafts_are_made_than_are_needed():
    assert reach(Numbers(60).info, 10, 20) == (8, 22)
    assert reach(Numbers(60).info, 1, 60) == (0, 60)
    assert reach(Numbers(60, rate=60).info, 20, 21) == (14, 25)
    assert reach(Numbers(60, rate=5).info, 20, 21) == (20, 21)  # too far apart


def test_only_what_is_needed_is_read():
    clip = Numbers(1000)
    assert len(list(windows(clip, observe, 500, 510))) == 10
    assert clip.read == list(range(484, 526))


def test_a_still_has_one_window():
    (row,) = [described(w) for w in windows(Numbers(1), observe, 0, 1)]
    assert row == (0, 0, (0, 0, 0, 0))


def test_frames_are_let_go():
    images = []

    def watched(frame):
        images.append(weakref.ref(frame.image))
        return observe(frame)

    most = 0
    for _ in windows(Numbers(200), watched, 0, 200):
        most = max(most, sum(image() is not None for image in images))
    assert 16 <= most <= 20  # 2T at 24 frames a second, and the one in hand


def test_drafts_are_let_go():
    images, most = [], 0

    def drafts(clip):
        for window in windows(clip, observe, *reach(clip.info, 0, 200)):
            images.append(weakref.ref(window.frame.image))
            yield Draft(window, None)

    for _ in in_company(drafts(Numbers(200)), 0, 200):
        most = max(most, sum(image() is not None for image in images))
    assert 5 <= most <= 6


def test_windows_are_the_same_with_frames_observed_side_by_side():
    at_once, most, lock, both = 0, 0, threading.Lock(), threading.Barrier(2, timeout=120)

    def slow(frame):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        if frame.index < 2:  # the second is observed while the first is, or the barrier breaks
            both.wait()
        time.sleep(0.002 * (frame.index % 3))
        with lock:
            at_once -= 1
        return observe(frame)

    rows = [described(w) for w in windows(Numbers(60), slow, 0, 60, side_by_side=3)]
    assert rows == [described(w) for w in windows(Numbers(60), observe, 0, 60)]
    assert 2 <= most <= 3


def test_an_observation_that_fails_ends_the_windows():
    def failing(frame):
        if frame.index == 7:
            raise OSError("the frame is gone")
        return observe(frame)

    with pytest.raises(OSError, match="the frame is gone"):
        list(windows(Numbers(60), failing, 0, 60, side_by_side=3))


def standing(start=0, end=60, stray=(20,), **report):
    """Where the frames around a still camera's say that the plate lies; some of these frames are three pixels off."""

    def observed(frame):
        seen = observe(frame)
        homography = np.array([[1, 0, 3.0 * (frame.index in stray)], [0, 1, 0], [0, 0, 1]])
        found = AlignmentReport(homography, 0.05, 900, 1.0, (1.0,) * 3, (0.0,) * 3, "ok")
        return replace(seen, alignment=replace(found, **(report if frame.index not in stray else {})))

    found = {w.frame.index: w.standing for w in windows(Numbers(60), observed, start, end)}
    return {index: float(matrix[0, 2]) for index, matrix in found.items() if matrix is not None}


@pytest.mark.parametrize(("start", "end"), [(0, 60), (20, 21), (5, 25)])
def test_a_stray_frame_of_a_still_camera_is_told_where_the_others_are(start, end):
    assert standing(start, end) == {20: pytest.approx(0, abs=1e-6)}


def test_only_sure_frames_of_the_same_shot_have_a_say():
    assert standing(stray=[28]) == {}  # the scene changes at 30
    assert standing(stray=[26]) == {26: pytest.approx(0, abs=1e-6)}
    assert standing(status="weak") == {}
    assert standing(bend=np.zeros((2, 2, 2), np.float32)) == {}


def test_a_clip_whose_camera_stands_is_held_there(data):
    """A frame in which little but the floor is in view, as if its own alignment strayed by two pixels at a corner."""
    plate = read_plate(data / "static" / "plate.png")
    skew = np.array([[0, 0, 0], [0, 0, 0], [3.4e-6, 0, 0]])
    with open_clip(data / "static" / "clip.mp4") as clip:
        aligner = PlateAligner(plate, (clip.info.width, clip.info.height))

        def observed(frame):
            seen = observing.observe(frame, aligner, (192, 108))
            if frame.index != 194:
                return seen
            return replace(seen, alignment=replace(seen.alignment, plate_to_frame=seen.alignment.plate_to_frame + skew))

        (window,) = windows(clip, observed, 194, 195)
    ends = corners(aligner.frame_size)
    again = observing.looked_at_again(window, aligner)
    strays, held = (
        np.abs(project(each.observation.alignment.plate_to_frame, ends) - ends).max() for each in (window, again)
    )
    assert strays > 1.5 and held < 0.35
