"""Parts that are said to be see-through are solid where they have the colours of solid parts near by, only there."""

import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.own_colours import solid_where_alike

HEIGHT, WIDTH = 90, 160
SUBJECT, SPOT = np.s_[20:70, 40:120], np.s_[40:45, 70:75]
KNOWN = np.ones((HEIGHT, WIDTH), np.float32)
PLACE, DARK, LIGHT = np.float32([0.8, 0.8, 0.9]), np.float32([0.2, 0.2, 0.3]), np.float32([0.5, 0.4, 0.5])


def coarse(in_spot=0.7, hidden=2):
    alpha = torch.zeros(1, 1, HEIGHT, WIDTH)
    alpha[0, 0][SUBJECT] = 1
    alpha[0, 0][SPOT] = in_spot
    colours = torch.zeros(1, 3, HEIGHT, WIDTH)
    return Coarse(alpha, colours, torch.full((1, hidden, HEIGHT, WIDTH), 0.3), colours)


def picture(in_spot):
    """A subject in dark and light stripes before a place, and a spot of one colour."""
    image = np.broadcast_to(PLACE, (HEIGHT, WIDTH, 3)).copy()
    image[SUBJECT] = DARK
    image[20:70, 40:120:4] = LIGHT
    image[SPOT] = in_spot
    return image


@pytest.mark.parametrize("hidden", [0, 2])
@pytest.mark.parametrize("colour", [DARK, LIGHT, (DARK + LIGHT) / 2])
def test_what_has_colours_of_the_solid_parts_is_solid(colour, hidden):
    given = coarse(hidden=hidden)
    result = solid_where_alike(given, picture(colour), KNOWN)
    assert result.alpha[0, 0][SPOT].min() > 0.99
    assert result.hidden.shape[1] == hidden and torch.equal(result.hidden[:, 1:], given.hidden[:, 1:])
    assert hidden == 0 or result.hidden[0, 0][SPOT].max() < 0.01
    assert torch.equal(result.alpha[0, 0, :, :60], given.alpha[0, 0, :, :60])
    assert given.alpha[0, 0, 42, 72] == np.float32(0.7)


@pytest.mark.parametrize("channel", range(3))
@pytest.mark.parametrize("by", [-0.15, 0.15])
def test_another_colour_in_any_channel_is_another_colour(channel, by):
    given, colour = coarse(), (LIGHT if by > 0 else DARK).copy()
    colour[channel] += np.float32(by)
    assert solid_where_alike(given, picture(colour), KNOWN) is given


def test_the_more_unlike_a_colour_is_the_less_does_alpha_rise():
    risen = [
        float(solid_where_alike(coarse(), picture(LIGHT + np.float32(by)), KNOWN).alpha[0, 0, 42, 72])
        for by in (0, 0.02, 0.04, 0.07)
    ]
    assert risen == sorted(risen, reverse=True) and risen[0] > risen[1] > risen[2] > risen[3] == np.float32(0.7)


def test_what_is_mostly_place_stays():
    given = coarse(in_spot=0.3)
    assert solid_where_alike(given, picture(DARK), KNOWN) is given


def test_a_dark_seam_by_a_dark_subject_is_not_amid_it():
    """As a shadow beside a shoe."""
    given, image, seam = coarse(in_spot=1), picture(DARK), np.s_[35:55, 120:121]
    given.alpha[0, 0][seam] = 0.5
    image[seam] = DARK
    assert solid_where_alike(given, image, KNOWN) is given


def test_a_single_lock_does_not_tell_of_all_colours():
    given = coarse()
    given.alpha[0, 0, 34:51, 64:81] = 0.7
    given.alpha[0, 0, 40:45, 75:79] = 1
    assert torch.equal(solid_where_alike(given, picture(DARK), KNOWN).alpha[0, 0][SPOT], given.alpha[0, 0][SPOT])


def test_what_is_all_strands_lends_no_colours():
    """Of a dandelion hardly more than the stalk is solid, and its down is as see-through as it looks."""
    given = coarse()
    given.alpha[0, 0][SUBJECT] = 0.7
    given.alpha[0, 0, 30:60, 72:80] = 1
    assert solid_where_alike(given, picture(DARK), KNOWN) is given


def test_where_the_plate_is_unknown_nothing_rises():
    coverage = KNOWN.copy()
    coverage[SPOT] = 0
    given = coarse()
    assert solid_where_alike(given, picture(DARK), coverage) is given


def test_nothing_in_between_is_handed_back_as_it_is():
    given = coarse(in_spot=1)
    assert solid_where_alike(given, picture(DARK), KNOWN) is given
