"""Smears: parts of the coarse matte that a codec made of the place, which it left dark where the subject had been."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from pipeline.colourful import without_small
from pipeline.frames import Draft, FloatImage
from pipeline.motion import at_size
from pipeline.steadying import AROUND_PX, Found
from pipeline.veils import ramp
from pipeline.windows import Drafts

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Share of each channel in the brightness."""

OPAQUE = 0.5
"""Coarse alpha from which on a part is looked at: what is fainter is left to the refiner."""

CORE_PX = 5
"""Least width of a smear, coarse pixels."""

RIM_PX = 5
"""Width of the rim around a smear of which what is smeared, or faint, goes with it, coarse pixels."""

COLOURFUL = (0.3, 0.45)
"""Colourfulness of the place, as a share of its brightness, from which on its colour says something, and all."""

FOREIGN = (0.2, 0.4)
"""Share of the place's colour up to which that of the nearest solid part is foreign to it, and from which on not."""

KEPT = (0.4, 0.55)
"""Share of its colour that the place has kept in a smear, at least somewhat, and at least wholly."""

BRIGHTER = (1.25, 1.4)
"""The same, from which on it is somewhat, and wholly, more than any place keeps."""

OWN_HUE = (0.15, 0.25)
"""Of the colour, what is no share of the place's, from which on it is somewhat, and wholly, another's."""

UNDIMMED = (0.08, 0.16)
"""By how much more of its colour than of its brightness a smear has kept, somewhat and wholly. Neither a shadow nor a
mixture with anything dark does that: they dim both alike."""

PASSING = (0.1, 0.3)
"""Alpha of the same place in the frame before or after, up to which it is clear, and from which on it is not."""

CRUMB = 1 / 2000
"""Of the picture: a piece of no more in the frame before or after does not say that the place is hidden there, since a
smear may crumble before it is gone."""

NEAR = 25 / 512
"""Of the picture's long side: how far from where the subject was before a smear may reach."""

ALIKE, MOVED, OURS = 0.06, 0.3, 0.25
"""How alike in colour, as `steadying.RAISED`, what is found again in a frame beside is to be the same; alpha of its
place there, below which it has moved; and of which share of a piece both have to be so for it to be the subject's."""

DARKEST = 0.02
"""Least brightness, in [0, 1], that shares are taken of."""


def without_smears(coarse: Coarse, drafts: Drafts, near: Sequence[Found]) -> Coarse:
    """The coarse result without what has the place's colour undimmed, is darker, and is there for a moment only.

    Codecs are coarser with colour than with brightness. Where something dark has passed quickly, they may leave it
    dark for a frame or two where its colour is the place's again. A brown shoe is like that, too: but where it is not,
    a moment before or later, it is found elsewhere.

    Args:
        coarse: The frame's coarse result, batch of 1; where no colours are carried, nothing is touched.
        drafts: The frame's draft, with the place that the generator was shown, and those around it; without any beside
            it, nothing is touched.
        near: What those beside it say of the frame's places.

    Returns:
        The same with alpha and its expected error nearer to 0 there.

    Raises:
        ValueError: One of the drafts is not aligned, or has no coarse matte.
    """
    own, beside, _ = drafts
    if own.image is None or own.plate is None or own.coverage is None or not coarse.carried.shape[1] or not beside:
        return coarse
    alpha = coarse.alpha[0, 0].cpu().numpy()
    places = [_at_its_place(other, own) for other in beside]
    passing = (1 - ramp(np.minimum(*places), PASSING)) * _near(places[0] > OPAQUE, round(NEAR * max(alpha.shape)))
    opaque = (alpha > OPAQUE) & (passing > 0.5) & (own.coverage > 0.5)
    if own.window.mask is not None:  # what its maker calls the subject's
        opaque &= cv2.resize(own.window.mask, opaque.shape[::-1], interpolation=cv2.INTER_AREA) <= 0.5
    left, top, width, height = cv2.boundingRect(opaque.astype(np.uint8))
    if min(width, height) < CORE_PX:
        return coarse
    box = np.s_[max(0, top - RIM_PX) : top + height + RIM_PX, max(0, left - RIM_PX) : left + width + RIM_PX]
    image, carried = own.image[box], coarse.carried[0].permute(1, 2, 0).cpu().numpy()[box]
    smeared = passing[box] * _undimmed(image, own.plate[box], carried) * (own.coverage[box] > 0.5)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CORE_PX, CORE_PX))
    core = cv2.morphologyEx((opaque[box] & (smeared > 0.5)).astype(np.uint8), cv2.MORPH_OPEN, ellipse)
    if core.any():
        moved = [_moved_on(found, place)[box] for found, place in zip(near, places, strict=True)]
        core = _without_pieces(core, np.logical_or(*moved))
    if not core.any():
        return coarse
    core = cv2.morphologyEx(core, cv2.MORPH_CLOSE, ellipse)
    around = cv2.dilate(core, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)).astype(np.float32)
    faint = passing[box] * ramp(OPAQUE - alpha[box], (0, 0.1))
    kept = np.ones_like(alpha)
    kept[box] = 1 - np.maximum(core, np.maximum(smeared, faint) * cv2.GaussianBlur(around, (0, 0), 1))
    return decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 0)


def _near(there: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """What is no further from something, h x w."""
    return cv2.dilate(there.astype(np.uint8), np.ones((2 * reach_px + 1,) * 2, np.uint8)) > 0


def _moved_on(found: Found, at_its_place: FloatImage) -> NDArray[np.bool_]:
    """What another draft has elsewhere: found again, as opaque and of the same colour, while its place is clear."""
    return (found.alpha > OPAQUE) & (found.unlike(AROUND_PX) < ALIKE) & (at_its_place < MOVED)


def _without_pieces(core: NDArray[np.uint8], moved: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Without the pieces of which a good share has moved on, h x w."""
    count, labels = cv2.connectedComponents(core)
    share = np.bincount(labels.ravel(), moved.ravel(), count) / np.bincount(labels.ravel(), minlength=count)
    kept = share <= OURS
    kept[0] = False
    return kept[labels].astype(np.uint8)


def _undimmed(image: FloatImage, plate: FloatImage, subject: FloatImage) -> FloatImage:
    """How far a picture is the plate made darker with its colour undimmed, h x w in [0, 1]; h x w x 3 thrice.

    Only where the plate is colourful and the subject, as far as it is solid near by, has none of its colour.
    """
    (light, colour), (plates, whole), (_, subjects) = (
        _light_and_colour(x) for x in (cv2.blur(image, (3, 3)), cv2.blur(plate, (3, 3)), subject)
    )
    square = np.maximum(np.square(whole).sum(axis=2), DARKEST**2)
    share, foreign = ((x * whole).sum(axis=2) / square for x in (colour, subjects))
    strength, plates = np.sqrt(square), np.maximum(plates, DARKEST)
    other = np.sqrt(np.square(colour - share[..., None] * whole).sum(axis=2)) / strength
    kept = ramp(share, KEPT) * (1 - ramp(share, BRIGHTER)) * ramp(share - light / plates, UNDIMMED)
    return kept * ramp(strength / plates, COLOURFUL) * (1 - ramp(foreign, FOREIGN)) * (1 - ramp(other, OWN_HUE))


def _light_and_colour(image: FloatImage) -> tuple[FloatImage, FloatImage]:
    """The brightness, h x w, and what each of the channels differs from it by, h x w x 3."""
    light = image @ GREY
    return light, image - light[..., None]


def _at_its_place(other: Draft, own: Draft) -> FloatImage:
    """Alpha of another draft as it lies on the place in this one's frame, h x w, without crumbs; 1 if not known."""
    here, there = own.window.observation.alignment, other.window.observation.alignment
    if here is None or there is None or other.coarse is None:
        raise ValueError(f"frames {own.index} and {other.index} are not both aligned, with a matte")
    alpha = other.coarse.alpha[0, 0].cpu().numpy().copy()
    parts = (alpha > PASSING[0]).astype(np.uint8)
    alpha[parts > without_small(parts, round(CRUMB * alpha.size))] = 0
    (height, width), (rows, columns) = alpha.shape, own.window.frame.image.shape[:2]
    to_frame = here.plate_to_frame @ np.linalg.inv(there.plate_to_frame)
    matrix = at_size(to_frame, (columns, rows), (width, height))
    return cv2.warpPerspective(alpha, matrix, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=1)
