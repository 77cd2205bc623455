"""Rims: what begins with a step at a smooth outline, or has a plateau, is solid; soft edges stay soft."""

import cv2
import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.rims import solid_to_the_rim

HEIGHT, WIDTH = 90, 160
KNOWN = np.ones((HEIGHT, WIDTH), np.float32)
LEFT = 50
"""Where the subject begins; it goes on to the right, and from the upper border to the lower."""

WRAPPED = (0.25, 0.45, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Alpha from the outline on where cloth gets as light as the wall."""

BLURRED = (0.1, 0.35, 0.6, 0.77, *[0.77] * 10)
"""Alpha of an edge in motion that goes on to no more than that for ten pixels, where cloth is as light as the wall."""


def edge(alphas):
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    alpha[:, :LEFT], alpha[:, LEFT : LEFT + len(alphas)] = 0, alphas
    return alpha


def result_of(alpha, coverage=KNOWN, hidden=2):
    """What is given, and what comes of it."""
    colours = torch.zeros(1, 3, *alpha.shape)
    coarse = Coarse(torch.from_numpy(alpha)[None, None], colours, torch.full((1, hidden, *alpha.shape), 0.3), colours)
    return coarse, solid_to_the_rim(coarse, coverage)


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_a_soft_rim_that_begins_with_a_step_is_solid(hidden):
    given, result = result_of(edge(WRAPPED), hidden=hidden)
    alpha = result.alpha[0, 0]
    assert alpha[:, LEFT + 2 :].min() > 0.97
    assert 0.25 <= alpha[:, LEFT].min() < 0.5  # the outline stays where it is
    assert not alpha[:, :LEFT].any()
    assert hidden == 0 or result.hidden[0, 0, :, LEFT + 2 : LEFT + 8].max() < 0.01
    assert hidden < 2 or torch.equal(result.hidden[:, 1], given.hidden[:, 1])


def test_a_rim_with_less_of_a_step_is_solid_beside_others_only():
    less = (0.17, 0.38, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 0.97, 1)
    given, alone = result_of(edge(less))
    assert (alone.alpha - given.alpha).abs().max() < 0.02
    alpha = edge(WRAPPED)
    alpha[40:52] = edge(less)[40:52]
    given, beside = result_of(alpha)
    assert given.alpha[0, 0, 40:52, LEFT + 2 : LEFT + 5].max() < 0.63
    assert beside.alpha[0, 0, 40:52, LEFT + 2 :].min() > 0.95


def test_the_blur_of_a_lens_beside_such_rims_stays():
    alpha = edge(WRAPPED)
    alpha[38:60] = edge((0.24, 0.62, 0.9, 0.98))[38:60]
    given, result = result_of(alpha)
    assert (result.alpha - given.alpha)[0, 0, 49].abs().max() < 0.1
    assert result.alpha[0, 0, 20, LEFT + 3] > 0.97


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("width", [6, 8, 10, 14])
def test_an_edge_in_motion_stays_soft(width, phase):
    ramp = (np.arange(width) + phase) / width
    given, result = result_of(edge(ramp.astype(np.float32)))
    assert (result.alpha - given.alpha).abs().max() < 0.05


def test_a_plateau_is_solid_and_the_edge_before_it_soft():
    given, result = result_of(edge(BLURRED))
    alpha = result.alpha[0, 0]
    assert alpha[:, LEFT + 4 :].min() > 0.99
    before, after = (x[..., LEFT : LEFT + 4] for x in (given.alpha[0, 0], alpha))
    assert (after >= before).all() and (after <= before / 0.77 + 0.001).all()
    assert not alpha[:, :LEFT].any()
    assert result.hidden[0, 0, :, LEFT + 5 : LEFT + 12].max() < 0.02


def test_a_haze_outside_stays_as_it_is():
    alpha = edge(BLURRED[:11])
    alpha[:, LEFT - 5 : LEFT] = 0.05
    given, result = result_of(alpha)
    assert torch.equal(result.alpha[..., :LEFT], given.alpha[..., :LEFT])
    assert (result.alpha[..., LEFT:] - given.alpha[..., LEFT:]).max() > 0.1


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0, 4.0])
def test_an_edge_out_of_focus_stays_soft(sigma):
    alpha = cv2.GaussianBlur(edge(()), (0, 0), sigma)
    given, result = result_of(alpha)
    assert (result.alpha - given.alpha).abs().max() < 0.05


def test_a_plateau_that_is_mostly_clear_stays():
    given, result = result_of(edge((0.1, 0.2, 0.3, 0.4, *[0.42] * 10)))
    assert torch.equal(result.alpha, given.alpha)


def test_a_plateau_by_nothing_massive_stays():
    alpha = edge(BLURRED)
    alpha[:, LEFT + len(BLURRED) :] = 0.77
    alpha[:, LEFT + 40 : LEFT + 43] = 1
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


def test_a_plateau_by_nothing_massive_is_solid_beside_such_rims_only():
    """An arm that is all in motion, below one that is not."""
    alpha = edge(BLURRED)
    alpha[:60] = edge(WRAPPED)[:60]
    alpha[60:, LEFT + len(BLURRED) :] = 0.77
    given, result = result_of(alpha)
    assert result.alpha[0, 0, 68, LEFT + 5 : LEFT + 9].mean() > 0.88
    assert torch.equal(result.alpha[0, 0, 86:], given.alpha[0, 0, 86:])


def test_an_uneven_plateau_stays():
    alpha = edge(BLURRED)
    alpha[::2, LEFT + 4 : LEFT + 13] += 0.2
    alpha[1::2, LEFT + 4 : LEFT + 13] -= 0.25
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


def test_a_sharp_edge_of_what_is_nearly_opaque_stays_where_it_is():
    given, result = result_of(edge((0.5, *[0.96] * 10)))
    assert (result.alpha - given.alpha).abs().max() < 0.05


def test_sheer_cloth_with_a_hem_stays_sheer():
    alpha = edge(WRAPPED)
    alpha[:, LEFT + 2 :] = 0.6
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


@pytest.mark.parametrize("alphas", [(0.27, 0.72, 0.97), (0.5, 0.9, 0.95)])
def test_a_narrow_edge_stays_about_as_soft_as_it_is(alphas):
    given, result = result_of(edge(alphas))
    assert (result.alpha - given.alpha).abs().max() < 0.12
    assert result.alpha[0, 0, :, LEFT + 1].max() < 0.95


def test_what_lies_deeper_is_no_rims():
    alpha = edge(WRAPPED)
    alpha[:, LEFT + 14 : LEFT + 16] = 0.5
    _, result = result_of(alpha)
    assert result.alpha[0, 0, :, LEFT + 2 : LEFT + 9].min() > 0.97
    assert result.alpha[0, 0, :, LEFT + 14 : LEFT + 16].max() < 0.6


@pytest.mark.parametrize("alphas", [WRAPPED, BLURRED])
def test_strands_stay_strands(alphas):
    alpha = edge(alphas)
    for row in range(0, HEIGHT, 6):
        alpha[row : row + 2, LEFT - 8 : LEFT] = 0.6  # they stick out
        alpha[row + 2 : row + 4, LEFT : LEFT + 5] = 0  # and leave gaps
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


def test_uneven_hair_stays_as_it_is():
    alpha = edge(WRAPPED)
    alpha[::2, LEFT + 3 : LEFT + 8] -= 0.35
    alpha[1::2, LEFT + 3 : LEFT + 8] += 0.2
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


def test_nothing_changes_where_the_plate_is_not_known():
    coverage = KNOWN.copy()
    coverage[:40] = 0
    given, result = result_of(edge(WRAPPED), coverage)
    assert torch.equal(result.alpha[:, :, :40], given.alpha[:, :, :40])
    assert result.alpha[0, 0, 40:, LEFT + 2 :].min() > 0.97


def test_the_pictures_border_is_no_outline():
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    alpha[:, : len(WRAPPED)] = WRAPPED  # a veil that the border cuts off
    given, result = result_of(alpha)
    assert torch.equal(result.alpha, given.alpha)


def test_where_the_subject_lies_in_the_picture_does_not_matter():
    """A part around what is uncertain is looked at: it is wide enough."""
    alpha = edge(())
    alpha[40:60] = edge(WRAPPED)[40:60]  # above and below the edge is hard
    given, alone = result_of(alpha)
    assert (alone.alpha - given.alpha).max() > 0.1
    alpha[5:8, 2:5] = 0.5  # something else, far away
    _, both = result_of(alpha)
    assert torch.equal(alone.alpha[..., 40:], both.alpha[..., 40:])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (40, 3)])
def test_small_pictures_are_no_error(size):
    for value in (0.0, 0.5, 1.0):
        given, result = result_of(np.full(size, value, np.float32), np.ones(size, np.float32))
        assert torch.equal(result.alpha, given.alpha)
