"""Colours where alpha was raised: they follow from the new alpha, and are carried on from there."""

import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.recolouring import recoloured

HEIGHT, WIDTH = 90, 160
PLACE, DARK, LOCK = np.float32([0.75, 0.75, 0.8]), np.float32([0.2, 0.2, 0.3]), np.float32([0.6, 0.5, 0.45])
SUBJECT, RAISED = np.s_[:, :, 20:70, 40:120], np.s_[:, :, 40:50, 70:90]


def planes(colour):
    return torch.from_numpy(colour)[None, :, None, None].expand(1, 3, HEIGHT, WIDTH).clone()


def pictures(shade=1.0):
    """A dark subject with a lighter lock in it before a bright place that it leaves `shade` of the light."""
    image = planes(shade * PLACE)
    image[SUBJECT], image[RAISED] = planes(DARK)[SUBJECT], planes(LOCK)[RAISED]
    return image[0].permute(1, 2, 0).contiguous().numpy(), np.broadcast_to(PLACE, (HEIGHT, WIDTH, 3)).copy()


def coarse(alpha, hidden=2, light=0.0):
    """The lock taken for the dark subject, seen through with some alpha."""
    image = torch.from_numpy(pictures()[0]).permute(2, 0, 1)[None]
    whole = torch.zeros(1, 1, HEIGHT, WIDTH)
    whole[SUBJECT], whole[RAISED] = 1, alpha
    result = Coarse(whole, planes(DARK) - image, torch.full((1, hidden, HEIGHT, WIDTH), 0.3), planes(DARK))
    result.hidden[:, 1:] = light
    return result


def test_what_is_solid_now_has_the_colour_that_is_seen_and_lends_it():
    image, plate = pictures()
    before, after = coarse(0.5), coarse(1.0)
    result = recoloured(before, after, image, plate)
    seen = torch.from_numpy(image).permute(2, 0, 1)[None]
    assert torch.equal(result.alpha, after.alpha) and torch.equal(result.hidden, after.hidden)
    assert result.foreground[RAISED].abs().max() < 1e-5
    middle = np.s_[:, :, 43:47, 74:86]
    assert (result.carried - seen)[middle].abs().max() < 0.03
    assert (before.carried[middle] - planes(DARK)[middle]).abs().max() == 0  # what was given is as it was


@pytest.mark.parametrize("shade", [1.0, 0.6])
def test_what_is_a_mixture_still_has_the_colour_that_explains_it(shade):
    image, plate = pictures()
    image[RAISED[2:]] = 0.5 * LOCK + 0.5 * shade * PLACE
    result = recoloured(coarse(0.1, light=shade - 1), coarse(0.5, light=shade - 1), image, plate)
    colour = result.foreground[0].permute(1, 2, 0)[RAISED[2:]].numpy() + image[RAISED[2:]]
    np.testing.assert_allclose(colour, np.broadcast_to(LOCK, colour.shape), atol=1e-3)
    carried = result.carried[0, :, 44:46, 76:84].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(carried, np.broadcast_to(LOCK, carried.shape), atol=0.04)


def test_the_less_alpha_was_raised_the_less_its_colour_changes():
    image, plate = pictures()
    changes = [
        (recoloured(coarse(0.5), coarse(alpha), image, plate).foreground - coarse(0.5).foreground)[RAISED].abs().mean()
        for alpha in (0.52, 0.55, 0.6)
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_far_away_and_outside_nothing_changes():
    image, plate = pictures()
    after = coarse(1.0)
    result = recoloured(coarse(0.5), after, image, plate)
    rest = torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    rest[RAISED] = False
    assert torch.equal(result.foreground * rest, after.foreground * rest)
    assert torch.equal(result.carried[..., :40], after.carried[..., :40])


@pytest.mark.parametrize("alpha", [0.5, 0.3])
def test_without_anything_raised_the_result_is_handed_back(alpha):
    after = coarse(alpha)
    assert recoloured(coarse(0.5), after, *pictures()) is after


def test_alpha_beyond_one_is_no_error():
    image, plate = pictures()
    before, after = coarse(1.02), coarse(1.02)
    assert recoloured(before, after, image, plate) is after
