"""Building blocks of the generator, in the notation of the paper: CN, C*N and CU*N."""

from __future__ import annotations

from typing import Literal

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
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.conv = ConvBlock(inputs, outputs, kernel)

    def forward(self, x: Tensor, size: tuple[int, int], skip: Tensor | None = None) -> Tensor:
        """Upsample B x C x h x w to `size` (height, width), append `skip` where there is one, and convolve."""
        x = F.interpolate(x, size, mode="bilinear", align_corners=self.align_corners)
        if skip is not None:
            x = torch.cat((x, skip), dim=1)
        result: Tensor = self.conv(x)
        return result


class ResidualBlock(nn.Module):
    """Conv3 - BN - ReLU - Conv3 - BN, plus identity; shape kept. No activation after the sum, as in the paper."""

    def __init__(self, channels: int, *, reflect: bool = False) -> None:
        super().__init__()
        mode = padding_mode(reflect)
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False, padding_mode=mode),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False, padding_mode=mode),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same shape."""
        result: Tensor = x + self.body(x)
        return result


def fold_batch_norms(net: nn.Module) -> None:
    """Multiply every batch norm into the convolution before it, in place: for inference only, a tenth quicker."""
    for module in net.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for place in range(len(module) - 1):
            conv, norm = module[place], module[place + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[place], module[place + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
