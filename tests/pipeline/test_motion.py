"""The motion input: which frames, and where their pixels land."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from alignment.plate import AlignmentReport
from pipeline.frames import Frame, FrameWindow, Observation
from pipeline.motion import at_size, clamp_at_cuts, indices_beside, is_cut, motion_stack, neighbour_indices


def report(matrix, gain=1.0, offset=0.0):
    return AlignmentReport(np.float64(matrix), 0.1, 500, 1.0, (gain,) * 3, (offset,) * 3, "ok")


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, (0, 0, 8, 16)), (8, (0, 0, 16, 24)), (30, (14, 22, 38, 46)), (59, (43, 51, 59, 59))],
)
def test_neighbours_are_a_third_of_a_second_apart(index, expected):
    assert neighbour_indices(range(60), Fraction(1, 24), index) == expected


def test_neighbours_go_by_time_where_the_frame_rate_varies():
    pts = [0, 10, 20, 30, 333, 340, 650, 670, 1000]  # milliseconds
    assert neighbour_indices(pts, Fraction(1, 1000), 4) == (0, 0, 7, 8)


def test_a_still_is_its_own_neighbour():
    assert neighbour_indices([0], Fraction(1, 25), 0) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("rate", "beside"), [(7, (29, 31)), (10, (29, 31)), (24, (29, 31)), (48, (28, 32)), (120, (25, 35)), (6, (30, 30))]
)
def test_frames_beside_are_a_24th_of_a_second_away_or_the_next(rate, beside):
    assert indices_beside(range(60), Fraction(1, rate), 30) == beside


def test_frames_beside_go_by_time_and_end_with_the_clip():
    pts = [0, 10, 20, 40, 60, 80, 400, 420]  # milliseconds
    assert [indices_beside(pts, Fraction(1, 1000), i) for i in range(8)] == [
        (0, 3), (0, 4), (0, 4), (0, 5), (2, 5), (3, 5), (6, 7), (6, 7),
    ]  # fmt: skip
    assert indices_beside([0], Fraction(1, 25), 0) == (0, 0)


def test_neighbours_stay_in_the_shot():
    cuts = {3, 12}
    assert clamp_at_cuts(8, (0, 5, 11, 14), cuts.__contains__) == (3, 5, 11, 11)
    assert clamp_at_cuts(3, (1, 2, 4, 9), cuts.__contains__) == (3, 3, 4, 9)
    assert clamp_at_cuts(2, (0, 1, 3, 4), cuts.__contains__) == (0, 1, 2, 2)


def test_a_cut_is_a_jump_of_the_picture_and_not_of_the_exposure():
    random = np.random.default_rng(0)
    first = cv2.GaussianBlur(random.random((90, 160), np.float32), (0, 0), 8)
    first = (first - first.min()) / np.ptp(first)
    assert not is_cut(first, np.clip(first * 0.9 + 0.1, 0, 1))
    assert not is_cut(first, np.roll(first, 3, axis=1))
    assert is_cut(first, first[::-1, ::-1])


def window(own, neighbour, own_alignment, neighbour_alignment):
    frame = Frame(np.zeros((*own.shape, 3), np.uint8), 5, 5, Fraction(1, 25))
    other = Observation(4, frame.image, neighbour, neighbour_alignment)
    own = Observation(5, frame.image, own, own_alignment)
    return FrameWindow(frame, own, (other, other, own, own))


def texture(seed=0):
    return cv2.GaussianBlur(np.random.default_rng(seed).random((60, 80), np.float32), (0, 0), 2)


def test_neighbours_are_moved_through_the_plate():
    scene = texture()
    moved = np.roll(scene, (4, -6), (0, 1))  # the camera shook: everything 6 px left and 4 down
    stack = motion_stack(window(scene, moved, report(shift(0, 0)), report(shift(-6, 4))), (80, 60))
    inner = (slice(8, -8), slice(10, -10))
    assert np.abs(stack[..., 0] - scene)[inner].max() < 1e-3
    assert np.array_equal(stack[..., 2], scene)


def test_what_a_neighbour_does_not_show_is_the_frames_own():
    scene = texture()
    stack = motion_stack(window(scene, texture(1), report(shift(0, 0)), report(shift(-20, 0))), (80, 60))
    assert np.array_equal(stack[:, :20, 0], scene[:, :20])
    assert not np.allclose(stack[:, 25:, 0], scene[:, 25:], atol=0.01)


def test_a_neighbour_that_could_not_be_aligned_says_no_motion():
    scene = texture()
    stack = motion_stack(window(scene, texture(1), report(shift(0, 0)), None), (80, 60))
    assert np.array_equal(stack[..., 0], scene)


def test_a_neighbour_of_another_exposure_is_matched():
    scene = texture()
    darker = report(shift(0, 0), 0.8, -0.02)
    stack = motion_stack(window(scene, 0.8 * scene - 0.02, report(shift(0, 0)), darker), (80, 60))
    assert np.abs(stack[..., 0] - scene)[2:-2, 2:-2].max() < 1e-5


def test_a_neighbour_of_another_tone_is_matched():
    scene = texture()
    tone = np.array([[0.05, -0.03, 0.01, 0]] * 3, np.float32)
    toned = replace(report(shift(0, 0), 0.9, 0.03), tone=tone)
    other = toned.exposure.applied(np.repeat(scene[..., None], 3, axis=2))[..., 0]
    assert np.abs(other - scene).max() > 0.04
    stack = motion_stack(window(scene, other, report(shift(0, 0)), toned), (80, 60))
    assert np.abs(stack[..., 0] - scene)[2:-2, 2:-2].max() < 1e-3
    stack = motion_stack(window(other, scene, toned, report(shift(0, 0))), (80, 60))
    assert np.abs(stack[..., 0] - other)[2:-2, 2:-2].max() < 1e-3


def test_what_is_burnt_out_in_a_brighter_neighbour_stays_so_where_it_does_in_the_frame():
    scene = texture()
    own, brighter = np.minimum(scene, 0.7), np.minimum(1.25 * scene, 0.875)
    own[:, 40:] = brighter[:, 40:] = 1
    burnt = replace(report(shift(0, 0), 0.8), burnt=(1.0,) * 3)
    stack = motion_stack(window(own, brighter, burnt, report(shift(0, 0))), (80, 60))
    assert np.abs(stack[..., 0] - own)[2:-2, 2:-2].max() < 1e-5


def test_what_a_neighbours_own_exposure_burns_out_is_no_window():
    scene = texture()
    wall = np.full_like(scene, 0.8)
    burnt = replace(report(shift(0, 0)), burnt=(1.0,) * 3)
    stack = motion_stack(window(wall, np.ones_like(wall), burnt, report(shift(0, 0), 1.3)), (80, 60))
    assert stack[..., 0].max() < 0.8


def test_transforms_at_another_size_keep_pixel_centres():
    half = at_size(shift(2, 4), (80, 60), (40, 30))
    assert np.allclose(half, shift(1, 2))
    double = at_size(np.diag([2.0, 2, 1]), (80, 60), (40, 30))
    # Full size maps 0.5 to 1; 0.5 is the centre of the first small pixel, and 1 lies a quarter behind it.
    assert np.allclose(double @ [0, 0, 1], [0.25, 0.25, 1])
