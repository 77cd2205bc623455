"""Where the camera stands: full figure, knee shot, bust or close-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator as Random

from training.people.files import Floats

HEAD_RADIUS = 1.3
"""From the middle of a head to beyond its hair, decimetres."""
SHOTS = {"full": 0.3, "knee": 0.2, "bust": 0.3, "close": 0.2}


@dataclass(frozen=True)
class Camera:
    """A pinhole camera over a square picture.

    Attributes:
        rotation: 3 x 3, world to camera; the camera looks along -z, y is up.
        target: The point of the world at `centre`.
        distance: Of the target, decimetres.
        focal: Pixels.
        centre: Pixel that the target falls on, x and y.
    """

    rotation: Floats
    target: Floats
    distance: float
    focal: float
    centre: tuple[float, float]

    def turned(self, vectors: Floats) -> Floats:
        """Directions of the world in the camera's axes, N x 3."""
        return vectors @ self.rotation.T

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Points of the world, N x 3, to pixels, N x 2, and nearness, N, in 1 / decimetres."""
        seen = (points - self.target) @ self.rotation.T
        near = (1 / np.maximum(self.distance - seen[:, 2], 0.5)).astype(np.float32)
        xy = np.stack((seen[:, 0], -seen[:, 1]), axis=1) * near[:, None] * self.focal + np.array(self.centre)
        return xy.astype(np.float32), near

    def pixels_per_decimetre(self, point: Floats) -> float:
        """Scale of the picture at a point."""
        return float(self.focal * self.project(point[None])[1][0])


def random_camera(random: Random, size: int, head: Floats, lowest: float, facing: float, points: Floats) -> Camera:
    """A camera that frames a person.

    Args:
        random: Source of all chance.
        size: Side of the picture in pixels.
        head: Middle of the head.
        lowest: Height of what is lowest, normally the soles.
        facing: Azimuth that the person faces, radians.
        points: N x 3, all that a full figure has to show.
    """
    front = random.random() < 0.65
    azimuth = facing + (random.normal(0, 0.45) if front else random.uniform(-np.pi, np.pi))
    pitch = random.normal(0.02, 0.1)
    rotation = _rotation(azimuth, pitch)
    kind = str(random.choice(list(SHOTS), p=list(SHOTS.values())))
    height = head[1] - lowest
    if kind == "full":
        target = (points.min(axis=0) + points.max(axis=0)) / 2
        span = float(np.ptp((points - target) @ rotation.T, axis=0)[:2].max()) * random.uniform(1.06, 1.3)
    else:
        reach = {"knee": random.uniform(0.6, 0.8), "bust": random.uniform(0.25, 0.42), "close": 0.14}[kind] * height
        top, bottom = HEAD_RADIUS * random.uniform(1.1, 2.0), HEAD_RADIUS + reach
        target = head + np.array([0, (top - bottom) / 2, 0])
        span = top + bottom
    distance = span * random.uniform(2.0, 5.0)
    shift = random.normal(0, 0.03, 2) * size
    centre = (size / 2 + (0 if kind == "full" else shift[0]), size / 2 + (0 if kind == "full" else shift[1]))
    return Camera(rotation, target.astype(np.float32), distance, size * distance / span, centre)


def _rotation(azimuth: float, pitch: float) -> Floats:
    c, s = np.cos(azimuth), np.sin(azimuth)
    yaw = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    c, s = np.cos(pitch), np.sin(pitch)
    return (np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ yaw).astype(np.float32)
