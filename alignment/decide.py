"""Which pictures show the place, and where: pixel by pixel, then with the neighbours, then region by region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.agreement import consult
from alignment.episodes import NONE, Indices, Mask, Values, of, prevailing, recurring, sort_values, worst_channel
from alignment.seams import settle

FEWEST_FOR_EPISODES = 12  # pictures; fewer say nothing about time
ALIKE = 32  # of 255
SMOOTH = 5  # pixels, side of the window in which most must agree about what is known


@dataclass(frozen=True)
class Decision:
    """What is known of the place, at a reduced size.

    Attributes:
        known: h x w.
        shows: T x h x w, where each picture shows the place.
        hidden: T, the share of what is known that each picture hides.
        seen: h x w, how many pictures show anything there.
    """

    known: Mask
    shows: Mask
    hidden: NDArray[np.float64]
    seen: NDArray[np.int32]


def decide(stack: NDArray[np.uint8], covered: Mask, *, empty: bool = False) -> Decision:
    """Tells the place from who is in it.

    Args:
        stack: T x 3 x h x w, pictures in one view and one light, in order of time; or fewer than
            FEWEST_FOR_EPISODES, in any.
        covered: T x h x w, where they show anything.
        empty: Nobody is in them.
    """
    in_time = len(stack) >= FEWEST_FOR_EPISODES
    values = sort_values(stack, covered, in_time=in_time)
    if empty:
        winner = values.count.argmax(axis=0)
        return _decision(values, winner, values.seen > 0)
    winner, known = recurring(values) if in_time else prevailing(values)
    winner, rival, known = consult(values, winner, known)
    winner, known = settle(values, winner, rival, known)
    return _decision(values, *_smoothed(values, winner, known))


def _smoothed(values: Values, winner: Indices, known: Mask) -> tuple[Indices, Mask]:
    """A lone pixel does not know better than those around it; it takes what it saw that is most like them."""
    smooth = cv2.medianBlur(known.astype(np.uint8), SMOOTH) > 0
    around = np.array([cv2.medianBlur(plane, SMOOTH) for plane in values.image(winner)])
    distance = np.array([worst_channel(centres, around) for centres in values.centres]).astype(np.int16)
    distance[values.count == 0] = ALIKE + 1
    nearest = distance.argmin(axis=0)
    alike = of(distance, nearest) <= ALIKE
    return np.where(smooth & ~known & alike, nearest, winner), smooth & (known | alike)


def _decision(values: Values, winner: Indices, known: Mask) -> Decision:
    unlike = values.unlike(winner)
    shows = np.zeros(values.labels.shape, np.bool_)
    hidden = np.ones(len(shows))
    for index, label in enumerate(values.labels):
        seen = label != NONE
        other = np.asarray(of(unlike, np.where(seen, label, 0).astype(np.intp)), np.bool_)
        shows[index] = seen & ~other & known
        judged = seen & known
        hidden[index] = np.count_nonzero(judged & other) / max(1, int(np.count_nonzero(judged)))
    return Decision(known, shows, hidden, values.seen)
