"""Lapses: parts of the subject that the coarse matte loses for some frames, as those around them know."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from pipeline.mixtures import surroundings
from pipeline.recolouring import recoloured
from pipeline.steadying import AROUND, RAISED, Box, Found, found_again
from pipeline.veils import ramp
from pipeline.windows import Drafts

AMID = (0.4, 0.6)
"""Mean of coarse alpha around, from which on a pixel lies somewhat, and wholly, amid the subject."""

SOLID = (0.7, 0.9)
"""Alpha that a draft has to say for its word to count somewhat, and wholly."""

WITNESSES = 2
"""How many of the drafts around have to say so: one alone may have followed the wrong thing."""

LOST = 0.1
"""By how much less alpha a part of a lapse has than they say."""

CORE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
"""What there is room for in a lapse: a gap in hair is narrower, and moves by less than the flow can tell."""

RIM_PX = 2
"""Width of the rim around such cores that goes with them, coarse pixels."""


def without_lapses(coarse: Coarse, drafts: Drafts, near: Sequence[Found]) -> Coarse:
    """The coarse result solid amid the subject where two of the drafts around say so of what is seen there.

    An arm that swings past a wall of its colour may be lost in a few frames in a row, so that the ones just before and
    just after do not both have it. A hole that moves along with what is around it is in all of them, and stays.

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
    beyond = [(found, one, other) for found, one, other in ways if other is not None and other.coarse is not None]
    if not beyond:  # the median of the two that are near and its own has said all
        return coarse
    alpha = coarse.alpha[0, 0].cpu().numpy()
    amid = ramp(surroundings(alpha), AMID)
    box = _box(_cores((1 - alpha) * amid > LOST))
    if box is None:
        return coarse
    said = [each.within(box) for each in near]
    for found, one, other in beyond:
        said.append(found_again(own, other, found.places.within(box).onward(one, other), box))
    agreed = np.sort([np.where(each.unlike < RAISED, each.alpha, 0) for each in said], axis=0)[-WITNESSES]
    rise = np.maximum(agreed - alpha[box], 0) * ramp(agreed, SOLID) * amid[box]
    cores = _cores(rise > LOST)
    if not cores.any():
        return coarse
    around = cv2.dilate(cores, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)).astype(np.float32)
    rise *= cv2.GaussianBlur(around, (0, 0), 0.7)
    kept = np.ones_like(alpha)
    kept[box] -= rise / np.maximum(1 - alpha[box], np.float32(1e-3))
    closed = decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 1)
    if own.image is None or own.plate is None or not coarse.carried.shape[1]:
        return closed
    return recoloured(coarse, closed, own.image, own.plate)


def _cores(lost: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What of a part is no narrower than a core, h x w."""
    return np.asarray(cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, CORE), np.uint8)


def _box(cores: NDArray[np.uint8]) -> Box | None:
    """Where they are, with all that tells how alike their rims are; None where there are none."""
    left, top, width, height = cv2.boundingRect(cores)
    reach = RIM_PX + max(AROUND) // 2
    box = np.s_[max(0, top - reach) : top + height + reach, max(0, left - reach) : left + width + reach]
    return box if width else None
