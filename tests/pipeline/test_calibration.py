"""How refined alpha is read."""

import torch

from pipeline.calibration import KNOTS, calibrated


def test_alpha_is_read_as_it_is_found_and_linear_between():
    said, found = (torch.tensor(column) for column in zip(*KNOTS, strict=True))
    no_gap = torch.zeros_like(said)
    torch.testing.assert_close(calibrated(said, no_gap), found)
    between = (said[1:] + said[:-1]) / 2
    torch.testing.assert_close(calibrated(between, no_gap[1:]), (found[1:] + found[:-1]) / 2)


def test_what_is_hardly_there_and_what_is_out_of_range_stays():
    alpha = torch.tensor([-0.1, 0.0, 0.2, KNOTS[0][0], 1.0, 1.1])
    torch.testing.assert_close(calibrated(alpha, torch.zeros_like(alpha)), alpha)


def test_the_order_of_alphas_stays():
    alpha = torch.linspace(0, 1, 1001)
    assert (calibrated(alpha, torch.zeros_like(alpha)).diff() > 0).all()


def test_in_a_gap_alpha_stays_as_said():
    alpha = torch.tensor([0.6, 0.8, 0.9])
    torch.testing.assert_close(calibrated(alpha, torch.ones(3)), alpha)
    half, whole = (calibrated(alpha, torch.full((3,), gap)) - alpha for gap in (0.5, 0.0))
    torch.testing.assert_close(half, whole / 2)
