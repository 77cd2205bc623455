import numpy as np
import pytest
from numpy.typing import NDArray

from training.canvas import Subject
from training.neighbours import motion_input

SIZE = 96
GREY = 0.6


def _scene() -> tuple[Subject, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """A dark square that stands on a grey place, in whose shadow there is a strip beside it."""
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[30:60, 30:50] = 1
    still = np.full((SIZE, SIZE, 3), GREY, np.float32)
    background = still.copy()
    background[30:60, 60:80] *= 0.5
    subject = Subject(alpha, np.full_like(still, 0.1))
    image = alpha[..., None] * subject.colour + (1 - alpha[..., None]) * background
    return subject, background, still, image


def _many(count: int = 100) -> list[NDArray[np.float32]]:
    subject, background, still, image = _scene()
    return [motion_input(np.random.default_rng(seed), subject, background, still, image) for seed in range(count)]


def test_neighbours_are_grey_pictures_of_the_same_place():
    for stack in _many():
        assert stack.shape == (SIZE, SIZE, 4)
        assert stack.dtype == np.float32
        assert stack.min() >= 0
        assert stack.max() <= 1
    assert np.median([stack[2:20, 60:94].mean() for stack in _many()]) == pytest.approx(GREY, abs=0.01)


def test_a_shadow_goes_where_the_subject_goes():
    subject, _, _, _ = _scene()
    lit = moved = 0
    for stack in _many():
        for neighbour in np.moveaxis(stack, 2, 0):
            gone = neighbour[subject.alpha > 0].mean() > GREY - 0.1
            moved += gone
            lit += gone and neighbour[35:55, 62:78].mean() > GREY - 0.1
    assert moved > 40
    assert 0.5 * moved < lit < moved


def test_a_still_image_is_its_own_neighbour_and_most_are_not():
    _, _, _, image = _scene()
    own = [float(np.abs(stack - image[..., :1]).max()) < 1e-6 for stack in _many()]
    assert 0 < np.mean(own) < 0.3


def test_at_a_clips_beginning_and_at_its_end_the_frame_stands_for_neighbours_alike():
    _, _, _, image = _scene()
    own = [tuple(np.abs(stack - image[..., :1]).max((0, 1)) < 1e-6) for stack in _many(400)]
    first, last = (own.count(pair) for pair in ((True, True, False, False), (False, False, True, True)))
    assert 15 < first < 45
    assert 15 < last < 45


def test_a_subject_known_in_its_neighbours_is_shown_as_it_is_there():
    subject, background, still, image = _scene()
    elsewhere = Subject(np.roll(subject.alpha, 30, 1), subject.colour)
    subject = Subject(subject.alpha, subject.colour, (elsewhere,) * 4)
    seeds = range(40)
    stacks = [motion_input(np.random.default_rng(seed), subject, background, still, image) for seed in seeds]
    there = np.mean([stack[elsewhere.alpha > 0].mean() for stack in stacks])
    here = np.mean([stack[subject.alpha > 0].mean() for stack in stacks])
    assert there < here
