"""The four-input Context Switching generator (Bian and Li; Sengupta et al., CVPR 2020, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import ConvBlock, ResidualBlock, Sum, UpBlock, padding_mode
from models.carrying import carry_colour
from models.coarse import Coarse, uncertain
from models.likeness import TextureCue
from models.part import part_around
from models.refiner import Refiner, RefinerConfig, stretch

COLOURED = 28
"""Coarse pixels around what is uncertain in which there are colours: a second look asks for them twelve away, and a
foreground is what it is in the whole frame from sixteen within (if the frame's sides are multiples of four)."""

GRID = 16
"""Coarse pixels that the borders of such parts are multiples of: a convolution is set up anew for every new size."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of a generator; the defaults are the paper's.

    Attributes:
        width: Channels after an encoder's first layer; twice and four times as many follow.
        shared_blocks: Residual blocks that both branches share.
        branch_blocks: Residual blocks of each branch.
        end_kernel: Kernel of the first and of the last layers.
        context: Channels of levels below the encoders' quarter size, each half the one above. The shared
            blocks run on the lowest. Empty in the paper.
        knows_coverage: The plate's encoder also sees where the plate is known, and image minus plate there.
        knows_texture: The plate's quarter-size map also knows where the plate's texture is still seen.
        alpha_skip: The alpha decoder sees the plate encoder's half-size map, as the foreground's decoder
            sees the image's.
        foreground_residual: The foreground is predicted as a correction of the image.
        hidden: Channels that the alpha branch hands to a refiner: the predicted error of alpha, the change of light
            on the place (shadows), and what else training finds.
        smooth_foreground: The foreground is predicted at half size and enlarged.
        repeat_border: Upsampling goes on with the border's pixels beyond it instead of zeros, which is quicker; see
            `models.blocks.UpBlock`.
        second_look: Whether a refiner's net goes over the result at the generator's own size, with the colours that the
            first alpha carries on; it needs hidden channels and a foreground as correction.
        long_side: Size the frame is reduced to, pixels.
        original: As in the code of the 2020 paper's authors, for their checkpoints: reflection at the borders of
            the end kernels and of the residual blocks, upsampling with aligned corners, a motion selector that is
            shown the plate (so that motion does nothing), and a foreground without tanh.
    """

    width: int = 64
    shared_blocks: int = 7
    branch_blocks: int = 3
    end_kernel: int = 7
    context: tuple[int, ...] = ()
    knows_coverage: bool = False
    knows_texture: bool = False
    alpha_skip: bool = False
    foreground_residual: bool = False
    hidden: int = 0
    smooth_foreground: bool = False
    repeat_border: bool = False
    second_look: bool = False
    long_side: int = 512
    original: bool = False


PAPER = GeneratorConfig()
FAST = GeneratorConfig(
    width=12,
    shared_blocks=4,
    branch_blocks=1,
    end_kernel=3,
    context=(48, 88),
    knows_coverage=True,
    knows_texture=True,
    alpha_skip=True,
    foreground_residual=True,
    hidden=5,
    smooth_foreground=True,
    repeat_border=True,
    second_look=True,
)


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
    """Residual blocks, two upsampling steps and a last convolution, for alpha or for the foreground."""

    def __init__(self, config: GeneratorConfig, outputs: int, skip: bool, smooth: bool = False) -> None:
        super().__init__()
        w = config.width
        seen = (4 if skip else 2) * w
        original, kernel, padding = config.original, config.end_kernel, config.end_kernel // 2
        self.blocks = nn.Sequential(*(ResidualBlock(4 * w, reflect=original) for _ in range(config.branch_blocks)))
        up = partial(UpBlock, align_corners=original, repeat_border=config.repeat_border)
        self.to_half = up(4 * w, 2 * w)
        self.to_full = None if smooth else up(seen, w)
        channels = seen if smooth else w
        self.last = nn.Conv2d(channels, outputs, kernel, padding=padding, padding_mode=padding_mode(original))

    def forward(self, x: Tensor, half: Tensor, size: tuple[int, int], skip: bool) -> Tensor:
        """B x 4w x H/4 x W/4 and the half-size map to B x outputs x H x W."""
        x = self.to_half(self.blocks(x), (half.shape[2], half.shape[3]))
        if skip:
            x = torch.cat((x, half), dim=1)
        if self.to_full is None:
            return F.interpolate(self.last(x).float().contiguous(), size, mode="bilinear", align_corners=False)
        result: Tensor = self.last(self.to_full(x, size))
        return result


class Generator(nn.Module):
    """Image, plate, soft mask and motion to alpha and foreground."""

    def __init__(self, config: GeneratorConfig = PAPER) -> None:
        super().__init__()
        self.config = config
        self.encode_image = Encoder(3, config)
        self.encode_plate = Encoder(7 if config.knows_coverage else 3, config)
        self.texture = TextureCue(4 * config.width) if config.knows_texture else None
        self.encode_mask = Encoder(1, config)
        self.encode_motion = Encoder(4, config)
        self.switch = ContextSwitch(config.width)
        self.trunk = Trunk(config)
        self.alpha_branch = Branch(config, 1 + config.hidden, config.alpha_skip)
        self.foreground_branch = Branch(config, 3, skip=True, smooth=config.smooth_foreground)
        self.second_look = Refiner(RefinerConfig(hidden=config.hidden)) if config.second_look else None

    def forward(self, image: Tensor, plate: Tensor, coverage: Tensor, mask: Tensor, motion: Tensor) -> Coarse:
        """Estimate alpha and foreground at the inputs' own size.

        Args:
            image: B x 3 x H x W, RGB in [0, 1].
            plate: B x 3 x H x W, aligned, RGB in [0, 1]; 0 where unknown.
            coverage: B x 1 x H x W, 1 where the plate is known. A config that does not know coverage
                is shown the image itself as plate there, which says "no evidence".
            mask: B x 1 x H x W, the soft mask in [0, 1].
            motion: B x 4 x H x W, grey frames at t - 2T, t - T, t + T and t + 2T in [0, 1].

        Returns:
            Coarse result; H and W need not be multiples of anything. With a second look, but not in training or in an
            exported program, colours far from what is uncertain are left out: there the foreground is the image.
        """
        size = (image.shape[2], image.shape[3])
        # Planes: what is computed of single channels takes a fraction of the time that it takes of channels last.
        image, plate, coverage = (x.contiguous() for x in (image, plate, coverage))
        half_image, image_features = self.encode_image(2 * image - 1)
        half_plate, plate_features = self.encode_plate(self._plate_input(image, plate, coverage))
        if self.texture is not None:
            plate_features = self.texture(plate_features, image, plate, coverage)
        _, mask_features = self.encode_mask(2 * mask - 1)
        motion_features = plate_features if self.config.original else self.encode_motion(2 * motion - 1)[1]
        shared = self.trunk(self.switch(image_features, plate_features, mask_features, motion_features))
        # In float32, whatever the convolutions were in: near 1, bfloat16 has steps of 1/256. As planes, since what
        # follows takes single channels.
        alpha = self.alpha_branch(shared, half_plate, size, self.config.alpha_skip).float().contiguous()
        matte, hidden = torch.sigmoid(2 * alpha[:, :1]), alpha[:, 1:]  # (tanh + 1) / 2, in a fifth of the time
        if self.second_look is not None and not self.training and not torch.compiler.is_exporting():
            return self._finish_partly(self.second_look, image, plate, coverage, matte, hidden, half_image, shared)
        foreground = self._foreground(shared, half_image, size)
        carried = carry_colour(image, matte) if self.config.hidden else image[:, :0]
        first = Coarse(matte, foreground, hidden, carried)
        if self.second_look is None:
            return first
        alpha, foreground = _mended(self.second_look, image, plate, coverage, first)
        return Coarse(alpha, foreground, hidden, carry_colour(image, alpha))

    def _finish_partly(
        self,
        second_look: Refiner,
        image: Tensor,
        plate: Tensor,
        coverage: Tensor,
        matte: Tensor,
        hidden: Tensor,
        half_image: Tensor,
        shared: Tensor,
    ) -> Coarse:
        """Colours and the second look near what is uncertain only: elsewhere nobody asks for them.

        The second look mends alpha where hair lets the place through: only a first alpha tells what colour the
        subject has there.
        """
        result = Coarse(stretch(matte), torch.zeros_like(image), hidden, image.clone())
        doubtful = uncertain(matte, hidden)
        coloured = part_around(doubtful, COLOURED, GRID)
        looked_at = part_around(doubtful, 2 * second_look.margin, GRID)
        if coloured is None or looked_at is None:
            return result
        at, size = coloured.at(), coloured.size
        result.foreground[at] = self._foreground(shared[coloured.at(4)], half_image[coloured.at(2)], size)
        result.carried[at] = carry_colour(image, matte, coloured)
        near = looked_at.at()
        first = Coarse(matte[near], *(x[near] for x in result[1:]))
        mended = _mended(second_look, image[near], plate[near], coverage[near], first)
        result.alpha[near], result.foreground[near] = mended
        result.carried[at] = carry_colour(image, result.alpha, coloured)
        return result

    def _foreground(self, shared: Tensor, half_image: Tensor, size: tuple[int, int]) -> Tensor:
        foreground = self.foreground_branch(shared, half_image, size, skip=True).float()
        if self.config.foreground_residual:
            return foreground
        bounded = foreground.clamp(-1, 1) if self.config.original else torch.tanh(foreground)
        return (bounded + 1) / 2

    def _plate_input(self, image: Tensor, plate: Tensor, coverage: Tensor) -> Tensor:
        if self.config.knows_coverage:
            difference = (image - plate) * coverage
            return torch.cat(((2 * plate - 1) * coverage, coverage, 4 * difference), dim=1)
        return 2 * (coverage * plate + (1 - coverage) * image) - 1


def _mended(net: Refiner, image: Tensor, plate: Tensor, coverage: Tensor, first: Coarse) -> tuple[Tensor, Tensor]:
    """Alpha and foreground, the latter as what to add to the image, of a part of any size."""
    height, width = image.shape[2:]
    m = net.margin
    border = (m, m + width % 2, m, m + height % 2)  # to even sizes
    padded = [F.pad(x.float(), border, mode="replicate") for x in (image, plate, coverage, *first)]
    alpha, foreground = (x[:, :, :height, :width] for x in net(*padded[:3], Coarse(*padded[3:])))
    return alpha, foreground - image
