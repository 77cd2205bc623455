"""The discriminator of stage 2: a PatchGAN (Isola et al., CVPR 2017), which judges 70 x 70 pixels at a time."""

from __future__ import annotations

from torch import Tensor, nn

KERNEL = 4
SLOPE = 0.2


class Discriminator(nn.Module):
    """C*64(k4) - C*I128(k4) - C*I256(k4) - CI512(k4) - one channel (k4); leaky ReLU 0.2, `I` is instance norm.

    The 512 layer and the last have stride 1, so that each judgement sees 70 x 70 pixels. There is no sigmoid: the
    least-squares loss takes the plain response. Convolutions before an instance norm have no bias, which it would
    take out again. Weights start as in PatchGAN's paper: normal, deviation 0.02.
    """

    def __init__(self, width: int = 64) -> None:
        """An untrained discriminator.

        Args:
            width: Channels after the first layer; two, four and eight times as many follow. The paper's is 64.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, KERNEL, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            *_normed(width, 2 * width, stride=2),
            *_normed(2 * width, 4 * width, stride=2),
            *_normed(4 * width, 8 * width, stride=1),
            nn.Conv2d(8 * width, 1, KERNEL, padding=1),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Say of every patch how real it looks.

        Args:
            image: B x 3 x H x W, RGB in [0, 1], at least 24 x 24.

        Returns:
            B x 1 x (H/8 - 2) x (W/8 - 2), unbounded; trained towards 1 on photographs and 0 on composites.
        """
        result: Tensor = self.layers(2 * image - 1)
        return result


def _normed(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, KERNEL, stride, padding=1, bias=False),
        nn.InstanceNorm2d(outputs),
        nn.LeakyReLU(SLOPE),
    )
