"""A pot of grass on a stool, which a draught moves: long blades, and ears of hairs thinner than a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from body import Array, Ball, Plane, Stuff, Tube
from numpy.typing import NDArray

PLACE = np.array([0.10, 0.0, 3.68])
SEAT_M, POT_M, RIM_M = 0.44, 0.20, 0.115
GREEN, STRAW = np.array([0.30, 0.47, 0.16]), np.array([0.86, 0.78, 0.60])


@dataclass(frozen=True)
class Blades:
    """Lines of equal count of points, N x P, that grow from the pot.

    Attributes:
        points: N x P x 3, metres about the middle of the pot's rim, at rest.
        sway: N x P, how far a draught moves each point, metres.
        phase: N, of the draught.
        width_m: N x (P - 1), of each piece.
        tone: N x 3 colour.
    """

    points: Array
    sway: Array
    phase: Array
    width_m: Array
    tone: Array


def solids() -> list[Tube | Ball]:
    """Stool and pot."""
    seat = PLACE + [0, SEAT_M, 0]
    legs = [
        Tube(np.array([seat + [0.11 * x, -0.01, 0.11 * z], seat + [0.16 * x, -SEAT_M, 0.16 * z]]),
             np.array([0.014, 0.011]), Stuff.BROW, cut=3)
        for x, z in ((-1, -0.5), (1, -0.5), (-0.45, 1), (0.55, 0.9))
    ]  # fmt: skip
    pot = np.array([seat + [0, 0.02, 0], seat + [0, 0.02 + 0.8 * POT_M, 0], seat + [0, 0.02 + POT_M, 0]])
    return [
        *legs,
        Ball(seat, (0.19, 0.020, 0.19), Stuff.BROW),
        Tube(pot, np.array([0.078, 0.105, RIM_M]), Stuff.LACE, cut=3),
        Ball(pot[-1], (0.95 * RIM_M, 0.022, 0.95 * RIM_M), Stuff.PUPIL),
    ]


def grow(rng: np.random.Generator, blades: int = 90, ears: int = 26, hairs: int = 130) -> list[Blades]:
    """Broad blades, the stalks of the ears, and the ears' hairs."""
    turn, tilt = rng.uniform(-np.pi, np.pi, blades), rng.uniform(0.15, 1.0, blades)
    length = rng.uniform(0.28, 0.62, blades)
    green = GREEN * rng.normal(1, 0.16, (blades, 1)) + rng.normal(0, 0.02, (blades, 3))
    taper = np.interp(np.linspace(0, 1, 23), [0, 0.3, 1], [0.7, 1, 0.08])
    broad = _grown(rng, turn, tilt, length, rng.uniform(0.9, 1.9, blades), 0.011 * taper, green, 24)
    turn, tilt = rng.uniform(-np.pi, np.pi, ears), rng.uniform(0.02, 0.5, ears)
    stalks = _grown(
        rng, turn, tilt, rng.uniform(0.45, 0.75, ears), rng.uniform(0.3, 0.8, ears), np.full(23, 0.0022),
        STRAW * rng.normal(0.8, 0.06, (ears, 1)), 24,
    )  # fmt: skip
    return [broad, stalks, _hairs(rng, stalks, hairs)]


def _grown(
    rng: np.random.Generator, turn: Array, tilt: Array, length: Array, droop: Array, width_m: Array, tone: Array,
    count: int,
) -> Blades:  # fmt: skip
    """Arcs that leave the pot at `tilt` from the vertical and bend down by `droop` radians on their way."""
    run = np.linspace(0, 1, count)[None]
    angle = tilt[:, None] + droop[:, None] * run**1.5
    step = length[:, None] / (count - 1)
    out = np.cumsum(np.sin(angle) * step, axis=1) + rng.uniform(0, 0.6 * RIM_M, len(turn))[:, None]
    up = np.cumsum(np.cos(angle) * step, axis=1)
    points = np.stack([out * np.sin(turn)[:, None], up, out * np.cos(turn)[:, None]], axis=2)
    sway = 0.05 * run**1.6 * length[:, None] / 0.5
    return Blades(points, sway, rng.uniform(0, 1.5, len(turn)) + turn, np.tile(width_m, (len(turn), 1)), tone)


def _hairs(rng: np.random.Generator, stalks: Blades, count: int) -> Blades:
    """Hairs around the last quarter of every stalk, standing off towards its tip; P = 4."""
    owner = np.repeat(np.arange(len(stalks.points)), count)
    at = rng.uniform(0.70, 1.0, len(owner)) * (stalks.points.shape[1] - 1)
    low = np.minimum(at.astype(int), stalks.points.shape[1] - 2)
    share = (at - low)[:, None]
    ends = stalks.points[owner, low], stalks.points[owner, low + 1]
    root = ends[0] + share * (ends[1] - ends[0])
    way = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0], axis=1, keepdims=True)
    off = rng.normal(0, 1, way.shape)
    off -= (off * way).sum(1, keepdims=True) * way
    off /= np.linalg.norm(off, axis=1, keepdims=True)
    length = rng.uniform(0.02, 0.055, (len(owner), 1)) * np.sin(np.pi * (0.25 + 0.75 * (at[:, None] / 23 - 0.7) / 0.3))
    t = np.linspace(0, 1, 4)[None, :, None]
    points = root[:, None] + length[:, None] * (t * way[:, None] * 0.8 + t**0.8 * off[:, None] * 0.7)
    sway = np.repeat((stalks.sway[owner, low] + 0.004)[:, None], 4, axis=1) * (1 + 0.1 * np.linspace(0, 1, 4))
    tone = STRAW * rng.normal(1, 0.08, (len(owner), 1))
    return Blades(points, sway, stalks.phase[owner], np.full((len(owner), 3), 0.0004), tone)


def lines(blades: Blades, seconds: float) -> Array:
    """Where the blades are at a time: N x P x 3, world metres."""
    gust = 0.6 + 0.4 * np.sin(0.9 * seconds)
    wave = (
        gust * np.sin(2.6 * seconds - blades.phase)[:, None] + 0.25 * np.sin(7.1 * seconds - 3 * blades.phase)[:, None]
    )
    moved = blades.points.copy()
    moved[..., 0] += blades.sway * (0.5 + wave)
    moved[..., 1] -= 0.3 * blades.sway * np.abs(wave)
    moved[..., 2] += 0.4 * blades.sway * wave
    return np.asarray(moved + PLACE + [0, SEAT_M + 0.02 + POT_M, 0])


def draw(
    colour: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    depth: Plane,
    blades: Blades,
    points: Array,
    at_px: Array,
    px_per_m: float,
) -> None:
    """Draws the pieces that no solid hides, far ones first, into fine pixels; see `hair.draw`."""
    height, width = mask.shape
    near, ends = -points[:, 1:, 2], at_px[:, 1:]
    columns = np.clip(ends[..., 0].astype(int), 0, width - 1)
    rows = np.clip(ends[..., 1].astype(int), 0, height - 1)
    blade, piece = np.nonzero(near > depth[rows, columns])
    order = np.argsort(near[blade, piece], kind="stable")
    fixed = np.round(at_px * 16).astype(int)
    thick = np.maximum(1, np.round(blades.width_m * px_per_m)).astype(int)
    tones = _lit(blades, points)
    for b, p in zip(blade[order].tolist(), piece[order].tolist(), strict=True):
        start, end = fixed[b, p].tolist(), fixed[b, p + 1].tolist()
        cv2.line(colour, start, end, tones[b][p], int(thick[b, p]), cv2.LINE_8, 4)
        cv2.line(mask, start, end, 255, int(thick[b, p]), cv2.LINE_8, 4)


def _lit(blades: Blades, points: Array) -> list[list[list[float]]]:
    """Colour of each piece, 0..255: brightest where it lies across the light and at the window's side."""
    way = np.diff(points, axis=1)
    way /= np.linalg.norm(way, axis=2, keepdims=True) + 1e-9
    across = np.sqrt(np.clip(1 - (way @ np.array([-0.60, 0.50, -0.62])) ** 2, 0, 1))
    middle = PLACE[0]
    window_side = np.clip(0.5 - (points[:, 1:, 0] - middle) / 0.7, 0, 1)
    deep = np.clip(0.45 + np.linspace(0, 1, way.shape[1])[None] * 0.7, 0, 1)
    bright = (0.35 + 0.75 * across * (0.4 + 0.6 * window_side)) * deep
    return np.clip(blades.tone[:, None] * bright[..., None] * 1.2 * 255, 0, 255).tolist()
