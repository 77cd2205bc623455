"""Options of taste: each does what its name says, and nothing where it is not asked for."""

import cv2
import numpy as np
import pytest

from pipeline.composite import composite
from pipeline.finishing import Finish, composed, finished
from pipeline.frames import CleanplateError, FrameStatus, Matte
from pipeline.light import to_display, to_linear

SIZE = 96


@pytest.fixture
def matte():
    alpha = np.zeros((SIZE, SIZE), np.float32)
    cv2.circle(alpha, (48, 48), 30, 1, -1, cv2.LINE_AA)
    foreground = np.full((SIZE, SIZE, 3), (0.6, 0.2, 0.1), np.float32)
    return Matte(alpha, foreground, FrameStatus.OK, None)


@pytest.fixture
def background():
    return np.full((SIZE, SIZE, 3), (0.1, 0.5, 0.9), np.float32)


def radius_px(alpha):
    return np.sqrt(alpha.sum() / np.pi)


def test_nothing_asked_for_is_nothing_done(matte, background):
    assert finished(matte, Finish()) is matte
    assert np.array_equal(composed(matte, background, Finish()), composite(matte, background))


def test_erosion_draws_the_edge_in_by_as_much(matte):
    assert radius_px(finished(matte, Finish(erode_px=4)).alpha) == pytest.approx(radius_px(matte.alpha) - 4, abs=0.6)


def test_erosion_spares_the_picture_s_border():
    alpha = np.ones((40, 40), np.float32)
    alpha[:, :10] = 0
    eroded = finished(Matte(alpha, np.zeros((40, 40, 3), np.float32), FrameStatus.OK, None), Finish(erode_px=3)).alpha
    assert (eroded[:, 13:] == 1).all() and (eroded[:, :13] == 0).all()


def test_feathering_softens_inwards(matte):
    alpha = finished(matte, Finish(feather_px=6)).alpha
    assert (alpha <= matte.alpha).all()
    soft = ((alpha > 0.02) & (alpha < 0.98)).sum()
    assert soft > 3 * ((matte.alpha > 0.02) & (matte.alpha < 0.98)).sum()
    assert alpha[48, 48] == pytest.approx(1)


def test_linear_light_mixes_light(matte, background):
    half = Matte(np.full((SIZE, SIZE), 0.5, np.float32), matte.foreground, FrameStatus.OK, None)
    mixed = composed(half, background, Finish(linear=True))[0, 0]
    light = 0.5 * (to_linear(np.float32([0.6, 0.2, 0.1])) + to_linear(np.float32([0.1, 0.5, 0.9])))
    assert mixed == pytest.approx(to_display(light), abs=1e-5)
    whole = composed(matte, background, Finish(linear=True))
    for place in (matte.alpha == 0, matte.alpha == 1):
        assert whole[place] == pytest.approx(composite(matte, background)[place], abs=1e-6)


def test_light_wraps_around_the_edge_only(matte, background):
    plain, wrapped = (composed(matte, background, Finish(light_wrap_px=px)) for px in (0, 6))
    gained = (wrapped - plain).sum(axis=2)
    assert gained[48, 48] == pytest.approx(0, abs=1e-3)
    assert gained[48, 20] > 0.1  # two pixels within the edge
    assert (gained > -1e-6).all()
    assert np.array_equal(wrapped[matte.alpha == 0], plain[matte.alpha == 0])


@pytest.mark.parametrize("name", ["erode_px", "feather_px", "light_wrap_px"])
def test_nonsense_is_refused(name):
    with pytest.raises(CleanplateError, match="0 to 200"):
        Finish(**{name: -1})
