"""The networks in eight bits: a convolution of bytes takes half the time of bfloat16's, on processors that have both.

What scales a map needs was seen on clips for training, see `training.ranges`, and lies with the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.blocks import AddedConv, ConvBlock, ResidualBlock, Sum, UpBlock
from models.eight_bit import Code, Convolution8, RectifiedSum8, Refiner8, ResidualBlock8, UpBlock8
from models.generator import Generator
from models.generator_parts import Branch, ContextSwitch, Encoder, Trunk
from models.refiner import Refiner
from models.weights import MattingNet, Range

SIGNED: Range = (-1, 1)
"""Of image, soft mask and motion, as the encoders see them."""

DIFFERENCE: Range = (-4, 4)
"""Of what the plate's encoder sees."""

LIKENESS: Range = (-2, 2)
"""Of `models.likeness.texture_likeness`."""


class _Conversion:
    """Puts layers of bytes in the place of a settled net's, by what was seen of their maps."""

    def __init__(self, net: MattingNet) -> None:
        self.ranges, self.names = net.ranges, {module: name for name, module in net.named_modules()}

    def code(self, *modules: nn.Module) -> Code:
        """For what any of the modules makes."""
        return Code.over(*(self.ranges[self.names[module]] for module in modules))

    def generator(self, net: Generator) -> None:
        """All layers of a generator."""
        assert net.texture is not None
        image, plate, mask, motion = encoders = (net.encode_image, net.encode_plate, net.encode_mask, net.encode_motion)
        selects = (net.switch.select_plate, net.switch.select_mask, net.switch.select_motion)
        quarter = self.code(*(encoder.to_quarter for encoder in encoders), net.texture.correct, *selects)
        half_image = self.code(*_written_alike(image.to_half, net.foreground_branch))
        half_plate = self.code(*_written_alike(plate.to_half, net.alpha_branch))
        self.encoder(image, SIGNED, half_image, quarter)
        self.encoder(plate, DIFFERENCE, half_plate, quarter)
        for encoder in (mask, motion):
            self.encoder(encoder, SIGNED, self.code(encoder.to_half), quarter)
        weighed = self.code(net.texture.weigh)
        correct = Convolution8.of(net.texture.correct, weighed, quarter, addend=quarter)
        _replace(net.texture, weigh=_block(net.texture.weigh, Code.over(LIKENESS), weighed), correct=correct)
        shared = self.trunk(net.trunk, net.switch, quarter)
        self.branch(net.alpha_branch, shared, half_plate)
        self.branch(net.foreground_branch, shared, half_image)
        if net.second_look is not None:
            net.second_look = self.refiner(net.second_look)

    def encoder(self, net: Encoder, seen: Range, half: Code, quarter: Code) -> None:
        """An encoder; `half` and `quarter` are how its two maps are written."""
        first = self.code(net.first)
        _replace(
            net,
            first=_block(net.first, Code.over(seen), first),
            to_half=_block(net.to_half, first, half),
            to_quarter=_block(net.to_quarter, half, quarter),
        )

    def trunk(self, net: Trunk, switch: ContextSwitch, quarter: Code) -> Code:
        """The shared blocks, with what switches before them; gives how their map is written."""
        above = (switch.combine, *net.down[:-1])
        levels = [self.code(*found) for found in zip(above, reversed(net.up), reversed(net.sums), strict=True)]
        lowest = self.code(net.down[-1])
        _replace(
            switch,
            select_plate=_block(switch.select_plate, quarter, quarter),
            select_mask=_block(switch.select_mask, quarter, quarter),
            select_motion=_block(switch.select_motion, quarter, quarter),
            combine=_block(switch.combine, quarter, levels[0]),
        )
        for place, codes in enumerate(pairwise((*levels, lowest))):
            net.down[place] = _block(net.down[place], *codes)
        code = self.blocks(net.blocks, lowest)
        for place, target in enumerate(reversed(levels)):
            up = net.up[place]
            assert isinstance(up, UpBlock)
            net.up[place], net.sums[place] = UpBlock8(up, code, target), RectifiedSum8()
            code = target
        return code

    def branch(self, net: Branch, source: Code, half: Code) -> None:
        """A branch; `half` is how its half-size map is written, and the encoder's that is beside it."""
        code = self.blocks(net.blocks, source)
        _replace(net, to_half=UpBlock8(net.to_half, code, half))
        if net.at_half is not None:
            _replace(net, at_half=ResidualBlock8(net.at_half, half, self.code(net.at_half.body[2]), half))
        code = half
        if net.to_full is not None:
            code = self.code(net.to_full)
            _replace(net, to_full=UpBlock8(net.to_full, half, code))
        _replace(net, last=Convolution8.of(net.last, code))

    def blocks(self, blocks: nn.Sequential, code: Code) -> Code:
        """Residual blocks; gives how their map is written."""
        for place, block in enumerate(blocks):
            assert isinstance(block, ResidualBlock)
            target = self.code(block)
            blocks[place] = ResidualBlock8(block, code, self.code(block.body[2]), target)
            code = target
        return code

    def refiner(self, net: Refiner) -> Refiner8:
        """A refiner, of which there is one for each size."""
        return Refiner8(net, self.code(net.evidence), [self.code(rectify) for rectify in net.rectify])


def _written_alike(skipped: nn.Module, branch: Branch) -> list[nn.Module]:
    """What makes the maps of half size that are side by side in a branch."""
    return [each for each in (skipped, branch.to_half, branch.at_half) if each is not None]


def _replace(owner: nn.Module, **layers: nn.Module) -> None:
    """Put layers in the place of those of the same names."""
    for name, layer in layers.items():
        setattr(owner, name, layer)


def _block(block: nn.Module, source: Code, target: Code) -> Convolution8:
    """A settled `ConvBlock`."""
    assert isinstance(block, ConvBlock)
    return Convolution8.of(block[0], source, target, rectified=True)


def can_be_quantized(net: MattingNet) -> bool:
    """Whether a net is of the kind that computes in eight bits, and the ranges of all of its maps are known."""
    config = net.generator.config
    fits = config.knows_texture and config.repeat_border and config.context and not config.original
    names = {module: name for name, module in net.named_modules()}
    return bool(fits) and all(names[module] in net.ranges for module in _making_maps(net))


def quantize(net: MattingNet) -> None:
    """Let a settled net compute in eight bits, in place; for inference on the CPU, and for good.

    What it says is not far from what it said: see `pipeline.frames.Settings`.

    Raises:
        ValueError: It cannot, see `can_be_quantized`.
    """
    if not can_be_quantized(net):
        raise ValueError("the ranges of this net's maps are not known, or it is of another kind")
    conversion = _Conversion(net)
    conversion.generator(net.generator)
    if net.refiner is not None:
        net.refiner = conversion.refiner(net.refiner)


@contextmanager
def observed(net: MattingNet) -> Iterator[dict[str, Range]]:
    """The ranges, as `MattingNet` has them, of all that a settled net does within the context."""
    ranges: dict[str, Range] = {}
    names = {module: name for name, module in net.named_modules()}

    def see(module: nn.Module, _inputs: object, result: Tensor) -> None:
        low, high = ranges.get(names[module], (0.0, 0.0))
        ranges[names[module]] = min(low, float(result.min())), max(high, float(result.max()))

    hooks = [module.register_forward_hook(see) for module in _making_maps(net)]
    try:
        yield ranges
    finally:
        for hook in hooks:
            hook.remove()


def _making_maps(net: nn.Module) -> Iterator[nn.Module]:
    """Modules whose maps are written as bytes."""
    within = {module.conv for module in net.modules() if isinstance(module, UpBlock)}
    for module in net.modules():
        if isinstance(module, ConvBlock | UpBlock | ResidualBlock | Sum | AddedConv) and module not in within:
            yield module
        if isinstance(module, ResidualBlock):
            yield module.body[2]
        if isinstance(module, Refiner):
            yield module.evidence
            yield from module.rectify


def convolves_bytes() -> bool:
    """Whether PyTorch convolves bytes here in all the ways that are needed, tried out on a few."""
    code, wider = Code.over((0, 255)), Code.over((0, 51000))
    x, weight = torch.full((1, 4, 8, 8), 200, dtype=torch.uint8), torch.full((16, 4, 3, 3), 0.5)
    try:
        exact = Convolution8(weight, torch.zeros(16), code, padding=1)(x.float())
        written = Convolution8(weight, None, code, wider, padding=1, rectified=True)(x)
        added = Convolution8(torch.full((4, 16, 1, 1), 0.5), None, wider, wider, addend=wider)(written, written[:, :4])
    except (AttributeError, RuntimeError, TypeError):
        return False
    results = ((exact, 1, 3600), (written, wider.scale, 3600), (added, wider.scale, 9 * 3600))
    middle = [float(result[0, 0, 4, 4]) * scale / expected for result, scale, expected in results]
    return all(abs(share - 1) < 0.05 for share in middle)
