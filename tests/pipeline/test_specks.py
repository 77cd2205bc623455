"""Specks: what the soft mask does not know goes if it is small, or faint and far away, and nothing else does."""

import numpy as np
import torch

from models.coarse import Coarse
from pipeline.specks import without_specks

HEIGHT, WIDTH = 90, 160


def coarse(*boxes):
    alpha = torch.zeros(1, 1, HEIGHT, WIDTH)
    for top, left, side in boxes:
        alpha[..., top : top + side, left : left + side] = 0.8
    hidden = torch.full((1, 5, HEIGHT, WIDTH), 0.05)
    return Coarse(alpha, torch.zeros(1, 3, HEIGHT, WIDTH), hidden, torch.zeros(1, 3, HEIGHT, WIDTH))


def mask(top, left, side):
    array = np.zeros((HEIGHT, WIDTH), np.float32)
    array[top : top + side, left : left + side] = 1
    return array


def test_a_small_piece_that_the_mask_does_not_know_goes():
    cleaned = without_specks(coarse((10, 10, 40), (70, 120, 4)), mask(12, 12, 30))
    assert cleaned.alpha[0, 0, 70:74, 120:124].max() == 0
    assert cleaned.hidden[0, 0, 70:74, 120:124].max() == 0
    assert (cleaned.hidden[:, 1:] == 0.05).all()
    assert (cleaned.alpha[0, 0, 10:50, 10:50] == 0.8).all()


def test_a_small_piece_that_the_mask_knows_stays():
    given = coarse((10, 10, 40), (70, 120, 4))
    assert torch.equal(without_specks(given, mask(71, 121, 2)).alpha[0, 0, 60:], given.alpha[0, 0, 60:])


def test_a_large_piece_stays_whatever_the_mask_says():
    given = coarse((10, 10, 40))
    assert without_specks(given, mask(0, 0, 0)) is given


def test_doubt_far_from_the_subject_is_not_refined():
    given = coarse((10, 10, 40))
    given.hidden[0, 0, 60:80, 100:140] = 0.4  # a shadow, say
    given.hidden[0, 0, 20:24, 50:53] = 0.4  # hair
    cleaned = without_specks(given, mask(12, 12, 30))
    assert cleaned.hidden[0, 0, 60:80, 100:140].max() == 0
    assert (cleaned.hidden[0, 0, 20:24, 50:53] == 0.4).all()


def test_a_large_piece_that_is_nowhere_opaque_goes():
    given = coarse((10, 10, 40))
    faint = given._replace(alpha=given.alpha / 2)
    assert without_specks(faint, mask(0, 0, 0)).alpha.max() == 0
    assert without_specks(faint, mask(12, 12, 36)) is faint


def test_a_mask_beside_all_that_was_found_has_a_say():
    given = coarse()
    given.hidden[0, 0, 30, 40:47] = 0.4
    known = mask(18, 38, 10)  # three rows above
    known[30, 46] = 1
    assert without_specks(given, known) is given


def test_the_rim_of_a_speck_goes_with_it():
    given = coarse((30, 40, 4))
    given.alpha[0, 0, 27:37, 37:47] = torch.where(given.alpha[0, 0, 27:37, 37:47] > 0, 0.8, 0.03)
    assert without_specks(given, mask(70, 120, 10)).alpha.max() == 0


def test_how_large_a_piece_is_goes_by_the_whole_picture():
    side = int((HEIGHT * WIDTH / 500) ** 0.5)
    assert without_specks(coarse((30, 40, side)), mask(0, 0, 0)).alpha.max() == 0
    assert without_specks(coarse((30, 40, side + 1)), mask(0, 0, 0)).alpha.max() > 0


def test_a_speck_beside_the_subject_takes_nothing_of_it_along():
    cleaned = without_specks(coarse((10, 10, 40), (20, 51, 2)), mask(12, 12, 30))
    assert cleaned.alpha[0, 0, 20:22, 51:53].max() == 0
    assert (cleaned.alpha[0, 0, 10:50, 10:50] == 0.8).all()


def test_what_is_faint_goes_where_it_is_further_from_the_subject_than_hair():
    given = coarse((10, 10, 40))
    given.alpha[0, 0, 46:50, 10:150] = 0.2  # a shadow that hangs together with the subject
    given.alpha[0, 0, 20:22, 10:150] = 0.8  # an arm that the mask has missed
    cleaned = without_specks(given, mask(12, 12, 38))
    assert (cleaned.alpha[0, 0, 46:50, 50:53] == 0.2).all()
    assert cleaned.alpha[0, 0, 46:50, 56:].max() == 0
    assert (cleaned.alpha[0, 0, 20:22, 10:150] == 0.8).all()
