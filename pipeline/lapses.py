"""Lapses: parts of the subject that the coarse matte loses for some frames, as those around them know."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from pipeline.mixtures import AROUND_PX, surroundings
from pipeline.recolouring import recoloured
from pipeline.steadying import RAISED, Box, Found, found_again
from pipeline.veils import ramp
from pipeline.windows import Drafts

DOUBTED = (0.2, 0.4)
"""Coarse alpha from which on a pixel is somewhat, and wholly, open to being the subject: a gap that opens just then is
clear."""

AMID = (0.4, 0.6)
"""Mean of what the others say around, from which on a pixel lies somewhat, and wholly, amid the subject."""

SOLID = (0.7, 0.9)
"""Alpha that a draft has to say for its word to count somewhat, and wholly."""

WITNESSES = 2
"""How many of the drafts around have to say so: one alone may have followed the wrong thing."""

ALIKE_PX = 3
"""Side of the square whose colours have to be those that were followed, coarse pixels: that of a narrow gap."""

LOST = 0.1
"""By how much less alpha a part of a lapse has than they say."""

CORE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
"""What there is room for in a lapse: a gap in hair is narrower, and moves by less than the flow can tell."""

RIM_PX = 2
"""Width of the rim around such cores that goes with them, coarse pixels."""

MARGIN_PX = RIM_PX + 3 + AROUND_PX // 2
"""How far around cores what the others say matters: for the rim, its smoothing, and what is around there."""


def without_lapses(coarse: Coarse, drafts: Drafts, near: Sequence[Found]) -> Coarse:
    """The coarse result solid where it is in doubt, and two of the drafts around say so of what is seen there.

    An arm that swings past a wall of its colour may be lost in a few frames in a row, so that the ones just before and
    just after do not both have it. A hole that moves along with what is around it is in all of them, and stays; so does
    what is clear.

    Args:
        coarse: The frame's coarse result, batch of 1.
        drafts: The frame's draft, and those around it; without any further than beside it, nothing changes.
        near: What those beside it say of the frame's places.

    Returns:
        The same with alpha nearer to what they say there, as much nearer to 0 the expected error, and, where colours
        are carried, those that the new alpha asks for.
    """
    own, beside, further = drafts
    ways = zip(near, beside, further, strict=True) if beside else ()
    far = [(found, one, other) for found, one, other in ways if other is not None and other.coarse is not None]
    if not far:  # the median of the two that are near and its own has said all
        return coarse
    alpha = coarse.alpha[0, 0].cpu().numpy()
    doubted = ramp(alpha, DOUBTED)
    cores = _cores((1 - alpha) * doubted > LOST)
    box = _box(cores)
    if box is None:
        return coarse
    said = [each.within(box) for each in near]
    for found, one, other in far:
        said.append(found_again(own, other, found.places.within(box).onward(one, other), box))
    heard = [np.where(each.unlike(ALIKE_PX) < RAISED, each.alpha, 0) for each in said]
    agreed = np.sort(heard, axis=0)[-WITNESSES]
    rise = np.maximum(agreed - alpha[box], 0) * ramp(agreed, SOLID) * ramp(surroundings(agreed), AMID) * doubted[box]
    cores = _cores(rise > LOST) & cores[box]  # at its border the box has wider ones than the frame
    if not cores.any():
        return coarse
    around = cv2.dilate(cores, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)).astype(np.float32)
    rise *= cv2.GaussianBlur(around, (0, 0), 0.7)
    kept = np.ones_like(alpha)
    kept[box] -= rise / np.maximum(1 - alpha[box], np.float32(1e-3))
    closed = decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)
    if own.image is None or own.plate is None or own.coverage is None or not coarse.carried.shape[1]:
        return closed
    # What is not known has no colour to take out.
    place = np.where(own.coverage[..., None] > 0.99, own.plate, own.image)
    return recoloured(coarse, closed, own.image, place)


def _cores(lost: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What of a part is no narrower than a core, h x w."""
    return np.asarray(cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, CORE), np.uint8)


def _box(cores: NDArray[np.uint8]) -> Box | None:
    """Where they are, with all around that matters; None where there are none."""
    left, top, width, height = cv2.boundingRect(cores)
    rows, columns = (
        slice(max(0, first - MARGIN_PX), first + length + MARGIN_PX) for first, length in ((top, height), (left, width))
    )
    return (rows, columns) if width else None
