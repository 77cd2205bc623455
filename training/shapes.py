"""Subjects of every kind: blobs, fur, thin things, people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random

from training.canvas import Canvas, Subject, fill, normals, outline, stroke
from training.figures import draw_bust, draw_figure
from training.hair import HairStyle, draw_seeds, grow, hair_colour
from training.textures import pattern, random_colour, smooth_noise, surface


def draw_blob(canvas: Canvas) -> None:
    """Unions of smooth outlines, some with holes, some with hair: anything at all."""
    random, size = canvas.random, canvas.drawn
    hairy = random.random() < 0.65
    for _ in range(random.integers(1, 4)):
        centre = random.uniform(0.1, 0.9, 2) * size
        radius = size * random.uniform(0.08, 0.4)
        points = outline(random, centre, radius, random.choice([0.08, 0.2, 0.4]))
        mask, colour = canvas.mask(), None
        if hairy:
            hair = hair_colour(canvas)
            grow(canvas, points, normals(points), HairStyle.pick(random, 1.5 * radius), hair)
            colour = hair if random.random() < 0.75 else None  # hair mostly grows on more of it
        fill(mask, points)
        if random.random() < 0.15:
            fill(mask, outline(random, centre, radius * random.uniform(0.1, 0.4), 0.2), 0)
        if random.random() < 0.15:  # an edge that fades
            mask = cv2.GaussianBlur(mask, (0, 0), 1 + radius * random.uniform(0.02, 0.15))
        canvas.add(mask, colour)


def draw_fur(canvas: Canvas) -> None:
    """A body with dense short hair all around."""
    random, size = canvas.random, canvas.drawn
    points = outline(random, random.uniform(0.2, 0.8, 2) * size, size * random.uniform(0.15, 0.4), 0.15)
    colour = surface(random, canvas.size, canvas.photos)
    mask = canvas.mask()
    fill(mask, points)
    canvas.add(mask, colour)
    style = HairStyle(
        int(random.integers(400, 2500)), size * random.uniform(0.02, 0.09), random.choice([0.1, 0.3]), 0.0,
        random.choice([1.0, 2.0]), (0.15, random.uniform(0.5, 1.0)),
    )  # fmt: skip
    grow(canvas, points, normals(points), style, colour)


def draw_thin(canvas: Canvas) -> None:
    """Sticks, wires, nets and leaves."""
    random, size = canvas.random, canvas.drawn
    for _ in range(random.integers(2, 14)):
        mask = canvas.mask()
        a, b = random.uniform(-0.1, 1.1, (2, 2)) * size
        middle = (a + b) / 2 + random.normal(0, 0.12 * size, 2)
        t = np.linspace(0, 1, 24)[:, None]
        curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * middle + t**2 * b
        stroke(mask, curve, random.choice([1, 2, 4, 8, 16, 30]))
        canvas.add(mask, np.broadcast_to(random_colour(random), (canvas.size, canvas.size, 3)).astype(np.float32))
    if random.random() < 0.6:
        draw_blob(canvas)


def draw_veil(canvas: Canvas) -> None:
    """Cloth, smoke or glass that lets the place through, over something solid now and then."""
    random, size = canvas.random, canvas.drawn
    if random.random() < 0.5:
        draw_blob(canvas)
    mask = canvas.mask()
    fill(mask, outline(random, random.uniform(0.2, 0.8, 2) * size, size * random.uniform(0.15, 0.45), 0.2))
    thickness = random.uniform(0.15, 0.8) + random.uniform(0, 0.25) * smooth_noise(random, canvas.size, 8)[..., 0]
    if random.random() < 0.4:
        thickness = thickness * (0.6 + 0.4 * pattern(random, canvas.size).mean(axis=2))
    canvas.add(mask, strength=np.clip(thickness, 0, 1).astype(np.float32))


DRAWERS: tuple[tuple[float, Callable[[Canvas], None]], ...] = (
    (0.18, draw_blob),
    (0.14, draw_figure),
    (0.34, draw_bust),
    (0.09, draw_fur),
    (0.07, draw_thin),
    (0.12, draw_seeds),
    (0.06, draw_veil),
)


def random_subject(random: Random, size: int, photos: tuple[Path, ...], strands: bool = True) -> Subject:
    """A subject of any kind on a size x size picture; without strands nothing on it is hair."""
    canvas = Canvas(random, size, photos, strands)
    weights = np.array([weight for weight, draw in DRAWERS if strands or draw is not draw_seeds])
    drawers = [draw for _, draw in DRAWERS if strands or draw is not draw_seeds]
    drawers[random.choice(len(drawers), p=weights / weights.sum())](canvas)
    blur = random.choice([0.0, 0.3, 0.6, 0.6, 1.0, 2.0, 4.0], p=[0.15, 0.25, 0.2, 0.15, 0.13, 0.08, 0.04])
    motion = random.uniform(2, 16) if random.random() < 0.12 else 0.0
    return canvas.subject(blur, motion)
