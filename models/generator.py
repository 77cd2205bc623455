"""The four-input Context Switching generator (Bian and Li; Sengupta et al., CVPR 2020, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.carrying import carry_colour
from models.coarse import Coarse, uncertain
from models.generator_config import PAPER, GeneratorConfig
from models.generator_parts import Branch, ContextSwitch, Encoder, Trunk
from models.likeness import TextureCue
from models.part import part_around
from models.refiner import Refiner, RefinerConfig, stretch

COLOURED = 28
"""Coarse pixels around what is uncertain in which there are colours: a second look asks for them twelve away, and a
foreground is what it is in the whole frame from sixteen within (if the frame's sides are multiples of four)."""

GRID = 16
"""Coarse pixels that the borders of such parts are multiples of: a convolution is set up anew for every new size."""


class Generator(nn.Module):
    """Image, plate, soft mask and motion to alpha and foreground.

    Attributes:
        refined: Whether a refiner follows, for which the foreground is a correction of the image.
    """

    def __init__(self, config: GeneratorConfig = PAPER, refined: bool = False) -> None:
        super().__init__()
        self.config, self.refined = config, refined
        self.encode_image = Encoder(3, config)
        self.encode_plate = Encoder(7 if config.knows_coverage else 3, config)
        self.texture = TextureCue(4 * config.width) if config.knows_texture else None
        self.encode_mask = Encoder(1, config)
        self.encode_motion = Encoder(4, config)
        self.switch = ContextSwitch(config.width)
        self.trunk = Trunk(config)
        self.alpha_branch = Branch(
            config,
            1 + config.hidden,
            config.alpha_skip,
            more_blocks=config.alpha_blocks,
            half_block=config.alpha_half_block,
        )
        self.foreground_branch = Branch(config, 3, skip=True, smooth=config.smooth_foreground)
        self.second_look = Refiner(RefinerConfig(hidden=config.hidden)) if config.second_look else None

    @property
    def corrects(self) -> bool:
        """Whether its foreground is what to add to the image, rather than a colour."""
        return self.config.foreground_residual or self.refined

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
        alpha = self.alpha_branch(shared, half_plate, size).float().contiguous()
        matte, hidden = torch.sigmoid(2 * alpha[:, :1]), alpha[:, 1:]  # (tanh + 1) / 2, in a fifth of the time
        if self.second_look is not None and not self.training and not torch.compiler.is_exporting():
            return self._finish_partly(self.second_look, image, plate, coverage, matte, hidden, half_image, shared)
        foreground = self._foreground(shared, half_image, size)
        if self.corrects and not self.config.foreground_residual:
            foreground = foreground - image
        carried = carry_colour(image, matte) if self.refined or self.config.hidden else image[:, :0]
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
        foreground = self.foreground_branch(shared, half_image, size).float()
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
