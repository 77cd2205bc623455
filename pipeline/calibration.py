"""How refined alpha is read: for the sake of gaps in hair, training has the refiner say too little elsewhere."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import cv2
import numpy as np
import torch
from torch import Tensor

from pipeline.frames import FloatImage

KNOTS = ((0.5, 0.5), (0.8, 0.85), (0.9, 0.96), (1.0, 1.0))
"""Alpha as it is said and as it is on average found to be, linear between; up to the first the two are the same."""

AROUND_PX = 9
"""Side of the square around a pixel that tells whether it lies in a gap, coarse pixels."""

DENSE = (0.5, 0.7)
"""Mean alpha around, from which on what lets more through than its surroundings is somewhat, and wholly, a gap."""

GAP = 0.15
"""How much less than its surroundings a pixel in a gap has, in alpha."""


def surroundings(coarse: FloatImage) -> FloatImage:
    """The mean of coarse alpha around each pixel, h x w, for `calibrated`."""
    return np.asarray(cv2.blur(coarse, (AROUND_PX, AROUND_PX)), np.float32)


def calibrated(alpha: Tensor, around: Tensor) -> Tensor:
    """Refined alpha as it is found to be where it is said (`python -m evaluation.calibration`).

    Gaps amid what is dense stay as they are said, in which it is not said too little.

    Args:
        alpha: Of any shape.
        around: The mean of alpha around, of the same shape, as `surroundings` gives it and enlarged.

    Returns:
        Of the same shape; what is not in [0, 1] stays.
    """
    lines = [
        found - said + ((next_found - found) / (next_said - said) - 1) * (alpha - said)
        for (said, found), (next_said, next_found) in pairwise(KNOTS)
    ]
    lift = reduce(torch.minimum, lines).clamp(min=0)  # the curve bends one way only
    dense = ((around - DENSE[0]) / (DENSE[1] - DENSE[0])).clamp(0, 1)
    gap = dense * ((around - alpha) / GAP).clamp(0, 1)
    return alpha + lift * (1 - gap)
