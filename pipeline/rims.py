"""Rims of the coarse matte that are said to be soft, and begin with a step: the light of the place on what is solid."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

from models.coarse import Coarse, decided
from models.part import part_around
from pipeline.frames import FloatImage
from pipeline.veils import ramp

SEEN = 0.08
"""Coarse alpha from which on there is something: the outline."""

OPAQUE = 0.97
"""Coarse alpha from which on nothing is left to do."""

EDGE, RIM, PLATEAU, INSIDE = (0.5, 1.5), (2.0, 3.2), (5.0, 6.2), (9.0, 10.2)
"""Depths below the outline, coarse pixels, at which alpha is looked at."""

ALONG_PX = 21
"""Side of the square within which it is, coarse pixels."""

STEP = (0.3, 0.4)
"""Share of the rim's alpha that its edge has, from which on the outline is somewhat of a step, and wholly."""

JUMP = (0.08, 0.14)
"""How much more alpha the edge has than a slope that goes on from there to the plateau gives it, from which on it is
somewhat of a step, and wholly: no less than `SEEN`, for an edge that is out of focus or moves comes by as much."""

SOFT = (0.85, 0.95)
"""Alpha of the rim from which on it is somewhat, and wholly, solid already."""

UNEVEN = (0.14, 0.2)
"""Standard deviation of the plateau's alpha from which on it is somewhat, and wholly, that of hair."""

SOLID_INSIDE = (0.7, 0.85)
"""Mean of alpha inside, from which on what has the rim is somewhat, and wholly, solid."""

RAGGED_PX = 3
"""Radius of the strands and gaps that make an outline ragged, coarse pixels."""

RAGGED = (0.1, 0.2)
"""Pixels of such strands and gaps for each of the outline, from which on it is somewhat, and wholly, that of hair."""

REACH = (10.0, 14.0)
"""Depth from which on less than all, and nothing, of what is there belongs to the rim, coarse pixels."""

SHARP = (0.6, 2.0)
"""Depth from which on alpha is more than 0, and 1, below a sharp outline, coarse pixels."""

MARGIN_PX = 32
"""How far around a pixel the subject tells what it is, coarse pixels."""


class _Profile(NamedTuple):
    """Mean, standard deviation and number of the pixels of one depth around each pixel, h x w each."""

    mean: FloatImage
    spread: FloatImage
    pixels: FloatImage


def solid_to_the_rim(coarse: Coarse, coverage: FloatImage) -> Coarse:
    """The coarse result solid where a rim is soft that begins with a step.

    Cloth and skin that catch the light of a wall behind them get as light as the wall towards their outline, and look
    like a mixture with it. But a soft edge, of hair, or out of focus, begins with nothing. What begins with a step at a
    smooth outline, rises slowly and evenly from there on, and is solid inside is a sharp edge of something solid.

    Args:
        coarse: The generator's result, batch of 1.
        coverage: h x w, 1 where the plate is known; elsewhere nothing changes.

    Returns:
        The same with alpha nearer to that of a sharp edge there, and as much nearer to 0 the expected error.
    """
    given = coarse.alpha.clamp(0, 1)
    part = part_around((given > SEEN) & (given < OPAQUE), MARGIN_PX, 2)
    if part is None:
        return coarse
    alpha, box = given[0, 0].cpu().numpy(), part.at()[2:]
    raised = _raised(alpha[box]) * (coverage[box] > 0.99)
    if not raised.any():
        return coarse
    kept = np.ones_like(alpha)
    kept[box] -= raised
    return decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)


def _raised(alpha: FloatImage) -> FloatImage:
    """The share of what is open that is not, h x w in [0, 1)."""
    inside = (alpha >= SEEN).astype(np.uint8)
    # The picture's border is no outline.
    depth = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)
    depth = np.asarray(depth[1:-1, 1:-1], np.float32)
    edge, rim, plateau, core = (_profile(alpha, depth, band) for band in (EDGE, RIM, PLATEAU, INSIDE))
    slope = (plateau.mean - edge.mean) / np.float32(np.mean(PLATEAU) - np.mean(EDGE))
    sure = ramp(edge.mean - slope, JUMP) * ramp(edge.mean / np.maximum(rim.mean, np.float32(1e-3)), STEP)
    sure *= (1 - ramp(rim.mean, SOFT)) * (1 - ramp(plateau.spread, UNEVEN)) * (plateau.pixels > 0.5)
    sure *= np.where(core.pixels > 0.5, ramp(core.mean, SOLID_INSIDE), 1)  # a finger has no inside
    sure *= 1 - ramp(_sum(_ragged(inside)) / np.maximum(edge.pixels, np.float32(1)), RAGGED)
    sure *= (depth > 0) * (1 - ramp(depth, REACH))
    gain = np.maximum(ramp(depth, SHARP) - alpha, 0) / np.maximum(1 - alpha, np.float32(1e-3))
    return np.asarray(sure * gain, np.float32)


def _profile(alpha: FloatImage, depth: FloatImage, band: tuple[float, float]) -> _Profile:
    there = ((depth >= band[0]) & (depth < band[1])).astype(np.float32)
    count = _sum(there)
    some = np.maximum(count, np.float32(1))
    mean = _sum(alpha * there) / some
    spread = np.sqrt(np.maximum(_sum(alpha * alpha * there) / some - mean * mean, 0))
    return _Profile(*(np.asarray(x, np.float32) for x in (mean, spread, count)))


def _ragged(inside: cv2.typing.MatLike) -> FloatImage:
    """1 in strands and gaps as wide as hair's, h x w."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RAGGED_PX + 1,) * 2)
    closed, opened = (cv2.morphologyEx(inside, how, disc) for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN))
    return (closed != opened).astype(np.float32)


def _sum(x: FloatImage) -> FloatImage:
    """Over the square around each pixel, h x w."""
    return np.asarray(cv2.boxFilter(x, -1, (ALONG_PX, ALONG_PX), normalize=False), np.float32)
