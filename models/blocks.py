"""Building blocks of the generator, in the notation of the paper: CN, C*N and CU*N."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


def padding_mode(reflect: bool) -> Literal["zeros", "reflect"]:
    """A convolution's `padding_mode`."""
    return "reflect" if reflect else "zeros"


class ConvBlock(nn.Sequential):
    """`CN(kS)`, and with a stride of 2 `C*N(kS)`: convolution, batch norm, ReLU.

    Input B x `inputs` x H x W, output B x `outputs` x H/stride x W/stride. `reflect` mirrors the input at its border
    instead of setting it in zeros.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, reflect: bool = False) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, padding_mode=padding_mode(reflect)),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Module):
    """`CU*N(kS)`: bilinear upsampling to a given size (by 2 in the paper), then convolution, batch norm, ReLU.

    The size is that of the encoder's map at the same level, so that odd sizes come back as they went in.
    `align_corners` lays the centres of the corner pixels on each other rather than the pictures' borders.
    `repeat_border` goes on with the border's pixels beyond it instead of zeros. Then upsampling by 2 and convolution
    are together one convolution at the lower size, which is what is computed: the same numbers in two thirds of the
    time.
    """

    def __init__(self, inputs: int, outputs: int, *, align_corners: bool = False, repeat_border: bool = False) -> None:
        super().__init__()
        if align_corners and repeat_border:
            raise ValueError("a border is repeated around pixels that lie evenly, not with align_corners")
        self.align_corners, self.repeat_border = align_corners, repeat_border
        self.conv = ConvBlock(inputs, outputs, 3)
        self.doubling: Tensor | None
        self.register_buffer("doubling", None, persistent=False)

    def settle(self) -> None:
        """Compute the kernel that doubles once and for all."""
        convolution = self.conv[0]
        assert isinstance(convolution, nn.Conv2d)
        self.doubling = weight_after_doubling(convolution.weight.detach()) if self.repeat_border else None

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample B x C x h x w to `size` (height, width) and convolve."""
        if not self.repeat_border:
            up = F.interpolate(x, size, mode="bilinear", align_corners=self.align_corners)
            result: Tensor = self.conv(up)
            return result
        convolution, *rest = self.conv
        assert isinstance(convolution, nn.Conv2d)
        weight, bias = convolution.weight, convolution.bias
        # A program that is exported for any size cannot ask whether this one is twice the other.
        if not torch.compiler.is_exporting() and size == (2 * x.shape[2], 2 * x.shape[3]):
            bias = None if bias is None else bias.repeat(4)
            doubling = weight_after_doubling(weight) if self.doubling is None else self.doubling
            x = doubled(F.conv2d(repeated(x), doubling, bias))
        else:
            up = F.interpolate(x, size, mode="bilinear", align_corners=self.align_corners)
            x = F.conv2d(repeated(up), weight, bias)
        for layer in rest:
            x = layer(x)
        return x


def repeated(x: Tensor) -> Tensor:
    """B x C x H x W with the border's pixels once more around it."""
    with in_float32(x.device):  # or autocast would go to float32 and back
        return F.pad(x, (1, 1, 1, 1), mode="replicate")


def weight_after_doubling(weight: Tensor) -> Tensor:
    """The kernel that does at the lower size what bilinear doubling and then a 3 x 3 kernel do.

    Args:
        weight: C x I x 3 x 3.

    Returns:
        4C x I x 3 x 3, the four pixels that each becomes, in the order of `doubled`.
    """
    # Of the two fine pixels (first axis), what each tap of the kernel (second) takes of the three coarse ones.
    first = [[3, 1, 0], [1, 3, 0], [0, 3, 1]]
    second = [[1, 3, 0], [0, 3, 1], [0, 1, 3]]
    taps = torch.tensor([first, second], dtype=weight.dtype, device=weight.device) / 4
    with in_float32(weight.device):
        spread = torch.einsum("cikn,akl,bnm->abcilm", weight, taps, taps)
    return spread.reshape(-1, *weight.shape[1:])


def halved(x: Tensor) -> Tensor:
    """B x C x H x W, H and W even, to B x 4C x H/2 x W/2: the C channels of one pixel, then those of the next.

    In channels-last memory, `pixel_unshuffle`, which goes channel by channel, takes twice as long.
    """
    batch, channels, height, width = x.shape
    pairs = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
    return pairs.reshape(batch, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def doubled(x: Tensor) -> Tensor:
    """The way back from `halved`."""
    batch, channels, height, width = x.shape
    pairs = x.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, channels // 4).permute(0, 1, 3, 2, 4, 5)
    return pairs.reshape(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def in_float32(device: torch.device) -> AbstractContextManager[object]:
    """Autocast off, where the device has it."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


class AddedConv(nn.Conv2d):
    """A convolution that is added to another map."""

    def forward(self, x: Tensor, addend: Tensor) -> Tensor:  # type: ignore[override]
        """B x I x H x W, and B x C x H x W to which it is added."""
        return addend + super().forward(x)


class Sum(nn.Module):
    """Of two maps; a module, since in eight bits it is another."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Two of B x C x H x W to one."""
        return x + y


class ResidualBlock(nn.Module):
    """Conv3 - BN - ReLU - Conv3 - BN, plus identity; shape kept. No activation after the sum, as in the paper.

    `beside` are channels of another map that the first convolution sees, too.
    """

    def __init__(self, channels: int, beside: int = 0, *, reflect: bool = False) -> None:
        super().__init__()
        mode = padding_mode(reflect)
        self.body = nn.Sequential(
            nn.Conv2d(channels + beside, channels, 3, padding=1, bias=False, padding_mode=mode),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False, padding_mode=mode),
            nn.BatchNorm2d(channels),
        )

    def add_nothing(self) -> None:
        """Begin as the identity (Goyal et al., 2017), so that a block may join a trained net without doing harm."""
        nn.init.zeros_(cast(Tensor, self.body[4].weight))
        nn.init.zeros_(cast(Tensor, self.body[4].bias))

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        """B x C x H x W, and what is beside it, to the same shape."""
        result: Tensor = x + self.body(x if beside is None else torch.cat((x, beside), dim=1))
        return result


def settle(net: nn.Module) -> None:
    """Compute what follows from the weights alone, in place: for inference only, a fifth quicker.

    Every batch norm is multiplied into the convolution before it, and upsampling into the one after it.
    """
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            _fold_batch_norms(module)
    for module in net.modules():
        if isinstance(module, UpBlock):
            module.settle()


def _fold_batch_norms(layers: nn.Sequential) -> None:
    for place in range(len(layers) - 1):
        conv, norm = layers[place], layers[place + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[place], layers[place + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
