"""The losses are those of the equations: values worked out by hand."""

import pytest
import torch

from models.coarse import Coarse
from training.losses import (
    FEW_GAPS,
    alpha_loss,
    error_loss,
    foreground_loss,
    gap_loss,
    laplacian_loss,
    light_loss,
    recomposition_loss,
    sobel,
    translucent_loss,
)


def ramp(slope, size=6):
    return (slope * torch.arange(size, dtype=torch.float32)).expand(1, 1, size, size).clone()


def test_sobel_of_a_ramp_is_its_slope():
    along_x, along_y = sobel(ramp(0.1))[0]
    assert torch.allclose(along_x, torch.full((4, 4), 0.1))
    assert torch.allclose(along_y, torch.zeros(4, 4), atol=1e-7)


def test_alpha_loss_adds_value_and_gradient():
    # Against 0: the mean of 0, 0.1 .. 0.5 is 0.25; the gradient is 0.1 along x and 0 along y, its mean 0.05.
    assert float(alpha_loss(ramp(0.1), torch.zeros(1, 1, 6, 6))) == pytest.approx(0.30, abs=1e-6)


def test_foreground_counts_only_where_there_is_some():
    alpha = torch.zeros(1, 1, 2, 2)
    alpha[..., 0, 0] = 0.3
    predicted, true = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    true[:, :, 0, 0] = torch.tensor([0.1, 0.2, 0.6])
    assert float(foreground_loss(predicted, true, alpha)) == pytest.approx(0.3)
    assert float(foreground_loss(predicted, true, torch.zeros_like(alpha))) == 0


def test_recomposition_is_zero_for_the_truth_and_counts_the_rest():
    alpha = torch.full((1, 1, 2, 2), 0.25)
    foreground, background = torch.full((1, 3, 2, 2), 0.8), torch.full((1, 3, 2, 2), 0.4)
    assert float(recomposition_loss(torch.full((1, 3, 2, 2), 0.5), alpha, foreground, background)) < 1e-7
    image = torch.full((1, 3, 2, 2), 0.7)
    assert float(recomposition_loss(image, alpha, foreground, background)) == pytest.approx(0.2)


def test_laplacian_sees_detail_and_not_a_constant():
    true = torch.zeros(1, 1, 32, 32)
    assert float(laplacian_loss(true + 0.5, true)) < 1e-6
    checks = true.clone()
    checks[..., ::2, ::2] = 1
    assert float(laplacian_loss(checks, true)) > 0.05


def test_error_is_measured_against_what_alpha_missed_and_does_not_move_alpha():
    alpha = torch.full((1, 1, 2, 2), 0.7, requires_grad=True)
    hidden = torch.full((1, 5, 2, 2), 0.1, requires_grad=True)
    loss = error_loss(Coarse(alpha, torch.zeros(1, 3, 2, 2), hidden, torch.zeros(1, 3, 2, 2)), torch.ones(1, 1, 2, 2))
    assert float(loss.detach()) == pytest.approx(0.04)  # (0.1 - 0.3)^2
    loss.backward()
    assert alpha.grad is None
    assert hidden.grad is not None and hidden.grad[:, 1:].abs().sum() == 0


def test_translucent_counts_only_what_is_neither_here_nor_there():
    alpha = torch.tensor([[0.0, 0.5], [1.0, 0.99]]).view(1, 1, 2, 2)
    predicted, true = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.9)
    true[:, :, 0, 1] = 0.2
    assert float(translucent_loss(predicted, true, alpha)) == pytest.approx(0.2)


def test_light_is_one_more_than_the_channel_and_counts_where_the_place_is_seen():
    hidden = torch.zeros(1, 5, 1, 2)
    hidden[:, 1] = -0.3
    coarse = Coarse(torch.zeros(1, 1, 1, 2), torch.zeros(1, 3, 1, 2), hidden, torch.zeros(1, 3, 1, 2))
    seen = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert float(light_loss(coarse, torch.full((1, 1, 1, 2), 0.8), seen)) == pytest.approx(0.05)  # |0.7 - 0.8| / 2


def test_gap_loss_is_that_of_what_is_open_amid_what_is_not():
    true = torch.ones(1, 1, 20, 40)
    true[:, :, 8:10, 8:10] = 0.25  # a gap: of 7 x 7 pixels around, 45 are solid
    true[:, :, 2:4, 14:16] = 0.85  # see-through a little, like a veil
    true[:, :, :, 25:] = 0  # and a place
    guess = torch.ones_like(true)
    inside = torch.zeros(20, 40, dtype=torch.bool)
    inside[8:10, 8:10] = True
    assert float(gap_loss(guess, true, 7)) == pytest.approx(4 * 0.75 / (4 + FEW_GAPS))
    assert float(gap_loss(torch.where(inside, 0.5, guess), true, 7)) == pytest.approx(4 * 0.25 / (4 + FEW_GAPS))
    assert float(gap_loss(guess, torch.ones_like(true), 7)) == 0
    assert float(gap_loss(guess, torch.full_like(true, 0.8), 7)) == 0
