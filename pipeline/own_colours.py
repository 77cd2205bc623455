"""Parts of the coarse matte that are said to be see-through, and have no colour that the solid parts by them lack."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from models.coarse import Coarse, decided
from models.refiner import stretch
from pipeline.frames import FloatImage
from pipeline.mixtures import surroundings
from pipeline.veils import ramp

SOLID = 0.97
"""Coarse alpha from which on a pixel is solid."""

CORE_PX = 3
"""Side of the square that has to be solid around a pixel that lends its colour."""

NEAR_PX = 11
"""Side of the square in which colours are lent, coarse pixels."""

ENOUGH = (0.15, 0.25)
"""Share of that square that lends, from which on its colours tell somewhat, and all they can."""

WIDE_PX = 31
"""Side of the square that tells what is part of something massive, coarse pixels."""

MASSIVE = (0.25, 0.35)
"""Share of that square that lends, from which on it is somewhat, and wholly: a dandelion, all hair, is not."""

UNLIKE = 0.06
"""How far beyond the range of the colours lent, in [0, 1], the largest channel is of a colour that is not of them."""

AMID = (0.55, 0.65)
"""Mean of alpha around, from which on a pixel lies somewhat, and wholly, amid the subject."""

MOSTLY = (0.4, 0.5)
"""Alpha from which on a pixel is somewhat, and wholly, open to being solid."""


def solid_where_alike(coarse: Coarse, image: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result solid where it is mostly so and its colours are those of the solid parts near by.

    Cloth, skin and locks that are lighter or darker than what is beside them look like a mixture with the place. But
    where no colour is to be seen that the subject does not have there, in any channel, nothing shows that the place is.

    Args:
        coarse: The generator's result, batch of 1.
        image: h x w x 3 RGB in [0, 1], what the generator was shown.
        coverage: h x w, 1 where the plate is known.

    Returns:
        The same with alpha nearer to 1 there, and as much nearer to 0 the expected error.
    """
    alpha = stretch(coarse.alpha)[0, 0].clamp(0, 1).cpu().numpy()
    open_to = ramp(alpha, MOSTLY) * (alpha < SOLID) * (coverage > 0.99)
    left, top, width, height = cv2.boundingRect((open_to > 0).astype(np.uint8))
    if not width:
        return coarse
    box = np.s_[max(0, top - WIDE_PX) : top + height + WIDE_PX, max(0, left - WIDE_PX) : left + width + WIDE_PX]
    rise = np.zeros_like(alpha)
    rise[box] = open_to[box] * ramp(surroundings(alpha[box]), AMID) * _alike(alpha[box], image[box])
    return decided(coarse, torch.from_numpy(1 - rise).to(coarse.alpha), 1) if rise.any() else coarse


def _alike(alpha: FloatImage, image: FloatImage) -> FloatImage:
    """How surely a pixel has the colours of solid parts near by, h x w in [0, 1]."""
    lends = solid_cores(alpha)
    at, near = lends[..., None], np.ones((NEAR_PX, NEAR_PX), np.uint8)
    most, least = cv2.dilate(image * at, near), 1 - cv2.dilate((1 - image) * at, near)
    red, green, blue = cv2.split(cv2.max(image - most, least - image))
    beyond = cv2.max(cv2.max(red, green), blue)
    shares = (cv2.blur(lends, (side, side)) for side in (NEAR_PX, WIDE_PX))
    known = [ramp(share, enough) for share, enough in zip(shares, (ENOUGH, MASSIVE), strict=True)]
    return np.asarray(known[0] * known[1] * np.clip(1 - beyond / UNLIKE, 0, 1), np.float32)


def solid_cores(alpha: FloatImage) -> FloatImage:
    """1 where all around is solid, h x w."""
    return np.asarray(cv2.erode((alpha >= SOLID).astype(np.float32), np.ones((CORE_PX, CORE_PX), np.uint8)))
