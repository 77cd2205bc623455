"""Beyond the plate: a subject that the picture cuts off goes on; gaps, hair and guesses far away are left alone."""

import numpy as np
import pytest
import torch

from models.coarse import Coarse
from pipeline.beyond import carried_beyond

HEIGHT, WIDTH = 128, 256
SUBJECT = np.s_[40:, 60:180]
GAP = np.s_[80:, 100:128]
STRIP = 116
"""From this row on the plate is not known."""

CLOTH, WALL = np.float32([0.7, 0.3, 0.2]), np.float32([0.3, 0.4, 0.6])


def scene(gap=False, hidden=2, doubt=0.5):
    """The generator's result, which doubts what is below the strip's edge, and what else is asked for."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[SUBJECT] = True
    mask = inside.astype(np.float32)
    if gap:  # which the soft mask has closed
        inside[GAP] = False
    image = np.where(inside[..., None], CLOTH, WALL)
    coverage = np.ones((HEIGHT, WIDTH), np.float32)
    coverage[STRIP:] = 0
    alpha = np.where(coverage > 0, inside, doubt).astype(np.float32)
    maps = torch.full((1, hidden, HEIGHT, WIDTH), 0.3)
    result = Coarse(
        torch.from_numpy(alpha)[None, None], torch.zeros(1, 3, HEIGHT, WIDTH), maps, torch.zeros(1, 3, 1, 1)
    )
    return result, mask, image, coverage


@pytest.mark.parametrize("hidden", [0, 2])
def test_a_subject_that_is_cut_off_goes_on_to_the_border(hidden):
    given = scene(hidden=hidden)
    result = carried_beyond(*given)
    assert (result.alpha[0, 0, STRIP:, 66:174] == 1).all()
    assert result.hidden.shape[1] == hidden
    if hidden:
        assert (result.hidden[0, 0, STRIP:, 66:174] == 0).all()
        assert torch.equal(result.hidden[:, 1:], given[0].hidden[:, 1:])


def test_what_the_plate_knows_and_the_outline_stay_as_the_networks_have_them():
    given = scene()
    result = carried_beyond(*given)
    assert torch.equal(result.alpha[0, 0, :STRIP], given[0].alpha[0, 0, :STRIP])
    for columns in (np.s_[:62], np.s_[178:]):
        assert torch.equal(result.alpha[0, 0, STRIP:, columns], given[0].alpha[0, 0, STRIP:, columns])


def test_a_gap_that_the_soft_mask_has_closed_stays_open():
    result = carried_beyond(*scene(gap=True))
    assert (result.alpha[0, 0, STRIP:, 101:127] == 0.5).all()
    assert (result.alpha[0, 0, STRIP:, 66:97] == 1).all()


def test_below_see_through_hair_nothing_is_made_solid():
    result, mask, image, coverage = scene()
    result.alpha[0, 0, 100:STRIP, 100:140] = 0.3
    alpha = carried_beyond(result, mask, image, coverage).alpha[0, 0]
    assert (alpha[STRIP:, 102:138] == 0.5).all()
    assert (alpha[STRIP:, 66:97] == 1).all()


def test_a_hole_of_the_plate_within_the_picture_is_left_to_the_networks():
    result, mask, image, coverage = scene()
    coverage[:] = 1
    coverage[60:80, 100:120] = 0
    assert carried_beyond(result, mask, image, coverage) is result


@pytest.mark.parametrize(("doubt", "last"), [(0.5, 92), (0.1, 76)])
def test_far_beyond_the_plate_nothing_is_said_and_less_far_where_the_networks_see_the_place(doubt, last):
    result, mask, image, coverage = scene()
    coverage[60:], result.alpha[0, 0, 60:] = 0, doubt
    alpha = carried_beyond(result, mask, image, coverage).alpha[0, 0]
    assert (alpha[60 : last - 2, 70:170] == 1).all()
    assert (alpha[last + 2 :, 70:170] == np.float32(doubt)).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_plate_that_is_known_all_over_or_nowhere_changes_nothing(share):
    result, mask, image, coverage = scene()
    assert carried_beyond(result, mask, image, np.full_like(coverage, share)) is result


def test_without_a_mask_nothing_goes_on():
    result, mask, image, coverage = scene()
    assert carried_beyond(result, np.zeros_like(mask), image, coverage) is result
