"""A drawing surface for subjects: layers of alpha and straight colour, drawn at twice the size and reduced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from training.textures import random_colour, surface

SUPERSAMPLING = 2
SHIFT = 4
"""Fractional bits of the coordinates that OpenCV draws with."""

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A cut-out: alpha size x size in [0, 1] and straight colour size x size x 3 in [0, 1]."""

    alpha: FloatImage
    colour: FloatImage


class Canvas:
    """Collects layers, each over the ones before, in premultiplied colour."""

    def __init__(self, random: Random, size: int, photos: tuple[Path, ...]) -> None:
        self.random, self.size, self.photos = random, size, photos
        self.drawn = size * SUPERSAMPLING
        self._alpha = np.zeros((size, size), np.float32)
        self._premultiplied = np.zeros((size, size, 3), np.float32)

    def mask(self) -> Mask:
        """An empty drawing surface at the supersampled size."""
        return np.zeros((self.drawn, self.drawn), np.uint8)

    def add(self, mask: Mask, colour: FloatImage | None = None, strength: float = 1.0) -> None:
        """Lay a drawn mask over what is there, in `colour` (size x size x 3) or a new surface."""
        area = cv2.resize(mask, (self.size, self.size), interpolation=cv2.INTER_AREA)
        alpha = area.astype(np.float32) * (strength / 255)
        if colour is None:
            colour = surface(self.random, self.size, self.photos)
        self._alpha = alpha + (1 - alpha) * self._alpha
        self._premultiplied = alpha[..., None] * colour + (1 - alpha[..., None]) * self._premultiplied

    def subject(self, blur_px: float) -> Subject:
        """The layers as one, out of focus by a Gaussian of `blur_px`."""
        alpha, premultiplied = self._alpha, self._premultiplied
        if blur_px > 0.2:
            alpha = cv2.GaussianBlur(alpha, (0, 0), blur_px)
            premultiplied = cv2.GaussianBlur(premultiplied, (0, 0), blur_px)
        alpha = np.where(alpha < 1 / 512, 0, np.where(alpha > 1 - 1 / 512, 1, alpha)).astype(np.float32)
        # Outside the subject the colour is its neighbours', so that no edge invites a dark line.
        wide = cv2.blur(premultiplied, (15, 15)) / np.maximum(cv2.blur(alpha, (15, 15)), 1e-3)[..., None]
        weight = np.clip(alpha * 20, 0, 1)[..., None]
        colour = weight * premultiplied / np.maximum(alpha, 1e-3)[..., None] + (1 - weight) * wide
        return Subject(alpha, np.clip(colour, 0, 1).astype(np.float32))


def fill(mask: Mask, points: Points, value: int = 255) -> None:
    """Fill a polygon given as N x 2 pixels of the drawing surface."""
    cv2.fillPoly(mask, [_fixed(points)], value, cv2.LINE_AA, SHIFT)


def stroke(mask: Mask, points: Points, width_px: float, value: int = 255) -> None:
    """Draw an open line of N x 2 points."""
    cv2.polylines(mask, [_fixed(points)], False, value, max(1, round(width_px)), cv2.LINE_AA, SHIFT)


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.round(points * (1 << SHIFT)).astype(np.int32)


def outline(random: Random, centre: Points, radius: float, roughness: float) -> Points:
    """A closed curve around `centre`: a circle with random Fourier terms, 160 x 2 points."""
    angle = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    r = np.ones_like(angle)
    for k in range(1, 9):
        r += roughness * random.normal(0, 1 / k) * np.cos(k * angle + random.uniform(0, 2 * np.pi))
    stretch = random.uniform(0.5, 1.0, 2)
    stretch /= stretch.max()
    unit = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    points: Points = centre + radius * np.clip(r, 0.25, 2)[:, None] * unit * stretch
    return points


@dataclass(frozen=True)
class HairStyle:
    """How strands grow; lengths in pixels of the drawing surface.

    Attributes:
        count: Strands.
        length: Longest strand.
        curl: Turn a step, radians (random walk).
        gravity: Pull towards the ground a step, radians.
        width: Widest stroke.
    """

    count: int
    length: float
    curl: float
    gravity: float
    width: float

    @staticmethod
    def pick(random: Random, scale: float) -> HairStyle:
        """From smooth to frizzy; `scale` is the size of the head in pixels of the drawing surface."""
        return HairStyle(
            count=int(random.integers(40, 320)),
            length=scale * random.uniform(0.15, 1.2),
            curl=random.choice([0.03, 0.1, 0.25, 0.5]),
            gravity=random.choice([0.0, 0.0, 0.06, 0.15]),
            width=random.choice([1.0, 1.0, 1.0, 2.0, 3.0]),
        )


def strands(random: Random, mask: Mask, roots: Points, outward: Points, style: HairStyle) -> None:
    """Draw hair that leaves `roots` (N x 2) in the directions `outward` (N x 2)."""
    steps = 14
    pick = random.integers(len(roots), size=style.count)
    start = roots[pick] + random.normal(0, 2, (style.count, 2))
    heading = np.arctan2(outward[pick, 1], outward[pick, 0]) + random.normal(0, 0.35, style.count)
    lengths = style.length * random.beta(1.5, 3, style.count) + 4
    bend = random.normal(0, style.curl, (style.count, 1))
    turn = np.cumsum(bend + random.normal(0, style.curl, (style.count, steps)), axis=1)
    fall = style.gravity * np.arange(steps) * np.cos(heading)[:, None]
    angle = heading[:, None] + turn + fall
    step = (lengths / steps)[:, None, None] * np.stack((np.cos(angle), np.sin(angle)), axis=2)
    paths = start[:, None] + np.cumsum(step, axis=1)
    values = random.integers(90, 256, style.count)
    for path, value in zip(paths, values, strict=True):
        stroke(mask, path, random.uniform(1, style.width + 0.5), int(value))


def normals(points: Points) -> Points:
    """Unit normals of a closed curve, N x 2."""
    tangent = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    normal = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    result: Points = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6)
    return result


def hair_colour(canvas: Canvas) -> FloatImage:
    """One colour with a little of a texture, size x size x 3 in [0, 1]."""
    base = random_colour(canvas.random)
    texture = surface(canvas.random, canvas.size, canvas.photos)
    return np.clip(0.75 * base + 0.25 * texture, 0, 1).astype(np.float32)
