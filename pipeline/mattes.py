"""Mattes that users bring: where a picture keeps its alpha."""

from __future__ import annotations

import numpy as np

from pipeline.composite import unit
from pipeline.frames import FloatImage, Frame

GREY_TOLERANCE = 8 / 255
"""A grey picture that went through 4:2:0 comes back with channels a few codes apart; a colour one far more."""


def alpha_in(frame: Frame) -> FloatImage | None:
    """A frame's own alpha channel, H x W in [0, 1]; None where its grey is the matte.

    That is where it has none, or one that is opaque throughout beside a grey picture: programs save mattes so.
    """
    if frame.alpha is None:
        return None
    alpha = unit(frame.alpha)
    return None if alpha.min() == 1 and is_grey(frame) else alpha


def is_grey(frame: Frame) -> bool:
    """Whether a frame has no colours."""
    return float(np.ptp(unit(frame.image), axis=2).max()) <= GREY_TOLERANCE
