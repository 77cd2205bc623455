"""Hair: thousands of thin curved strands in locks, which swing with the head, and some that stand off."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from body import Array, Plane
from figure import HEAD_SIZE, Axes
from numpy.typing import NDArray

POINTS = 36


@dataclass(frozen=True)
class Strands:
    """What does not change from frame to frame; N strands.

    Attributes:
        turn: N, where on the head the lock grows: angle about the vertical, 0 in front.
        aside: N, how far the strand grows from the middle of its lock, radians.
        tilt: N, angle from the crown down.
        length_m: N.
        layer_m: N, how far above the scalp it lies.
        wave: N x 3, strength (metres), length (metres) and phase of its curls.
        loose: N, 0 for a tidy strand, up to 1 for a fly-away.
        drift: N x 2, where a fly-away drifts (side, up).
        tone: N x 3 colour.
    """

    turn: Array
    aside: Array
    tilt: Array
    length_m: Array
    layer_m: Array
    wave: Array
    loose: Array
    drift: Array
    tone: Array


def grow(rng: np.random.Generator, count: int = 4200, locks: int = 220) -> Strands:
    """Plants the strands: roots in locks, none on the face."""
    lock_turn = rng.uniform(-np.pi, np.pi, locks)
    highest = np.interp(np.abs(lock_turn), [0, 0.75, 1.3, 2.0, np.pi], [1.12, 1.10, 1.25, 1.7, 1.85])
    lock_tilt = highest * rng.uniform(0.0, 1.0, locks) ** 0.7
    lock_phase, lock_curl = rng.uniform(0, 7, locks), rng.uniform(0.6, 1.3, locks)
    lock = rng.integers(0, locks, count)
    loose = np.where(rng.random(count) < 0.075, rng.uniform(0.35, 1.0, count), 0.0)
    shine = rng.normal(1, 0.12, count)[:, None] * rng.normal(1, 0.10, locks)[lock][:, None]
    red = rng.random(count)[:, None]
    return Strands(
        turn=lock_turn[lock],
        aside=rng.normal(0, 0.11, count),
        tilt=np.clip(lock_tilt[lock] + rng.normal(0, 0.05, count), 0.02, None),
        length_m=rng.uniform(0.40, 0.52, count) * np.where(rng.random(count) < 0.12, 0.7, 1),
        layer_m=rng.gamma(2.0, 0.0045, count),
        wave=np.stack([
            rng.uniform(0.8, 1.1, count) * lock_curl[lock] * 0.011,
            0.16 + 0.015 * np.sin(lock_phase[lock] * 3) + rng.normal(0, 0.002, count),
            lock_phase[lock] + rng.normal(0, 0.14, count),
        ], 1),
        loose=loose,
        drift=np.stack([rng.normal(0, 0.05, count), rng.normal(0.0, 0.035, count)], 1),
        tone=np.clip(np.array([0.43, 0.20, 0.10]) * shine + red * np.array([0.10, 0.04, 0.01]), 0, 1),
    )  # fmt: skip


def lines(strands: Strands, head: Axes, swing: Array, seconds: float) -> Array:
    """Where the strands run: N x POINTS x 3, world metres.

    Args:
        strands: The hair.
        head: The head's place and direction.
        swing: Side, front: how far the tips trail behind the head, metres.
        seconds: Time, for the air that moves the tips.
    """
    run = np.linspace(0, 1, POINTS)[None] * strands.length_m[:, None]
    tilt = strands.tilt[:, None] + run / 0.112
    # Hair from the front is parted and passes the face at the sides.
    part = np.sign(strands.turn + 0.16)
    past_face = part * np.maximum(np.abs(strands.turn), 1.42 + 0.16 * np.sin(9 * strands.turn))
    bend = np.clip(run / 0.085, 0, 1)
    turn = strands.turn[:, None] + (past_face - strands.turn)[:, None] * bend * bend * (3 - 2 * bend)
    turn = turn + strands.aside[:, None] * (1 - 0.75 * np.clip(run / 0.45, 0, 1))
    leaves = 1.72
    on_head = np.minimum(tilt, leaves)
    hanging = np.maximum(tilt - leaves, 0) * 0.112
    wide, tall, deep = 0.096, 0.106, 0.104
    layer = 1 + strands.layer_m[:, None] / 0.1
    out = np.sin(on_head) * layer
    side = wide * out * np.sin(turn)
    front = deep * out * np.cos(turn) - 0.020
    up = 0.058 + tall * layer * np.cos(on_head) - hanging
    side, up, front = _curl(strands, run, hanging, turn, (side, up, front))
    loosely = hanging[:, :] ** 1.5 * 3.2
    breeze = 0.05 * np.sin(2.4 * seconds + 9 * hanging + 2 * turn) + 0.03 * np.sin(4.1 * seconds + strands.wave[:, 2:3])
    side += loosely * (swing[0] + breeze)
    front += loosely * (swing[1] + 0.4 * breeze)
    up += 0.25 * loosely * np.abs(swing[0])
    return _world(head, side, up, front)


def _curl(
    strands: Strands, run: Array, hanging: Array, turn: Array, at: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    side, up, front = at
    strength = strands.wave[:, :1] * np.clip(hanging / 0.10, 0, 1) * (1 + 0.8 * np.clip(hanging / 0.3, 0, 1))
    phase = 2 * np.pi * hanging / strands.wave[:, 1:2] + strands.wave[:, 2:3]
    flare = 0.055 * np.sin(np.clip(hanging / 0.30, 0, 1.25) * np.pi * 0.62)
    along, far = run / strands.length_m[:, None], strands.loose[:, None]
    stand = far * along**1.6
    side = side + strength * np.sin(phase) + flare * np.sin(turn) + stand * (strands.drift[:, :1] + 0.05 * np.sin(turn))
    front = front + strength * np.cos(phase) + 0.5 * flare * np.cos(turn)
    up = up + stand * (strands.drift[:, 1:] + 0.02) + 0.018 * far * np.sin(np.pi * np.clip(along * 2.2, 0, 1))
    return side, up, front


def _world(head: Axes, side: Array, up: Array, front: Array) -> Array:
    """Hair hangs down the world, not the head: only what lies on the scalp tilts with it."""
    hold = np.clip((up + 0.06) / 0.10, 0, 1)
    roll, lean = head.roll * hold, head.lean * hold
    # The neck carries the rest along sideways as the head tilts.
    side, up = side * np.cos(roll) - up * np.sin(roll), side * np.sin(roll) + up * np.cos(roll)
    up, front = up * np.cos(lean) - front * np.sin(lean), up * np.sin(lean) + front * np.cos(lean)
    x = side * np.cos(head.yaw) + front * np.sin(head.yaw)
    z = side * np.sin(head.yaw) - front * np.cos(head.yaw)
    return head.origin + HEAD_SIZE * np.stack([x, up, z], axis=-1)


def draw(
    colour: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    depth: Plane,
    strands: Strands,
    points: Array,
    at_px: Array,
) -> None:
    """Draws the strands that nothing hides, far ones first, into fine pixels.

    Args:
        colour: H x W x 3, changed.
        mask: H x W, 255 where there is anything, changed.
        depth: H x W metres towards the lens, of the body.
        strands: The hair.
        points: N x POINTS x 3 in the world.
        at_px: N x POINTS x 2, where these land.
    """
    height, width = mask.shape
    way = np.diff(points, axis=1)
    way /= np.linalg.norm(way, axis=2, keepdims=True) + 1e-9
    near = -points[:, 1:, 2]
    ends = at_px[:, 1:]
    columns = np.clip(ends[..., 0].astype(int), 0, width - 1)
    rows = np.clip(ends[..., 1].astype(int), 0, height - 1)
    tones = _lit(strands, points, way)
    # Strands sink into the hair's own dark mass by up to a centimetre before that hides them.
    strand, piece = np.nonzero(near > depth[rows, columns] - 0.014)
    order = np.argsort(near[strand, piece], kind="stable")
    fixed = np.round(at_px * 16).astype(int)
    thick = np.where((strands.loose > 0) | (strands.layer_m > 0.009), 1, 2)
    for s, p in zip(strand[order].tolist(), piece[order].tolist(), strict=True):
        start, end = fixed[s, p].tolist(), fixed[s, p + 1].tolist()
        width_px = int(thick[s]) if p < POINTS - 8 else 1
        cv2.line(colour, start, end, tones[s][p], width_px, cv2.LINE_8, 4)
        cv2.line(mask, start, end, 255, width_px, cv2.LINE_8, 4)


def _lit(strands: Strands, points: Array, way: Array) -> list[list[list[float]]]:
    """Colour of each piece: N x (POINTS - 1) x 3 of 0..255; a strand shines where it runs across the light."""
    light = np.array([-0.60, 0.50, -0.62])
    half = light + np.array([0, 0, -1.0])
    half /= np.linalg.norm(half)
    diffuse = np.sqrt(np.clip(1 - (way @ light) ** 2, 0, 1))
    shine = np.sqrt(np.clip(1 - (way @ half) ** 2, 0, 1)) ** 26
    middle = points[:, :1].mean(axis=0, keepdims=True)
    from_left = np.clip(0.5 - (points[:, 1:, 0] - middle[..., 0]) / 0.26, 0, 1)
    deep = np.clip(0.45 + strands.layer_m / 0.018, 0, 1.05)[:, None]
    bright = (0.30 + 0.75 * diffuse * (0.35 + 0.65 * from_left)) * deep
    tone = strands.tone[:, None] * bright[..., None] * 1.15
    tone = tone + (0.30 * shine * deep * (0.3 + 0.7 * from_left))[..., None] * np.array([1.0, 0.78, 0.55])
    return np.clip(tone * 255, 0, 255).tolist()
