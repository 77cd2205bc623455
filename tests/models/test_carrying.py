"""Colours carried on: the subject's own where it is solid, the nearest solid part's elsewhere."""

import pytest
import torch

from models.carrying import carry_colour


def scene():
    """A red square and a blue one, far apart, on grey."""
    image = torch.full((1, 3, 96, 160), 0.5)
    alpha = torch.zeros(1, 1, 96, 160)
    for left, colour in ((10, (0.9, 0.1, 0.1)), (110, (0.1, 0.1, 0.9))):
        image[0, :, 30:70, left : left + 40] = torch.tensor(colour).view(3, 1, 1)
        alpha[0, :, 30:70, left : left + 40] = 1
    return image, alpha


def test_solid_parts_keep_their_colour():
    image, alpha = scene()
    carried = carry_colour(image, alpha)
    assert (carried - image)[:, :, 36:64, 16:44].abs().max() < 0.05
    assert (carried - image)[:, :, 36:64, 116:144].abs().max() < 0.05


def test_beside_the_subject_its_nearest_colour_goes_on():
    image, alpha = scene()
    carried = carry_colour(image, alpha)
    red, blue = carried[0, :, 50, 55], carried[0, :, 50, 105]
    assert red[0] > 0.6 and red[0] - red[2] > 0.3
    assert blue[2] > 0.7 and blue[2] - blue[0] > 0.3


def test_what_is_see_through_lends_no_colour():
    image, alpha = scene()
    image[:, :, 30:70, 50:60], alpha[:, :, 30:70, 50:60] = 0.0, 0.5  # a dark fringe of half coverage
    carried = carry_colour(image, alpha)
    assert carried[0, 0, 50, 55] > 0.6


def test_a_thin_part_counts_where_there_is_nothing_thicker():
    image, alpha = torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, 1, 64, 64)
    image[0, :, 30:34] = torch.tensor([0.1, 0.8, 0.1]).view(3, 1, 1)
    alpha[:, :, 30:34] = 1
    assert carry_colour(image, alpha)[0, 1, 20, 32] > 0.7


def test_no_subject_is_grey_and_odd_sizes_are_kept():
    carried = carry_colour(torch.rand(2, 3, 33, 57), torch.zeros(2, 1, 33, 57))
    assert carried.shape == (2, 3, 33, 57)
    assert torch.allclose(carried, torch.full_like(carried, 0.5))


def test_an_exported_program_carries_the_same_colours(monkeypatch):
    torch.manual_seed(0)
    image, alpha = torch.rand(2, 3, 45, 71), (torch.rand(2, 1, 45, 71) > 0.1).float()
    here = carry_colour(image, alpha)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(carry_colour(image, alpha), here, atol=1e-5, rtol=1e-5)


def test_a_little_less_alpha_changes_the_colours_a_little():
    image, alpha = scene()
    image[:, :, 30:70, 40:50] = 0.0  # dark cloth
    colours = []
    for level in torch.arange(0.96, 1, 0.002):
        alpha[:, :, 30:70, 40:50] = level
        colours.append(carry_colour(image, alpha)[:, :, 50, 55])
    steps = (torch.stack(colours)[1:] - torch.stack(colours)[:-1]).abs().amax(dim=(1, 2))
    assert steps.max() < 0.4 * steps.sum() and steps.sum() > 0.1


@pytest.mark.parametrize("alpha", [0.970001, 0.9701, 0.98])
def test_a_lone_part_that_is_just_about_solid_lends_its_whole_colour(alpha):
    image, coverage = torch.full((1, 3, 288, 512), 0.5), torch.zeros(1, 1, 288, 512)
    image[0, :, 100:103, 100:103] = torch.tensor([0.9, 0.3, 0.3]).view(3, 1, 1)
    coverage[:, :, 100:103, 100:103] = alpha
    assert torch.allclose(carry_colour(image, coverage)[0, :, 200, 400], torch.tensor([0.9, 0.3, 0.3]), atol=1e-3)
