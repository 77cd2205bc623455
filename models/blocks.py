"""Building blocks of the generator, in the notation of the paper: CN, C*N and CU*N."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Sequential):
    """`CN(kS)`, and with a stride of 2 `C*N(kS)`: convolution, batch norm, ReLU.

    Input B x `inputs` x H x W, output B x `outputs` x H/stride x W/stride.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Module):
    """`CU*N(kS)`: bilinear upsampling to a given size (by 2 in the paper), then convolution, batch norm, ReLU.

    The size is that of the encoder's map at the same level, so that odd sizes come back as they went in.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = ConvBlock(inputs, outputs, kernel)

    def forward(self, x: Tensor, size: tuple[int, int], skip: Tensor | None = None) -> Tensor:
        """Upsample B x C x h x w to `size` (height, width), append `skip` where there is one, and convolve."""
        x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        if skip is not None:
            x = torch.cat((x, skip), dim=1)
        result: Tensor = self.conv(x)
        return result


class ResidualBlock(nn.Module):
    """Conv3 - BN - ReLU - Conv3 - BN, plus identity; shape kept. No activation after the sum, as in the paper."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same shape."""
        result: Tensor = x + self.body(x)
        return result
