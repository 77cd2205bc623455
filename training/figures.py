"""People: articulated figures in random poses, and heads with hair as in an interview."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.frames import FloatImage
from training.canvas import Canvas, Mask, Points, fill, normals, outline
from training.hair import HairStyle, draw_loops, grow, hair_colour
from training.textures import random_colour, surface


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
    hair = hair_colour(canvas)
    bald = random.random() < 0.12
    head = outline(random, centre, 1.15 * radius, 0.03)
    up = head[:, 1] < centre[1] + random.uniform(-0.2, 1.1) * radius
    roots = head[up] if up.sum() > 8 else head
    outward = normals(head)[up] if up.sum() > 8 else normals(head)
    style = HairStyle.pick(random, 2.2 * radius)
    if not bald:
        back = canvas.mask()
        volume = outline(random, centre - np.array([0, 0.1 * radius]), radius * random.uniform(1.1, 1.7), 0.08)
        fill(back, volume)
        if canvas.strands and random.random() < 0.5:
            _part(canvas, back, volume, 0.4 * radius)
        if random.random() < 0.4:
            back = cv2.GaussianBlur(back, (0, 0), 1 + radius * random.uniform(0.01, 0.1))
        canvas.add(back, hair)
        grow(canvas, volume, normals(volume), style, hair)
        if canvas.strands and random.random() < 0.6:
            draw_loops(canvas, volume, random.uniform(0.15, 0.6) * radius, hair)
    face = canvas.mask()
    fill(face, head)
    canvas.add(face, skin)
    if not bald:
        grow(canvas, roots, outward, style, hair)
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


def _part(canvas: Canvas, hair: Mask, edge: Points, size: float) -> None:
    """Open gaps of up to `size` pixels in hair, near its edge, N x 2: between locks the place is seen."""
    random = canvas.random
    middle = edge.mean(axis=0)
    for _ in range(random.integers(1, 7)):
        place = edge[random.integers(len(edge))]
        place = place + random.uniform(0, 0.35) * (middle - place)
        fill(hair, outline(random, place, size * random.uniform(0.05, 0.6) ** 1.5, 0.4), 0)


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
