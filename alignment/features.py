"""Key points and matches. The plate's are computed once; ORB is tried first, SIFT where ORB is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import between_sizes, project

Method = Literal["orb", "sift"]

LONG_SIDE_PX: dict[Method, int] = {"orb": 560, "sift": 800}
RATIO: dict[Method, float] = {"orb": 0.85, "sift": 0.8}
DETECTED: dict[Method, int] = {"orb": 3000, "sift": 6000}
KEPT: dict[Method, int] = {"orb": 900, "sift": 2000}
CELLS = (16, 9)  # key points are spread evenly over these, or a lively subject would take them all
ORB_STEP, ORB_LEVELS = 1.3, 4  # to 2.2 times smaller; SIFT is there for more
FAST_THRESHOLD = 12  # of 255; OpenCV's 20 finds too little in dim rooms


@dataclass(frozen=True)
class Features:
    """Key points of one picture.

    Attributes:
        method: What found them; only features of one method can be matched.
        points_px: N x 2 float64, x and y in full-size pixels.
        descriptors: N x D, uint8 (ORB) or float32 of unit length (SIFT).
    """

    method: Method
    points_px: NDArray[np.float64]
    descriptors: NDArray[np.uint8] | NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points_px)


def reduced_size(size: tuple[int, int], long_side_px: int) -> tuple[int, int]:
    """A width and height with the given long side; never larger than what there is."""
    factor = max(1.0, max(size) / long_side_px)
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def detect(grey: NDArray[np.uint8], full_size: tuple[int, int], method: Method) -> Features:
    """Finds key points at the method's reduced size.

    Args:
        grey: h x w, the whole picture, possibly already reduced.
        full_size: Width and height of the picture that the points are wanted in.
        method: `orb` (6 ms) or `sift` (80 ms, more robust).

    Returns:
        The key points in full-size pixels; none is not an error here.
    """
    size = reduced_size((grey.shape[1], grey.shape[0]), LONG_SIDE_PX[method])
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    # A detector is made for every call: OpenCV does not promise that one can be shared by threads.
    detector: cv2.Feature2D
    if method == "orb":
        detector = cv2.ORB.create(
            DETECTED[method], scaleFactor=ORB_STEP, nlevels=ORB_LEVELS, fastThreshold=FAST_THRESHOLD
        )
    else:
        detector = cv2.SIFT.create(DETECTED[method], contrastThreshold=0.02)
    found = detector.detect(small, None)
    if not found:
        return Features(method, np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    key_points, computed = detector.compute(small, _spread(found, size, KEPT[method]))
    points = np.asarray(cv2.KeyPoint.convert(key_points), np.float64).reshape(-1, 2)
    descriptors = np.asarray(computed)
    if method == "sift":  # RootSIFT (Arandjelovic and Zisserman 2012): better told apart, and of unit length
        descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return Features(method, project(between_sizes(size, full_size), points), descriptors)


def _spread(found: Sequence[cv2.KeyPoint], size: tuple[int, int], count: int) -> list[cv2.KeyPoint]:
    """Takes the strongest key point of every cell, then the second of every cell, until there are enough."""
    points = np.asarray(cv2.KeyPoint.convert(found))
    response = np.array([point.response for point in found])
    columns, rows = CELLS
    x, y = (points * [columns / size[0], rows / size[1]]).astype(np.intp).T
    cell = np.clip(y, 0, rows - 1) * columns + np.clip(x, 0, columns - 1)
    order = np.lexsort((-response, cell))
    starts = np.searchsorted(cell[order], np.arange(columns * rows))
    rank = np.arange(len(order)) - starts[cell[order]]
    chosen = order[np.lexsort((-response[order], rank))[:count]]
    return [found[place] for place in np.sort(chosen)]


def match(plate: Features, frame: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs key points: ratio test, then one partner each.

    Returns:
        Points in the plate and their partners in the frame, N x 2 each, in full-size pixels, the surest first.
    """
    if len(plate) < 2 or len(frame) < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    nearest, best, second = _two_nearest(frame, plate)
    # Lowe's test compares distances, both methods' numbers here are ordered like them.
    kept = np.flatnonzero(best < RATIO[plate.method] * second)
    kept = kept[np.argsort(best[kept], kind="stable")]
    _, first = np.unique(nearest[kept], return_index=True)
    kept = kept[np.sort(first)]
    return plate.points_px[nearest[kept]], frame.points_px[kept]


def _two_nearest(
    queries: Features, targets: Features
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Index of the nearest target of every query, its distance, and the distance of the next."""
    if queries.method == "orb":
        distance, nearest = cv2.batchDistance(
            queries.descriptors, targets.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2
        )
        return nearest[:, 0].astype(np.intp), *distance.T.astype(np.float64)
    similarity = queries.descriptors @ targets.descriptors.T
    rows = np.arange(len(similarity))
    nearest = similarity.argmax(axis=1)
    best = similarity[rows, nearest].astype(np.float64)
    similarity[rows, nearest] = -1.0
    second = similarity.max(axis=1).astype(np.float64)
    return nearest, np.sqrt(np.maximum(2 - 2 * best, 0)), np.sqrt(np.maximum(2 - 2 * second, 0))
