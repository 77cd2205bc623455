"""Which of two things that were seen at a place belongs there: the one that goes on into what lies around it.

A person's outline is an edge all around them. Where something came or went, one of the two candidates ends at
the border of the changed region, the other continues across it; detectors of left luggage tell what was put
down from what was taken away by the same sign.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.episodes import Indices, Mask, Values, of

SMALLEST_REGION = 12  # pixels
FEWEST_SEAM_PIXELS = 8
CLEARER = 0.75  # the better candidate's seam may be at most this strong, as a share of the other's
TIMES = 10  # parts of the clip; what changed in different ones is judged apart

Image = NDArray[np.uint8]


def settle(values: Values, winner: Indices, rival: Indices, known: Mask) -> tuple[Indices, Mask]:
    """Decides region by region what single pixels could not.

    Args:
        values: What was seen.
        winner: H x W, a candidate.
        rival: H x W, the other one.
        known: H x W, where the winner is certain.

    Returns:
        The value that belongs to the place, H x W, and where that is certain now.
    """
    open_question = ~known & np.asarray(of(values.lasting() & values.unlike(winner), rival), np.bool_)
    swap = rival < winner  # values are numbered as they were first seen
    candidates = [np.where(swap, rival, winner), np.where(swap, winner, rival)]
    edges = [_edges(values.image(np.where(open_question, chosen, winner))) for chosen in candidates]
    change = np.maximum(of(values.first, candidates[1]), 0)
    length = len(values.labels)
    settled, certain = winner.copy(), known.copy()
    for part in range(TIMES):
        region = open_question & (change * TIMES // length == part)
        labels, seams = _regions(region, known)
        pixels = np.bincount(labels[seams], minlength=int(labels.max()) + 1)
        strength = [np.bincount(labels[seams], edge[seams], len(pixels)) for edge in edges]
        judged = (pixels >= FEWEST_SEAM_PIXELS) & (np.bincount(labels[region], minlength=len(pixels)) > SMALLEST_REGION)
        for chosen, own, other in zip(candidates, strength, reversed(strength), strict=True):
            better = (judged & (own < CLEARER * other))[labels] & region
            settled[better] = chosen[better]
            certain |= better
    return settled, certain


def _regions(region: Mask, known: Mask) -> tuple[NDArray[np.int32], Mask]:
    """Numbers the parts of a region, and marks the pixels on either side of their borders to what is known.

    The known pixels on the far side carry the number of the part that they border.
    """
    kernel = np.ones((3, 3), np.uint8)
    _, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=8)
    beside = known & (cv2.dilate(region.astype(np.uint8), kernel) > 0)
    grown = cv2.dilate(labels.astype(np.float32), kernel).astype(np.int32)
    numbers = np.where(beside, grown, labels)
    return numbers, np.asarray(beside | (region & (cv2.dilate(known.astype(np.uint8), kernel) > 0)))


def _edges(image: Image) -> NDArray[np.float32]:
    planes = [np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)) for plane in image]
    return np.asarray(np.max(planes, axis=0), np.float32)
