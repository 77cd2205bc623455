"""Full-size alpha and foreground from the coarse result and what the plate says pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import doubled, halved
from models.coarse import Coarse

STRETCH = 0.02
"""Coarse alpha this near to 0 or 1 counts as 0 or 1: the generator's never quite arrives."""

PROJECTION_FLOOR = 0.02
"""|F - B|^2 at which the projection is half trusted."""

SMALLEST_SPAN = 2e-3
"""|F - B|^2 is taken for no less than this: below it the projection goes to 0 rather than into noise."""


@dataclass(frozen=True)
class RefinerConfig:
    """Sizes of the refiner.

    Attributes:
        channels: A full-size pixel's; the body sees four times as many at half size.
        body: 3 x 3 convolutions at half size.
        hidden: The generator's hidden channels, of which the second is the light; the paper's has none.
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
    alpha = ((image - plate) * span).sum(1, keepdim=True) / energy.clamp(min=SMALLEST_SPAN)
    return alpha.clamp(0, 1), energy / (energy + PROJECTION_FLOOR)


def unexplained(image: Tensor, plate: Tensor, foreground: Tensor, alpha: Tensor) -> Tensor:
    """The largest difference of a channel that the compositing equation leaves, B x 1 x H x W; see `projection`."""
    return (image - alpha * foreground - (1 - alpha) * plate).abs().amax(1, keepdim=True)


def light(coarse: Coarse) -> Tensor:
    """What a shadow leaves of the plate's light, B x 1 x h x w in [0.2, 1.2]: the second hidden channel.

    All of it, where the generator hides nothing.
    """
    if coarse.hidden.shape[1] < 2:
        return torch.ones_like(coarse.alpha)
    return (1 + coarse.hidden[:, 1:2]).clamp(0.2, 1.2)


def enlarge(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of B x C x h x w to `size` (height, width)."""
    return F.interpolate(coarse, size, mode="bilinear", align_corners=False)


def stretch(alpha: Tensor, margin: float = STRETCH) -> Tensor:
    """Move alpha apart so that what is within `margin` of 0 or 1 reaches it (unclamped)."""
    return (alpha - margin) / (1 - 2 * margin)


class Refiner(nn.Module):
    """A small convolutional net at full size; its body works at half size for a wider view.

    It decides the colour of the subject (between the coarse one and the one carried on from its solid parts, with
    a correction), corrects the light on the place, projects the image between the two, and says pixel by pixel how
    far to believe the projection and how far the coarse alpha. Convolutions are valid (unpadded), so that a tile
    with `margin` pixels around it gives exactly what the whole frame would.
    """

    def __init__(self, config: RefinerConfig = RefinerConfig()) -> None:
        super().__init__()
        self.config = config
        inputs = 19 + config.hidden
        c = config.channels
        self.first = nn.Conv2d(inputs, c, 3)
        self.body = nn.ModuleList(nn.Conv2d(4 * c, 4 * c, 3) for _ in range(config.body))
        self.last = nn.Conv2d(c + inputs, 7, 3)
        self.rectify = nn.ModuleList(nn.ReLU(inplace=True) for _ in range(config.body + 1))
        self.evidence = nn.Identity()  # a module, so that its range can be seen
        for parameter in self.last.parameters():  # starts as the coarse result and the projection, half and half
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
        # One layout for all: layers and sums that mix planes with channels last take twice as long.
        image, plate, coverage = (part.contiguous() for part in (image, plate, coverage))
        coarse = Coarse(*(part.contiguous() for part in coarse))
        lit = plate * light(coarse)
        change = self.decide(self._evidence(image, lit, coverage, coarse))
        image, lit, coverage, foreground, carried, alpha = (
            inner(part, self.margin)
            for part in (image, lit, coverage, image + coarse.foreground, coarse.carried, coarse.alpha)
        )
        foreground = foreground + torch.sigmoid(change[:, 6:]) * (carried - foreground) + change[:, :3]
        projected, confidence = projection(image, lit * (1 + change[:, 3:4]), foreground)
        trust = torch.sigmoid(change[:, 4:5]) * confidence * coverage
        alpha = stretch(alpha)
        return alpha + trust * (projected - alpha) + change[:, 5:6], foreground

    def decide(self, x: Tensor) -> Tensor:
        """The net itself: seven numbers a pixel, from the evidence.

        These are its layers in another order. The last one sees the evidence beside the body's result; since a
        convolution is a sum over channels, its part of the evidence is computed with the first layer, in one pass.

        Args:
            x: B x inputs x (H + 2 margin) x (W + 2 margin), H and W even.

        Returns:
            B x 7 x H x W, float32: three to add to the foreground, one to the light, two that say how far to believe
            the projection and what to add to alpha, and one how far the carried colour.
        """
        c = self.config.channels
        x = x.contiguous(memory_format=torch.channels_last)
        (weight, bias), (last_weight, last_bias) = numbers(self.first), numbers(self.last)
        both = F.conv2d(x, torch.cat((weight, last_weight[:, c:])), torch.cat((bias, last_bias)))
        first, rest = torch.split(both, [c, 7], dim=1)
        rectify, *others = self.rectify
        z = rectify(halved(first))
        for (weight, bias), rectify in zip(self.body_layers(x.device), others, strict=True):
            z = rectify(F.conv2d(z, weight, bias))
        change, rest = F.conv2d(doubled(z), last_weight[:, :c]), inner(rest, self.margin - 1)
        return change.contiguous().float() + rest.contiguous().float()  # planes first: a third of the time

    def body_layers(self, device: torch.device) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of the body, trained on channels as `pixel_unshuffle` has them, for those of `halved`."""
        order = torch.arange(4 * self.config.channels, device=device).view(-1, 4).t().flatten()
        layers = [numbers(layer) for layer in self.body]
        layers[0] = (layers[0][0][:, order], layers[0][1])
        layers[-1] = (layers[-1][0][order], layers[-1][1][order])
        return layers

    def _evidence(self, image: Tensor, lit: Tensor, coverage: Tensor, coarse: Coarse) -> Tensor:
        foreground = (image + coarse.foreground).clamp(0, 1)
        difference = (image - lit) * coverage
        distance = difference.abs().amax(1, keepdim=True)
        alpha = stretch(coarse.alpha).clamp(0, 1)
        projected, confidence = projection(image, lit, foreground)
        confidence = confidence * coverage
        carried, sure = projection(image, lit, coarse.carried)
        sure = sure * coverage
        rest = unexplained(image, lit, coarse.carried, carried) * coverage
        by_coarse = (foreground - image, alpha, projected * confidence, confidence, distance)
        by_carried = (coarse.carried - image, carried * sure, sure, rest)
        parts = (image, difference, *by_coarse, *by_carried, coarse.hidden)
        return self.joined(parts)

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """B x C x H x W each, side by side, in what the net computes in."""
        kind = _computed_in(parts[0])
        result: Tensor = self.evidence(torch.cat([part.to(kind) for part in parts], dim=1))  # while in the cache
        return result


def _computed_in(x: Tensor) -> torch.dtype:
    """The kind of number that autocast, where it is on, gives to convolutions."""
    device = x.device.type
    autocast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if autocast else x.dtype


def inner(x: Tensor, inset: int) -> Tensor:
    """All but `inset` pixels on every side."""
    return x[:, :, inset:-inset, inset:-inset]


def numbers(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    return layer.weight, layer.bias
