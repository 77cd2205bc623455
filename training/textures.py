"""Surfaces: photographs of places where there are some, procedural ones everywhere else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import CleanplateError, FloatImage, Image

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

KEPT_PX = 1620
"""Shorter side of a photo as it is kept, at most: a sample of 720 pixels, the largest, spans no more of a place."""


def find_photos(folder: Path | None) -> tuple[Path, ...]:
    """The photos of a folder, sorted by name; none where there is no folder."""
    if folder is None:
        return ()
    return tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and is_shown(p, folder)))


def is_shown(path: Path, folder: Path) -> bool:
    """Whether nothing from `folder` down to a path is hidden, or what macOS puts into archives beside files."""
    return not any(name.startswith(".") or name == "__MACOSX" for name in path.relative_to(folder).parts)


def read_picture(path: Path, flags: int) -> Image:
    """A picture as `cv2.imread` reads it with some flags.

    Raises:
        CleanplateError: It cannot be read.
    """
    image = cv2.imread(str(path), flags)
    if image is None:
        raise CleanplateError(f"{path} is not a picture that can be read; mend it, or take it away")
    return np.asarray(image)


@lru_cache(maxsize=64)
def _load(path: Path) -> Image:
    image = read_picture(path, cv2.IMREAD_COLOR_RGB)
    scale = KEPT_PX / min(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def smooth_noise(random: Random, size: int, cells: float, channels: int = 1) -> FloatImage:
    """Gaussian noise with about `cells` blobs a side, size x size x channels, unit variance."""
    grid = max(2, round(cells))
    coarse = random.standard_normal((grid + 3, grid + 3, channels)).astype(np.float32)
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return fine.reshape(size, size, channels)


def fractal_noise(random: Random, size: int, channels: int = 1) -> FloatImage:
    """Noise of several octaves, roughly unit variance, size x size x channels."""
    grid, gain = int(random.integers(3, 7)), 1.0
    falloff = random.uniform(0.45, 0.85)
    total = random.standard_normal((grid, grid, channels), np.float32)
    while 2 * grid < size / 2:
        grid, gain = int(2.2 * grid), gain * falloff
        finer = cv2.resize(total, (grid, grid), interpolation=cv2.INTER_CUBIC).reshape(grid, grid, channels)
        total = finer + np.float32(gain) * random.standard_normal(finer.shape, np.float32)
    total = cv2.resize(total, (size, size), interpolation=cv2.INTER_CUBIC).reshape(size, size, channels)
    return total / (float(total.std()) + 1e-6)


def random_colour(random: Random) -> FloatImage:
    """An RGB colour, with greys, skins and darks more often than chance would have them."""
    kind = random.random()
    if kind < 0.2:
        return np.full(3, random.uniform(0.02, 0.98), np.float32) + random.normal(0, 0.015, 3).astype(np.float32)
    if kind < 0.45:
        light = random.uniform(0.2, 0.95)
        return np.float32(light) * np.array([1.0, random.uniform(0.6, 0.85), random.uniform(0.4, 0.75)], np.float32)
    if kind < 0.6:
        return random.uniform(0.0, 0.2, 3).astype(np.float32)
    return random.uniform(0.0, 1.0, 3).astype(np.float32)


def photo_texture(random: Random, size: int, photos: tuple[Path, ...], zoom: tuple[float, float]) -> FloatImage:
    """A turned, scaled and mirrored crop of a photo, size x size x 3 in [0, 1].

    `zoom` bounds the photo pixels a result pixel spans.
    """
    photo = _load(photos[random.integers(len(photos))])
    height, width = photo.shape[:2]
    scale = min(random.uniform(*zoom), 0.98 * min(height, width) / size)
    span = scale * size
    x, y = random.uniform(0, width - span), random.uniform(0, height - span)
    flip = -1.0 if random.random() < 0.5 else 1.0
    matrix = np.array([[flip * scale, 0, x + (span if flip < 0 else 0)], [0, scale, y]])
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)
    source = cv2.GaussianBlur(photo, (0, 0), 0.4 * scale) if scale > 1.5 else photo
    crop = cv2.warpAffine(source, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return crop.astype(np.float32) / 255


def recoloured(random: Random, image: FloatImage) -> FloatImage:
    """Other contrast, brightness, saturation and hue; same shape, [0, 1]."""
    grey = image.mean(axis=2, keepdims=True)
    image = grey + random.uniform(0.0, 1.4) * (image - grey)
    image = image * random.uniform(0.6, 1.4, 3).astype(np.float32)
    gamma = random.uniform(0.6, 1.7)
    return np.clip(image, 0, 1) ** np.float32(gamma)


def pattern(random: Random, size: int) -> FloatImage:
    """Stripes, checks or dots of two colours, softly bent, size x size x 3."""
    first, second = random_colour(random), random_colour(random)
    yy, xx = np.mgrid[:size, :size].astype(np.float32) / size
    bend = 0.03 * smooth_noise(random, size, 4, 2)
    angle = random.uniform(0, np.pi)
    u = np.cos(angle) * xx + np.sin(angle) * yy + bend[..., 0]
    v = -np.sin(angle) * xx + np.cos(angle) * yy + bend[..., 1]
    frequency = random.uniform(20, 200)
    wave = np.sin(frequency * u)
    if random.random() < 0.5:
        wave = wave * np.sin(frequency * v)
    mix = 1 / (1 + np.exp(-random.uniform(2, 12) * wave))[..., None]
    return (first * mix + second * (1 - mix)).astype(np.float32)


def surface(random: Random, size: int, photos: tuple[Path, ...]) -> FloatImage:
    """What a subject may be covered with: skin, cloth, fur, print; size x size x 3 in [0, 1]."""
    kind = random.random()
    if kind < 0.35 or (kind < 0.7 and not photos):
        grain = random.choice([0.0, 0.02, 0.06, 0.15])
        texture = random_colour(random) * (1 + grain * fractal_noise(random, size))
        texture = texture + random.uniform(0, 0.03) * fractal_noise(random, size, 3)
    elif kind < 0.7:
        texture = recoloured(random, photo_texture(random, size, photos, (0.3, 2.5)))
    elif kind < 0.85:
        texture = pattern(random, size)
    else:
        texture = random_colour(random) + random.uniform(0.02, 0.2) * fractal_noise(random, size, 3)
    shading = 1 + random.uniform(0, 0.35) * smooth_noise(random, size, random.uniform(1, 5))
    return np.clip(texture * shading, 0, 1).astype(np.float32)


def procedural_place(random: Random, size: int) -> FloatImage:
    """A wall, often bare, a floor and some boxes, with light falling off; size x size x 3 in [0, 1]."""
    bare = random.random() < 0.4
    wall = random_colour(random) + random.uniform(0, 0.006 if bare else 0.06) * fractal_noise(random, size, 3)
    if not bare and random.random() < 0.3:
        wall = 0.7 * wall + 0.3 * pattern(random, size)
    place = np.clip(wall, 0, 1).astype(np.float32)
    horizon = int(size * random.uniform(0.4, 1.1))
    if horizon < size:
        floor = pattern(random, size) * random.uniform(0.3, 1) + 0.05 * fractal_noise(random, size, 3)
        place[horizon:] = floor[horizon:]
    for _ in range(random.integers(0, 3 if bare else 14)):
        x, y = random.integers(-size // 4, size, 2)
        w, h = random.integers(size // 40, size // 2, 2)
        colour = random_colour(random)
        cv2.rectangle(place, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1, cv2.LINE_AA)
        if random.random() < 0.5:
            edge = (colour * random.uniform(0.4, 1.3)).tolist()
            cv2.rectangle(place, (int(x), int(y)), (int(x + w), int(y + h)), edge, int(random.integers(1, 6)))
    light = 1 + 0.25 * smooth_noise(random, size, 2)
    place = cv2.GaussianBlur(place * light, (0, 0), random.uniform(0.5, 1.2))
    grain = random.uniform(0, 0.004 if bare else 0.015)
    return np.clip(place + grain * fractal_noise(random, size, 3), 0, 1).astype(np.float32)


def place(random: Random, size: int, photos: tuple[Path, ...]) -> FloatImage:
    """A background, size x size x 3 in [0, 1]; photographed seven times in ten where there are photos."""
    if photos and random.random() < 0.7:
        image = photo_texture(random, size, photos, (0.5, 2.2))
        return recoloured(random, image) if random.random() < 0.5 else image
    return procedural_place(random, size)
