"""Holes: gaps that show the subject are filled, gaps that show the place stay open."""

import numpy as np
import pytest
import torch

from pipeline.holes import without_holes
from tests.pipeline.gaps import COAT, EYE, GAP, HEIGHT, KNOWN, PLATE, SHADED, SUBJECT, WIDTH, WOOD, coarse, pictures


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


def sleeve(height, least=0.4, rim=0.82):
    """A gap that reaches the outline through what is hardly more opaque than it; see-through by `least`."""
    gap, channel = np.s_[40 : 40 + height, 100:120], np.s_[42:46, 120:130]
    given = coarse(gap, in_gap=least)
    given.alpha[0, 0][channel] = rim
    return given, gap


def test_a_wide_gap_that_shows_the_coat_is_filled_though_its_rim_is_not_quite_opaque():
    given, gap = sleeve(height=14)
    filled = without_holes(given, *pictures(COAT + np.float32(0.03), gap), KNOWN)
    assert filled.alpha[0, 0][gap].min() == 1
    assert torch.equal(filled.alpha[0, 0, :, 126:], given.alpha[0, 0, :, 126:])


@pytest.mark.parametrize("case", ["narrow", "the place", "as open at its rim"])
def test_other_gaps_that_are_open_around_stay(case):
    given, gap = sleeve(6 if case == "narrow" else 14, rim=0.4 if case == "as open at its rim" else 0.82)
    seen = PLATE if case == "the place" else COAT + np.float32(0.03)
    assert without_holes(given, *pictures(seen, gap), KNOWN) is given
