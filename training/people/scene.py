"""A scene of textured parts, and how its surfaces are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from training.people.files import Floats, Ints
from training.people.raster import Buffers, Index, barycentric, rasterise
from training.people.shots import Camera


@dataclass(frozen=True)
class Part:
    """A surface of one material.

    Attributes:
        points: V x 3, posed.
        triangles: T x 3.
        uv: V x 2, one texture spans [0, 1] and repeats.
        tint: V x 3, multiplies the texture.
        texture: h x w x 3.
        gloss: Strength of the highlight.
        two_sided: False leaves out what looks away from the camera.
    """

    points: Floats
    triangles: Ints
    uv: Floats
    tint: Floats
    texture: FloatImage
    gloss: float
    two_sided: bool = True


@dataclass(frozen=True)
class Light:
    """A lamp far away (unit `direction` in the camera's axes, RGB `colour`) and light from all around."""

    direction: Floats
    colour: Floats
    ambient: Floats
    softness: float

    def diffuse(self, normals: Floats) -> Floats:
        """What a matt white surface sends back, N x 3 for N x 3 unit normals in the camera's axes."""
        lit = (normals @ self.direction + self.softness) / (1 + self.softness)
        sky = (0.75 + 0.25 * normals[:, 1:2]) * self.ambient
        return (np.clip(lit, 0, None)[:, None] * self.colour + sky).astype(np.float32)

    def highlight(self, normals: Floats) -> Floats:
        """Blinn's highlight, N."""
        half = self.direction + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        return (np.clip(normals @ half, 0, None) ** 24).astype(np.float32)


@dataclass(frozen=True)
class Picture:
    """H x W samples: straight colour (x 3), whether there is a surface, and its nearness."""

    colour: FloatImage
    covered: NDArray[np.bool_]
    nearness: Floats


def vertex_normals(points: Floats, triangles: Ints) -> Floats:
    """Unit normals, V x 3: those of the triangles around, by area."""
    corner = points[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    index = triangles.ravel()
    total = np.stack(
        [np.bincount(index, np.repeat(face[:, k], 3), minlength=len(points)) for k in range(3)], axis=1
    ).astype(np.float32)
    result: Floats = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return result


def draw(parts: list[Part], camera: Camera, light: Light, size: int) -> Picture:
    """The parts as the camera sees them, size x size samples."""
    start = np.cumsum([0] + [len(part.points) for part in parts])
    xy, near = camera.project(np.concatenate([part.points for part in parts]))
    triangles, owners, back = [], [], []
    for number, part in enumerate(parts):
        corner = xy[part.triangles + start[number]]
        a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
        away = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0  # y is down on the screen
        keep = slice(None) if part.two_sided else ~away
        triangles.append(part.triangles[keep] + start[number])
        back.append(away[keep])
        owners.append(np.full(len(triangles[-1]), number))
    every = np.concatenate(triangles)
    buffers = rasterise(xy, near, every, size, size)
    return _shaded(parts, every, np.concatenate(owners), np.concatenate(back), buffers, xy, camera, light)


def _shaded(
    parts: list[Part],
    triangles: Ints,
    owners: Ints,
    back: NDArray[np.bool_],
    buffers: Buffers,
    xy: Floats,
    camera: Camera,
    light: Light,
) -> Picture:
    y, x = (v.astype(np.int32) for v in np.nonzero(buffers.triangle >= 0))
    chosen = buffers.triangle[y, x]
    weights = barycentric(xy, triangles, chosen, x, y)
    turned = np.concatenate([camera.turned(vertex_normals(part.points, part.triangles)) for part in parts])
    tint = np.concatenate([part.tint for part in parts])
    gloss = np.concatenate([np.full(len(part.points), part.gloss, np.float32) for part in parts])
    uv = np.concatenate([part.uv for part in parts])
    # Colour, highlight and texture coordinates of the vertices from before, then the same from behind.
    sides = [
        np.column_stack((tint * light.diffuse(normals), gloss * light.highlight(normals), uv))
        for normals in (turned, -turned)
    ]
    corners = triangles + len(uv) * back[:, None]
    value = _mixed(np.concatenate(sides).astype(np.float32), corners, chosen, weights)
    colour, owner = value[:, :3], owners[chosen]
    for number, part in enumerate(parts):
        here = np.flatnonzero(owner == number)
        colour[here] *= sample(part.texture, value[here, 4:])
    colour += value[:, 3:4] * light.colour
    picture = np.zeros((*buffers.triangle.shape, 3), np.float32)
    picture[y, x] = np.clip(colour, 0, 1)
    return Picture(picture, buffers.triangle >= 0, buffers.nearness)


def _mixed(values: Floats, triangles: Ints, chosen: Index, weights: Floats) -> Floats:
    """Values of vertices, V x K, at N samples, N x K."""
    corner = triangles[chosen]
    total = weights[:, :1] * values[corner[:, 0]]
    total += weights[:, 1:2] * values[corner[:, 1]]
    total += weights[:, 2:] * values[corner[:, 2]]
    return total


def sample(texture: FloatImage, uv: Floats) -> Floats:
    """Bilinear look-up of an h x w x 3 texture at N x 2 coordinates, N x 3; it repeats."""
    count, columns = len(uv), 1024
    if count == 0:
        return np.zeros((0, 3), np.float32)
    height, width = texture.shape[:2]
    padded = np.zeros((-(-count // columns) * columns, 2), np.float32)
    padded[:count] = (uv % 1.0) * np.array([width - 1, height - 1], np.float32)
    maps = padded.reshape(-1, columns, 2)
    found = np.concatenate(
        [
            cv2.remap(texture, part, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for part in np.array_split(maps, -(-len(maps) // 16384))
        ]
    )
    result: Floats = found.reshape(-1, 3)[:count]
    return result
