"""Shades: what shows nothing but the plate is no subject, unless it might be a veil."""

import cv2
import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.shades import without_shades

SIZE = 96
SHADE = np.s_[30:70, 50:85]
SUBJECT = np.s_[10:70, 20:50]
EVERYWHERE = np.ones((SIZE, SIZE), np.float32)


def grain(seed, strength=0.06):
    noise = np.random.default_rng(seed).standard_normal((SIZE, SIZE, 1)).astype(np.float32)
    return (0.5 + strength * 4 * cv2.GaussianBlur(noise, (0, 0), 1.5)[..., None] * np.ones(3)).astype(np.float32)


def tinted(strength):
    """Fine stripes of red and blue whose grey is nothing."""
    red = np.where(np.arange(SIZE) % 6 < 3, strength, -strength)[None, :, None] * np.ones((SIZE, 1, 1))
    return (red * np.array([1, 0, -0.299 / 0.114])).astype(np.float32)


def coarse(where=SHADE, faint=0.3, hidden=2):
    alpha = torch.zeros(1, 1, SIZE, SIZE)
    alpha[0, 0][where] = faint
    alpha[0, 0][SUBJECT] = 1
    nothing = torch.zeros(1, 3, SIZE, SIZE)
    return Coarse(alpha, nothing, torch.full((1, hidden, SIZE, SIZE), 0.05), nothing)


def seen(plate, patch, where=SHADE):
    image = plate.copy()
    image[where] = patch[where]
    image[SUBJECT] = grain(9)[SUBJECT]
    return image + np.float32(0.002) * np.random.default_rng(1).standard_normal(image.shape, np.float32)


@pytest.mark.parametrize("light", [(0.6, 0.6, 0.6), (0.5, 0.6, 0.7), (1.1, 1.1, 1.1), (1.8, 1.7, 1.5)])
@pytest.mark.parametrize("hidden", [0, 2])
def test_the_plate_in_another_light_goes_and_the_subject_stays(light, hidden):
    plate = grain(0)
    given = coarse(hidden=hidden)
    cleaned = without_shades(given, seen(plate, plate * np.float32(light)), plate, EVERYWHERE)
    assert cleaned.alpha[0, 0, 30:70, 53:85].max() < 0.01  # what is beside the subject may be its edge
    assert torch.equal(cleaned.alpha[0, 0][SUBJECT], given.alpha[0, 0][SUBJECT])
    assert cleaned.hidden[:, 1:].equal(given.hidden[:, 1:]) and cleaned.hidden.shape == given.hidden.shape
    if hidden:
        assert cleaned.hidden[0, 0, 30:70, 53:85].max() < 0.01 < cleaned.hidden[0, 0][SUBJECT].min()


def test_no_rim_is_left():
    plate = grain(0)
    given = coarse()
    given.alpha[0, 0, 28:30, 50:85] = given.alpha[0, 0, 70:72, 50:85] = 0.03
    cleaned = without_shades(given, seen(plate, plate * np.float32(0.6)), plate, EVERYWHERE)
    assert cleaned.alpha[0, 0, :, 53:].max() < 0.01


@pytest.mark.parametrize(
    "patch",
    [
        lambda plate: grain(5),  # something else
        lambda plate: 0.5 * plate + 0.5 * np.float32([0.9, 0.9, 0.9]),  # a veil
        lambda plate: 0.7 * plate + np.float32([0.5, 0.5, 0.45]),  # one that shines
        lambda plate: 0.3 * grain(5) + 0.7 * plate,  # hair
        lambda plate: plate + 2 * (grain(5) - np.float32(0.5)),  # a grain of its own over the plate's
        lambda plate: plate + tinted(0.03),  # colours of its own, of equal grey
        lambda plate: 0.3 * plate,  # too dark for a shadow
        lambda plate: plate * np.float32([1, 0.6, 0.5]),  # too red for a light
    ],
)
def test_what_is_more_than_the_plate_stays(patch):
    plate, given = grain(0), coarse()
    assert without_shades(given, seen(plate, patch(plate)), plate, EVERYWHERE) is given


def test_cloth_with_a_like_grain_of_more_contrast_stays():
    plate, given = grain(0, 0.008), coarse()
    cloth = 0.4 + 3 * (plate - np.float32(0.5))
    assert without_shades(given, seen(plate, cloth), plate, EVERYWHERE) is given


def test_cloth_whose_grain_is_half_the_plates_stays():
    plate, given = grain(0, 0.01), coarse()
    cloth = plate + 1.7 * (grain(5, 0.01) - np.float32(0.5))
    assert without_shades(given, seen(plate, cloth), plate, EVERYWHERE) is given


@pytest.mark.parametrize(("lines", "goes"), [(1, False), (4, True)])
def test_one_line_that_the_plate_has_too_shows_nothing(lines, goes):
    """A pillar ends there, and an arm, that has a grain of its own."""
    patch, at = np.s_[45:57, 50:85], range(56, 80, 6)[:lines]
    plate = 0.5 + 0.1 * (grain(0) - np.float32(0.5))
    plate[:, at] -= 0.08
    cloth = plate + 0.2 * (grain(5) - np.float32(0.5))
    given = coarse(patch)
    cleaned = without_shades(given, seen(plate, cloth, patch), plate, EVERYWHERE)
    assert (cleaned is not given) == goes


def test_before_a_smooth_plate_nobody_can_tell():
    plate, given = grain(0, 0.001), coarse()
    assert without_shades(given, seen(plate, plate * np.float32(0.6)), plate, EVERYWHERE) is given


def test_where_the_plate_is_unknown_nothing_goes():
    plate, given = grain(0), coarse()
    coverage = EVERYWHERE.copy()
    coverage[SHADE] = 0
    assert without_shades(given, seen(plate, plate * np.float32(0.6)), plate, coverage) is given


def test_where_half_of_a_shade_is_unknown_that_half_stays():
    plate, given = grain(0), coarse()
    coverage = EVERYWHERE.copy()
    coverage[:50] = 0
    cleaned = without_shades(given, seen(plate, plate * np.float32(0.6)), plate, coverage)
    assert torch.equal(cleaned.alpha[0, 0, :50], given.alpha[0, 0, :50])
    assert cleaned.alpha[0, 0, 52:70, 53:85].max() < 0.01


def test_what_is_narrow_or_opaque_stays():
    plate = grain(0)
    image = seen(plate, plate * np.float32(0.6))
    narrow, opaque = coarse(np.s_[30:70, 50:58]), coarse(faint=0.9)
    assert without_shades(narrow, image, plate, EVERYWHERE) is narrow
    assert without_shades(opaque, image, plate, EVERYWHERE) is opaque
