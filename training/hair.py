"""Hair, fur, seeds and whatever else is made of curves thinner than a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.canvas import Canvas, Mask, Points, Subject, fill, outline, stroke
from training.textures import random_colour, surface


@dataclass(frozen=True)
class HairStyle:
    """How strands grow; lengths in pixels of the drawing surface.

    Attributes:
        count: Strands in all.
        length: Longest strand.
        curl: Turn a step, radians (random walk).
        gravity: Pull towards the ground a step, radians.
        width: Widest stroke.
        opacity: Range of what a stroke covers of a pixel it fills: a strand thinner than a pixel covers less.
        lock: Strands that run side by side.
    """

    count: int
    length: float
    curl: float
    gravity: float
    width: float
    opacity: tuple[float, float] = (0.35, 1.0)
    lock: int = 1

    @staticmethod
    def pick(random: Random, scale: float) -> HairStyle:
        """From smooth to frizzy; `scale` is the size of the head in pixels of the drawing surface.

        Half are so dense that the hair is a band that thins out, half single strands.
        """
        dense, fine = random.random() < 0.5, random.random() < 0.6
        return HairStyle(
            count=int(random.uniform(700, 2600)) if dense else int(40 * 15 ** random.random()),
            length=scale * random.uniform(0.1, 0.7 if dense else 1.2),
            curl=random.choice([0.03, 0.1, 0.25, 0.5]),
            gravity=random.choice([0.0, 0.0, 0.06, 0.15]),
            width=random.choice([2.0, 3.0, 5.0]) if dense else random.choice([1.0, 1.0, 2.0, 3.0]),
            opacity=(0.08, random.uniform(0.3, 0.8)) if dense or fine else (0.35, 1.0),
            lock=int(random.choice([1, 6, 20])),
        )


def grow(canvas: Canvas, roots: Points, outward: Points, style: HairStyle, colour: FloatImage) -> None:
    """Lay hair over a canvas that may have strands: one over the other, each letting through what it does not cover.

    Args:
        canvas: What to draw on.
        roots: N x 2 pixels of the drawing surface.
        outward: N x 2 unit vectors, where the hair of each root goes.
        style: How it grows.
        colour: size x size x 3; the tones vary around it.
    """
    if not canvas.strands:
        return
    random = canvas.random
    tones = int(random.integers(1, 4))
    for _ in range(tones):
        tone = np.float32(random.uniform(0.75, 1.25)) * random.uniform(0.95, 1.05, 3).astype(np.float32)
        cover = canvas.mask()
        sheets = max(1, style.count // (tones * 120))
        for _ in range(sheets):
            sheet = canvas.mask()
            _strands(random, sheet, roots, outward, style, max(1, style.count // (tones * sheets)))
            over(cover, sheet)
        canvas.add(cover, np.clip(colour * tone, 0, 1))


def over(cover: Mask, sheet: Mask) -> None:
    """Lay a sheet over what is covered already, in place: 1 - (1 - a)(1 - b)."""
    np.subtract(255, cv2.multiply(255 - cover, 255 - sheet, scale=1 / 255), out=cover)


def _strands(random: Random, mask: Mask, roots: Points, outward: Points, style: HairStyle, count: int) -> None:
    steps = 14
    locks = max(1, count // style.lock)
    member = random.integers(locks, size=count)
    pick = random.integers(len(roots), size=locks)[member]
    apart = 2 if style.lock == 1 else 0.03 * style.length
    start = roots[pick] + random.normal(0, apart, (count, 2))
    heading = np.arctan2(outward[pick, 1], outward[pick, 0]) + random.normal(0, 0.3, locks)[member]
    heading += random.normal(0, 0.15, count)
    lengths = style.length * random.beta(1.5, 3, count) + 4
    bend = random.normal(0, style.curl, (locks, 1)) + random.normal(0, style.curl, (locks, steps))
    turn = np.cumsum(bend[member] + random.normal(0, 0.3 * style.curl, (count, steps)), axis=1)
    fall = style.gravity * np.arange(steps) * np.cos(heading)[:, None]
    angle = heading[:, None] + turn + fall
    step = (lengths / steps)[:, None, None] * np.stack((np.cos(angle), np.sin(angle)), axis=2)
    paths = start[:, None] + np.cumsum(step, axis=1)
    values = 255 * random.uniform(*style.opacity, count)
    for path, value in zip(paths, values, strict=True):
        stroke(mask, path, random.uniform(1, style.width + 0.5), int(value))


def draw_loops(canvas: Canvas, anchors: Points, size: float, colour: FloatImage) -> None:
    """Curls that close: locks laid in rings around some of the anchors, N x 2; what lies behind is seen through them.

    `size` is that of the largest, in pixels of the drawing surface.
    """
    random = canvas.random
    turns = np.linspace(0, 1, 24)
    for _ in range(random.integers(2, 9)):
        centre = anchors[random.integers(len(anchors))] + random.normal(0, 0.2 * size, 2)
        axes, tilt = size * random.uniform(0.25, 1, 2), random.uniform(0, np.pi)
        first, extent = random.uniform(0, 2 * np.pi), random.uniform(1.2, 2.2) * np.pi
        rotation = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        thick, lock = random.uniform(0.03, 0.3), canvas.mask()
        for _ in range(random.integers(3, 60)):
            angle = first + random.normal(0, 0.3) + extent * turns
            radii = axes * (1 + random.uniform(-thick, thick)) + random.normal(0, 0.02 * size, 2)
            ring = centre + (radii * np.stack((np.cos(angle), np.sin(angle)), axis=1)) @ rotation.T
            stroke(lock, ring, random.uniform(1, 4), int(255 * random.uniform(0.3, 1)))
        canvas.add(lock, np.clip(colour * np.float32(random.uniform(0.75, 1.25)), 0, 1))


def parted(random: Random, subject: Subject) -> Subject:
    """The subject with gaps between its locks, through which the place is seen, crossed by single strands.

    Hair is where alpha is full of fine detail; a subject without any is returned as it is. Of what has been opened the
    neighbours are no longer known.
    """
    alpha, size = subject.alpha, len(subject.alpha)
    strands = (np.abs(alpha - cv2.GaussianBlur(alpha, (0, 0), 1)) > 0.06) & (alpha > 0.05) & (alpha < 0.95)
    hairy = np.argwhere((cv2.blur(strands.astype(np.float32), (21, 21)) > 0.15) & (alpha > 0.3))[:, ::-1]
    if len(hairy) < 0.003 * size * size:
        return subject
    scale = np.sqrt(len(hairy))
    middle = np.array([np.average(np.arange(size), weights=alpha.sum(axis)) for axis in (0, 1)])
    gaps = np.zeros(alpha.shape, np.uint8)
    for _ in range(random.integers(1, 7)):
        place = hairy[random.integers(len(hairy))]
        inwards = (middle - place) / (np.linalg.norm(middle - place) + 1e-6)
        place = place + random.uniform(0, 0.15) * scale * inwards
        fill(gaps, outline(random, place, scale * random.uniform(0.03, 0.22), 0.5))
        for _ in range(random.integers(0, 12)):
            start, way = place + random.normal(0, 0.15 * scale, 2), random.normal(0, 0.3 * scale, 2)
            bend = random.normal(0, 0.1 * scale, 2)
            stroke(gaps, np.stack((start - way, start + bend, start + way)), random.uniform(1, 3), 0)
    opened = cv2.GaussianBlur(gaps, (0, 0), random.uniform(0.4, 1.5)).astype(np.float32) / 255
    return Subject(alpha * (1 - np.float32(random.uniform(0.5, 1)) * opened), subject.colour)


def hair_colour(canvas: Canvas) -> FloatImage:
    """One colour with a little of a texture, size x size x 3 in [0, 1]."""
    base = random_colour(canvas.random)
    texture = surface(canvas.random, canvas.size, canvas.photos)
    return np.clip(0.75 * base + 0.25 * texture, 0, 1).astype(np.float32)


def draw_seeds(canvas: Canvas) -> None:
    """Rays from points and smaller rays from their ends, all of it see-through: a dandelion, a thistle, grass."""
    random, size = canvas.random, canvas.drawn
    colour = hair_colour(canvas) if random.random() < 0.5 else np.clip(0.6 + 0.4 * hair_colour(canvas), 0, 1)
    centre, spread = random.uniform(0.25, 0.75, 2) * size, size * random.uniform(0.08, 0.3)
    opacity = random.uniform(0.3, 1.0)
    heads = 3 * 30 ** random.random()  # from a few to a ball in which one lies behind the other
    for _ in range(random.integers(1, 4)):
        cover = canvas.mask()
        for _ in range(int(heads)):
            sheet = canvas.mask()
            start = centre + random.normal(0, spread, 2)
            reach, rays = size * random.uniform(0.03, 0.16), int(random.integers(12, 70))
            middle, opening = random.uniform(0, 2 * np.pi), random.choice([0.5, 1.2, np.pi])
            for angle in middle + random.uniform(-opening, opening, rays):
                end = start + reach * random.uniform(0.6, 1) * np.array([np.cos(angle), np.sin(angle)])
                bent = (start + end) / 2 + random.normal(0, 0.04 * reach, 2)
                value = int(255 * opacity * random.uniform(0.3, 1))
                stroke(sheet, np.stack((start, bent, end)), random.choice([1, 1, 1, 2]), value)
            over(cover, sheet)
        canvas.add(cover, np.clip(colour * random.uniform(0.8, 1.2), 0, 1).astype(np.float32))
