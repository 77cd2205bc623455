"""What the generator is made of: encoders, the context switch, the trunk that both branches share, and a branch."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import ConvBlock, ResidualBlock, Sum, UpBlock, padding_mode
from models.generator_config import GeneratorConfig


class Encoder(nn.Module):
    """C64(k7) - C*128(k3) - C*256(k3): gives the half-size and the quarter-size map."""

    def __init__(self, inputs: int, config: GeneratorConfig) -> None:
        super().__init__()
        w = config.width
        self.first = ConvBlock(inputs, w, config.end_kernel, reflect=config.original)
        self.to_half = ConvBlock(w, 2 * w, 3, stride=2)
        self.to_quarter = ConvBlock(2 * w, 4 * w, 3, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x inputs x H x W to (B x 2w x H/2 x W/2, B x 4w x H/4 x W/4)."""
        half: Tensor = self.to_half(self.first(x))
        return half, self.to_quarter(half)


class ContextSwitch(nn.Module):
    """The CS block: every prior is mixed with the image before it may contribute (a selector), then combined."""

    def __init__(self, width: int) -> None:
        super().__init__()
        features = 4 * width
        self.select_plate = ConvBlock(2 * features, width, 1)
        self.select_mask = ConvBlock(2 * features, width, 1)
        self.select_motion = ConvBlock(2 * features, width, 1)
        self.combine = ConvBlock(features + 3 * width, features, 1)

    def forward(self, image: Tensor, plate: Tensor, mask: Tensor, motion: Tensor) -> Tensor:
        """Four maps of B x 4w x h x w to one."""
        selected = (
            self.select_plate(torch.cat((image, plate), dim=1)),
            self.select_mask(torch.cat((image, mask), dim=1)),
            self.select_motion(torch.cat((image, motion), dim=1)),
        )
        result: Tensor = self.combine(torch.cat((image, *selected), dim=1))
        return result


class Trunk(nn.Module):
    """The shared residual blocks, on the quarter-size map or on levels below it."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        levels = (4 * config.width, *config.context)
        pairs = list(pairwise(levels))
        self.down = nn.ModuleList(ConvBlock(upper, lower, 3, stride=2) for upper, lower in pairs)
        self.blocks = nn.Sequential(
            *(ResidualBlock(levels[-1], reflect=config.original) for _ in range(config.shared_blocks))
        )
        self.up = nn.ModuleList(
            UpBlock(lower, upper, repeat_border=config.repeat_border) for upper, lower in reversed(pairs)
        )
        self.sums = nn.ModuleList(Sum() for _ in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """B x 4w x h x w to the same shape."""
        above: list[Tensor] = []
        for down in self.down:
            above.append(x)
            x = down(x)
        x = self.blocks(x)
        for up, both in zip(self.up, self.sums, strict=True):
            skip = above.pop()
            x = both(skip, up(x, (skip.shape[2], skip.shape[3])))
        return x


class Branch(nn.Module):
    """Residual blocks, two upsampling steps and a last convolution, for alpha or for the foreground.

    `skip` is whether it sees an encoder's half-size map beside its own, `half_block` whether a residual block mixes
    the two first, `smooth` whether it ends at half size and the result is enlarged.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        outputs: int,
        skip: bool,
        *,
        more_blocks: int = 0,
        half_block: bool = False,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.skip = skip
        w = config.width
        seen = (4 if skip else 2) * w
        original, kernel, padding = config.original, config.end_kernel, config.end_kernel // 2
        blocks = config.branch_blocks + more_blocks
        self.blocks = nn.Sequential(*(ResidualBlock(4 * w, reflect=original) for _ in range(blocks)))
        up = partial(UpBlock, align_corners=original, repeat_border=config.repeat_border)
        self.to_half = up(4 * w, 2 * w)
        self.at_half = ResidualBlock(2 * w, 2 * w, reflect=original) if half_block else None
        self.to_full = None if smooth else up(seen, w)
        channels = seen if smooth else w
        self.last = nn.Conv2d(channels, outputs, kernel, padding=padding, padding_mode=padding_mode(original))

    def forward(self, x: Tensor, half: Tensor, size: tuple[int, int]) -> Tensor:
        """B x 4w x H/4 x W/4 and the half-size map, B x 2w x H/2 x W/2, to B x outputs x H x W."""
        x = self.to_half(self.blocks(x), (half.shape[2], half.shape[3]))
        if self.at_half is not None:
            x = self.at_half(x, half)
        if self.skip:
            x = torch.cat((x, half), dim=1)
        if self.to_full is None:
            return F.interpolate(self.last(x).float().contiguous(), size, mode="bilinear", align_corners=False)
        result: Tensor = self.last(self.to_full(x, size))
        return result
