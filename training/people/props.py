"""Things that people wear or hold: glasses, a ball, a stick, a bag."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator as Random

from training.people.files import Floats, Ints

Solid = tuple[Floats, Ints]
"""V x 3 points in decimetres, and T x 3 triangles."""


def tube(path: Floats, radius: float, sides: int = 6) -> Solid:
    """A closed tube around a path of N x 3 points."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    helper = np.eye(3)[np.argmin(np.abs(tangent).mean(axis=0))]
    first = np.cross(tangent, helper)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    second = np.cross(tangent, first)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    ring = path[:, None] + radius * (np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None])
    points = np.concatenate((ring.reshape(-1, 3), path[[0, -1]])).astype(np.float32)
    row, column = (v.ravel() for v in np.mgrid[: len(path) - 1, :sides])
    a, b = row * sides + column, row * sides + (column + 1) % sides
    walls = np.concatenate((np.stack((a, b, a + sides), 1), np.stack((b, b + sides, a + sides), 1)))
    column, over = np.arange(sides), (len(path) - 1) * sides
    start = np.stack((column, (column + 1) % sides, np.full(sides, len(points) - 2)), 1)
    end = np.stack((over + column, over + (column + 1) % sides, np.full(sides, len(points) - 1)), 1)
    return points, np.concatenate((walls, start, end))


def ball(centre: Floats, radii: Floats) -> Solid:
    """An ellipsoid."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 16)[:, None]
    longitude = np.linspace(0, 2 * np.pi, 25)[None]
    unit = np.stack(
        (np.cos(latitude) * np.cos(longitude), np.sin(latitude) + 0 * longitude, np.cos(latitude) * np.sin(longitude)),
        axis=2,
    )
    row, column = (v.ravel() for v in np.mgrid[:15, :24])
    a = row * 25 + column
    faces = np.concatenate((np.stack((a, a + 25, a + 1), 1), np.stack((a + 1, a + 25, a + 26), 1)))
    return (centre + radii * unit.reshape(-1, 3)).astype(np.float32), faces


def together(*solids: Solid) -> Solid:
    """Several solids as one."""
    start = np.cumsum([0] + [len(points) for points, _ in solids])
    return np.concatenate([s[0] for s in solids]), np.concatenate(
        [s[1] + k for s, k in zip(solids, start, strict=False)]
    )


def glasses(random: Random, left: Floats, right: Floats, ear_z: float, ear_x: float) -> Solid:
    """Frames before two eyes, their arms back to the ears."""
    reach = float(abs(left[0] - right[0]))
    wide, high = random.uniform(0.36, 0.44) * reach, random.uniform(0.22, 0.42) * reach
    power = random.uniform(0.5, 1.0)  # 1 is an ellipse, less is squarer
    radius = random.uniform(0.008, 0.03)
    angle = np.linspace(0, 2 * np.pi, 33)
    c, s = np.cos(angle), np.sin(angle)
    rim = np.stack((wide * np.sign(c) * np.abs(c) ** power, high * np.sign(s) * np.abs(s) ** power, 0 * c), axis=1)
    parts = []
    front = max(float(left[2]), float(right[2])) + 0.32
    for eye in (left, right):
        centre = np.array([eye[0], eye[1], front])
        side = np.sign(eye[0])
        parts.append(tube(centre + rim, radius))
        hinge = centre + np.array([side * wide, 0.3 * high, 0])
        ear = np.array([side * ear_x, eye[1] + 0.05, ear_z])
        parts.append(tube(np.linspace(hinge, ear, 8), radius))
    inner = [np.array([eye[0] - np.sign(eye[0]) * wide, eye[1] + 0.1 * high, front]) for eye in (left, right)]
    parts.append(tube(np.linspace(inner[0], inner[1], 5) + np.array([0, 0, 0.02]), radius))
    return together(*parts)


def held(random: Random, hand: Floats, elbow: Floats) -> Solid:
    """A ball, a stick or a bag in a hand; positions on the unposed body."""
    along = ((hand - elbow) / np.linalg.norm(hand - elbow)).astype(np.float32)
    palm = hand + np.float32(0.9) * along
    kind = random.random()
    if kind < 0.35:
        radius = random.uniform(0.35, 1.2)
        return ball(palm + along * np.float32(0.6 * radius), np.full(3, radius, np.float32))
    across = np.cross(along, np.array([0.0, 0.0, 1.0]))
    across = np.array([0.0, 0.0, 1.0]) * 0.9 + 0.4 * across / np.linalg.norm(across)
    if kind < 0.7:
        ends = palm - across * random.uniform(0.5, 3), palm + across * random.uniform(2, 7)
        return tube(np.linspace(*ends, 12, dtype=np.float32), random.uniform(0.05, 0.18), 10)
    size = np.array([random.uniform(0.4, 0.8), random.uniform(1.0, 1.9), random.uniform(1.2, 2.0)], np.float32)
    loop = np.linspace(0, np.pi, 12)
    drop = palm + along * np.float32(1.2)
    strap = palm + np.stack((0 * loop, 0 * loop, 0.7 * np.cos(loop)), 1) + along * (1.2 * (1 - np.sin(loop)))[:, None]
    return together(ball(drop + along * size[1], size), tube(strap.astype(np.float32), 0.06))
