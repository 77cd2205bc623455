"""A z-buffer in numpy: triangles to rows, rows to spans, spans to pixels, all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.people.files import Floats, Ints

Index = NDArray[np.int32]


@dataclass(frozen=True)
class Buffers:
    """What is nearest at each of H x W samples.

    Attributes:
        triangle: Its number, -1 where there is none.
        nearness: 1 / depth, 0 where there is none.
    """

    triangle: Index
    nearness: Floats


def rasterise(xy: Floats, nearness: Floats, triangles: Ints, height: int, width: int) -> Buffers:
    """Draw triangles. A sample is the centre of a pixel: (0.5, 0.5) is the first.

    Args:
        xy: V x 2 screen positions in pixels, y down.
        nearness: V, 1 / depth, positive; triangles with a vertex behind the camera must not be given.
        triangles: T x 3; both sides are drawn.
        height: H of the buffers.
        width: W of the buffers.
    """
    order = np.argsort(nearness[triangles].max(axis=1), kind="stable")
    corner = xy[triangles[order]].astype(np.float32)
    gradient, constant = _planes(corner, nearness[triangles[order]].astype(np.float32))
    row_owner, rows = _spread(corner[:, :, 1], height)
    start, stop = _crossings(corner, row_owner, rows)
    first, last = _clipped(start, stop, width)
    length = np.maximum(last - first + 1, 0)
    owner = np.repeat(row_owner, length)
    offset = np.arange(len(owner), dtype=np.int32) - np.repeat(np.cumsum(length, dtype=np.int32) - length, length)
    x = np.repeat(first, length) + offset
    base = constant[row_owner] + gradient[row_owner, 1] * (rows.astype(np.float32) + np.float32(0.5))
    near = np.repeat(base, length) + gradient[owner, 0] * (x.astype(np.float32) + np.float32(0.5))
    place = np.repeat(rows * width, length) + x
    nearest, winner = _nearest(place, near, owner, height * width)
    found = np.where(winner >= 0, order[winner], -1).astype(np.int32)
    return Buffers(found.reshape(height, width), nearest.reshape(height, width))


def _planes(corner: Floats, value: Floats) -> tuple[Floats, Floats]:
    """The plane through the values at three corners: gradient T x 2 and constant T."""
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = np.where(np.abs(area) < 1e-9, np.float32(np.inf), area)
    da, db = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    gradient = np.stack(((da * b[:, 1] - db * a[:, 1]) / area, (db * a[:, 0] - da * b[:, 0]) / area), axis=1)
    gradient = gradient.astype(np.float32)
    return gradient, value[:, 0] - (gradient * corner[:, 0]).sum(axis=1)


def _clipped(start: Floats, stop: Floats, limit: int) -> tuple[Index, Index]:
    """First and last sample whose centre lies in [start, stop)."""
    first = np.clip(np.ceil(start - 0.5), 0, limit)
    last = np.clip(np.ceil(stop - 0.5) - 1, -1, limit - 1)
    return first.astype(np.int32), last.astype(np.int32)


def _spread(y: Floats, height: int) -> tuple[Index, Index]:
    """The triangles (by y of their corners, T x 3) once for each row of samples they may touch."""
    first, last = _clipped(y.min(axis=1), y.max(axis=1), height)
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(y), dtype=np.int32), count)
    offset = np.arange(len(owner), dtype=np.int32) - np.repeat(np.cumsum(count, dtype=np.int32) - count, count)
    return owner, np.repeat(first, count) + offset


def _crossings(corner: Floats, owner: Index, rows: Index) -> tuple[Floats, Floats]:
    """Where a row enters and leaves its triangle."""
    y = rows.astype(np.float32) + np.float32(0.5)
    start, stop = np.full(len(y), np.inf, np.float32), np.full(len(y), -np.inf, np.float32)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        a, b = corner[owner, i], corner[owner, j]
        rise = b[:, 1] - a[:, 1]
        crosses = (np.minimum(a[:, 1], b[:, 1]) <= y) & (y < np.maximum(a[:, 1], b[:, 1]))
        x = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / np.where(crosses, rise, 1)
        start = np.minimum(start, np.where(crosses, x, np.inf))
        stop = np.maximum(stop, np.where(crosses, x, -np.inf))
    return start.astype(np.float32), stop.astype(np.float32)


def _nearest(place: Index, near: Floats, owner: Index, samples: int) -> tuple[Floats, Index]:
    """For each sample the greatest nearness and who has it."""
    nearest = np.zeros(samples, np.float32)
    winner = np.full(samples, -1, np.int32)
    # Of several writes to one place the last stays, here the triangle that reaches nearest: few rounds are needed.
    better = near > 0
    while True:
        place, near, owner = place[better], near[better], owner[better]
        if len(place) == 0:
            return nearest, winner
        nearest[place] = near
        winner[place] = owner
        better = near > nearest[place]


def barycentric(xy: Floats, triangles: Ints, chosen: Index, x: Index, y: Index) -> Floats:
    """Weights of the three corners of triangle `chosen[n]` at the sample (x[n], y[n]), N x 3, in [0, 1]."""
    corner = xy[triangles[chosen]].astype(np.float32)
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    px, py = (v.astype(np.float32) + np.float32(0.5) - corner[:, 0, k] for k, v in enumerate((x, y)))
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = np.where(np.abs(area) < 1e-9, np.float32(1e-9), area)
    second = np.clip((px * b[:, 1] - py * b[:, 0]) / area, 0, 1)
    third = np.clip((a[:, 0] * py - a[:, 1] * px) / area, 0, 1 - second)
    return np.stack((1 - second - third, second, third), axis=1)
