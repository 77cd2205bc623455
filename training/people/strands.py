"""Thin curves that hang on a mesh, and how they are drawn: each covers what its width covers, however little."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.people.files import Floats, Ints
from training.people.scene import Light, Picture
from training.people.shots import Camera

SPACING_PX = 1.0
BEHIND = 0.06
"""Decimetres that a strand may lie under a surface and still be seen."""


@dataclass(frozen=True)
class Strands:
    """N curves of P points, roots first.

    Attributes:
        vertices: N x P x 3 vertices of the mesh that carries them.
        weights: N x P x 3, their shares.
        offsets: N x P x 3 decimetres from there, in the axes of the head at rest.
        widths: N, decimetres at the root.
        colours: N x 3, lit by a white light.
        sway: Decimetres that tips move in the wind.
    """

    vertices: Ints
    weights: Floats
    offsets: Floats
    widths: Floats
    colours: Floats
    sway: float = 0.0

    def posed(self, mesh: Floats, head_rotation: Floats, frame: float) -> Floats:
        """The curves on a posed mesh of V x 3 points, N x P x 3."""
        carried = _smooth(np.einsum("npk,npkc->npc", self.weights, mesh[self.vertices]))
        share = np.linspace(0, 1, self.vertices.shape[1], dtype=np.float32)[None, :, None] ** 2
        phase = 0.35 * frame + np.linspace(0, 9, len(self.vertices), dtype=np.float32)
        wind = np.stack((np.sin(phase), 0.3 * np.sin(1.7 * phase), 0.6 * np.cos(1.3 * phase)), axis=1)
        moved: Floats = carried + self.offsets @ head_rotation.T + self.sway * share * wind[:, None, :]
        return moved.astype(np.float32)

    def some(self, chosen: Ints) -> Strands:
        """Those of the given numbers."""
        return replace(
            self,
            vertices=self.vertices[chosen],
            weights=self.weights[chosen],
            offsets=self.offsets[chosen],
            widths=self.widths[chosen],
            colours=self.colours[chosen],
        )


def _smooth(curves: Floats) -> Floats:
    """Curves N x P x 3 without the corners of the mesh that they lie on; their ends stay."""
    result = curves.copy()
    for _ in range(4):
        result[:, 1:-1] = (result[:, :-2] + 2 * result[:, 1:-1] + result[:, 2:]) / 4
    return result


def joined(first: Strands, second: Strands) -> Strands:
    """Both, if they hang on the same mesh and have as many points."""
    return replace(
        first,
        vertices=np.concatenate((first.vertices, second.vertices)),
        weights=np.concatenate((first.weights, second.weights)),
        offsets=np.concatenate((first.offsets, second.offsets)),
        widths=np.concatenate((first.widths, second.widths)),
        colours=np.concatenate((first.colours, second.colours)),
    )


def styled(random: Random, strands: Strands, frizz: float, curl: float, turns: float) -> Strands:
    """Waves, curls and stray hairs.

    Args:
        random: Source of all chance.
        strands: What to bend.
        frizz: Decimetres by which hairs leave their lock.
        curl: Radius of curls, decimetres.
        turns: Curls from root to tip.
    """
    count, points = strands.vertices.shape[:2]
    along = np.linspace(0, 1, points, dtype=np.float32)
    waves = np.zeros((count, points, 3), np.float32)
    for octave in (1.0, 2.3, 5.1):
        phase = random.uniform(0, 2 * np.pi, (count, 1, 3)) + octave * 3.5 * along[None, :, None]
        waves += (random.normal(0, 1 / octave, (count, 1, 3)) * np.sin(phase)).astype(np.float32)
    # One hair in twelve strays from the others, by a millimetre or by centimetres.
    stray = np.where(random.random(count) < 0.08, 0.3 * random.random(count) ** 2, 0.0)
    amount = (frizz + stray)[:, None, None] * along[None, :, None] ** 1.3
    phase = random.uniform(0, 2 * np.pi, (count, 1)) + 2 * np.pi * turns * random.uniform(0.7, 1.3, (count, 1)) * along
    ring = np.stack((np.cos(phase), 0.5 * np.sin(phase), np.sin(phase)), axis=2)
    offsets = strands.offsets + amount * waves + curl * np.minimum(1, 4 * along)[None, :, None] * ring
    widths = strands.widths * np.where(stray > 0, 0.6, 1.0)
    return replace(strands, offsets=offsets.astype(np.float32), widths=widths.astype(np.float32))


def lit(points: Floats, colours: Floats, camera: Camera, light: Light, middle: Floats) -> Floats:
    """Colour of each point of curves N x P x 3: bright across the light (Kajiya and Kay), darker at the roots.

    Args:
        points: N x P x 3 of the world.
        colours: N x 3.
        camera: The light is in its axes.
        light: The light.
        middle: Of the head: the side away from the light is in shadow.
    """
    tangent = camera.turned(np.gradient(points, axis=1))
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-6)
    outward = camera.turned(points - middle)
    outward /= np.maximum(np.linalg.norm(outward, axis=2, keepdims=True), 1e-6)
    half = light.direction + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    across = np.sqrt(np.clip(1 - (tangent @ light.direction) ** 2, 0, 1))
    shine = np.clip(1 - (tangent @ half) ** 2, 0, 1) ** 40
    facing = np.clip(0.45 + 0.55 * (outward @ light.direction), 0.1, 1)
    depth = np.linspace(0.65, 1, points.shape[1], dtype=np.float32)
    matt = (0.8 * across * facing)[..., None] * light.colour + light.ambient
    gleam = (0.25 * shine * facing)[..., None] * light.colour * (0.25 + colours[:, None])
    result: Floats = depth[None, :, None] * (colours[:, None] * matt + gleam)
    return result.astype(np.float32)


def draw_strands(
    points: Floats, widths: Floats, colours: Floats, camera: Camera, picture: Picture
) -> tuple[FloatImage, FloatImage]:
    """Draw curves before what a picture holds; where a surface is nearer they are hidden.

    Args:
        points: N x P x 3 of the world.
        widths: N, decimetres at the root; tips end at a third of it.
        colours: N x P x 3.
        camera: As for the picture.
        picture: S x S samples of surfaces.

    Returns:
        Alpha S x S in [0, 1], and straight colour S x S x 3.
    """
    size = len(picture.nearness)
    count, steps = points.shape[:2]
    xy, near = camera.project(points.reshape(-1, 3))
    xy, near = xy.reshape(count, steps, 2), near.reshape(count, steps)
    taper = np.linspace(1, 0.35, steps, dtype=np.float32)
    width_px = widths[:, None] * taper * near * np.float32(camera.focal)
    owner, share, mass = _samples(xy, size)
    table = np.concatenate((xy - 0.5, near[..., None], width_px[..., None]), axis=2)
    start, change = table[:, :-1].reshape(-1, 4), np.diff(table, axis=1).reshape(-1, 4)
    value = start[owner] + share[:, None] * change[owner]
    inside = np.flatnonzero(((value[:, :2] > 0) & (value[:, :2] < size - 1)).all(axis=1))
    column, row = (value[inside, :2] + 0.5).astype(np.int32).T
    depth = value[inside, 2]
    seen = inside[depth * (1 + BEHIND * depth) > picture.nearness[row, column]]
    return _splat(value[seen], mass[seen], colours[:, :-1].reshape(-1, 3)[owner[seen]], size)


def _samples(xy: Floats, size: int) -> tuple[Ints, Floats, Floats]:
    """Evenly spaced samples of the segments of curves: segment, place on it, length in pixels."""
    step = np.linalg.norm(np.diff(xy, axis=1), axis=2)
    middle = (xy[:, 1:] + xy[:, :-1]) / 2
    visible = ((middle > -step[..., None]) & (middle < size + step[..., None])).all(axis=2)
    number = np.where(visible, np.ceil(step / SPACING_PX), 0).astype(np.int64).ravel()
    owner = np.repeat(np.arange(number.size), number)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
    total = number[owner]
    return owner, ((index + 0.5) / total).astype(np.float32), (step.ravel()[owner] / total).astype(np.float32)


def _splat(value: Floats, mass: Floats, colours: Floats, size: int) -> tuple[FloatImage, FloatImage]:
    """Samples shared among the four pixels around them; `value` is N x 4: x, y, nearness, width."""
    samples = size * size
    if len(value) == 0:
        return np.zeros((size, size), np.float32), np.zeros((size, size, 3), np.float32)
    x, y, near = value[:, 0], value[:, 1], value[:, 2]
    # Width times length is the area covered; areas that meet in a pixel overlap by chance, hence the exponential.
    density = value[:, 3] * mass
    left, top = x.astype(np.int32), y.astype(np.int32)
    right, down, corner = x - left, y - top, top * size + left
    total = np.zeros(samples)
    for place, part in (
        (corner, (1 - right) * (1 - down)),
        (corner + 1, right * (1 - down)),
        (corner + size, (1 - right) * down),
        (corner + size + 1, right * down),
    ):
        total += np.bincount(place, density * part, minlength=samples)
    alpha = (1 - np.exp(-total)).reshape(size, size).astype(np.float32)
    # Nearer hairs hide those behind: their colour counts for more.
    front = density * np.exp(np.clip(60 * (near / near.mean() - 1), -6, 6))
    place = (y + 0.5).astype(np.int32) * size + (x + 0.5).astype(np.int32)
    sums = [np.bincount(place, front * weight, minlength=samples) for weight in (1.0, *colours.T)]
    image = cv2.blur(np.stack(sums, axis=1).reshape(size, size, 4), (3, 3))
    colour = image[..., 1:] / np.maximum(image[..., :1], 1e-12)
    return alpha, np.clip(colour, 0, 1).astype(np.float32)
