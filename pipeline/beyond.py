"""Beyond the plate: where the plate is not known, what the soft mask carries on from where it is."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import Coarse, decided
from pipeline.frames import FloatImage

MARGIN = 1 / 64
"""Of the picture's long side, how far from its outline the soft mask is not believed: it knows nothing of hair."""

NEAR, REACH = 1 / 16, 1 / 8
"""Of the long side, how far beyond the plate the soft mask is believed, and how far where the networks are in doubt:
farther on it is a guess."""

DOUBT = 0.2
"""Coarse alpha from which on they are in doubt of what lies beyond the plate, and not sure of the place."""

KNOWN = 0.99
"""Share of a pixel for which the plate is known, from which on it can be compared."""

OPAQUE = 0.5
"""Coarse alpha from which on what lies beside it beyond the plate is the subject's; between locks of hair it is not."""

INSIDE = 0.9
"""Value of the soft mask from which on a pixel is the subject's."""


def carried_beyond(coarse: Coarse, mask: FloatImage, image: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result, opaque where the soft mask carries the subject on beyond the plate's border.

    A subject that the picture cuts off goes on where a plate from a slightly other view ends, but the networks, which
    have nothing to compare there, doubt it.

    Args:
        coarse: The generator's result, batch of 1.
        mask: h x w, soft mask.
        image: h x w x 3 RGB in [0, 1].
        coverage: h x w, share of each pixel for which the plate is known.
    """
    known = coverage > KNOWN
    beyond = _at_the_border(~known)
    if not beyond.any() or not known.any():
        return coarse
    long_side = max(mask.shape)
    alpha = coarse.alpha[0, 0].cpu().numpy()
    far = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5) / long_side
    near = (far <= NEAR) | ((far <= REACH) & (alpha >= DOUBT))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(MARGIN * long_side) + 1,) * 2)
    inside = cv2.erode((mask > INSIDE).astype(np.uint8), kernel) > 0  # the picture's border is none of the subject's
    asked = inside & near & beyond
    if not asked.any():
        return coarse
    seeds = np.where(known, np.where(alpha > OPAQUE, 2, 1), 0).astype(np.int32)
    flooded = cv2.watershed(np.clip(image * 255, 0, 255).astype(np.uint8), seeds) == 2
    flooded = cv2.erode((flooded | (seeds < 0)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    carried = flooded & asked
    return decided(coarse, torch.from_numpy(~carried).to(coarse.alpha), 1) if carried.any() else coarse


def _at_the_border(unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is unknown and reaches the picture's border; a hole of a plate is nothing that the picture cuts off."""
    _, labels = cv2.connectedComponents(unknown.astype(np.uint8))
    touching = np.zeros(labels.max() + 1, np.bool_)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touching[border] = True
    touching[0] = False
    reached: NDArray[np.bool_] = touching[labels]
    return reached
