"""A woman in a striped jumper: where her joints are at each moment, and the solids around them.

She walks in from the left with planted feet, turns to the lens and waves. Her own axes are side (her left, which
is to the right of the picture when she faces it), up, and front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from body import Array

STEP_SECONDS = 0.46
WALK_SECONDS = 2.1
START, STOP = np.array([-0.86, 4.50]), np.array([0.02, 3.64])
WALK_YAW = 0.72
HEAD_SIZE = 1.10
THIGH_M, SHIN_M = 0.40, 0.41
UPPER_ARM_M, FOREARM_M = 0.27, 0.235


def ease(x: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    u = min(max((x - low) / (high - low), 0.0), 1.0)
    return u * u * (3 - 2 * u)


@dataclass(frozen=True)
class Axes:
    """A place and a direction: maps (side, up, front) in metres to the world."""

    origin: Array
    yaw: float
    lean: float = 0.0
    roll: float = 0.0

    def __call__(self, side: float, up: float, front: float) -> Array:
        """The world point (3) at an offset from the origin."""
        side, up = (
            side * np.cos(self.roll) - up * np.sin(self.roll),
            side * np.sin(self.roll) + up * np.cos(self.roll),
        )
        up, front = (
            up * np.cos(self.lean) - front * np.sin(self.lean),
            up * np.sin(self.lean) + front * np.cos(self.lean),
        )
        x = side * np.cos(self.yaw) + front * np.sin(self.yaw)
        z = side * np.sin(self.yaw) - front * np.cos(self.yaw)
        return np.asarray(self.origin + np.array([x, up, z]))

    def way(self, side: float, up: float, front: float) -> Array:
        """A direction in the world."""
        return self(side, up, front) - self.origin


@dataclass(frozen=True)
class Pose:
    """The joints at one moment; of pairs, her right (-1) comes first."""

    seconds: float
    pelvis: Axes
    chest: Axes
    head: Axes
    feet: tuple[Axes, Axes]
    hips: tuple[Array, Array]
    knees: tuple[Array, Array]
    shoulders: tuple[Array, Array]
    elbows: tuple[Array, Array]
    wrists: tuple[Array, Array]
    velocity: Array


def _path(seconds: float) -> Array:
    """Where she stands on the floor (x, z): steady steps, slowing at the end."""
    u = seconds / WALK_SECONDS
    way = u if u < 0.72 else 0.72 + 0.28 * (1 - (1 - min((u - 0.72) / 0.56, 1.0)) ** 2)
    return np.asarray(START + (STOP - START) * way)


def _yaw(seconds: float) -> float:
    return WALK_YAW * (1 - ease(seconds, 1.25, 2.25)) - 0.10 * ease(seconds, 2.2, 3.0)


def _foot(seconds: float, side: int) -> Axes:
    """A foot stays where it is planted for one step, then swings to its next place."""
    phase = seconds / STEP_SECONDS + (0.5 if side > 0 else 1.5)
    step = np.floor(phase / 2)
    u = phase / 2 - step

    def place(k: float) -> tuple[Array, float]:
        at = (2 * k + 0.5 - (0.5 if side > 0 else 1.5)) * STEP_SECONDS + STEP_SECONDS * 0.25
        yaw = _yaw(at)
        x, z = _path(at)
        return np.array([x + side * 0.085 * np.cos(yaw), 0.0, z + side * 0.085 * np.sin(yaw)]), yaw + side * 0.16

    (here, yaw), (there, next_yaw) = place(step), place(step + 1)
    swing = ease(u, 0.5, 1.0)
    stride = float(np.linalg.norm(there - here))
    high = np.sin(np.pi * min(max((u - 0.5) / 0.5, 0), 1)) * min(stride * 0.22, 0.085)
    toe_down = np.sin(2 * np.pi * min(max((u - 0.42) / 0.58, 0), 1)) * min(stride * 0.9, 0.42)
    origin = here + (there - here) * swing + np.array([0, high, 0])
    return Axes(origin, yaw + (next_yaw - yaw) * swing, lean=toe_down)


def footfalls() -> list[float]:
    """When her feet come down, in seconds."""
    return [k * STEP_SECONDS + 0.5 * STEP_SECONDS for k in range(5)]


def _reach(root: Array, goal: Array, first: float, second: float, bend: Array) -> Array:
    """The middle joint of two bones from `root` to `goal`, bent towards `bend`."""
    line = goal - root
    distance = min(float(np.linalg.norm(line)), 0.998 * (first + second))
    way = line / np.linalg.norm(line)
    on_line = (first**2 - second**2 + distance**2) / (2 * distance)
    out = bend - way * (bend @ way)
    off = np.sqrt(max(first**2 - on_line**2, 0.0))
    return np.asarray(root + way * on_line + out / np.linalg.norm(out) * off)


def _arm(chest: Axes, shoulder: Array, side: int, seconds: float, walking: float) -> tuple[Array, Array]:
    """Elbow and wrist: swinging in step, or, for her right arm in the end, raised and waving."""
    swing = side * np.sin(np.pi * seconds / STEP_SECONDS) * 0.42 * walking
    upper = np.array([0.20 * side, -0.96, np.sin(swing)])
    fore = np.array([0.06 * side, -0.94, np.sin(swing) + 0.22 + 0.12 * walking])
    if side < 0:
        up = ease(seconds, 1.85, 2.55)
        beat = np.sin(2 * np.pi * 1.55 * (seconds - 2.3)) * ease(seconds, 2.2, 2.6)
        upper += up * (np.array([-0.74, -0.52 + 0.06 * beat, 0.42]) - upper)
        fore += up * (np.array([-0.20 + 0.40 * beat, 0.92, 0.30]) - fore)
    elbow = shoulder + UPPER_ARM_M * chest.way(*(upper / np.linalg.norm(upper)))
    return elbow, elbow + FOREARM_M * chest.way(*(fore / np.linalg.norm(fore)))


def pose(seconds: float) -> Pose:
    """Her joints at a time."""
    walking = 1 - ease(seconds, 1.7, 2.3)
    beat = np.pi * seconds / STEP_SECONDS
    x, z = _path(seconds)
    yaw = _yaw(seconds)
    bob = 0.016 * walking * np.cos(2 * beat) - 0.006 + 0.003 * np.sin(2.1 * seconds)
    shift = 0.018 * (1 - walking) * np.sin(1.9 * seconds + 0.4)
    root = np.array([x + shift, 0.895 + bob, z])
    pelvis = Axes(root, yaw + 0.10 * walking * np.sin(beat), roll=0.045 * walking * np.sin(beat) + shift)
    sway = 0.05 * (1 - walking) * np.sin(2 * np.pi * 0.78 * (seconds - 2.3))
    chest = Axes(
        pelvis(0, 0.29, 0.01),
        yaw - 0.13 * walking * np.sin(beat),
        lean=0.035 * walking,
        roll=-0.5 * shift + sway,
    )
    look = 1 - 0.75 * ease(seconds, 0.4, 1.4)
    head = Axes(
        chest(0, 0.375, 0.025), yaw * look - 0.04, lean=0.02 + 0.025 * np.sin(3 * seconds),
        roll=-0.10 * ease(seconds, 2.1, 2.8) + 0.03 * np.sin(2.3 * seconds) - 0.6 * sway,
    )  # fmt: skip
    feet = (_foot(seconds, -1), _foot(seconds, 1))
    hips = (pelvis(-0.077, -0.06, -0.015), pelvis(0.077, -0.06, -0.015))
    knees = tuple(
        _reach(hip, foot(0, 0.09, -0.03), THIGH_M, SHIN_M, foot.way(0, 0.1, 1))
        for hip, foot in zip(hips, feet, strict=True)
    )
    shrug = 0.045 * ease(seconds, 1.9, 2.5)
    shoulders = (chest(-0.168 - 0.2 * shrug, 0.185 + shrug, 0), chest(0.168, 0.185, 0))
    arms = [_arm(chest, shoulder, side, seconds, walking) for shoulder, side in zip(shoulders, (-1, 1), strict=True)]
    ahead = _path(seconds + 0.05) - _path(seconds - 0.05)
    return Pose(
        seconds, pelvis, chest, head, feet, hips, (knees[0], knees[1]), shoulders,
        (arms[0][0], arms[1][0]), (arms[0][1], arms[1][1]), np.array([ahead[0], 0, ahead[1]]) / 0.1,
    )  # fmt: skip
