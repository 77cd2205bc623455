"""Rims of the coarse matte that are said to be soft, and are not: the light of the place on what is solid."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

from models.coarse import Coarse, decided
from models.part import part_around
from pipeline.frames import FloatImage
from pipeline.own_colours import WIDE_PX, solid_cores
from pipeline.veils import ramp

SEEN = 0.08
"""Coarse alpha from which on there is something: the outline."""

OPAQUE = 0.97
"""Coarse alpha from which on nothing is left to do."""

EDGE, RIM, PLATEAU, INSIDE = (0.5, 1.5), (2.0, 3.2), (5.0, 6.2), (9.0, 10.2)
"""Depths below the outline, coarse pixels, at which alpha is looked at."""

ALONG_PX = 21
"""Side of the square within which it is, coarse pixels: what cannot see the outline from there belongs to no rim."""


class _Look(NamedTuple):
    """From when on a rim looks somewhat, and wholly, like one that begins with a step; `ragged`: up to when.

    Attributes:
        step: Share of the rim's alpha that its edge has.
        jump: How much more alpha the edge has than a slope that goes on from there to the plateau gives it.
        ragged: Pixels of strands and gaps for each of the outline: more of them are hair's.
    """

    step: tuple[float, float]
    jump: tuple[float, float]
    ragged: tuple[float, float]


ALONE = _Look((0.3, 0.4), (0.08, 0.14), (0.1, 0.2))
"""What a rim has to look like. Its jump is no less than `SEEN`: an edge out of focus or in motion comes by as much."""

BESIDE = _Look((0.25, 0.35), (0.03, 0.07), (0.2, 0.35))
"""What it has to look like beside others that do: a sleeve does not become hair for some of its length. A plateau is
no more ragged than this either then, and need not be part of anything massive."""

BESIDE_PX, OTHERS = 41, (0.15, 0.35)
"""Side of the square that is beside, coarse pixels, and the share of what is open in it that belongs to the others,
from which on they count somewhat, and wholly."""

WIDE_OPEN = (0.94, 0.98)
"""Alpha of the plateau from which on only somewhat, and no longer, a rim with a step that needs others is wide: a
narrow one may be the blur of a lens, with the place's colour in it."""

SOFT = (0.85, 0.95)
"""Alpha of the rim from which on it is somewhat, and wholly, solid already."""

UNEVEN = (0.14, 0.2)
"""Standard deviation of the plateau's alpha from which on it is somewhat, and wholly, that of hair."""

SOLID_INSIDE = (0.7, 0.85)
"""Mean of alpha inside, from which on what has the rim is somewhat, and wholly, solid."""

RAGGED_PX = 3
"""Radius of the strands and gaps that make an outline ragged, coarse pixels."""

SHARP = (0.6, 2.0)
"""Depth from which on alpha is more than 0, and 1, below a sharp outline, coarse pixels."""

MARGIN_PX = 32
"""How far around a pixel the subject tells what it is, coarse pixels."""

GAINED = (0.7, 0.9)
"""Share of what the plateau is open that is solid again inside, from which on the rim is somewhat, and wholly, no
plateau but a slope, as of motion."""

MOSTLY = (0.5, 0.65)
"""Alpha of a plateau from which on it is somewhat, and wholly, open to being solid."""

MASSIVE = (0.08, 0.15)
"""Share of a square of `WIDE_PX` that is solid, from which on what has a plateau is somewhat, and wholly, part of
something massive."""


class _Band:
    """The pixels of some depths, and what alpha they have around each pixel."""

    def __init__(self, depth: FloatImage, ends: tuple[float, float]) -> None:
        self._there = ((depth >= ends[0]) & (depth < ends[1])).astype(np.float32)
        self.pixels = _sum(self._there)
        """How many there are, h x w."""

    def mean(self, alpha: FloatImage) -> FloatImage:
        """Of their alpha, h x w."""
        return np.asarray(_sum(alpha * self._there) / np.maximum(self.pixels, np.float32(1)), np.float32)

    def spread(self, alpha: FloatImage, mean: FloatImage) -> FloatImage:
        """Standard deviation of their alpha, h x w."""
        return np.sqrt(np.maximum(self.mean(alpha * alpha) - mean * mean, 0))


class _Outline(NamedTuple):
    """The outline, from within.

    Attributes:
        depth: How far below it a pixel lies, h x w; 0 outside.
        ragged: Pixels of strands and gaps for each of the outline around, h x w.
        edge, rim, plateau, inside: Pixels of some depths.
    """

    depth: FloatImage
    ragged: FloatImage
    edge: _Band
    rim: _Band
    plateau: _Band
    inside: _Band


def solid_to_the_rim(coarse: Coarse, coverage: FloatImage) -> Coarse:
    """The coarse result solid where a rim is soft and begins with a step, or has a plateau.

    Cloth and skin that catch the light of a wall behind them get as light as the wall towards their outline, and look
    like a mixture with it. But a soft edge, of hair, or out of focus, begins with nothing. What begins with a step at a
    smooth outline, rises slowly and evenly from there on, and is solid inside is a sharp edge of something solid, and
    so is what looks somewhat like it beside. And a soft edge goes on to what is solid: where alpha stays what it is
    over some pixels, below a smooth outline and by something massive or beside such rims, the edge ends there, and the
    rest is as solid as the middle.

    Args:
        coarse: The generator's result, batch of 1.
        coverage: h x w, 1 where the plate is known; elsewhere nothing changes.

    Returns:
        The same with alpha nearer to that of a sharp edge, or to its share of the plateau's, there, and as much nearer
        to 0 the expected error.
    """
    given = coarse.alpha.clamp(0, 1)
    part = part_around((given > SEEN) & (given < OPAQUE), MARGIN_PX, 2)
    if part is None:
        return coarse
    alpha, box = given[0, 0].cpu().numpy(), part.at()[2:]
    raised = (_closed(alpha[box]) - alpha[box]) / np.maximum(1 - alpha[box], np.float32(1e-3)) * (coverage[box] > 0.99)
    if not raised.any():
        return coarse
    kept = np.ones_like(alpha)
    kept[box] -= raised
    return decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)


def _closed(alpha: FloatImage) -> FloatImage:
    """Alpha with its rims solid, h x w in [0, 1]."""
    inside = (alpha >= SEEN).astype(np.uint8)
    # The picture's border is no outline.
    depth = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)
    depth = np.asarray(depth[1:-1, 1:-1], np.float32)
    bands = [_Band(depth, ends) for ends in (EDGE, RIM, PLATEAU, INSIDE)]
    ragged = np.asarray(_sum(_ragged(inside)) / np.maximum(bands[0].pixels, np.float32(1)), np.float32)
    outline = _Outline(depth, ragged, *bands)
    sharp = ramp(depth, SHARP)
    still_open = np.maximum(sharp - alpha, 0)
    all_that_is = np.maximum(_sum(still_open, BESIDE_PX), np.float32(1e-3))
    for rims in (_below_a_step, _with_a_plateau):
        sure, likely, solid = rims(alpha, outline)
        left = (1 - sure) * np.maximum(sharp - alpha, 0)
        others = _sum(still_open - left, BESIDE_PX) / all_that_is
        alpha = alpha + np.maximum(sure, likely * ramp(others, OTHERS)) * np.maximum(solid - alpha, 0)
    return np.asarray(alpha, np.float32)


def _below_a_step(alpha: FloatImage, outline: _Outline) -> tuple[FloatImage, FloatImage, FloatImage]:
    """How surely a rim begins with a step, alone and beside others; and its alpha then; h x w in [0, 1] each."""
    bands = (outline.edge, outline.rim, outline.plateau, outline.inside)
    edge, rim, plateau, inside = (band.mean(alpha) for band in bands)
    even = (1 - ramp(outline.plateau.spread(alpha, plateau), UNEVEN)) * (outline.plateau.pixels > 0.5)
    even *= 1 - ramp(rim, SOFT)
    even *= np.where(outline.inside.pixels > 0.5, ramp(inside, SOLID_INSIDE), 1)  # a finger has no inside
    even *= outline.depth > 0
    step = edge / np.maximum(rim, np.float32(1e-3))
    jump = edge - (plateau - edge) / np.float32(np.mean(PLATEAU) - np.mean(EDGE))
    sure, likely = (
        even * ramp(step, look.step) * ramp(jump, look.jump) * (1 - ramp(outline.ragged, look.ragged))
        for look in (ALONE, BESIDE)
    )
    return sure, likely * (1 - ramp(plateau, WIDE_OPEN)), ramp(outline.depth, SHARP)


def _with_a_plateau(alpha: FloatImage, outline: _Outline) -> tuple[FloatImage, FloatImage, FloatImage]:
    """How surely a rim has a plateau, alone and beside others; and its alpha then; h x w in [0, 1] each."""
    bands = (outline.plateau, outline.inside)
    plateau, inside = (band.mean(alpha) for band in bands)
    gained = (inside - plateau) / np.maximum(1 - plateau, np.float32(0.02))
    even = (1 - ramp(gained, GAINED)) * ramp(plateau, MOSTLY) * (outline.depth > 0)
    for band, mean in zip(bands, (plateau, inside), strict=True):
        even *= (1 - ramp(band.spread(alpha, mean), UNEVEN)) * (band.pixels > 0.5)
    sure, likely = (even * (1 - ramp(outline.ragged, look.ragged)) for look in (ALONE, BESIDE))
    sure *= ramp(cv2.blur(solid_cores(alpha), (WIDE_PX, WIDE_PX)), MASSIVE)
    level = np.maximum(np.minimum(plateau, inside), np.float32(MOSTLY[0]))
    return sure, likely, np.minimum(alpha / level, 1)


def _ragged(inside: cv2.typing.MatLike) -> FloatImage:
    """1 in strands and gaps as wide as hair's, h x w."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RAGGED_PX + 1,) * 2)
    closed, opened = (cv2.morphologyEx(inside, how, disc) for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN))
    return (closed != opened).astype(np.float32)


def _sum(x: FloatImage, side: int = ALONG_PX) -> FloatImage:
    """Over the square around each pixel, h x w."""
    return np.asarray(cv2.boxFilter(x, -1, (side, side), normalize=False), np.float32)
