"""How refined alpha is read."""

import numpy as np
import pytest
import torch

from pipeline.calibration import DENSE, GAP, KNOTS, calibrated, surroundings


def test_alpha_is_read_as_it_is_found_and_linear_between():
    said, found = (torch.tensor(column) for column in zip(*KNOTS, strict=True))
    nothing_around = torch.zeros_like(said)
    torch.testing.assert_close(calibrated(said, nothing_around), found)
    between = (said[1:] + said[:-1]) / 2
    torch.testing.assert_close(calibrated(between, nothing_around[1:]), (found[1:] + found[:-1]) / 2)


def test_what_is_hardly_there_and_what_is_out_of_range_stays():
    alpha = torch.tensor([-0.1, 0.0, 0.2, KNOTS[0][0], 1.0, 1.1])
    torch.testing.assert_close(calibrated(alpha, torch.zeros_like(alpha)), alpha)


def test_the_order_of_alphas_stays():
    alpha = torch.linspace(0, 1, 1001)
    for around in (0.0, 0.6, 1.0):
        assert (calibrated(alpha, torch.full_like(alpha, around)).diff() > 0).all()


@pytest.mark.parametrize(
    ("alpha", "around", "lifted"),
    [(0.6, DENSE[0], 1.0), (0.6, 0.6 + GAP, 0.0), (0.75, 0.75, 1.0), (0.75, 0.75 + GAP / 3, 2 / 3)],
)
def test_a_gap_amid_what_is_dense_stays_as_said(alpha, around, lifted):
    said, around = torch.tensor([alpha]), torch.tensor([around])
    most = calibrated(said, torch.zeros(1)) - said
    torch.testing.assert_close(calibrated(said, around) - said, lifted * most)


def test_surroundings_are_a_mean():
    alpha = np.zeros((20, 30), np.float32)
    alpha[:, 15:] = 1
    around = surroundings(alpha)
    assert around[10, 2] == 0 and around[10, 28] == 1
    assert around[10, 15] == pytest.approx(5 / 9)
