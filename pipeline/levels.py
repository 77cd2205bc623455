"""Levels: pictures that are dark, or flat as a camera's logarithmic colours are, as the networks know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.frames import FloatImage

    Numbers = TypeVar("Numbers", FloatImage, Tensor)

BLACK, WHITE = 0.5, 99.5
"""Percentiles of the smallest and of the largest channel that are a picture's black and white."""

LIFTED = 0.06
"""Black up to this, in [0, 1], is as it should be: haze, a matte screen. What it is above that is taken off."""

FULL = 0.85
"""What a range from black to white is stretched to."""

NARROW = (0.75, 0.5)
"""Range of a picture from which downward it is stretched somewhat, and wholly: not every picture has a white in it."""

MOST = 4.0
"""How much a range is stretched at most: what is darker is all noise."""

STEP_PX = 4
"""Of so many pixels one is looked at, in either direction."""


class Levels(NamedTuple):
    """What is taken off a picture's values, in [0, 1], and how much the rest is stretched."""

    black: float = 0.0
    gain: float = 1.0

    def stretch(self, picture: Numbers) -> Numbers:
        """A picture of any shape as the networks know it; what is brighter than white is above 1."""
        return picture if self == AS_IT_IS else (picture - self.black) * self.gain

    def squeeze(self, picture: Numbers) -> Numbers:
        """The other way round."""
        return picture if self == AS_IT_IS else picture / self.gain + self.black


AS_IT_IS = Levels()
"""Those of a picture that has its full range."""


def levels_of(image: FloatImage, plate: FloatImage, coverage: FloatImage) -> Levels:
    """The levels by which frame and plate, together, have a black, and where their range is narrow, a wide one.

    A dark picture and a flat one are what the networks do not know. Those that have black and white stay as they are.

    Args:
        image: h x w x 3 RGB in [0, 1].
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known.
    """
    every = np.s_[::STEP_PX, ::STEP_PX]
    known = coverage[every] > 0.99
    blacks, whites = zip(*(_ends(x) for x in (image[every].reshape(-1, 3), plate[every][known]) if len(x)), strict=True)
    black = max(0.0, min(blacks) - LIFTED)
    extent = max(whites) - black
    share = float(np.clip((NARROW[0] - extent) / (NARROW[0] - NARROW[1]), 0, 1))
    return Levels(black, 1 + share * (min(MOST, FULL / max(extent, 1e-3)) - 1))


def _ends(colours: FloatImage) -> tuple[float, float]:
    """Black and white of n x 3."""
    return float(np.percentile(colours.min(axis=1), BLACK)), float(np.percentile(colours.max(axis=1), WHITE))
