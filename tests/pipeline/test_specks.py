"""Specks: what the soft mask does not know goes if it is small, or faint and far away, and nothing else does."""

import cv2
import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline import specks

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


def without_specks(given, known, image=0.5, plate=0.5):
    """As in the program, before a plain place that is known everywhere, if not said otherwise."""
    seen = (np.ones((HEIGHT, WIDTH, 3), np.float32) * np.float32(x) for x in (image, plate))
    return specks.without_specks(given, known, *seen, np.ones((HEIGHT, WIDTH), np.float32))


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


def faint_far_away():
    """A subject with something faint that hangs together with it, and lies far from it in a box of 16 x 80."""
    given = coarse((10, 10, 40))
    given.alpha[0, 0, 46:62, 10:140] = 0.15
    given.alpha[0, 0, 10:50, 10:50] = 0.8
    return given, mask(12, 12, 38), np.s_[46:62, 60:140]


def strands(shape, strength):
    """One in four columns is darker by `strength`."""
    array = np.zeros((*shape, 3), np.float32)
    array[:, ::4] = -strength
    return array


def test_strands_stay_however_far_they_reach():
    given, known, far = faint_far_away()
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[far] += strands((16, 80), 0.15) - np.float32(0.1)  # there are more behind them
    cleaned = without_specks(given, known, image)
    assert (cleaned.alpha[0, 0][far] == 0.15).all()


def test_steps_of_eight_bits_are_no_strands():
    given, known, far = faint_far_away()
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[far] += strands((16, 80), 1 / 255)
    assert without_specks(given, known, image).alpha[0, 0][far].max() == 0


def test_a_shadow_goes_with_the_detail_that_the_plate_has_there():
    given, known, far = faint_far_away()
    plate = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    plate[far] += strands((16, 80), 0.2)
    image = plate.copy()
    image[far] *= 0.6
    assert without_specks(given, known, image, plate).alpha[0, 0][far].max() == 0


def test_a_smeared_place_has_no_strands():
    given, known, far = faint_far_away()
    plate = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    plate[far] += strands((16, 80), 0.2)
    assert without_specks(given, known, plate=plate).alpha[0, 0][far].max() == 0


def test_a_shadow_with_an_edge_is_no_strand():
    given, known, far = faint_far_away()
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[46:62, 56:] = 0.35
    assert without_specks(given, known, image).alpha[0, 0][far].max() == 0


def test_noise_is_no_strand():
    given, known, far = faint_far_away()
    image = 0.5 + np.random.default_rng(0).normal(0, 0.02, (HEIGHT, WIDTH, 3)).astype(np.float32)
    assert without_specks(given, known, image).alpha[0, 0][far].max() == 0
    fine = image.copy()
    fine[far] += strands((16, 80), 0.3)
    assert (without_specks(given, known, fine).alpha[0, 0][far] == 0.15).all()


def test_a_few_pixels_are_no_strand():
    given, known = coarse((10, 10, 40)), mask(12, 12, 38)
    known[70, 90] = 1
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[70, 90:140] = 0.3
    for pixels, left in ((5, 0), (6, 6)):
        given.alpha[0, 0, 70, 90 : 94 + pixels] = 0.1  # what is four away is far
        cleaned = without_specks(given, known, image)
        assert (cleaned.alpha[0, 0, 70, 94:] > 0).sum() == left


def alone(width, texture=0.0):
    """A box of strands, 8 pixels high, that the mask does not know, before a plain place or one with edges."""
    box = np.s_[66:74, 100 : 100 + width]
    given = coarse((10, 10, 40))
    given.alpha[0, 0][box] = 0.3
    plate = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    plate[:, 1::2] += texture
    image = plate.copy()
    image[box] += strands((8, width), 0.2)
    return without_specks(given, mask(12, 12, 38), image, plate).alpha[0, 0][box]


def test_strands_stay_where_nothing_joins_them_to_the_subject():
    assert (alone(24) == 0.3).all()


def test_a_few_strands_alone_go():
    assert alone(18).max() == 0  # of 144 pixels


@pytest.mark.parametrize("radius", [1, 3, 6, 9])
def test_a_leaf_that_moved_is_no_strand(radius):
    leaf = cv2.circle(np.zeros((HEIGHT, WIDTH), np.float32), (120, 70), radius, 1, -1, cv2.LINE_AA)
    given = coarse((10, 10, 40))
    given.alpha[0, 0] += 0.6 * torch.from_numpy(leaf)
    cleaned = without_specks(given, mask(12, 12, 38), 0.5 - 0.2 * leaf[..., None])
    assert cleaned.alpha[0, 0, 60:].max() == 0


def test_what_lies_alone_before_edges_of_the_plate_may_be_those_edges():
    assert alone(24, texture=0.2).max() == 0


def test_what_is_faint_goes_where_it_is_further_from_the_subject_than_most_hair():
    given = coarse((10, 10, 40))
    given.alpha[0, 0, 46:50, 10:150] = 0.2  # a shadow that hangs together with the subject
    given.alpha[0, 0, 20:22, 10:150] = 0.8  # an arm that the mask has missed
    cleaned = without_specks(given, mask(12, 12, 38))
    assert (cleaned.alpha[0, 0, 46:50, 50:53] == 0.2).all()
    assert cleaned.alpha[0, 0, 46:50, 56:].max() == 0
    assert (cleaned.alpha[0, 0, 20:22, 10:150] == 0.8).all()
