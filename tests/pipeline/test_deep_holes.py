"""Holes deep within the subject, and at the picture's border: filled where they show no place."""

import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.holes import without_holes
from tests.pipeline.gaps import COAT, EYE, GAP, HEIGHT, KNOWN, PLATE, SUBJECT, WIDTH, coarse, pictures

LONE = np.s_[40:44, 60:64]


def test_what_is_neither_the_place_nor_like_what_is_around_is_filled_deep_within_the_subject():
    filled = without_holes(coarse(LONE, in_gap=0.3), *pictures(EYE, LONE), KNOWN)
    assert filled.alpha[0, 0][SUBJECT].min() == 1
    assert filled.hidden[0, 0][LONE].max() == 0


def test_where_the_networks_are_sure_it_stays():
    given = coarse(LONE, in_gap=0.1)
    assert without_holes(given, *pictures(EYE, LONE), KNOWN) is given


def test_what_is_nearly_the_place_in_other_colours_stays():
    tinted = PLATE + np.float32([0.06, -0.05, 0.05])
    given = coarse(LONE, in_gap=0.3)
    assert without_holes(given, *pictures(tinted, LONE), KNOWN) is given


@pytest.mark.parametrize(("row", "stays"), [(26, True), (36, False)])
def test_near_the_outline_of_the_subject_it_stays(row, stays):
    def large(array):
        return np.ascontiguousarray(array.repeat(2, 0).repeat(2, 1))

    gap = np.s_[row : row + 4, 120:124]
    image, plate = (large(x) for x in pictures(COAT))
    image[gap] = EYE
    alpha = torch.from_numpy(large(coarse(in_gap=1).alpha[0, 0].numpy()))[None, None].clone()
    alpha[0, 0][gap] = 0.3
    given = Coarse(alpha, torch.zeros(1, 3, 2 * HEIGHT, 2 * WIDTH), torch.zeros(1, 1, 2 * HEIGHT, 2 * WIDTH), alpha)
    assert (without_holes(given, image, plate, large(KNOWN)) is given) == stays


BLUE = np.float32([0.1, 0.2, 0.6])
HAIR = 0.6 * BLUE + 0.4 * PLATE
"""Blue, and the place is seen through it; not the place in any light either."""


@pytest.mark.parametrize(("in_gaps", "stays"), [(HAIR, True), (EYE, False)])
def test_where_it_is_one_gap_of_many_it_stays_if_it_may_be_hair(in_gaps, stays):
    given, (image, plate) = coarse(LONE, in_gap=0.3), pictures(in_gaps, LONE, coat=BLUE)
    for row in (33, 40, 47):
        for column in (53, 60, 67):
            other = np.s_[row : row + 4, column : column + 4]
            given.alpha[0, 0][other], image[other] = 0.3, in_gaps
    alpha = without_holes(given, image, plate, KNOWN).alpha[0, 0]
    assert (alpha[LONE] == np.float32(0.3)).all() if stays else (alpha[SUBJECT] == 1).all()


def test_a_gap_that_shows_a_place_of_much_detail_a_few_pixels_off_stays():
    given, (image, plate) = coarse(in_gap=0.3), pictures(PLATE)
    plate *= 1 + np.random.default_rng(0).uniform(-0.4, 0.4, (HEIGHT, WIDTH, 1)).astype(np.float32)
    image[GAP] = np.roll(plate, (1, 2), (0, 1))[GAP]
    assert np.abs(image - plate)[GAP].mean() > 0.1
    assert without_holes(given, image, plate, KNOWN) is given


@pytest.mark.parametrize(("bottom", "stays"), [(53, False), (58, True)])
@pytest.mark.parametrize("in_gap", [EYE, COAT + np.float32(0.03)])
def test_what_shows_no_place_may_be_larger(in_gap, bottom, stays):
    gap = np.s_[33:bottom, 60:80]
    given = coarse(gap, in_gap=0.3)
    result = without_holes(given, *pictures(in_gap, gap), KNOWN)
    assert (result is given) == stays


TO_THE_BORDER, AT_THE_BORDER = np.s_[10:90, 30:130], np.s_[84:90, 70:77]


def at_the_border(in_gap, alpha, gaps=(AT_THE_BORDER,), coat=COAT, place=PLATE):
    """A subject that the lower border cuts off, and with it a gap."""
    given, (image, plate) = coarse(AT_THE_BORDER), pictures(in_gap)
    plate[:] = place
    given.alpha[0, 0][TO_THE_BORDER], image[TO_THE_BORDER] = 1, coat
    for gap in gaps:
        given.alpha[0, 0][gap], image[gap] = alpha, in_gap
    return given, without_holes(given, image, plate, KNOWN)


@pytest.mark.parametrize("in_gap", [EYE, COAT + np.float32(0.03)], ids=["a leaf of its print", "the coat"])
def test_a_gap_that_the_picture_cuts_off_is_filled_where_there_is_doubt(in_gap):
    _, filled = at_the_border(in_gap, alpha=0.4)
    assert filled.alpha[0, 0][TO_THE_BORDER].min() == 1


GREY = np.full(3, 0.6, np.float32)


@pytest.mark.parametrize(
    "gap",
    [
        {"in_gap": PLATE, "alpha": 0.4},
        {"in_gap": 0.7 * PLATE, "alpha": 0.4},
        {"in_gap": EYE, "alpha": 0.1},
        {"in_gap": EYE, "alpha": 0.4, "gaps": [np.s_[84:90, x : x + 4] for x in (62, 69, 76)]},
        {"in_gap": EYE, "alpha": 0.4, "gaps": [np.s_[40:90, 66:77]]},
        {"in_gap": EYE, "alpha": 0.4, "gaps": [np.s_[84:90, 31:36]]},
        {"in_gap": 0.6 * GREY, "alpha": 0.2, "coat": 0.5 * GREY, "place": GREY},
    ],
    ids=["the place", "in a shadow", "of which the networks are sure", "many", "large", "shallow", "between legs"],
)
def test_another_gap_that_the_picture_cuts_off_stays(gap):
    given, result = at_the_border(**gap)
    assert result is given


BLUISH = np.float32([0.5, 0.54, 0.575])
"""Light of a shadow under a blue sky."""


@pytest.mark.parametrize("light", [1.25, 0.5, 0.1, BLUISH], ids=["a lamp", "a shadow", "a deep one", "a blue one"])
def test_a_lone_deep_gap_that_shows_the_place_in_some_light_stays(light):
    given = coarse(in_gap=0.3)
    place = np.float32([0.95, 0.5, 0.95]) if light is BLUISH else np.float32([0.3, 0.6, 0.5])
    image, plate = pictures(light * place, coat=BLUE)
    plate[:] = place
    assert without_holes(given, image, plate, KNOWN) is given


@pytest.mark.parametrize("shade", [1.0, 0.7, 0.5])
def test_deep_gaps_of_hair_before_a_place_in_its_shadow_stay(shade):
    place, hair = np.float32([0.35, 0.45, 0.75]), np.float32([0.3, 0.15, 0.08])
    seen = 0.5 * hair + 0.5 * shade * place + np.float32([0.012, -0.012, 0.012])
    given, (image, plate) = coarse(LONE, in_gap=0.5), pictures(seen, LONE, coat=hair)
    plate[:] = place
    for row in (33, 40, 47):
        for column in (53, 60, 67):
            other = np.s_[row : row + 4, column : column + 4]
            given.alpha[0, 0][other], image[other] = 0.5, seen
    assert without_holes(given, image, plate, KNOWN) is given
