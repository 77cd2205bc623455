"""Soft solids drawn into a depth buffer, and the light on them.

A figure is a list of tubes (a line with a radius along it) and balls (ellipsoids), in world metres. `Canvas` keeps
for each pixel what is nearest; `shade` turns that into colour. Pixels here are fine ones: several to a pixel of
the picture, so that averaging them gives true coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Plane = NDArray[np.float32]


class Stuff(IntEnum):
    """What a surface is made of; the number is its row in `TONES`."""

    NOTHING, SKIN, WOOL, RIB, DENIM, SHOE, SOLE, HAIR, EYE, IRIS, PUPIL, LIP, BROW, GLINT, LACE, YOKE = range(16)


TONES = np.float32([
    (0, 0, 0), (0.90, 0.68, 0.55), (0.90, 0.66, 0.24), (0.80, 0.54, 0.17), (0.17, 0.235, 0.36), (0.90, 0.90, 0.88),
    (0.97, 0.97, 0.95), (0.23, 0.11, 0.065), (0.96, 0.95, 0.94), (0.25, 0.38, 0.30), (0.04, 0.03, 0.03),
    (0.80, 0.42, 0.39), (0.33, 0.17, 0.10), (1, 1, 1), (0.72, 0.25, 0.22), (0.86, 0.61, 0.21),
])  # fmt: skip


class Tube(NamedTuple):
    """A line of N points (N x 3, metres) with radii (N), `flat` times as deep as it is wide.

    `cut` says which ends are sliced off rather than rounded: 0 none, 1 the first, 2 the last, 3 both. `start` is
    the length along the cloth at the first point, which keeps one garment's pattern going over several tubes.
    """

    points: Array
    radii: Array
    stuff: Stuff
    flat: float = 1.0
    cut: int = 0
    start: float = 0.0


class Ball(NamedTuple):
    """An ellipsoid at `centre` (metres) with half axes across, up and towards the lens."""

    centre: Array
    axes: tuple[float, float, float]
    stuff: Stuff


@dataclass
class Canvas:
    """The nearest surface at each fine pixel.

    Attributes:
        depth: H x W metres towards the lens; very negative where nothing is.
        normal: H x W x 3, x right, y down, z to the lens.
        stuff: H x W of `Stuff`.
        along: H x W metres along the tube.
        across: H x W in [-1, 1], from one silhouette to the other.
    """

    depth: Plane
    normal: Plane
    stuff: NDArray[np.uint8]
    along: Plane
    across: Plane

    @classmethod
    def empty(cls, height: int, width: int) -> Canvas:
        """Nothing anywhere."""
        flat = np.zeros((height, width), np.float32)
        return cls(
            flat - 1e3,
            np.zeros((height, width, 3), np.float32),
            flat.astype(np.uint8),
            flat.copy(),
            flat.copy(),
        )

    def draw_tube(self, tube: Tube, at_px: Array, px_per_m: Array) -> None:
        """Draws a tube whose points land `at_px` (N x 2) with `px_per_m` (N)."""
        along, last = tube.start, len(at_px) - 2
        for i in range(last + 1):
            cut_start = i == 0 and bool(tube.cut & 1)
            cut_end = i == last and bool(tube.cut & 2)
            length = float(np.linalg.norm(tube.points[i + 1] - tube.points[i]))
            ends = slice(i, i + 2)
            self._draw_cone(tube, ends, at_px[ends], px_per_m[ends], (cut_start, cut_end), (along, length))
            along += length

    def _draw_cone(
        self,
        tube: Tube,
        ends: slice,
        at: Array,
        per_m: Array,
        cut: tuple[bool, bool],
        run: tuple[float, float],
    ) -> None:
        radii_m, z = tube.radii[ends], -tube.points[ends, 2]
        radii = radii_m * per_m
        box = self._box(at.min(0) - radii.max() - 1, at.max(0) + radii.max() + 2)
        if box is None:
            return
        rows, cols, x, y = box
        axis = at[1] - at[0]
        length = float(np.hypot(*axis)) + 1e-6
        way = (axis / length).astype(np.float32)
        dx, dy = x - np.float32(at[0, 0]), y - np.float32(at[0, 1])
        free = (dx * way[0] + dy * way[1]) / length
        t = np.clip(free, 0, 1)
        ox, oy = dx - t * np.float32(axis[0]), dy - t * np.float32(axis[1])
        radius = radii[0] + (radii[1] - radii[0]) * t
        rest = 1 - (ox * ox + oy * oy) / (radius * radius)
        inside = rest > 0
        rise = np.sqrt(np.maximum(rest, 0))
        # A sliced end is a circle seen a little from above, so its rim bows.
        if cut[0]:
            inside &= free * length > 0.16 * radius * (0.4 - rise) * np.sign(-way[1] or 1)
        if cut[1]:
            inside &= (free - 1) * length < 0.16 * radius * (rise - 0.4) * np.sign(way[1] or 1)
        depth = z[0] + (z[1] - z[0]) * t + tube.flat * rise * (radius_m := radii_m[0] + (radii_m[1] - radii_m[0]) * t)
        side = (ox * -way[1] + oy * way[0]) / radius
        # The round end inside a joint is hidden but for a sliver, which must not shine as an end would.
        shown = np.where(
            free < 0,
            np.float32(ends.start == 0),
            np.where(free > 1, np.float32(ends.stop == len(tube.points)), 1),
        )
        hidden = (ox * way[0] + oy * way[1]) * (1 - shown)
        normal = ((ox - hidden * way[0]) / radius, (oy - hidden * way[1]) / radius, rise)
        self._keep(rows, cols, inside, depth, normal, tube.stuff, run[0] + free * run[1], side * radius_m * 8)

    def draw_ball(self, ball: Ball, at_px: Array, px_per_m: float) -> None:
        """Draws an ellipsoid whose centre lands `at_px`."""
        reach = np.array(ball.axes[:2]) * px_per_m
        box = self._box(at_px - reach - 1, at_px + reach + 2)
        if box is None:
            return
        rows, cols, x, y = box
        u, v = (
            (x - np.float32(at_px[0])) / np.float32(reach[0]),
            (y - np.float32(at_px[1])) / np.float32(reach[1]),
        )
        rest = 1 - u * u - v * v
        rise = np.sqrt(np.maximum(rest, 0))
        a, b, c = ball.axes
        u, v = np.broadcast_arrays(u, v)
        normal = (u / a, v / b, rise / c)
        size = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-6
        depth = -ball.centre[2] + c * rise
        normal = (normal[0] / size, normal[1] / size, normal[2] / size)
        self._keep(rows, cols, rest > 0, depth, normal, ball.stuff, v * b, u)

    def _box(self, low: Array, high: Array) -> tuple[slice, slice, Plane, Plane] | None:
        height, width = self.depth.shape
        x0, y0 = np.maximum(np.floor(low), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(high), (width, height)).astype(int)
        if x0 >= x1 or y0 >= y1:
            return None
        x, y = np.arange(x0, x1, dtype=np.float32)[None, :], np.arange(y0, y1, dtype=np.float32)[:, None]
        return slice(y0, y1), slice(x0, x1), x, y

    def _keep(
        self, rows: slice, cols: slice, inside: NDArray[np.bool_], depth: Plane, normal: tuple[Plane, Plane, Plane],
        stuff: Stuff, along: Plane, across: Plane,
    ) -> None:  # fmt: skip
        near = inside & (depth > self.depth[rows, cols])
        self.depth[rows, cols][near] = depth[near]
        self.stuff[rows, cols][near] = stuff
        self.along[rows, cols][near] = along[near]
        self.across[rows, cols][near] = across[near]
        for channel in range(3):
            self.normal[rows, cols, channel][near] = normal[channel][near]
