"""Local exposure: the plate takes over what the place around the subject shows, and nothing of the subject."""

import cv2
import numpy as np
import pytest

from pipeline.local_exposure import CHANGE, exposed_alike

SIZE = (144, 256)
SUBJECT = np.s_[60:, 100:150]


def place():
    """A smooth picture, h x w x 3, about half as bright as white."""
    noise = np.random.default_rng(3).random((*SIZE, 3), np.float32)
    return 0.5 + 2 * (cv2.GaussianBlur(noise, (0, 0), 6) - 0.5)


def known():
    return np.ones(SIZE, np.float32)


def scene(change=1.0):
    """A plate, a frame in changed light with a dark subject, and the subject's soft mask."""
    plate = place()
    frame, mask = plate * np.float32(change), np.zeros(SIZE, np.float32)
    frame[SUBJECT], mask[SUBJECT] = 0.1, 1
    return plate, frame, cv2.GaussianBlur(mask, (0, 0), 1.5)


@pytest.mark.parametrize("change", [0.97, 1.04, (1.0, 1.02, 1.1)])
def test_what_the_place_around_shows_goes_on_beneath_the_subject(change):
    plate, frame, mask = scene(change)
    found = exposed_alike(plate, frame, known(), mask)
    expected = plate * np.float32(change)
    before, after = (np.abs(x - expected)[SUBJECT].mean() for x in (plate, found))
    assert after < 0.35 * before
    assert found.dtype == np.float32 and found.shape == plate.shape


def test_each_part_of_the_picture_has_its_own():
    plate, frame, mask = scene()
    ramp = np.linspace(0.96, 1.08, SIZE[1], dtype=np.float32)[None, :, None]
    found = exposed_alike(plate, frame * ramp, known(), mask)
    left, right = ((found / plate)[:, columns].mean() for columns in (np.s_[:30], np.s_[-30:]))
    assert left < 0.985 and right > 1.05


def test_the_same_light_changes_nothing():
    plate, frame, mask = scene()
    np.testing.assert_allclose(exposed_alike(plate, frame, known(), mask), plate, atol=1e-5)


def test_a_subject_that_the_mask_misses_has_no_say():
    plate, frame, _ = scene()
    found = exposed_alike(plate, frame, known(), np.zeros(SIZE, np.float32))
    assert np.abs(found - plate).max() < 0.01


@pytest.mark.parametrize(("change", "end"), [(0.9, 0), (1.18, 1)])
def test_no_more_changes_than_light_does(change, end):
    plate, frame, mask = scene(change)
    ratio = exposed_alike(plate, frame, known(), mask) / plate
    assert np.median(ratio) == pytest.approx(np.exp(CHANGE[end]), abs=1e-3)


@pytest.mark.parametrize("change", [0.6, 1.6])
def test_what_no_exposure_leaves_has_no_say(change):
    plate, frame, mask = scene(change)
    np.testing.assert_allclose(exposed_alike(plate, frame, known(), mask), plate, atol=1e-5)


def test_a_subject_nearly_like_the_place_has_no_say():
    plate = place()
    frame, mask = plate.copy(), np.zeros(SIZE, np.float32)
    frame[SUBJECT], mask[SUBJECT] = 1.1 * plate[SUBJECT], 1
    np.testing.assert_allclose(exposed_alike(plate, frame, known(), mask), plate, atol=1e-5)
    frame[SUBJECT] = 1.15 * plate[SUBJECT]  # what the mask misses counts little where it is not like its surroundings
    assert np.abs(exposed_alike(plate, frame, known(), 0 * mask) - plate).max() < 0.033


def test_what_is_close_to_the_subject_has_no_say():
    plate, frame, mask = scene()
    rim = cv2.dilate((mask > 0.02).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    frame[rim & (mask <= 0.02)] *= 1.1
    np.testing.assert_allclose(exposed_alike(plate, frame, known(), mask), plate, atol=1e-5)


def test_where_the_plate_is_not_known_it_stays_empty_and_says_nothing():
    plate, frame, mask = scene(1.04)
    coverage = known()
    coverage[:, :40], plate[:, :40] = 0, 0
    assert not exposed_alike(plate, frame, coverage, mask)[:, :40].any()
    plate[:, :40] = 1.1 * frame[:, :40]
    found = exposed_alike(plate, frame, coverage, mask)
    beside = np.s_[:, 42:56]
    expected = np.float32(1.04) * plate[beside]
    assert np.abs(found[beside] - expected).mean() < 0.3 * np.abs(plate[beside] - expected).mean()


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (37, 53)])
def test_small_and_odd_sizes(size):
    plate, frame = np.full((*size, 3), 0.5, np.float32), np.full((*size, 3), 0.52, np.float32)
    for mask in (np.zeros(size, np.float32), np.ones(size, np.float32)):
        found = exposed_alike(plate, frame, np.ones(size, np.float32), mask)
        assert found.shape == plate.shape and np.isfinite(found).all()
        assert np.abs(found - 0.51).max() < 0.0101 + 1e-6
