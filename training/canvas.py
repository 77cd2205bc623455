"""A drawing surface for subjects: layers of alpha and straight colour, drawn at twice the size and reduced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from training.textures import surface

SUPERSAMPLING = 2
SHIFT = 4
"""Fractional bits of the coordinates that OpenCV draws with."""

Points = NDArray[np.float64]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A cut-out.

    Attributes:
        alpha: size x size in [0, 1].
        colour: size x size x 3 in [0, 1], straight.
        neighbours: The same subject in the four frames of the motion input, where they are known; of any size.
    """

    alpha: FloatImage
    colour: FloatImage
    neighbours: tuple[Subject, ...] = ()


def reduce(image: FloatImage, size: int) -> FloatImage:
    """Area average to size x size."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


class Canvas:
    """Collects layers, each over the ones before, in premultiplied colour."""

    def __init__(self, random: Random, size: int, photos: tuple[Path, ...], strands: bool = True) -> None:
        self.random, self.size, self.photos, self.strands = random, size, photos, strands
        self.drawn = size * SUPERSAMPLING
        self._alpha = np.zeros((size, size), np.float32)
        self._premultiplied = np.zeros((size, size, 3), np.float32)

    def mask(self) -> Mask:
        """An empty drawing surface at the supersampled size."""
        return np.zeros((self.drawn, self.drawn), np.uint8)

    def add(self, mask: Mask, colour: FloatImage | None = None, strength: float | FloatImage = 1.0) -> None:
        """Lay a drawn mask over what is there, in `colour` (size x size x 3) or a new surface.

        `strength` is how far it covers what is behind it: a number or size x size, in [0, 1].
        """
        rows, columns = self._touched(mask)
        if rows.start == rows.stop:
            return
        drawn = mask[
            rows.start * SUPERSAMPLING : rows.stop * SUPERSAMPLING,
            columns.start * SUPERSAMPLING : columns.stop * SUPERSAMPLING,
        ]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        area = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
        if isinstance(strength, np.ndarray):
            strength = strength[rows, columns]
        alpha = area.astype(np.float32) * np.float32(1 / 255) * strength
        if colour is None:
            colour = surface(self.random, self.size, self.photos)
        rest = 1 - alpha
        self._alpha[rows, columns] = alpha + rest * self._alpha[rows, columns]
        under = rest[..., None] * self._premultiplied[rows, columns]
        self._premultiplied[rows, columns] = alpha[..., None] * colour[rows, columns] + under

    def _touched(self, mask: Mask) -> tuple[slice, slice]:
        """Rows and columns of the picture in which something is drawn."""
        x, y, width, height = cv2.boundingRect(mask)
        rows = slice(y // SUPERSAMPLING, -(-(y + height) // SUPERSAMPLING))
        return rows, slice(x // SUPERSAMPLING, -(-(x + width) // SUPERSAMPLING))

    def subject(self, blur_px: float, motion_px: float = 0.0) -> Subject:
        """The layers as one, out of focus by a Gaussian of `blur_px` and smeared along a line of `motion_px`."""
        alpha, premultiplied = self._alpha, self._premultiplied
        if blur_px > 0.2:
            alpha = cv2.GaussianBlur(alpha, (0, 0), blur_px)
            premultiplied = cv2.GaussianBlur(premultiplied, (0, 0), blur_px)
        if motion_px > 1:
            kernel = _line_kernel(self.random, motion_px)
            alpha, premultiplied = (
                cv2.filter2D(x, -1, kernel, borderType=cv2.BORDER_REPLICATE) for x in (alpha, premultiplied)
            )
        return unmultiplied(alpha, premultiplied)


def unmultiplied(alpha: FloatImage, premultiplied: FloatImage, beyond: FloatImage | float = 0.0) -> Subject:
    """The subject that premultiplied colour shows; around it is its own colour, so that no edge invites a dark line.

    Args:
        alpha: N x N in [0, 1].
        premultiplied: N x N x 3 in [0, 1].
        beyond: The colour further away, N x N x 3 in [0, 1].
    """
    alpha = np.where(alpha < 1 / 512, 0, np.where(alpha > 1 - 1 / 512, 1, alpha)).astype(np.float32)
    around = cv2.blur(alpha, (15, 15))[..., None]
    wide = cv2.blur(premultiplied, (15, 15)) / np.maximum(around, 1e-3) + np.maximum(1 - around / 1e-3, 0) * beyond
    weight = np.clip(alpha * 20, 0, 1)[..., None]
    colour = weight * premultiplied / np.maximum(alpha, 1e-3)[..., None] + (1 - weight) * wide
    return Subject(alpha, np.clip(colour, 0, 1).astype(np.float32))


def _line_kernel(random: Random, length: float) -> FloatImage:
    """What an open shutter does to a point: a line of `length` pixels in any direction, sum 1."""
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    angle = random.uniform(0, np.pi)
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    stroke(kernel, np.stack((reach - half, reach + half)), 1)
    return kernel.astype(np.float32) / float(kernel.sum())


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


def normals(points: Points) -> Points:
    """Unit normals of a closed curve, N x 2."""
    tangent = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    normal = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    result: Points = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6)
    return result
