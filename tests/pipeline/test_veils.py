"""False veils: what shows too little of the plate's detail for its alpha is opaque, true veils stay."""

import cv2
import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.veils import without_false_veils

HEIGHT, WIDTH = 90, 160
SUBJECT, VEIL = np.s_[25:65, 45:95], np.s_[42:48, 60:76]
MIDDLE = np.s_[43:47, 62:74]
KNOWN = np.ones((HEIGHT, WIDTH), np.float32)
CLOTH = np.float32([0.5, 0.4, 0.4])


def coarse(in_veil=0.5, hidden=2):
    alpha = torch.zeros(1, 1, HEIGHT, WIDTH)
    alpha[0, 0][SUBJECT] = 1
    alpha[0, 0][VEIL] = in_veil
    doubt = torch.zeros(1, hidden, HEIGHT, WIDTH)
    doubt[:, :1] = 0.3
    colours = torch.zeros(1, 3, HEIGHT, WIDTH)
    return Coarse(alpha, colours, doubt, colours)


def pictures(veil=1.0, grain=0.06):
    """A plate with a grain, and a frame with cloth that is `veil` in the veil's place: 1 opaque, 0 clear."""
    noise = np.random.default_rng(5).standard_normal((HEIGHT, WIDTH, 1)).astype(np.float32)
    plate = np.clip(0.6 + grain * noise, 0, 1) * np.ones(3, np.float32)
    image = plate.copy()
    image[SUBJECT] = CLOTH
    image[VEIL] = veil * CLOTH + (1 - veil) * plate[VEIL]
    return image, plate


@pytest.mark.parametrize("hidden", [0, 2])
def test_smooth_cloth_before_a_place_with_detail_is_opaque(hidden):
    given = coarse(hidden=hidden)
    result = without_false_veils(given, *pictures(), KNOWN)
    assert result.alpha[0, 0][MIDDLE].mean() > 0.95
    assert result.hidden.shape[1] == hidden and torch.equal(result.hidden[:, 1:], given.hidden[:, 1:])
    assert hidden == 0 or result.hidden[0, 0][MIDDLE].mean() < 0.03
    outside = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    outside[38:52, 56:80] = False
    assert torch.equal(result.alpha[0, 0][outside], given.alpha[0, 0][outside])


@pytest.mark.parametrize("veil", [0.0, 0.3, 0.5])
def test_what_shows_the_places_detail_stays(veil):
    given = coarse(in_veil=veil)
    result = without_false_veils(given, *pictures(veil), KNOWN)
    assert (result.alpha - given.alpha)[0, 0][MIDDLE].mean() < 0.12


def test_a_veil_stays_where_the_frame_is_less_sharp_than_the_plate():
    given, (image, plate) = coarse(), pictures(veil=0.5)
    blurred = cv2.GaussianBlur(image, (0, 0), 1.2)
    assert (without_false_veils(given, blurred, plate, KNOWN).alpha - given.alpha)[0, 0][MIDDLE].mean() < 0.12


@pytest.mark.parametrize(
    "case", ["smooth place", "smooth behind", "unknown place", "shadow", "no clear place", "at the rim"]
)
def test_without_evidence_all_stays(case):
    given, (image, plate) = coarse(), pictures(grain=0.004 if case == "smooth place" else 0.06)
    coverage = KNOWN.copy()
    if case == "smooth behind":
        plate[30:60, 50:86] = 0.6 + 0.1 * (plate[30:60, 50:86] - 0.6)
    if case == "unknown place":
        coverage[VEIL] = 0
    if case == "shadow":  # deeper than the networks thought
        image[VEIL] = 0.3 * plate[VEIL].mean()
    if case == "no clear place":
        given.alpha[given.alpha == 0] = 0.1
    if case == "at the rim":  # of next to nothing
        given.alpha[0, 0][SUBJECT] = 0
        given.alpha[0, 0][VEIL] = 0.2
        image[SUBJECT], image[VEIL] = plate[SUBJECT], CLOTH
    result = without_false_veils(given, image, plate, coverage)
    assert torch.allclose(result.alpha[0, 0][MIDDLE], given.alpha[0, 0][MIDDLE], rtol=0, atol=0.002)


def test_what_has_a_grain_of_its_own_is_opaque_all_the_same():
    given, (image, plate) = coarse(), pictures()
    image[VEIL] += 0.03 * np.random.default_rng(8).standard_normal(image[VEIL].shape[:2] + (1,)).astype(np.float32)
    assert without_false_veils(given, image, plate, KNOWN).alpha[0, 0][MIDDLE].mean() > 0.85


def test_a_veil_before_leaves_that_moved_stays():
    """They are not to be seen where they were, and the rest of the place is."""
    given, (image, plate) = coarse(), pictures(veil=0.5)
    place = plate.copy()
    place[10:80, 25:115] = np.roll(plate, (9, 9), (0, 1))[10:80, 25:115]
    alpha = given.alpha[0, 0].numpy()[..., None].copy()
    given.alpha[0, 0, 3:5, 150:152] = 0.5  # so that all of the picture is looked at
    result = without_false_veils(given, np.where(alpha < 1, (1 - alpha) * place + alpha * CLOTH, image), plate, KNOWN)
    assert (result.alpha - given.alpha)[0, 0][MIDDLE].mean() < 0.05


def test_where_the_plate_ends_there_is_no_detail_of_it():
    given, (image, plate) = coarse(), pictures(veil=0.5, grain=0.03)
    coverage = KNOWN.copy()
    coverage[:, 70:] = plate[:, 70:] = 0
    result = without_false_veils(given, image, plate, coverage)
    assert (result.alpha - given.alpha)[0, 0][MIDDLE].mean() < 0.05


def test_nothing_in_between_is_handed_back_as_it_is():
    given = coarse(in_veil=1.0)
    assert without_false_veils(given, *pictures(), KNOWN) is given


def test_alpha_that_is_said_too_little_is_not_raised_beyond_the_truth():
    given, true = coarse(in_veil=0.5), 0.7
    result = without_false_veils(given, *pictures(true), KNOWN)
    assert 0.55 < result.alpha[0, 0][MIDDLE].mean() < true + 0.05


def test_in_a_shadow_the_place_has_less_detail():
    given, (image, plate) = coarse(), pictures(veil=0.5)
    image[VEIL] = 0.5 * CLOTH + 0.5 * 0.6 * plate[VEIL]
    before = without_false_veils(given, image, plate, KNOWN)
    given.hidden[0, 1][VEIL] = -0.4
    after = without_false_veils(given, image, plate, KNOWN)
    raised = [(x.alpha - given.alpha)[0, 0][MIDDLE].mean() for x in (before, after)]
    assert raised[0] > 0.15 and raised[1] < 0.7 * raised[0]
