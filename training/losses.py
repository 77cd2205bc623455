"""The losses of the paper's first stage: L1 throughout, means over pixels and channels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.coarse import Coarse

FEW_GAPS = 100
"""Pixels of gaps whose weight is half of what more of them have."""

_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def sobel(alpha: Tensor) -> Tensor:
    """Sobel derivatives divided by 8, so that a ramp of 1 a pixel has gradient 1.

    Args:
        alpha: B x 1 x H x W.

    Returns:
        B x 2 x (H - 2) x (W - 2): along x, along y.
    """
    kernel = torch.tensor(_SOBEL, dtype=alpha.dtype, device=alpha.device) / 8
    return F.conv2d(alpha, torch.stack((kernel, kernel.T))[:, None])


def alpha_loss(alpha: Tensor, true: Tensor) -> Tensor:
    """|alpha - alpha*| + |grad alpha - grad alpha*|, B x 1 x H x W each."""
    return F.l1_loss(alpha, true) + F.l1_loss(sobel(alpha), sobel(true))


def foreground_loss(foreground: Tensor, true: Tensor, true_alpha: Tensor) -> Tensor:
    """|F - F*| where alpha* > 0, B x 3 x H x W; 0 where there is no such pixel."""
    return _mean_where(true_alpha > 0, (foreground - true).abs())


def translucent_loss(values: Tensor, true: Tensor, true_alpha: Tensor) -> Tensor:
    """|x - x*| where alpha* is neither 0 nor 1, of F or of alpha: few pixels, and all the difficulty is there."""
    return _mean_where((true_alpha > 0.02) & (true_alpha < 0.98), (values - true).abs())


def gap_loss(alpha: Tensor, true_alpha: Tensor, side: int) -> Tensor:
    """|alpha - alpha*| in gaps: where alpha* is 0.2 below its mean in the odd square of `side` around, itself over 0.7.

    They are a hundredth of the pixels of hair, and what is seen of the place in them is seen at once. The mean is over
    `FEW_GAPS` more pixels than there are, or a handful would outweigh all else.
    """
    around = F.avg_pool2d(true_alpha, side, 1, side // 2, count_include_pad=False)
    gap = ((around > 0.7) & (around - true_alpha > 0.2)).to(alpha.dtype)
    return ((alpha - true_alpha).abs() * gap).sum() / (gap.sum() + FEW_GAPS)


def light_loss(coarse: Coarse, true_light: Tensor, seen: Tensor) -> Tensor:
    """|light - light*| of the second hidden channel, weighted by how far the place is seen; B x 1 x H x W each."""
    error = (1 + coarse.hidden[:, 1:2] - true_light).abs()
    return (error * seen).mean()


def _mean_where(where: Tensor, error: Tensor) -> Tensor:
    """Mean of B x C x H x W over the pixels of B x 1 x H x W; 0 where there is none."""
    weight = where.to(error.dtype)
    return (error * weight).sum() / (error.shape[1] * weight.sum()).clamp(min=1)


def recomposition_loss(image: Tensor, alpha: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """|I - alpha F - (1 - alpha) B|, B x 3 x H x W and alpha B x 1 x H x W."""
    return F.l1_loss(alpha * foreground + (1 - alpha) * background, image)


def laplacian_loss(alpha: Tensor, true: Tensor, levels: int = 4) -> Tensor:
    """L1 of the differences between successive scales, each weighted by its scale (Hou and Liu, 2019).

    Args:
        alpha: B x 1 x H x W.
        true: The same.
        levels: Scales; H and W are at least 2 ** levels.
    """
    error = alpha - true
    total = error.new_zeros(())
    for level in range(levels):
        smaller = F.avg_pool2d(error, 2)
        band = error - F.interpolate(smaller, error.shape[2:], mode="bilinear", align_corners=False)
        total = total + (2**level) * band.abs().mean()
        error = smaller
    return total / levels


def error_loss(coarse: Coarse, true_alpha: Tensor) -> Tensor:
    """Squared error of the predicted |alpha - alpha*|, the first hidden channel."""
    error = (coarse.alpha - true_alpha).detach().abs()
    return F.mse_loss(coarse.hidden[:, :1], error)
