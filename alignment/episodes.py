"""Which values recur at a pixel, and which of them is the place rather than somebody in it.

Time alone misleads: who stands still for minutes is seen longer than the wall behind. But the wall was there
before and is there after. So a value is the place's where all others that stay for a while come and go within
its own time. Where they do not, the pixel alone cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Scalar = TypeVar("Scalar", bound=np.generic)

VALUES = 20  # told apart at a pixel; more are not looked at
NONE = 255
TOLERANCE = 7  # of 255
EDGE_TOLERANCE = 0.15  # of the range of a pixel's neighbourhood: what a shift of a third of a pixel does
LARGEST_TOLERANCE = 24
SAME_THING = 2.0  # tolerances; values no farther apart are one thing in another light
STEADY_RUN = 2  # sightings in a row; what is seen only once passes by
FEWEST_SIGHTINGS = 3
LEAST_SHARE = 0.04  # of all sightings, for a value to be taken for the place
SLACK = 1  # sightings by which a visitor may outlast the place at either end


@dataclass(frozen=True)
class Values:
    """What was seen at every pixel, and when. K values, T pictures, H x W pixels.

    Attributes:
        labels: T x H x W uint8, which of the values; NONE where nothing was seen, or too many things.
        centres: K x 3 x H x W uint8.
        count: K x H x W int32, sightings.
        first: K x H x W int32, its first picture, counted among those that show this pixel; -1 for none.
        last: K x H x W int32, its last one.
        steady: K x H x W, whether some pictures in a row show it.
        seen: H x W int32, pictures that show this pixel.
        in_time: Whether the pictures follow one another. If not, no sighting lasts, and each counts.
        tolerance: H x W uint8, how far two sightings of one thing may lie apart.
    """

    labels: NDArray[np.uint8]
    centres: NDArray[np.uint8]
    count: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    steady: Mask
    seen: NDArray[np.int32]
    in_time: bool
    tolerance: NDArray[np.uint8]

    def lasting(self) -> Mask:
        """K x H x W, values that stay for a while."""
        if not self.in_time:
            return np.asarray(self.count > 0)
        return np.asarray(self.steady & (self.count >= FEWEST_SIGHTINGS))

    def enough(self) -> Mask:
        """K x H x W, values that last and are seen often enough to be the place."""
        return np.asarray(self.lasting() & (self.count >= LEAST_SHARE * self.seen))

    def unlike(self, chosen: Indices) -> Mask:
        """K x H x W, values that are another thing than the chosen one, H x W."""
        reference = self.image(chosen)
        limit = (SAME_THING * self.tolerance).astype(np.uint8)
        return np.asarray([worst_channel(centres, reference) > limit for centres in self.centres])

    def image(self, chosen: Indices) -> NDArray[np.uint8]:
        """The chosen values' picture, 3 x H x W."""
        return np.take_along_axis(self.centres, chosen[None, None], 0)[0]


def of(values: NDArray[Scalar], chosen: Indices) -> NDArray[Scalar]:
    """What K x H x W holds for the chosen value of every pixel, H x W."""
    taken: NDArray[Scalar] = np.take_along_axis(values, chosen[None], 0)[0]
    return taken


def worst_channel(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Largest absolute difference of the channels, H x W, from 3 x H x W."""
    difference = cv2.absdiff(a, b)
    return np.maximum(np.maximum(difference[0], difference[1]), difference[2])


def sort_values(stack: NDArray[np.uint8], covered: Mask, *, in_time: bool = True) -> Values:
    """Sorts what is seen at every pixel into values.

    Args:
        stack: T x 3 x H x W, pictures in one view and one exposure, in order of time.
        covered: T x H x W, where they show anything.
        in_time: Whether the order means anything.
    """
    count, height, width = covered.shape
    tolerance = _tolerance(stack)
    centres = np.zeros((VALUES, 3, height * width), np.uint8)
    used = np.zeros(height * width, np.uint8)
    labels = np.full((count, height * width), NONE, np.uint8)
    for picture, shown, label in zip(stack.reshape(count, 3, -1), covered, labels, strict=True):
        left = np.flatnonzero(shown)
        for k in range(VALUES):
            known = used[left] > k
            some, fresh = left[known], left[~known]
            centres[k][:, fresh] = picture[:, fresh]
            label[fresh] = k
            used[fresh] += 1
            if not len(some):
                break
            near = worst_channel(centres[k][:, some], picture[:, some]) <= tolerance.reshape(-1)[some]
            label[some[near]] = k
            left = some[~near]
    return _gather(labels, stack, covered, int(used.max()), tolerance, in_time=in_time)


def _gather(
    labels: NDArray[np.uint8],
    stack: NDArray[np.uint8],
    covered: Mask,
    kinds: int,
    tolerance: NDArray[np.uint8],
    *,
    in_time: bool,
) -> Values:
    size = labels.shape[1]
    count, first, last = np.zeros(kinds * size, np.int32), np.full(kinds * size, -1), np.full(kinds * size, -1)
    steady = np.zeros(kinds * size, np.bool_)
    total = np.zeros((3, kinds * size), np.float32)
    run, previous, now = np.zeros(size, np.int32), np.full(size, NONE, np.uint8), np.full(size, -1, np.int32)
    for label, picture, shown in zip(labels, stack.reshape(len(stack), 3, -1), covered, strict=True):
        pixels = np.flatnonzero(shown)
        now[pixels] += 1
        run[pixels] = np.where(label[pixels] == previous[pixels], run[pixels] + 1, 1)
        previous[pixels] = label[pixels]
        pixels = pixels[label[pixels] != NONE]
        at = label[pixels].astype(np.intp) * size + pixels
        count[at] += 1
        total[:, at] += picture[:, pixels]
        steady[at] |= run[pixels] >= STEADY_RUN
        first[at] = np.where(first[at] < 0, now[pixels], first[at])
        last[at] = now[pixels]
    shape = (kinds, *covered.shape[1:])
    means = np.rint(total / np.maximum(count, 1)).astype(np.uint8)
    return Values(
        labels=labels.reshape(covered.shape),
        centres=np.ascontiguousarray(means.reshape(3, *shape).transpose(1, 0, 2, 3)),
        count=count.reshape(shape),
        first=first.astype(np.int32).reshape(shape),
        last=last.astype(np.int32).reshape(shape),
        steady=steady.reshape(shape),
        seen=covered.sum(axis=0, dtype=np.int32),
        in_time=in_time,
        tolerance=tolerance,
    )


def _tolerance(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From a picture of what is mostly seen."""
    few = stack[:: 1 + len(stack) // 15]
    typical = np.median(few, axis=0).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    span = np.max([cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, kernel) for plane in typical], axis=0)
    return np.minimum(TOLERANCE + EDGE_TOLERANCE * span, LARGEST_TOLERANCE).astype(np.uint8)


def recurring(values: Values) -> tuple[Indices, Mask]:
    """The value that is there longest from its first to its last sighting, H x W, and where that is certain.

    It is certain where every other thing that stays for a while comes and goes within that time.
    """
    lasting = values.lasting()
    span = np.where(lasting, values.last - values.first + 1, 0)
    winner = (span * 1000 + values.count).argmax(axis=0)
    outlasts = (values.first < of(values.first, winner) - SLACK) | (values.last > of(values.last, winner) + SLACK)
    contested = (lasting & outlasts & values.unlike(winner)).any(axis=0)
    return winner, np.asarray(of(values.enough(), winner) & ~contested, np.bool_)


def prevailing(values: Values) -> tuple[Indices, Mask]:
    """The value that most pictures show, H x W, and where at least two do and more than show any other thing.

    For pictures that have no order in time, such as photos.
    """
    winner = values.count.argmax(axis=0)
    most = of(values.count, winner)
    contested = ((values.count >= most) & values.unlike(winner)).any(axis=0)
    return winner, np.asarray((most > 1) & ~contested, np.bool_)
