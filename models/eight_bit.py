"""Layers that compute in eight bits: numbers are written as bytes, and convolutions multiply those.

A number is a scale times a byte, counted from a zero point (Jacob et al., CVPR 2018). Maps go from layer to layer as
bytes; what is computed pixel by pixel stays in float32. For inference on a CPU, see `models.quantized`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import ResidualBlock, UpBlock, doubled, halved, repeated
from models.refiner import Refiner, inner, numbers
from models.weights import Range


class Code(NamedTuple):
    """How numbers are written as bytes: each is `scale` times what its byte is above `zero`."""

    scale: float
    zero: int

    @classmethod
    def over(cls, *ranges: Range) -> Code:
        """The finest of those that can write all numbers of these ranges, and 0 exactly."""
        low, high = min(0.0, *(r[0] for r in ranges)), max(1e-6, *(r[1] for r in ranges))
        scale = (high - low) / 255
        return cls(scale, round(-low / scale))

    def written(self, x: Tensor) -> Tensor:
        """Numbers of any shape as bytes, in the same layout; those beyond the range as the last that can be written."""
        signed = torch.add(torch.tensor(self.zero - 128.0), x, alpha=1 / self.scale)
        # PyTorch converts to signed bytes in a tenth of the time that it takes to unsigned ones.
        return signed.clamp_(-128, 127).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(128)


class Convolution8(nn.Module):
    """A convolution of bytes to bytes or float32; a ReLU may follow, or the sum with another map."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        source: Code,
        target: Code | None = None,
        *,
        stride: int = 1,
        padding: int = 0,
        rectified: bool = False,
        addend: Code | None = None,
    ) -> None:
        """Writes the weights as bytes, with a scale for each channel that comes out.

        Args:
            weight: C x I x k x k.
            bias: C.
            source: How what comes in is written.
            target: How what comes out is written; float32 where there is none.
            stride: Pixels.
            padding: Pixels, of zeros.
            rectified: Whether a ReLU follows.
            addend: How what is added is written, where something is.
        """
        super().__init__()
        self.source, self.target, self.addend = source, target, addend
        self.after = "relu" if rectified else "none"
        weight = weight.detach().float()
        self.bias = None if bias is None else bias.detach().float()
        self.scales = (weight.abs().amax((1, 2, 3)) / 127).clamp(min=1e-12)
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        self.geometry = ([stride] * 2, [padding] * 2, [1, 1], 1)
        written = (weight / self.scales[:, None, None, None]).round().to(torch.int8)
        # Any size will do, but without one the weights are put in an order that is not the quickest.
        size = [1, weight.shape[1], 64, 64]
        self.weight = torch.ops.onednn.qconv_prepack(written, self.scales, *source, *self.geometry, size)

    @classmethod
    def of(
        cls,
        layer: nn.Module,
        source: Code,
        target: Code | None = None,
        *,
        rectified: bool = False,
        addend: Code | None = None,
    ) -> Convolution8:
        """The same as a layer with square strides and zeros beyond its border."""
        assert isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" and layer.groups == 1
        stride, padding = layer.stride[0], int(layer.padding[0])
        options = {"stride": stride, "padding": padding, "rectified": rectified, "addend": addend}
        return cls(layer.weight, layer.bias, source, target, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor, addend: Tensor | None = None) -> Tensor:
        """B x I x H x W, as bytes or yet to be written, to B x C x H' x W', and what is added of that shape."""
        if x.dtype != torch.uint8:
            x = interleaved(self.source.written(x))
        given = (x, *self.source, self.weight, self.scales, self.zeros)
        out = (*(self.target or (1.0, 0)), torch.float32 if self.target is None else torch.uint8)
        convolve = torch.ops.onednn.qconv2d_pointwise
        if addend is None:
            return convolve(*given, self.bias, *self.geometry, *out, self.after, [], "")
        assert self.addend is not None
        sum_ = addend.clone(memory_format=torch.channels_last)  # is written over
        return convolve.binary(
            *given, sum_, self.bias, *self.geometry, *out, *self.addend, "sum", 1.0, self.after, [], ""
        )


def interleaved(x: Tensor) -> Tensor:
    """Bytes B x C x H x W with the channels of a pixel side by side in memory."""
    if len(x) > 1 or not x.is_contiguous():
        return x.contiguous(memory_format=torch.channels_last)
    pixels = torch.from_numpy(cv2.merge(list(x[0].numpy())))  # in a third of PyTorch's time
    return pixels.view(1, *x.shape[2:], -1).permute(0, 3, 1, 2)


class UpBlock8(nn.Module):
    """`UpBlock` with a repeated border, of bytes."""

    def __init__(self, block: UpBlock, source: Code, target: Code) -> None:
        super().__init__()
        layer = block.conv[0]
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None and block.doubling is not None
        self.doubling = Convolution8(block.doubling, layer.bias.repeat(4), source, target, rectified=True)
        self.conv = Convolution8(layer.weight, layer.bias, source, target, rectified=True)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample B x C x h x w to `size` and convolve."""
        if size == (2 * x.shape[2], 2 * x.shape[3]):
            return doubled(self.doubling(repeated(x)))
        up = F.interpolate(x.float(), size, mode="bilinear", align_corners=False).round_().to(torch.uint8)
        result: Tensor = self.conv(repeated(up))
        return result


class ResidualBlock8(nn.Module):
    """`ResidualBlock` of bytes."""

    def __init__(self, block: ResidualBlock, source: Code, within: Code, target: Code) -> None:
        super().__init__()
        self.first = Convolution8.of(block.body[0], source, within, rectified=True)
        self.second = Convolution8.of(block.body[3], within, target, addend=source)

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        """B x C x H x W, and what is beside it, written alike, to the same shape."""
        result: Tensor = self.second(self.first(x if beside is None else torch.cat((x, beside), dim=1)), x)
        return result


class RectifiedSum8(nn.Module):
    """`Sum` of what no number of is below 0, both written as the result is."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Two of B x C x H x W to one; 255 where it is more."""
        return torch.minimum(y, x.bitwise_not()).add_(x)


class Refiner8(Refiner):
    """`Refiner` whose net takes bytes."""

    def __init__(self, net: Refiner, evidence: Code, maps: Sequence[Code]) -> None:
        """Takes over a refiner; `maps` are what the layers of its body see and, last, what they make."""
        nn.Module.__init__(self)
        self.config, c = net.config, net.config.channels
        (weight, bias), (last_weight, last_bias) = numbers(net.first), numbers(net.last)
        self.both = Convolution8(torch.cat((weight, last_weight[:, c:])), torch.cat((bias, last_bias)), evidence)
        self.seen = maps[0]
        body = zip(net.body_layers(weight.device), pairwise(maps), strict=True)
        self.body8 = nn.Sequential(*(Convolution8(*layer, *codes, rectified=True) for layer, codes in body))
        self.change = Convolution8(last_weight[:, :c], None, maps[-1])

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """B x C x H x W each, side by side, as bytes."""
        return torch.cat([self.both.source.written(part) for part in parts], dim=1)

    def decide(self, x: Tensor) -> Tensor:
        """As `Refiner.decide`, of bytes."""
        both = self.both(interleaved(x))
        first, rest = torch.split(both, [self.config.channels, 7], dim=1)
        z = self.body8(self.seen.written(halved(first)))  # no byte is below 0: a ReLU
        return self.change(doubled(z)).contiguous() + inner(rest, self.margin - 1).contiguous()
