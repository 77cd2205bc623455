"""The new background: a lake between mountains at sunset."""

from __future__ import annotations

import cv2
import numpy as np
from camera import Image
from numpy.typing import NDArray
from room import noise

SHORE = 0.64


def paint_landscape(rng: np.random.Generator, width: int, height: int) -> Image:
    """The finished picture, height x width x 3 RGB in [0, 1]."""
    horizon = round(SHORE * height)
    picture = np.zeros((height, width, 3), np.float32)
    picture[:horizon] = _sky(rng, width, horizon)
    _mountains(picture[:horizon], rng)
    picture[horizon:] = _lake(picture[:horizon], rng, height - horizon)
    _meadow(picture, rng)
    # The lens was focused on whoever stands in front.
    return np.clip(cv2.GaussianBlur(picture, (0, 0), width / 900), 0, 1)


def _sky(rng: np.random.Generator, width: int, height: int) -> Image:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height, x / width
    stops = np.array([0, 0.35, 0.62, 0.82, 1.0])
    tones = np.array(
        [[0.20, 0.29, 0.52], [0.43, 0.45, 0.64], [0.86, 0.58, 0.54], [0.99, 0.74, 0.48], [1.0, 0.86, 0.60]]
    )
    sky = np.stack([np.interp(y, stops, tones[:, c]) for c in range(3)], axis=2).astype(np.float32)
    sun = np.hypot((x - 0.72) * width, (y - 0.66) * height) / height
    cloud = np.zeros((height, width), np.float32)
    for octave in range(5):
        size = 0.16 * height / 2**octave
        cloud += 0.55**octave * noise(rng, (height, width), (size * 0.42, size * 2.1))
    cover = 1 / (1 + np.exp(-(cloud - 0.55 + 0.8 * (y - 0.5)) * 3.2)) * np.clip(1.25 - y, 0, 1)
    lit = np.float32([1.0, 0.62, 0.46]) * (0.80 + 0.5 * np.exp(-sun * 1.5))[..., None]
    dark = np.float32([0.42, 0.36, 0.52])
    edge = np.clip(cv2.GaussianBlur(cover, (0, 0), height / 60) - cover * 0.55, 0, 1)[..., None] * 1.7
    sky += cover[..., None] * (dark + (lit - dark) * np.clip(edge + 0.35 * y[..., None], 0, 1) - sky) * 0.78
    glow = np.exp(-((sun / 0.30) ** 2)) * 0.42 + np.exp(-((sun / 0.065) ** 2)) * 0.9
    return np.clip(sky + glow[..., None] * np.float32([1.0, 0.82, 0.52]), 0, 1.05)


def _mountains(sky: Image, rng: np.random.Generator) -> None:
    """Five ranges, the far ones pale with haze, the near one dark with firs."""
    height, width = sky.shape[:2]
    haze, rock = np.float32([0.93, 0.67, 0.56]), np.float32([0.16, 0.19, 0.28])
    for layer, (base, tall) in enumerate(((0.74, 0.26), (0.82, 0.22), (0.88, 0.16), (0.935, 0.10), (0.975, 0.04))):
        ridge = np.zeros(width, np.float32)
        for octave in range(7):
            size = width * 0.36 / 2**octave
            wave = noise(rng, (2, width), (2, size))[0]
            ridge += 0.5**octave * (1 - np.abs(wave) if octave < 4 else wave * 0.6)
        if layer == 4:
            ridge += _firs(rng, width)
        top = height * (base + tall * (0.55 - ridge * 0.62))
        depth = (np.arange(height)[:, None] - top[None]) / (0.30 * height)
        tone = haze + (rock - haze) * ((layer + 1) / 5) ** 0.75
        # Gullies run down from the ridge; the side towards the sun is lit.
        gully = noise(rng, (height, width), (height / 7, width / 110)) + noise(
            rng, (height, width), (height / 12, width / 260)
        )
        relief = (0.16 - 0.02 * layer) * gully * np.exp(-np.clip(depth, 0, None) * 2.0)
        mist = np.clip(depth, 0, 1)[..., None] * (haze - tone) * (0.62 - 0.13 * layer)
        body = (tone + mist) * (1 + relief[..., None] * np.float32([1.0, 0.85, 0.7]))
        cover = np.clip(depth * 0.30 * height + 0.5, 0, 1)[..., None]
        sky += cover * (body - sky)


def _firs(rng: np.random.Generator, width: int) -> NDArray[np.float32]:
    """The outline of a forest: for each column how far its trees rise, about 0 to 2."""
    x = np.arange(width, dtype=np.float32)
    outline = np.zeros(width, np.float32)
    for middle, tall in zip(rng.uniform(0, width, 260), rng.gamma(4, 0.28, 260), strict=True):
        np.maximum(outline, tall * (1 - np.abs(x - middle) / (0.0042 * width * (0.6 + 0.4 * tall))), out=outline)
    return outline


def _lake(above: Image, rng: np.random.Generator, height: int) -> Image:
    """The upper half mirrored, broken by waves that grow towards the viewer."""
    tall, width = above.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    near = y / height
    ripple = noise(rng, (height, width), (2.2, width / 60)) * (0.4 + 7 * near) + noise(
        rng, (height, width), (6, width / 22)
    ) * (9 * near)
    source_y = np.clip(tall - 1 - y * 1.35 - np.abs(ripple) * 2.2, 0, tall - 1)
    mirror = cv2.remap(above, x + ripple * 0.8, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    deep = np.float32([0.20, 0.24, 0.36])
    water = mirror * (0.84 - 0.22 * near[..., None]) + deep * (0.10 + 0.16 * near[..., None])
    path = np.exp(-(((x / width - 0.70) / (0.018 + 0.07 * near)) ** 2)) * (noise(rng, (height, width), (2, 16)) > 0.25)
    water += (path * 0.42)[..., None] * np.float32([1.0, 0.80, 0.52])
    return np.asarray(water, np.float32)


def _meadow(picture: Image, rng: np.random.Generator) -> None:
    """Grass and flowers along the lower edge, against the light."""
    height, width = picture.shape[:2]
    for _ in range(round(3.4 * width)):
        x = rng.uniform(-0.02, 1.02) * width
        bank = 0.87 + 0.07 * np.sin(x / width * 4.2 + 0.6)
        depth = rng.random() ** 0.6
        foot = height * (bank + (1.06 - bank) * depth)
        tall, lean = height * rng.uniform(0.03, 0.085) * (0.5 + depth), rng.normal(0.15, 0.35)
        t = np.linspace(0, 1, 6)
        blade = np.stack([x + lean * tall * t**2, foot - tall * t], 1)
        warm = rng.random() ** 2
        tone = np.array([0.13, 0.17, 0.12]) + warm * np.array([0.42, 0.32, 0.10]) * (0.4 + 0.6 * depth)
        thick = max(1, round(height / 500 * (0.6 + depth)))
        cv2.polylines(picture, [np.round(blade).astype(np.int32)], False, tone.tolist(), thick, cv2.LINE_AA)
        if rng.random() < 0.035:
            petal = [(0.86, 0.45, 0.52), (0.93, 0.80, 0.55), (0.72, 0.55, 0.80)][rng.integers(3)]
            cv2.circle(picture, np.round(blade[-1]).astype(int).tolist(), thick + 2, petal, -1, cv2.LINE_AA)
