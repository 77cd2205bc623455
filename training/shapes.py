"""Subjects: layers of alpha and straight colour, drawn at twice the size and reduced."""

from __future__ import annotations

from collections.abc import Callable
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


def _normals(points: Points) -> Points:
    tangent = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    normal = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    result: Points = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6)
    return result


def _hair_colour(canvas: Canvas) -> FloatImage:
    base = random_colour(canvas.random)
    texture = surface(canvas.random, canvas.size, canvas.photos)
    return np.clip(0.75 * base + 0.25 * texture, 0, 1).astype(np.float32)


def draw_blob(canvas: Canvas) -> None:
    """Unions of smooth outlines, some with holes, some with hair: anything at all."""
    random, size = canvas.random, canvas.drawn
    hairy = random.random() < 0.65
    for _ in range(random.integers(1, 4)):
        centre = random.uniform(0.1, 0.9, 2) * size
        radius = size * random.uniform(0.08, 0.4)
        points = outline(random, centre, radius, random.choice([0.08, 0.2, 0.4]))
        mask = canvas.mask()
        if hairy:
            colour = _hair_colour(canvas)
            hair = canvas.mask()
            strands(random, hair, points, _normals(points), HairStyle.pick(random, 1.5 * radius))
            canvas.add(hair, colour, random.uniform(0.6, 1))
        fill(mask, points)
        if random.random() < 0.15:
            fill(mask, outline(random, centre, radius * random.uniform(0.1, 0.4), 0.2), 0)
        canvas.add(mask)


def draw_fur(canvas: Canvas) -> None:
    """A body with dense short hair all around."""
    random, size = canvas.random, canvas.drawn
    points = outline(random, random.uniform(0.2, 0.8, 2) * size, size * random.uniform(0.15, 0.4), 0.15)
    colour = surface(random, canvas.size, canvas.photos)
    mask = canvas.mask()
    fill(mask, points)
    style = HairStyle(
        int(random.integers(300, 700)), size * random.uniform(0.02, 0.09), random.choice([0.1, 0.3]), 0.0,
        random.choice([1.0, 2.0]),
    )  # fmt: skip
    strands(random, mask, points, _normals(points), style)
    canvas.add(mask, colour)


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


def _capsule(mask: Mask, a: Points, b: Points, start: float, end: float) -> None:
    """A limb: two discs and the quadrilateral between them, radii in pixels."""
    along = (b - a) / (np.linalg.norm(b - a) + 1e-6)
    side = np.array([-along[1], along[0]])
    fill(mask, np.stack((a + side * start, b + side * end, b - side * end, a - side * start)))
    for centre, radius in ((a, start), (b, end)):
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        fill(mask, centre + radius * np.stack((np.cos(angle), np.sin(angle)), axis=1))


def _polar(angle: float, length: float) -> Points:
    return length * np.array([np.cos(angle), np.sin(angle)])


def draw_figure(canvas: Canvas) -> None:
    """An articulated person in a random pose: limbs with hands and fingers, clothes, a head with hair."""
    random = canvas.random
    height = canvas.drawn * random.uniform(0.6, 1.7)
    hip = np.array([random.uniform(0.2, 0.8), random.uniform(0.35, 0.9)]) * canvas.drawn
    down = np.pi / 2
    lean = random.normal(0, 0.15)
    neck = hip + _polar(-down + lean, 0.3 * height)
    skin = random_colour(random) + 0.03 * surface(random, canvas.size, canvas.photos)
    skin = np.broadcast_to(skin, (canvas.size, canvas.size, 3)).astype(np.float32).clip(0, 1)
    trousers = surface(random, canvas.size, canvas.photos)
    shirt = surface(random, canvas.size, canvas.photos)
    for side in (-1, 1):
        _leg(canvas, hip + np.array([side * 0.05 * height, 0]), height, trousers)
    body = canvas.mask()
    _capsule(body, hip, neck, 0.085 * height, random.uniform(0.07, 0.1) * height)
    if random.random() < 0.35:
        hem = hip + _polar(down, 0.22 * height)
        _capsule(body, hip, hem, 0.085 * height, random.uniform(0.09, 0.18) * height)
    canvas.add(body, shirt)
    for side in (-1, 1):
        _arm(canvas, neck + np.array([side * 0.085 * height, 0.03 * height]), side, height, shirt, skin)
    draw_head(canvas, neck + _polar(-down + lean, 0.09 * height), 0.065 * height, skin)


def _leg(canvas: Canvas, hip: Points, height: float, cloth: FloatImage) -> None:
    random, mask = canvas.random, canvas.mask()
    angle = np.pi / 2 + random.normal(0, 0.25)
    knee = hip + _polar(angle, 0.24 * height)
    ankle = knee + _polar(angle + random.normal(0, 0.25), 0.24 * height)
    _capsule(mask, hip, knee, 0.06 * height, 0.042 * height)
    _capsule(mask, knee, ankle, 0.042 * height, 0.026 * height)
    canvas.add(mask, cloth)
    shoe = canvas.mask()
    _capsule(shoe, ankle, ankle + _polar(random.uniform(0, np.pi), 0.06 * height), 0.028 * height, 0.02 * height)
    canvas.add(shoe)


def _arm(canvas: Canvas, shoulder: Points, side: int, height: float, cloth: FloatImage, skin: FloatImage) -> None:
    random = canvas.random
    angle = np.pi / 2 - side * abs(random.normal(0.3, 0.6))
    elbow = shoulder + _polar(angle, 0.16 * height)
    forearm = angle - side * random.uniform(-0.3, 1.6)
    wrist = elbow + _polar(forearm, 0.14 * height)
    hand = canvas.mask()
    palm = wrist + _polar(forearm, 0.035 * height)
    _capsule(hand, elbow, wrist, 0.03 * height, 0.018 * height)
    _capsule(hand, wrist, palm, 0.02 * height, 0.022 * height)
    spread = random.uniform(0.02, 0.3)
    for finger in range(-2, 3):
        tip = palm + _polar(forearm + finger * spread, random.uniform(0.03, 0.055) * height)
        _capsule(hand, palm + _polar(forearm + finger * 0.4, 0.015 * height), tip, 0.006 * height, 0.005 * height)
    canvas.add(hand, skin)
    sleeve = canvas.mask()
    _capsule(sleeve, shoulder, elbow, 0.04 * height, 0.032 * height)
    if random.random() < 0.6:
        _capsule(sleeve, elbow, wrist, 0.032 * height, 0.023 * height)
    canvas.add(sleeve, cloth)


def draw_head(canvas: Canvas, centre: Points, radius: float, skin: FloatImage) -> None:
    """A head of `radius` pixels of the drawing surface, with hair behind and before it."""
    random = canvas.random
    hair_colour = _hair_colour(canvas)
    bald = random.random() < 0.12
    head = outline(random, centre, 1.15 * radius, 0.03)
    up = head[:, 1] < centre[1] + random.uniform(-0.2, 1.1) * radius
    roots = head[up] if up.sum() > 8 else head
    normals = _normals(head)[up] if up.sum() > 8 else _normals(head)
    style = HairStyle.pick(random, 2.2 * radius)
    if not bald:
        back = canvas.mask()
        volume = outline(random, centre - np.array([0, 0.1 * radius]), radius * random.uniform(1.15, 1.8), 0.08)
        fill(back, volume)
        strands(random, back, volume, _normals(volume), style)
        canvas.add(back, hair_colour)
    face = canvas.mask()
    fill(face, head)
    canvas.add(face, skin)
    if not bald:
        fringe = canvas.mask()
        strands(random, fringe, roots, normals, style)
        canvas.add(fringe, hair_colour)
        for eye in (-1, 1):
            mark = canvas.mask()
            cv2.circle(
                mark,
                (int(centre[0] + eye * 0.4 * radius), int(centre[1])),
                int(0.12 * radius) + 1,
                255,
                -1,
            )
            canvas.add(mark, np.zeros_like(skin))


def draw_bust(canvas: Canvas) -> None:
    """Head and shoulders, as in an interview: the head large, its hair the subject."""
    random, size = canvas.random, canvas.drawn
    radius = size * random.uniform(0.12, 0.3)
    centre = np.array([random.uniform(0.2, 0.8) * size, random.uniform(0.2, 0.6) * size])
    shoulders = canvas.mask()
    base = centre + np.array([0, 2.6 * radius])
    _capsule(shoulders, base - [1.3 * radius, 0], base + [1.3 * radius, 0], 0.9 * radius, 0.9 * radius)
    _capsule(shoulders, base, base + [0, 3 * radius], 2.2 * radius, 2.4 * radius)
    canvas.add(shoulders)
    skin = np.clip(random_colour(random) * (0.9 + 0.2 * surface(random, canvas.size, canvas.photos)), 0, 1)
    neck = canvas.mask()
    _capsule(neck, centre, base - [0, 0.6 * radius], 0.55 * radius, 0.6 * radius)
    canvas.add(neck, skin)
    draw_head(canvas, centre, radius, skin)


DRAWERS: tuple[tuple[float, Callable[[Canvas], None]], ...] = (
    (0.34, draw_blob),
    (0.26, draw_figure),
    (0.20, draw_bust),
    (0.10, draw_fur),
    (0.10, draw_thin),
)


def random_subject(random: Random, size: int, photos: tuple[Path, ...]) -> Subject:
    """A subject of any kind on a size x size picture."""
    canvas = Canvas(random, size, photos)
    weights = np.array([weight for weight, _ in DRAWERS])
    DRAWERS[random.choice(len(DRAWERS), p=weights / weights.sum())][1](canvas)
    blur = random.choice([0.0, 0.3, 0.6, 0.6, 1.0, 2.0, 4.0], p=[0.15, 0.25, 0.2, 0.15, 0.13, 0.08, 0.04])
    return canvas.subject(blur)
