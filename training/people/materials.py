"""Skin, eyes, cloth and the colours of hair, all procedural."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.people.files import Floats
from training.people.makehuman import MakeHuman
from training.textures import fractal_noise, pattern, random_colour, smooth_noise, surface

SKIN_TONES = np.array(
    [
        [0.98, 0.86, 0.79],
        [0.93, 0.76, 0.65],
        [0.85, 0.65, 0.52],
        [0.71, 0.50, 0.37],
        [0.54, 0.36, 0.25],
        [0.37, 0.24, 0.17],
        [0.24, 0.155, 0.12],
    ],
    np.float32,
)
HAIR_COLOURS = np.array(
    [
        [0.05, 0.045, 0.045],
        [0.12, 0.08, 0.06],
        [0.26, 0.16, 0.10],
        [0.42, 0.27, 0.16],
        [0.66, 0.48, 0.28],
        [0.88, 0.74, 0.50],
        [0.55, 0.24, 0.11],
        [0.62, 0.61, 0.60],
        [0.90, 0.89, 0.87],
    ],
    np.float32,
)
LIP_BONES = ("oris01", "oris02", "oris03.L", "oris03.R", "oris05", "oris06", "oris07.L", "oris07.R")
TEXTURE = 1024


def random_skin(random: Random) -> Floats:
    """A tone between very light and very dark, RGB in [0, 1]."""
    place = random.uniform(0, len(SKIN_TONES) - 1)
    low = min(int(place), len(SKIN_TONES) - 2)
    tone = SKIN_TONES[low] + (place - low) * (SKIN_TONES[low + 1] - SKIN_TONES[low])
    return np.clip(tone * random.normal(1, 0.03, 3), 0.03, 1).astype(np.float32)


def random_hair_colour(random: Random) -> Floats:
    """Mostly natural, one in twenty dyed, RGB in [0, 1]."""
    if random.random() < 0.05:
        return np.clip(random_colour(random), 0.03, 0.95).astype(np.float32)
    first, second = HAIR_COLOURS[random.integers(len(HAIR_COLOURS), size=2)]
    mix = first + random.uniform(0, 0.35) * (second - first)
    return np.clip(mix * random.normal(1, 0.05, 3), 0.02, 1).astype(np.float32)


def skin_tint(makehuman: MakeHuman, random: Random, skin: Floats) -> Floats:
    """Colour of each vertex of the body, V x 3: redder at lips, cheeks and fingers."""
    tint = np.repeat(skin[None], len(makehuman.base.points), axis=0)
    weights, skeleton = makehuman.weights, makehuman.skeleton
    lips = np.clip(2.2 * weights[:, [skeleton.index(n) for n in LIP_BONES]].sum(axis=1) - 1.2, 0, 1)[:, None]
    lip = skin * np.array([0.9, 0.68, 0.68]) * random.uniform(0.75, 1.05)
    if random.random() < 0.15:
        lip = 0.5 * lip + 0.5 * np.array([random.uniform(0.4, 0.7), 0.1, 0.15])
    tint += lips * (lip - tint)
    red = [n for n, name in enumerate(skeleton.names) if name.startswith(("finger", "risorius", "levator03"))]
    blush = np.clip(weights[:, red].sum(axis=1), 0, 1)[:, None]
    tint *= 1 - 0.12 * blush * np.array([0, 1, 0.9], np.float32)
    return tint.astype(np.float32)


def skin_texture(random: Random) -> FloatImage:
    """Mottling about 1, h x w x 3."""
    mottled = _enlarged(1 + 0.02 * fractal_noise(random, TEXTURE // 2, 3))
    if random.random() < 0.2:
        freckles = smooth_noise(random, TEXTURE, 280) > random.uniform(1.8, 2.6)
        mottled = mottled * (1 - 0.12 * cv2.GaussianBlur(freckles.astype(np.float32), (0, 0), 0.8)[..., None])
    return mottled.astype(np.float32)


def eye_texture(random: Random) -> FloatImage:
    """An eye seen from before, its white reaching the border, 256 x 256 x 3."""
    yy, xx = np.mgrid[:256, :256].astype(np.float32) / 127.5 - 1
    radius = np.hypot(xx, yy)[..., None]
    iris = random.uniform(0.1, 0.5) * np.array([1, random.uniform(0.6, 1.1), random.uniform(0.4, 1.4)])
    eye = np.full((256, 256, 3), (0.9, 0.87, 0.85), np.float32)
    eye = np.where(radius < 0.5, iris * (0.5 + radius), eye)
    eye = np.where(radius < 0.2, 0.02, eye)
    glint = np.hypot(xx - 0.15, yy + 0.2)[..., None] < 0.09
    return cv2.GaussianBlur(np.where(glint, 1.0, eye).astype(np.float32), (0, 0), 3)


def cloth_texture(random: Random, photos: tuple[Path, ...]) -> FloatImage:
    """Plain, striped, checked or printed, with folds and weave, h x w x 3 in [0, 1]."""
    kind = random.random()
    if kind < 0.5:
        cloth = np.broadcast_to(np.clip(random_colour(random), 0.03, 0.97), (TEXTURE, TEXTURE, 3))
    elif kind < 0.75:
        cloth = _woven(random)
    elif kind < 0.85:
        cloth = pattern(random, TEXTURE)
    else:
        cloth = surface(random, TEXTURE, photos)
    weave = 1 + random.uniform(0, 0.06) * random.standard_normal((TEXTURE, TEXTURE, 1)).astype(np.float32)
    return np.clip(cloth * weave * _folds(random), 0.01, 1).astype(np.float32)


def _folds(random: Random) -> FloatImage:
    """Light and dark creases about 1, h x w x 1."""
    bumps = _enlarged(cv2.GaussianBlur(fractal_noise(random, TEXTURE // 2)[..., 0], (0, 0), 2.5))
    slope = np.gradient(bumps, axis=int(random.integers(2)))
    slope = slope / (float(slope.std()) + 1e-6)
    return (1 + random.uniform(0.02, 0.1) * np.clip(slope, -2.5, 2.5))[..., None].astype(np.float32)


def _enlarged(image: FloatImage) -> FloatImage:
    return cv2.resize(image, (TEXTURE, TEXTURE), interpolation=cv2.INTER_LINEAR)


def _woven(random: Random) -> FloatImage:
    """Straight stripes or checks of two colours."""
    first, second = np.clip(random_colour(random), 0.02, 0.98), np.clip(random_colour(random), 0.02, 0.98)
    ramp = np.arange(TEXTURE, dtype=np.float32) / TEXTURE
    share, count = random.uniform(0.15, 0.6), random.integers(12, 70)
    line = ((ramp * count) % 1 < share).astype(np.float32)
    across, down = np.broadcast_to(line, (TEXTURE, TEXTURE)), np.broadcast_to(line[:, None], (TEXTURE, TEXTURE))
    mask = random.choice([0, 1, 2])
    mix = (across, down, (across + down) / 2)[mask][..., None]
    return (first + mix * (second - first)).astype(np.float32)
