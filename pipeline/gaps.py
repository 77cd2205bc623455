"""Gaps: where the place is seen between what is dense, as between locks of hair, or through what is thin."""

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
"""Alpha up to which a pixel is wholly, and somewhat, asked whether it is a mixture, whatever is around."""

UNEXPLAINED = 0.09
"""Difference of colours, in [0, 1], from which on a mixture of place and subject does not explain what is seen."""

SUSPICION = 6
"""Power of the confidence with which a mixture is told: colours that are not far apart, as skin's is not from a
street's, mix to anything."""


class Seen(NamedTuple):
    """What is to be seen at the pixels of tiles, B x C x H x W in [0, 1].

    Attributes:
        image: 3 channels.
        place: The plate in the light that is left on it, 3 channels.
        coverage: 1 where the plate is known.
        carried: The colour of the solid parts of the subject nearest by, 3 channels.
    """

    image: Tensor
    place: Tensor
    coverage: Tensor
    carried: Tensor


def surroundings(coarse: FloatImage) -> FloatImage:
    """The mean of coarse alpha around each pixel, h x w; enlarged, for `in_gap`."""
    return np.asarray(cv2.blur(coarse, (AROUND_PX, AROUND_PX)), np.float32)


def in_gap(alpha: Tensor, around: Tensor) -> Tensor:
    """How far each pixel lies in a gap, in [0, 1]; refined alpha and the mean of alpha around, of any one shape."""
    return _dense(around) * ((around - alpha) / DEPTH).clamp(0, 1)


def mixed(alpha: Tensor, around: Tensor) -> Tensor:
    """How far each pixel is asked whether it is a mixture of place and subject, in [0, 1]; arguments as `in_gap`.

    That is where what is around is dense and the pixel itself is not more so, and where there is little alpha.
    """
    amid = _dense(around) * ((around - alpha) / NOT_MORE + 1).clamp(0, 1)
    return torch.maximum(amid, ((THIN[1] - alpha) / (THIN[1] - THIN[0])).clamp(0, 1))


def opened(alpha: Tensor, share: Tensor, seen: Seen) -> Tensor:
    """Alpha brought down towards what a mixture of the place and the subject's colour near by asks for.

    Where such a mixture does not explain what is seen, or the two colours are alike, it stays.

    Args:
        alpha: B x 1 x H x W.
        share: The same shape, how far this is done, see `mixed`.
        seen: What is to be seen.

    Returns:
        B x 1 x H x W.
    """
    image, place, coverage, carried = seen
    projected, confidence = projection(image, place, carried)
    rest = unexplained(image, place, carried, projected)
    sure = share * coverage * confidence**SUSPICION * (1 - rest / UNEXPLAINED).clamp(min=0)
    return alpha + sure * (alpha.minimum(projected) - alpha)


def _dense(around: Tensor) -> Tensor:
    """How far what is around is dense, in [0, 1]."""
    return ((around - DENSE[0]) / (DENSE[1] - DENSE[0])).clamp(0, 1)
