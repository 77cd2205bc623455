"""How like the plate's texture the frame's is: what tells a shadow or a mirror image from a subject."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import AddedConv, ConvBlock, in_float32

SIDES = (1, 3, 7)
"""Sides of the squares, in pixels of the quarter-size map, in which textures are compared."""

NOISE = 1e-4
"""Variance of a colour channel in [0, 1] that may be noise: a hundredth squared."""

MEASURES = 4 + 3
"""Numbers a square gives; see `texture_likeness`."""


class TextureCue(nn.Module):
    """Corrects the plate's quarter-size map by the likeness of two textures; at first by nothing."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.weigh = ConvBlock(MEASURES * len(SIDES), 24, 1)
        self.correct = AddedConv(24, outputs, 1)
        for parameter in self.correct.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor, image: Tensor, plate: Tensor, coverage: Tensor) -> Tensor:
        """Correct a map.

        Args:
            features: B x outputs x H/4 x W/4; odd sizes as stride 2 rounds them.
            image: B x 3 x H x W.
            plate: The same.
            coverage: B x 1 x H x W.

        Returns:
            The map, corrected.
        """
        with in_float32(image.device):  # differences of squares need all digits
            likeness = texture_likeness(image.float(), plate.float(), coverage.float())
        result: Tensor = self.correct(self.weigh(likeness), features)
        return result


def texture_likeness(image: Tensor, plate: Tensor, coverage: Tensor) -> Tensor:
    """Compare frame and plate in squares around each pixel of the quarter-size map.

    A shadow scales the plate's light and a mirror image adds to it: both leave the plate's texture where it is,
    whatever colour they have, and a subject does not.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        plate: The same shape, aligned.
        coverage: B x 1 x H x W, 1 where the plate is known; nothing else is compared.

    Returns:
        B x C x H/4 x W/4, for each of `SIDES`: the correlation of all colours and of grey, in [-1, 1]; the strength of
        the plate's and of the frame's texture, in [0, 1]; and the logarithm of the light that is left of each channel
        of the plate, in [-2, 2]. All 0 where nothing is known.
    """
    *colours, weight = torch.split(_halved(torch.cat((coverage * image, coverage * plate, coverage), 1)), [3, 3, 1], 1)
    grey = torch.tensor([0.299, 0.587, 0.114], device=image.device).view(1, 3, 1, 1)
    seen = [x / weight.clamp(min=1e-4) for x in colours]
    ours, theirs = (torch.cat((x, (grey * x).sum(1, keepdim=True)), dim=1) for x in seen)
    moments = torch.cat((ours, theirs, ours * ours, theirs * theirs, ours * theirs, torch.ones_like(weight)), 1)
    moments = _halved(weight * moments)
    measures = _measures(torch.cat([_mean_of_squares(moments, side) for side in SIDES]))
    return torch.cat(measures.chunk(len(SIDES)), dim=1)


def _measures(moments: Tensor) -> Tensor:
    rest, weight = moments[:, :-1], moments[:, -1:]
    known = weight > 1e-4
    ours, theirs, ours2, theirs2, both = torch.split(rest / weight.clamp(min=1e-4), 4, dim=1)
    own, other = ((x2 - x * x).clamp(min=0) for x, x2 in ((ours, ours2), (theirs, theirs2)))
    shared = both - ours * theirs
    sums = [(x[:, :3].sum(1, keepdim=True), x[:, 3:]) for x in (shared, own, other)]
    alike = [s / ((a + NOISE) * (b + NOISE)).sqrt() for s, a, b in zip(*sums, strict=True)]
    strength = [v / (v + 16 * NOISE) for v in (other[:, 3:], own[:, 3:])]
    light = ((ours[:, :3] + 0.02) / (theirs[:, :3] + 0.02)).log().clamp(-2, 2)
    return torch.cat((*alike, *strength, light), dim=1) * known


def _halved(x: Tensor) -> Tensor:
    """Smoothed and halved, centred where a convolution of stride 2 is; zeros beyond the border."""
    kernel = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    kernel = (kernel[:, None] * kernel).repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def _mean_of_squares(x: Tensor, side: int) -> Tensor:
    """The mean in the square of odd `side` around each pixel; zeros beyond the border."""
    for axis in (3, 2):
        margin, length = side // 2, x.shape[axis]
        wider = F.pad(x, (margin, margin) if axis == 3 else (0, 0, margin, margin))
        neighbours = [wider.narrow(axis, place, length) for place in range(side)]
        x = sum(neighbours[1:], neighbours[0]) / side  # a fifth of the time of pooling
    return x
