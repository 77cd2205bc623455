"""Holes: gaps that show the subject are filled, gaps that show the place stay open."""

import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.holes import without_holes

HEIGHT, WIDTH = 90, 160
SUBJECT, GAP = np.s_[10:80, 30:130], np.s_[40:49, 60:69]
KNOWN = np.ones((HEIGHT, WIDTH), np.float32)
PLATE, COAT = np.float32([0.7, 0.6, 0.5]), np.float32([0.3, 0.2, 0.1])
SHADED, WOOD = 0.45 * PLATE, np.float32([0.7, 0.4, 0.2])


def coarse(gap=GAP, hidden=2, in_gap=0.1):
    alpha = torch.zeros(1, 1, HEIGHT, WIDTH)
    alpha[0, 0][SUBJECT] = 1
    alpha[0, 0][gap] = in_gap
    return Coarse(alpha, torch.zeros(1, 3, HEIGHT, WIDTH), torch.full((1, hidden, HEIGHT, WIDTH), 0.3), alpha)


def pictures(in_gap, gap=GAP, coat=COAT):
    plate = np.broadcast_to(PLATE, (HEIGHT, WIDTH, 3)).copy()
    image = plate.copy()
    image[SUBJECT] = coat
    image[gap] = in_gap
    return image, plate


@pytest.mark.parametrize("hidden", [0, 2])
def test_a_gap_that_shows_the_coat_is_filled(hidden):
    filled = without_holes(coarse(hidden=hidden), *pictures(COAT + np.float32(0.03)), KNOWN)
    assert filled.alpha[0, 0][SUBJECT].min() == 1
    assert torch.equal(filled.alpha[0, 0, :, :30], coarse().alpha[0, 0, :, :30])
    assert filled.hidden.shape[1] == hidden and (filled.hidden[:, 1:] == np.float32(0.3)).all()
    if hidden:
        assert filled.hidden[0, 0][GAP].max() == 0 and filled.hidden[0, 0, 0, 0] > 0


@pytest.mark.parametrize("in_gap", [PLATE, 0.8 * PLATE])
def test_a_gap_that_shows_the_place_stays(in_gap):
    given = coarse()
    assert without_holes(given, *pictures(in_gap), KNOWN) is given


EYE = np.float32([0.1, 0.5, 0.9])
"""Neither the coat nor the place in any light."""

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


def test_a_gap_amid_a_subject_in_the_colours_of_the_place_stays():
    given = coarse()
    assert without_holes(given, *pictures(PLATE, coat=PLATE - np.float32(0.03)), KNOWN) is given


def test_a_gap_before_an_unknown_place_stays():
    given, coverage = coarse(), KNOWN.copy()
    coverage[GAP] = 0
    assert without_holes(given, *pictures(COAT), coverage) is given


def test_a_gap_that_shows_the_place_in_the_subjects_shadow_stays():
    given = coarse()
    assert without_holes(given, *pictures(SHADED, coat=SHADED + np.float32(0.03)), KNOWN) is given


def test_a_subject_as_small_as_a_hole_is_none():
    given = coarse()
    given.alpha[0, 0] = 0
    given.alpha[0, 0, 40:46, 60:66] = 1
    image, plate = pictures(COAT)
    image[:] = PLATE
    image[40:46, 60:66] = EYE
    assert without_holes(given, image, plate, KNOWN) is given


def test_what_is_large_stays():
    gap = np.s_[20:60, 50:100]
    given = coarse(gap)
    assert without_holes(given, *pictures(COAT, gap), KNOWN) is given


@pytest.mark.parametrize("gap", [np.s_[:9, 60:69], np.s_[-9:, 60:69], np.s_[40:49, :9], np.s_[40:49, -9:]])
def test_a_gap_at_the_border_may_be_open_beyond_it(gap):
    given = coarse(gap)
    given.alpha[0, 0] = 1
    given.alpha[0, 0][gap] = 0.1
    image, plate = pictures(COAT, gap)
    image[:] = COAT
    assert without_holes(given, image, plate, KNOWN) is given


def knit(strength):
    """A grain that is no plate's, for the middle of a coat and the gap in it."""
    random = np.random.default_rng(0)
    return (strength * random.standard_normal((HEIGHT, WIDTH, 1))).astype(np.float32)


def test_cloth_as_bright_as_a_shadow_on_the_place_is_told_by_its_grain():
    given, (image, plate) = coarse(), pictures(SHADED, coat=SHADED + np.float32(0.03))
    image[SUBJECT] += knit(0.03)[SUBJECT]
    assert without_holes(given, image, plate, KNOWN).alpha[0, 0][SUBJECT].min() == 1


def coat_and_gap(in_gap=0.0, everywhere=0.0, plates=0.0, coat=None):
    """A coat as bright as the shaded place, and grains: the coat's in the gap, the frame's, and the plate's."""
    image, plate = pictures(SHADED, coat=SHADED + np.float32(0.03) if coat is None else coat)
    plate += knit(plates)
    image[GAP] = 0.45 * plate[GAP]
    image[SUBJECT] += knit(in_gap)[SUBJECT][::-1]
    image += knit(everywhere)[:, ::-1]
    return image, plate


def dark_gap(least, in_gap=SHADED, coat=SHADED, place=PLATE, mixed=0.5):
    """A gap of least alpha in its core, with a rim in which that mixes with the coat."""
    given, (image, plate) = coarse(in_gap=0.8), pictures(in_gap, coat=coat)
    given.alpha[0, 0, 42:47, 62:67] = least
    rim = np.ones((HEIGHT, WIDTH), np.bool_)
    rim[42:47, 62:67] = False
    image[GAP] = np.where(rim[GAP][..., None], image[GAP] + np.float32(mixed) * (coat - image[GAP]), image[GAP])
    plate[:] = place
    return given, without_holes(given, image, plate, KNOWN)


@pytest.mark.parametrize("off", [0, 0.18])
@pytest.mark.parametrize("least", [0.17, 0.7])
def test_cloth_as_bright_as_a_shadow_on_a_grey_place_is_told_without_grain_where_there_is_doubt(least, off):
    _, filled = dark_gap(least, coat=SHADED + np.float32(off), mixed=0)
    assert filled.alpha[0, 0][SUBJECT].min() == 1


@pytest.mark.parametrize(
    "gap",
    [
        {"least": 0.0},
        {"least": 0.13},
        {"least": 0.5, "in_gap": 0.95 * PLATE, "coat": 0.95 * PLATE + np.float32(0.08), "mixed": 0},
        {"least": 0.5, "in_gap": 0.8 * PLATE, "coat": 0.8 * PLATE, "place": 0.9 * PLATE},
        {"least": 0.5, "in_gap": 0.25 * PLATE, "coat": 0.25 * PLATE + np.float32(0.07)},
        {"least": 0.5, "coat": SHADED + np.float32(0.22)},
        {"least": 0.5, "in_gap": 0.45 * WOOD, "coat": 0.45 * WOOD, "place": WOOD},
    ],
    ids=["open", "nearly open", "as bright", "hardly darker", "black", "of another colour", "before a colourful place"],
)
def test_what_may_be_the_place_in_a_shadow_stays(gap):
    given, result = dark_gap(**gap)
    assert result is given


@pytest.mark.parametrize("alpha", [0.1, 0.8])
def test_the_grain_of_cloth_fills_a_gap(alpha):
    given = coarse(in_gap=alpha)
    assert without_holes(given, *coat_and_gap(in_gap=0.03), KNOWN).alpha[0, 0][GAP].min() == 1


@pytest.mark.parametrize(
    "grains",
    [
        {"in_gap": 0.01},
        {"everywhere": 0.04},
        {"in_gap": 0.03, "plates": 0.04},
        {"plates": 0.08},
        {"in_gap": 0.03, "coat": np.float32([0.9, 0.1, 0.9])},
    ],
    ids=["faint", "noise", "before a plate with grain", "the plate's", "of another colour"],
)
def test_no_other_grain_does(grains):
    given = coarse()
    assert without_holes(given, *coat_and_gap(**grains), KNOWN) is given


@pytest.mark.parametrize("behind", [0.01, 0.02])
def test_grain_that_the_plate_may_have_does_not(behind):
    given, (image, plate) = coarse(), coat_and_gap(in_gap=0.03)
    plate[GAP] += knit(behind)[GAP]
    assert without_holes(given, image, plate, KNOWN) is given


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
