"""What a place looks like while the subject is there: its shadow and mirror image, and what has changed by itself."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.canvas import Subject, reduce
from training.rooms import Place
from training.textures import random_colour, smooth_noise


def shadow(random: Random, alpha: FloatImage) -> FloatImage:
    """Light that is left where the subject's soft shadows fall: close around it, on the floor, or anywhere.

    N x N x 3, since the light that is kept away may be bluer, or redder, than what is left. Three in ten have none, as
    many two, of two lamps. A third of all shadows are darkest where the subject touches the floor.
    """
    kind = random.random()
    if kind < 0.3:
        return np.ones((*alpha.shape, 3), np.float32)
    light = _one_shadow(random, alpha)
    if kind > 0.7:
        light = light * _one_shadow(random, alpha)
    if random.random() < 0.33:
        light = light * contact(random, alpha)
    return np.maximum(light, 0.15)


def _one_shadow(random: Random, alpha: FloatImage) -> FloatImage:
    kind = random.uniform(0.3, 1)
    size = 192
    small = reduce(alpha, size)
    if kind < 0.6:
        strength, blur = random.uniform(0.1, 0.6), random.uniform(0.004, 0.06)
        onto = np.array([[1, 0, random.normal(0, 0.02 * size)], [0, 1, random.normal(0, 0.02 * size)]])
    else:
        strength, blur = random.uniform(0.05, 0.6), random.uniform(0.002, 0.06)
        onto = np.array([[1, random.normal(0, 0.3), 0], [0, random.uniform(0.5, 1.1), 0]])
        onto[:, 2] = random.normal(0, 0.12 * size, 2)
        if kind > 0.78:  # on the floor: the shadow begins where the subject stands
            feet = _feet(small)
            onto[1] = [0, random.uniform(-0.6, 0.6), 0]
            onto[:, 2] = [-onto[0, 1] * feet, (1 - onto[1, 1]) * feet]
    fallen = cv2.GaussianBlur(cv2.warpAffine(small, onto, (size, size)), (0, 0), size * blur)
    fallen = cv2.resize(fallen, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    tint = np.clip(1 + random.choice([0.05, 0.3]) * random.standard_normal(3), 0.3, 1.7)
    return (1 - np.minimum(strength * tint, 0.8) * fallen[..., None]).astype(np.float32)


def contact(random: Random, alpha: FloatImage) -> FloatImage:
    """Light that is left close to what of a subject is lowest, where no lamp reaches, N x N x 1."""
    size = 192
    small = reduce(alpha, size).copy()
    small[small < 0.5] = 0
    feet = _feet(small)
    small[: max(0, feet - int(random.uniform(0.02, 0.12) * size))] = 0
    flat = random.uniform(0.2, 0.8)
    spread = random.uniform(1, 1.4)
    middle = np.average(np.arange(size), weights=small.sum(0) + 1e-6)
    onto = np.array([[spread, 0, (1 - spread) * middle], [0, flat, (1 - flat) * feet + random.uniform(0, 0.03) * size]])
    fallen = cv2.warpAffine(small, onto, (size, size))
    blur = size * random.uniform(0.003, 0.02)
    fallen = np.clip(1.3 * cv2.GaussianBlur(fallen, (0, 0), sigmaX=1.5 * blur, sigmaY=blur), 0, 1)
    fallen = cv2.resize(fallen, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return (1 - random.uniform(0.3, 0.85) * fallen[..., None]).astype(np.float32)


def _feet(alpha: FloatImage) -> int:
    """The lowest row of a subject; the middle where there is none."""
    rows = np.flatnonzero(alpha.max(axis=1) > 0.5)
    return int(rows[-1]) if len(rows) else len(alpha) // 2


def reflection(random: Random, scene: Place, subject: Subject, shadow: FloatImage) -> FloatImage:
    """The place in the subject's shadow; what its floor mirrors there is the subject, upside down, not the walls.

    Gloss lies over a floor: the mirror image takes the light of the walls away and leaves the grain of the floor.
    """
    dull = shadow * (scene.picture - scene.gloss * scene.mirrored)
    size = len(dull)
    if not scene.gloss.any():
        return dull + scene.gloss * scene.mirrored
    flip = np.array([[1, 0, 0], [0, -random.uniform(0.7, 1.0), 0]])
    flip[1, 2] = (1 - flip[1, 1]) * _feet(subject.alpha)
    blur = size * random.uniform(0.001, 0.015)
    cover, colour = (
        cv2.GaussianBlur(cv2.warpAffine(x, flip, (size, size)), (0, 0), sigmaX=0.5 * blur, sigmaY=blur)
        for x in (subject.alpha, subject.colour * subject.alpha[..., None])
    )
    mirrored = colour + (1 - cover[..., None]) * scene.mirrored
    return np.clip(dull + scene.gloss * mirrored, 0, 1).astype(np.float32)


def light_left(lit: FloatImage, still: FloatImage) -> FloatImage:
    """The factor that brings the place nearest to what it looks like with its shadows, n x n."""
    return (((lit * still).sum(2) + 1e-3) / ((still * still).sum(2) + 1e-3)).clip(0.2, 1.2).astype(np.float32)


def things_that_moved(random: Random, background: FloatImage) -> FloatImage:
    """Leaves in the wind: a patch of the place shifted by a pixel or two since the plate was taken."""
    if random.random() > 0.15:
        return background
    size = len(background)
    where = np.clip(2 * smooth_noise(random, size, 3)[..., 0] - 1, 0, 1)
    flow = random.uniform(0.5, 2.5) * where[..., None] * smooth_noise(random, size, random.uniform(6, 30), 2)
    yy, xx = np.mgrid[:size, :size].astype(np.float32)
    flow = flow.astype(np.float32)
    return cv2.remap(background, xx + flow[..., 0], yy + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def things_that_changed(random: Random, background: FloatImage, alpha: FloatImage) -> FloatImage:
    """A lamp that was switched, a door that moved: one to three patches, near the subject or anywhere."""
    if random.random() > 0.15:
        return background
    size = len(background)
    changed = background.copy()
    edge = np.argwhere((alpha > 0.02) & (alpha < 0.98))
    for _ in range(random.integers(1, 4)):
        near = len(edge) > 0 and random.random() < 0.6
        row, column = edge[random.integers(len(edge))] if near else random.integers(0, size, 2)
        height, width = (random.uniform(0.01, 0.12, 2) * size).astype(int) + 1
        part = changed[max(0, row - height) : row + height, max(0, column - width) : column + width]
        kind = random.random()
        if kind < 0.6:
            part *= random.uniform(0.6, 1.6) * random.uniform(0.9, 1.1, 3)
        else:
            part += random.uniform(0.3, 1) * (random_colour(random) - part)
    return np.clip(background + cv2.GaussianBlur(changed - background, (0, 0), 0.6), 0, 1).astype(np.float32)
