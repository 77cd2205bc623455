"""Sizes of a generator: the paper's, and those of `fast`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of a generator; the defaults are the paper's.

    Attributes:
        width: Channels after an encoder's first layer; twice and four times as many follow.
        shared_blocks: Residual blocks that both branches share.
        branch_blocks: Residual blocks of each branch.
        alpha_blocks: More of them in the alpha branch.
        alpha_half_block: Whether the alpha branch has one at half size, too, which sees the skipped map.
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
    alpha_blocks: int = 0
    alpha_half_block: bool = False
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

    @property
    def enlarged(self) -> float:
        """How many times `long_side` it sees of a small frame at most; without a second look some clips lose by it."""
        return 1.25 if self.second_look else 1.0


PAPER = GeneratorConfig()
FAST = GeneratorConfig(
    width=12,
    shared_blocks=7,
    branch_blocks=1,
    alpha_blocks=1,
    alpha_half_block=True,
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
