"""Limbs in motion: what moves is smeared along its path, alpha and colour together; what stands still stays sharp."""

import numpy as np

from training.canvas import Subject
from training.smear import smeared, with_limbs_in_motion

RED, BLUE = np.array([0.8, 0.1, 0.1], np.float32), np.array([0.1, 0.1, 0.8], np.float32)


def bar(size=96):
    """A bar from top to bottom, columns 40 to 55, red above and blue below; green around, where nobody sees it."""
    alpha = np.zeros((size, size), np.float32)
    alpha[:, 40:56] = 1
    colour = np.full((size, size, 3), (0, 1, 0), np.float32)
    colour[: size // 2, 36:60], colour[size // 2 :, 36:60] = RED, BLUE
    return Subject(alpha, colour)


def test_the_part_that_moves_is_smeared_over_its_path_and_the_other_is_as_it_was():
    subject, paths = bar(), np.zeros((96, 96, 2), np.float32)
    paths[48:, :, 0] = 8  # the blue half: eight pixels to either side
    result = smeared(subject, paths)
    np.testing.assert_array_equal(result.alpha[:46], subject.alpha[:46])
    row = result.alpha[70]
    np.testing.assert_allclose(row.sum(), 16, atol=0.2)  # it covers the place for as long as before
    assert row[30] == 0 and row[66] == 0
    assert np.all(np.diff(row[32:47]) > 0) and abs(row[40] - 0.5) < 0.06 and row[48] > 0.9


def test_the_colour_of_a_smear_is_the_subjects_own():
    paths = np.zeros((96, 96, 2), np.float32)
    paths[..., 0] = 8
    result = smeared(bar(), paths)
    seen = (result.alpha > 0.1) & (np.abs(np.arange(96) - 48) > 12)[:, None]
    want = np.where((np.arange(96) < 48)[:, None, None], RED, BLUE) + 0 * result.colour
    np.testing.assert_allclose(result.colour[seen], want[seen], atol=0.01)


def test_limbs_differ_and_some_stand_still():
    standing, moving = 0, 0
    for seed in range(20):
        random, subject = np.random.default_rng(seed), bar()
        result = with_limbs_in_motion(random, subject)
        soft = ((result.alpha > 0.02) & (result.alpha < 0.98)).sum(axis=1)
        standing, moving = standing + int((soft == 0).sum()), moving + int((soft > 2).sum())
        assert result.alpha.min() >= 0 and result.alpha.max() <= 1 and np.isfinite(result.colour).all()
    rows = 20 * 96
    assert standing > 0.1 * rows and moving > 0.1 * rows


def test_neighbours_stay_as_they_are():
    subject = bar()
    moved = with_limbs_in_motion(np.random.default_rng(1), Subject(subject.alpha, subject.colour, (subject,) * 4))
    assert moved.neighbours == (subject,) * 4
