"""What a pixel cannot say alone, its neighbours can: which of its values was seen while they showed the place.

Somebody hides a whole region at once. Where some of it is known for certain, the pictures in which that part is
hidden are those in which the rest probably is, too.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.episodes import FEWEST_SIGHTINGS, Indices, Mask, Values, of

WINDOWS = (0.16, 0.08, 0.05)  # of the long side, one round each
MARGIN = 0.12  # share of the neighbours that must speak for a value beyond those that speak for the next
REVISED = 0.15  # the same, to overrule what was thought certain
FEWEST_ASKED = 0.04  # of the window; fewer neighbours that change say nothing
LONE = 5  # pixels, side of the window in which most must be certain before one is asked
NEVER = -1.0


def consult(values: Values, winner: Indices, known: Mask) -> tuple[Indices, Indices, Mask]:
    """Asks the neighbours.

    Args:
        values: What was seen.
        winner: H x W, the likeliest value.
        known: H x W, where that is certain.

    Returns:
        The likeliest value, H x W, the next best that is another thing, and where the first is now certain.
    """
    rival = winner
    known = known & (cv2.medianBlur(known.astype(np.uint8), LONE) > 0)
    for window in WINDOWS:
        support, _ = _support(values, winner, known, window)
        allowed = values.enough()
        support = np.where(allowed, support, NEVER)
        best = _keep_likeliest(support, winner)
        another = np.where(values.unlike(best), support, NEVER)
        rival = another.argmax(axis=0)
        lead = of(support, best) - of(another, rival)
        kept = known & (of(support, winner) >= of(support, best) - REVISED)
        winner = np.where(kept, winner, best)
        known = kept | ((of(support, best) > NEVER) & (lead > MARGIN))
    return winner, rival, known & ~_doubted(values, winner, known)


def _doubted(values: Values, winner: Indices, known: Mask) -> Mask:
    """H x W, where the neighbours show the place rather when the chosen value is not seen."""
    support, asked = _support(values, winner, known, WINDOWS[-1])
    like = ~values.unlike(winner)
    total = support * values.count
    with_it, sightings = (total * like).sum(axis=0), (values.count * like).sum(axis=0)
    without, others = total.sum(axis=0) - with_it, values.count.sum(axis=0) - sightings
    worse = with_it / np.maximum(sightings, 1) < without / np.maximum(others, 1) - MARGIN
    return np.asarray(asked & worse & (others >= FEWEST_SIGHTINGS))


def _support(values: Values, winner: Indices, known: Mask, window: float) -> tuple[NDArray[np.float32], Mask]:
    """Of the neighbours that change, which share shows the place while a value is seen.

    Returns:
        K x H x W, and where there are such neighbours, H x W.
    """
    side = 2 * round(window * max(winner.shape) / 2) + 1
    unlike = values.unlike(winner)
    telling = known & (unlike & values.lasting()).any(axis=0)
    enough = _box(telling.astype(np.float32), side) >= FEWEST_ASKED
    support = np.zeros(values.count.shape, np.float32)
    pixels = np.arange(winner.size).reshape(winner.shape)
    for label in values.labels:
        seen = label < len(unlike)
        other = of(unlike, np.where(seen, label, 0).astype(np.intp))
        asked = (telling & seen).astype(np.float32)
        place = asked * ~np.asarray(other, np.bool_)
        share = enough * _box(place, side) / np.maximum(_box(asked, side), 1e-6)
        support.reshape(-1)[label[seen].astype(np.intp) * label.size + pixels[seen]] += share[seen]
    support /= np.maximum(values.count, 1)
    return support, np.asarray(enough)


def _box(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.boxFilter(image, -1, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)


def _keep_likeliest(support: NDArray[np.float32], winner: Indices) -> Indices:
    """The best supported value; the one that was likeliest before where nothing speaks against it."""
    best = support.argmax(axis=0)
    return np.asarray(np.where(of(support, winner) >= of(support, best) - 1e-3, winner, best), np.intp)
