"""Mixtures: what a mixture of the place and of the subject's colour near by says of alpha."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from models.refiner import projection, unexplained
from pipeline.frames import FloatImage

AROUND_PX = 9
"""Side of the square around a pixel that tells whether it lies in a gap, coarse pixels."""

DENSE = (0.5, 0.7)
"""Mean alpha around, from which on what lets more through than its surroundings is somewhat, and wholly, in a gap."""

DEPTH = 0.15
"""How much less alpha than its surroundings what is wholly in a gap has."""

NOT_MORE = 0.05
"""How much more alpha than its dense surroundings has what is plainly the subject."""

THIN = (0.2, 0.4)
"""Alpha up to which it may wholly, and somewhat, fall, whatever is around."""

SOME = (0.1, 0.25)
"""Alpha from which on it may somewhat, and wholly, rise: where there is none, noise is not to make any."""

UNEXPLAINED = 0.09
"""Difference of colours, in [0, 1], from which on a mixture of place and subject does not explain what is seen."""

SUSPICION = 6
"""Power of the confidence with which a mixture is told: colours that are not far apart, as skin's is not from a
street's, mix to anything."""

REFINED = 0.25
"""Of the refined foreground in the subject's colour; the rest is what is carried on, which has less noise."""


MOSTLY = (0.65, 0.85)
"""Alpha from which on a pixel is mostly, and plainly, the subject."""

DISPUTED = (0.08, 0.16)
"""How much more alpha the refined foreground alone asks for than the subject's colour, from which on what a mixture
says is disputed, and wholly."""


class Seen(NamedTuple):
    """What is to be seen at the pixels of tiles, B x C x H x W; about [0, 1].

    Attributes:
        image: 3 channels.
        place: The plate in the light that is left on it, 3 channels.
        coverage: 1 where the plate is known.
        foreground: The refined one, 3 channels.
        carried: The colour of the solid parts of the subject nearest by, 3 channels.
    """

    image: Tensor
    place: Tensor
    coverage: Tensor
    foreground: Tensor
    carried: Tensor


class Leeway(NamedTuple):
    """How far alpha may fall, and rise, to what a mixture says, in [0, 1]; B x 1 x H x W each."""

    fall: Tensor
    rise: Tensor


def surroundings(coarse: FloatImage) -> FloatImage:
    """The mean of coarse alpha around each pixel, h x w: for false veils, and enlarged for `in_gap` and `leeway`."""
    return np.asarray(cv2.blur(coarse, (AROUND_PX, AROUND_PX)), np.float32)


def in_gap(alpha: Tensor, around: Tensor) -> Tensor:
    """How far each pixel lies in a gap, in [0, 1]; refined alpha and the mean of alpha around, of any one shape."""
    return _ramp(around, DENSE) * ((around - alpha) / DEPTH).clamp(0, 1)


def leeway(alpha: Tensor, around: Tensor) -> Leeway:
    """How far alpha is open to what a mixture says; arguments as of `in_gap`.

    It may fall where what is around is dense and the pixel itself is not more so, and where there is little alpha. It
    may rise where there is some.
    """
    amid = _ramp(around, DENSE) * ((around - alpha) / NOT_MORE + 1).clamp(0, 1)
    return Leeway(torch.maximum(amid, 1 - _ramp(alpha, THIN)), _ramp(alpha, SOME))


def explained(alpha: Tensor, leeway: Leeway, seen: Seen) -> Tensor:
    """Alpha moved towards that of a mixture of the place and the subject's colour near by.

    Where such a mixture does not explain what is seen, or the two colours are alike, it stays. What is mostly the
    subject does not fall for a colour that the refined foreground disputes: a sleeve that is lighter than the rest of
    the cloth, and darker than the wall, is no mixture of them.

    Args:
        alpha: B x 1 x H x W.
        leeway: How far it may be moved.
        seen: What is to be seen.

    Returns:
        B x 1 x H x W.
    """
    subject = torch.lerp(seen.carried, seen.foreground, REFINED)
    projected, confidence = projection(seen.image, seen.place, subject)
    rest = unexplained(seen.image, seen.place, subject, projected)
    sure = seen.coverage * confidence**SUSPICION * (1 - rest / UNEXPLAINED).clamp(min=0)
    change = projected - alpha
    disputed = _ramp(projection(seen.image, seen.place, seen.foreground)[0] - projected, DISPUTED)
    fall = leeway.fall * (1 - disputed * _ramp(alpha, MOSTLY))
    return alpha + sure * torch.where(change < 0, fall, leeway.rise) * change


def _ramp(x: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 up to the first end, 1 from the second on."""
    return ((x - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)
