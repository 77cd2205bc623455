"""How refined alpha is read: for the sake of gaps in hair, training has the refiner say too little elsewhere."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor

KNOTS = ((0.5, 0.5), (0.8, 0.85), (0.9, 0.96), (1.0, 1.0))
"""Alpha as it is said and as it is on average found to be, linear between; up to the first the two are the same."""


def calibrated(alpha: Tensor, gap: Tensor) -> Tensor:
    """Refined alpha as it is found to be where it is said (`python -m evaluation.calibration`).

    Args:
        alpha: Of any shape.
        gap: How far each lies in a gap, in [0, 1], of the same shape: in a gap it is not said too little.

    Returns:
        Of the same shape; what is not in [0, 1] stays.
    """
    lines = [
        found - said + ((next_found - found) / (next_said - said) - 1) * (alpha - said)
        for (said, found), (next_said, next_found) in pairwise(KNOTS)
    ]
    lift = reduce(torch.minimum, lines).clamp(min=0)  # the curve bends one way only
    return alpha + lift * (1 - gap)
