"""What a coarse matte says for a moment only is left out: it is held between those of the frames beside it."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse
from pipeline.composite import unit
from pipeline.frames import Draft, FloatImage

RAISED, LOWERED = 0.1, 0.06
"""How far, in [0, 1] and as a mean over AROUND_PX, a place's colour may be from that of what the flow found:
for alpha to rise, and for it to fall. A hand that moves fast before a wall of about its colour is found in the wall."""

AROUND_PX = 7
"""Side of the square whose colours are compared with those of what the flow found, coarse pixels."""

CHANGED = 0.02
"""Change of alpha from which on the neighbours' expected error counts: what they are sure of is not refined anew."""

LEAST_PX = 64
"""Least side of pictures that OpenCV's flow is given: below 32 pixels it reads what is not there."""


Box = tuple[slice, slice]
"""Rows and columns."""

EVERYWHERE: Box = (slice(None), slice(None))


class Places(NamedTuple):
    """Where a frame's places, or those in a part of it, lie in the picture of another draft; h x w each.

    Attributes:
        x, y: Pixels from the left and from the top.
        outside: What that picture, or one on the way to it, does not reach.
    """

    x: FloatImage
    y: FloatImage
    outside: NDArray[np.bool_]

    def within(self, box: Box) -> Places:
        """Those in a part of the part."""
        return Places(self.x[box], self.y[box], self.outside[box])

    def onward(self, here: Draft, there: Draft) -> Places:
        """Where they lie in a picture further on, from the one that they lie in."""
        moved = flow(here.window.observation.grey, there.window.observation.grey)
        x, y = (at + step for at, step in zip(self[:2], cv2.split(self.of(moved)), strict=True))
        return Places(x, y, self.outside | _beyond(x, y, moved.shape))

    def of(self, layer: NDArray[Any], how: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        """What is in these places in a layer of that picture."""
        return cv2.remap(layer, self.x, self.y, how, borderMode=cv2.BORDER_REPLICATE)


class Found(NamedTuple):
    """What another draft says of a frame's places, or of those in a part of it; h x w each.

    Attributes:
        alpha: In [0, 1].
        error: What the network expects of it.
        apart: How far the colours differ, in [0, 1]; 0 where its picture does not reach.
        places: Where they lie in its picture.
    """

    alpha: FloatImage
    error: FloatImage
    apart: FloatImage
    places: Places

    def within(self, box: Box) -> Found:
        """Of a part of the part."""
        return Found(self.alpha[box], self.error[box], self.apart[box], self.places.within(box))

    def unlike(self, side_px: int) -> FloatImage:
        """How far the colours around differ on the mean, h x w in [0, 1]; 1 where its picture does not reach."""
        known, side = np.float32(~self.places.outside), (side_px, side_px)
        mean = cv2.blur(self.apart, side) / np.maximum(cv2.blur(known, side), np.float32(1e-3))
        return np.where(self.places.outside, np.float32(1), mean)


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
    outside = before.places.outside, after.places.outside
    layers = zip(*((each.alpha, each.error, each.unlike(AROUND_PX)) for each in (before, after)), strict=True)
    alphas, errors, unlike = (  # where the picture of one does not reach, the other has the word
        (np.where(outside[0], other, one), np.where(outside[1], one, other)) for one, other in layers
    )
    change = _between(alpha, *alphas) - alpha
    found = np.maximum(*unlike) <= np.where(change > 0, RAISED, LOWERED)
    change[~found | ((outside[0] | outside[1]) & (change < 0))] = 0
    change = cv2.medianBlur(change, 3)
    error = np.where(np.abs(change) > CHANGED, np.minimum(error, _between(error, *errors)), error)
    steady, expected = (torch.from_numpy(x)[None, None].to(coarse.alpha.device) for x in (alpha + change, error))
    first = expected[:, : coarse.hidden.shape[1]]  # networks without a refiner hide nothing
    return coarse._replace(alpha=steady, hidden=torch.cat((first, coarse.hidden[:, 1:]), dim=1))


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


def places_in(own: Draft, other: Draft) -> Places:
    """Where a frame's places lie in the picture of another draft, as the flow leads to them at once."""
    x, y = cv2.split(flow(own.window.observation.grey, other.window.observation.grey))
    x += np.arange(x.shape[1], dtype=np.float32)
    y += np.arange(y.shape[0], dtype=np.float32)[:, None]
    return Places(x, y, _beyond(x, y, x.shape))


def found_again(own: Draft, other: Draft, places: Places, box: Box = EVERYWHERE) -> Found:
    """Another draft's matte as it lies in a frame.

    Args:
        own: The frame's own draft.
        other: The other.
        places: Where the frame's places, or those in a part of it, lie in the other's picture.
        box: That part of the frame.

    Raises:
        ValueError: The other has no coarse matte.
    """
    alpha, error = _said(coarse_of(other))
    seen, there = own.window.observation.small[box], places.of(other.window.observation.small)
    red, green, blue = cv2.split(cv2.absdiff(there, seen))
    apart = unit(cv2.max(cv2.max(red, green), blue)) * np.float32(own.levels.gain)
    apart[places.outside] = 0
    # Linear between pixels, alpha would be softened by motion; cubic, it overshoots.
    return Found(np.clip(places.of(alpha, cv2.INTER_CUBIC), 0, 1), places.of(error), apart, places)


def _beyond(x: FloatImage, y: FloatImage, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which places a picture of some shape does not reach, h x w."""
    height, width = shape[:2]
    return (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)


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
