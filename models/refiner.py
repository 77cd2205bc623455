"""Full-size alpha and foreground from the coarse result and what the plate says pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.generator import Coarse

STRETCH = 0.02
"""Coarse alpha this near to 0 or 1 counts as 0 or 1: a tanh never quite arrives."""

PROJECTION_FLOOR = 0.02
"""|F - B|^2 at which the projection is half trusted."""


@dataclass(frozen=True)
class RefinerConfig:
    """Sizes of the refiner.

    Attributes:
        channels: A full-size pixel's; the body sees four times as many at half size.
        body: 3 x 3 convolutions at half size.
        hidden: The generator's hidden channels.
    """

    channels: int = 8
    body: int = 2
    hidden: int = 5


def projection(image: Tensor, plate: Tensor, foreground: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha that the compositing equation gives where image, plate and foreground are known.

    (I - B)(F - B) / |F - B|^2 is certain where F and B differ and empty where they do not.

    Args:
        image: B x 3 x H x W.
        plate: B x 3 x H x W.
        foreground: B x 3 x H x W.

    Returns:
        The projected alpha in [0, 1] and its confidence |F - B|^2 / (|F - B|^2 + floor), B x 1 x H x W each.
    """
    span = foreground - plate
    energy = (span * span).sum(1, keepdim=True)
    alpha = ((image - plate) * span).sum(1, keepdim=True) / energy.clamp(min=1e-4)
    return alpha.clamp(0, 1), energy / (energy + PROJECTION_FLOOR)


def enlarge(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of B x C x h x w to `size` (height, width)."""
    return F.interpolate(coarse, size, mode="bilinear", align_corners=False)


def stretch(alpha: Tensor) -> Tensor:
    """Move coarse alpha apart so that what is all but certain reaches 0 or 1 (unclamped)."""
    return (alpha - STRETCH) / (1 - 2 * STRETCH)


class Refiner(nn.Module):
    """A small convolutional net at full size; its body works at half size for a wider view.

    Convolutions are valid (unpadded), so that a tile with `margin` pixels around it gives exactly what the
    whole frame would.
    """

    def __init__(self, config: RefinerConfig = RefinerConfig()) -> None:
        super().__init__()
        self.config = config
        inputs = 13 + config.hidden
        c = config.channels
        self.first = nn.Conv2d(inputs, c, 3)
        self.body = nn.ModuleList(nn.Conv2d(4 * c, 4 * c, 3) for _ in range(config.body))
        self.last = nn.Conv2d(c + inputs, 4, 3)
        for parameter in self.last.parameters():  # starts as the identity: the coarse result enlarged
            nn.init.zeros_(parameter)

    @property
    def margin(self) -> int:
        """Pixels of surroundings that a result pixel depends on, on each side; even sizes stay even."""
        return 2 + 2 * self.config.body

    def forward(self, image: Tensor, plate: Tensor, coverage: Tensor, coarse: Coarse) -> tuple[Tensor, Tensor]:
        """Refine a tile.

        Args:
            image: B x 3 x (H + 2 margin) x (W + 2 margin), H and W even.
            plate: The same shape, 0 where unknown.
            coverage: B x 1 x the same.
            coarse: The coarse result enlarged to the same size, its foreground as a correction of the image.

        Returns:
            Alpha B x 1 x H x W and foreground B x 3 x H x W, both unclamped.
        """
        x = self._evidence(image, plate, coverage, coarse)
        y = F.relu(self.first(x))
        z = F.pixel_unshuffle(y, 2)
        for conv in self.body:
            z = F.relu(conv(z))
        y = F.pixel_shuffle(z, 2)
        inset = self.margin - 1
        change = self.last(torch.cat((y, x[:, :, inset:-inset, inset:-inset]), dim=1))
        m = self.margin
        alpha = stretch(coarse.alpha[:, :, m:-m, m:-m]) + change[:, :1]
        foreground = (image + coarse.foreground)[:, :, m:-m, m:-m] + change[:, 1:]
        return alpha, foreground

    def _evidence(self, image: Tensor, plate: Tensor, coverage: Tensor, coarse: Coarse) -> Tensor:
        foreground = (image + coarse.foreground).clamp(0, 1)
        projected, confidence = projection(image, plate, foreground)
        confidence = confidence * coverage
        difference = (image - plate) * coverage
        distance = difference.abs().amax(1, keepdim=True)
        alpha = stretch(coarse.alpha).clamp(0, 1)
        parts = (image, difference, foreground - image, alpha, projected * confidence, confidence, distance)
        return torch.cat((*parts, coarse.hidden), dim=1)
