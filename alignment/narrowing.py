"""Fits whose tolerance narrows, so that a model finds its pixels among those of a subject, and what they explain.

Graduated non-convexity (Blake and Zisserman 1987) of Tukey's biweight: the first fits count nearly all pixels, the last
ones those that agree.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FINER = 0.7
"""Each tolerance as a share of the one before."""

FAR = (4 / 255, 6 / 255)
"""How far off a simple model a share of the pixels has to be, in [0, 1], for it to leave something to be wanted, and
much."""

FloatImage = NDArray[np.float32]


def narrowing(coarsest: float, finest: float, settling: int) -> Iterator[float]:
    """Tolerances from the coarsest to the finest, with which some more fits are made."""
    steps = int(np.ceil(np.log(finest / coarsest) / np.log(FINER)))
    for step in range(steps + settling):
        yield max(finest, coarsest * FINER**step)


def agreement(off: FloatImage, tolerance: float) -> FloatImage:
    """How far pixels agree with a model, in [0, 1], by how far they are off it; of any shape."""
    ratio = np.minimum(off / np.float32(tolerance), 1)
    return np.asarray((1 - ratio * ratio) ** 2)


def wanting(off: FloatImage, share: float) -> float:
    """How far a simple model is worth being replaced, in [0, 1], by how far off it a share of the pixels is; n."""
    far = np.quantile(off, 1 - share) if len(off) else 0.0
    return float(np.clip((far - FAR[0]) / (FAR[1] - FAR[0]), 0, 1))


def preferred(
    before: FloatImage, after: FloatImage, weights: FloatImage, within: float, explained: tuple[float, float]
) -> float:
    """How far a model that explains more is to be believed, in [0, 1].

    By degrees, so that a clip at the threshold does not flicker.

    Args:
        before: How far pixels are off the simple model, n.
        after: How far they are off the other.
        weights: Of the pixels.
        within: How near to either a pixel has to be to have a say.
        explained: Share of what the simple model leaves (of squares) that the other has to explain to be believed
            somewhat, and wholly.
    """
    near = np.where(np.minimum(before, after) < within, weights, 0)
    first, last = (float((near * np.minimum(off, within) ** 2).sum()) for off in (before, after))
    share = 1 - last / first if first else 0.0
    return float(np.clip((share - explained[0]) / (explained[1] - explained[0]), 0, 1))
