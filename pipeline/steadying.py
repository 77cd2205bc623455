"""What a coarse matte says for a moment only is left out: it is held between those of the frames beside it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse
from pipeline.composite import unit
from pipeline.frames import Draft, FloatImage

RAISED, LOWERED = 0.1, 0.06
"""How far, in [0, 1] and as a mean of AROUND coarse pixels, a place's colour may be from that of what the flow found:
for alpha to rise, and for it to fall. A hand that moves fast before a wall of about its colour is found in the wall."""

AROUND = (7, 7)

CHANGED = 0.02
"""Change of alpha from which on the neighbours' expected error counts: what they are sure of is not refined anew."""

LEAST_PX = 64
"""Least side of pictures that OpenCV's flow is given: below 32 pixels it reads what is not there."""


Box = tuple[slice, slice]
"""Rows and columns."""

EVERYWHERE: Box = (slice(None), slice(None))


class Found(NamedTuple):
    """What a neighbouring draft says of a frame's own places, h x w each, or of a part of them.

    Attributes:
        alpha: In [0, 1].
        error: What the network expects of it.
        unlike: How far the colours differ, in [0, 1].
        outside: What the neighbour's picture did not reach; there `unlike` is 1.
    """

    alpha: FloatImage
    error: FloatImage
    unlike: FloatImage
    outside: NDArray[np.bool_]

    def within(self, box: Box) -> Found:
        """In a part of the frame."""
        return Found(self.alpha[box], self.error[box], self.unlike[box], self.outside[box])

    def heard(self, other: Found) -> Found:
        """With the word of the other neighbour where this one's picture did not reach."""
        return Found(*(np.where(self.outside, x, own) for own, x in zip(self, other, strict=True)))


def steadied(draft: Draft, before: Found, after: Found) -> Coarse:
    """A draft's coarse matte, its alpha held between those of the drafts before and after.

    What is seen in a place is followed into both by optical flow. A hole or a patch that neither of them has is gone;
    what came or went in between stays, and so does all that the flow does not find again, and what is no wider than
    a coarse pixel: a hair moves by less than the flow can tell. Of what comes into the picture, or leaves it, only one
    of them knows, and a hole that this one does not have is gone, too.

    Args:
        draft: The frame's own, with a coarse matte.
        before: What the draft of a frame before it in the same shot says, see `found_again`.
        after: What that of a frame after it says.

    Raises:
        ValueError: It has no coarse matte.
    """
    coarse = coarse_of(draft)
    alpha, error = _said(coarse)
    alone = before.outside | after.outside
    found = before.heard(after), after.heard(before)
    change = _between(alpha, *(each.alpha for each in found)) - alpha
    unlike = np.maximum(*(each.unlike for each in found))
    change[(unlike > np.where(change > 0, RAISED, LOWERED)) | (alone & (change < 0))] = 0
    change = cv2.medianBlur(change, 3)
    calmer = np.minimum(error, _between(error, *(each.error for each in found)))
    error = np.where(np.abs(change) > CHANGED, calmer, error)
    alphas, errors = (torch.from_numpy(x)[None, None].to(coarse.alpha.device) for x in (alpha + change, error))
    first = errors[:, : coarse.hidden.shape[1]]  # networks without a refiner hide nothing
    return coarse._replace(alpha=alphas, hidden=torch.cat((first, coarse.hidden[:, 1:]), dim=1))


def coarse_of(draft: Draft) -> Coarse:
    """A draft's coarse matte.

    Raises:
        ValueError: It has none.
    """
    if draft.coarse is None:
        raise ValueError(f"frame {draft.index} has no coarse matte: it cannot be steadied, nor steady another")
    return draft.coarse


def _said(coarse: Coarse) -> tuple[FloatImage, FloatImage]:
    """Alpha and its expected error, h x w; no error where none is expected."""
    alpha = coarse.alpha[0, 0].cpu().numpy()
    return alpha, coarse.hidden[0, 0].cpu().numpy() if coarse.hidden.shape[1] else np.zeros_like(alpha)


def _between(value: FloatImage, one: FloatImage, other: FloatImage) -> FloatImage:
    """The median of three."""
    return np.clip(value, np.minimum(one, other), np.maximum(one, other))


def found_again(own: Draft, *way: Draft, box: Box = EVERYWHERE) -> Found:
    """Another draft's matte as it lies in this one's frame.

    Args:
        own: The frame's own draft.
        way: Those by which the other is reached, and itself: what moves by much is found step by step.
        box: The part of the frame that is asked about.

    Raises:
        ValueError: The other has no coarse matte.
    """
    here, there = own.window.observation, way[-1].window.observation
    alpha, error = _said(coarse_of(way[-1]))
    height, width = here.grey.shape
    y, x = (np.ascontiguousarray(axis[box], np.float32) for axis in np.mgrid[:height, :width])
    outside = np.zeros(x.shape, np.bool_)
    for one, other in pairwise((here, *(each.window.observation for each in way))):
        step = cv2.remap(flow(one.grey, other.grey), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        x, y = x + step[..., 0], y + step[..., 1]
        outside |= (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)

    def followed(layer: NDArray[Any], how: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        return cv2.remap(layer, x, y, how, borderMode=cv2.BORDER_REPLICATE)

    red, green, blue = cv2.split(cv2.absdiff(followed(there.small), here.small[box]))
    unlike = unit(cv2.max(cv2.max(red, green), blue)) * np.float32(own.levels.gain)
    unlike[outside] = 0
    unlike = cv2.blur(unlike, AROUND) / np.maximum(cv2.blur(np.float32(~outside), AROUND), np.float32(1e-3))
    unlike[outside] = 1
    # Linear between pixels, alpha would be softened by motion; cubic, it overshoots.
    alpha = np.clip(followed(alpha, cv2.INTER_CUBIC), 0, 1)
    return Found(alpha, followed(error), unlike, outside)


def flow(here: FloatImage, there: FloatImage) -> NDArray[np.float32]:
    """Where each pixel of one picture has gone in another: dense inverse search (Kroeger et al., ECCV 2016).

    Args:
        here: h x w grey in [0, 1].
        there: The same size.

    Returns:
        h x w x 2: by how many pixels to the right and downwards.
    """
    height, width = here.shape
    missing = (0, max(0, LEAST_PX - height), 0, max(0, LEAST_PX - width))
    codes = [cv2.copyMakeBorder(np.uint8(255 * grey + 0.5), *missing, cv2.BORDER_REPLICATE) for grey in (here, there)]
    search = cv2.DISOpticalFlow.create(cv2.DISOpticalFlow_PRESET_ULTRAFAST)
    return np.ascontiguousarray(search.calc(*codes, None)[:height, :width])  # type: ignore[call-overload]  # None: it makes its own
