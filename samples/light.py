"""Light and cloth: colours for the surfaces in a depth buffer."""

from __future__ import annotations

import cv2
import numpy as np
from body import TONES, Canvas, Plane, Stuff

# From where the light comes: x right, y down, z to the lens. The window is at the left.
WINDOW = np.float32([-0.60, -0.50, 0.62])
WINDOW /= np.linalg.norm(WINDOW)
WINDOW_LIGHT = np.float32([0.80, 0.76, 0.68])
SKY_LIGHT = np.float32([0.40, 0.44, 0.50])
FLOOR_LIGHT = np.float32([0.17, 0.11, 0.07])
CLOTH_NOISE_PX = 512


def shade(canvas: Canvas, cloth: Plane, px_per_m: float) -> Plane:
    """The colour of every fine pixel, H x W x 3 in [0, 1].

    Args:
        canvas: The nearest surfaces.
        cloth: Tileable smooth noise, `CLOTH_NOISE_PX` square, about unit strength: the folds.
        px_per_m: Fine pixels a metre at the figure.
    """
    solid = (canvas.stuff > 0).astype(np.float32)
    albedo, bump = _surfaces(canvas, cloth)
    normal = _bent_normals(canvas, solid, bump, px_per_m)
    diffuse = np.clip((normal @ WINDOW + 0.22) / 1.22, 0, 1) * _window_seen(canvas, px_per_m)
    up = 0.5 - 0.5 * normal[..., 1]
    light = diffuse[..., None] * WINDOW_LIGHT + up[..., None] * SKY_LIGHT + (1 - up[..., None]) * FLOOR_LIGHT
    light *= _openness(canvas, solid, px_per_m)[..., None]
    grazing = (1 - np.clip(normal[..., 2], 0, 1)) ** 3
    wool = np.isin(canvas.stuff, (Stuff.WOOL, Stuff.YOKE, Stuff.RIB, Stuff.DENIM))
    colour = albedo * light * 1.12 + (grazing * np.where(wool, 0.10, 0.05) * solid)[..., None] * light
    return np.clip(colour + _gloss(canvas, normal)[..., None], 0, 1).astype(np.float32)


def _surfaces(canvas: Canvas, cloth: Plane) -> tuple[Plane, Plane]:
    """Colour without light, H x W x 3, and the height of folds and knots, H x W."""
    stuff, s, v = canvas.stuff, canvas.along, canvas.across
    albedo = TONES[stuff]

    def folds(along: float, across: float) -> Plane:
        rows = ((s + 0.10 * v) * along * CLOTH_NOISE_PX).astype(np.int32) % CLOTH_NOISE_PX
        return np.asarray(cloth[rows, (v * across * CLOTH_NOISE_PX).astype(np.int32) % CLOTH_NOISE_PX])

    wool, denim, skin = stuff == Stuff.WOOL, stuff == Stuff.DENIM, stuff == Stuff.SKIN
    row = np.mod(s + 0.0015 * folds(0.3, 0.3), 0.078)
    albedo[wool & (row < 0.032)] = (0.92, 0.87, 0.76)
    albedo[wool & (np.abs(row - 0.055) < 0.0045)] = (0.50, 0.20, 0.15)
    wool |= stuff == Stuff.YOKE
    knots = np.sin(2 * np.pi * s / 0.013) * np.sin(2 * np.pi * v / 0.105)
    ribs = np.sin(2 * np.pi * v / 0.085)
    fine = folds(2.7, 1.9)
    albedo *= (1 + np.where(denim, 0.10, 0.0) * fine + np.where(wool, 0.03, 0) * knots)[..., None]
    # Jeans are paler where the cloth is stretched, in front of thigh and shin.
    albedo *= (1 + np.where(denim, 0.20, 0) * (0.5 - np.abs(v) * 1.2))[..., None]
    albedo[..., 0] *= np.where(skin, 1.0 + 0.012 * fine, 1)
    bump = np.where(wool, 0.0048 * folds(0.6, 0.13) + 0.0006 * knots, 0)
    bump += np.where(stuff == Stuff.RIB, 0.0022 * ribs, 0)
    bump += np.where(denim, 0.0042 * folds(0.42, 0.13) + 0.0003 * fine, 0)
    return albedo, bump.astype(np.float32)


def _bent_normals(canvas: Canvas, solid: Plane, bump: Plane, px_per_m: float) -> Plane:
    """Normals, smoothed where tubes meet and bent by folds."""
    sigma = 0.0055 * px_per_m
    weight = cv2.GaussianBlur(solid, (0, 0), sigma)[..., None] + 1e-4
    smooth = cv2.GaussianBlur(canvas.normal * solid[..., None], (0, 0), sigma) / weight
    fine = (canvas.stuff >= Stuff.EYE)[..., None]
    normal = np.where(fine, canvas.normal, smooth)
    bump = cv2.GaussianBlur(bump, (0, 0), 0.0015 * px_per_m)
    normal[..., 0] -= cv2.Sobel(bump, cv2.CV_32F, 1, 0, scale=0.125) * px_per_m * 1.1
    normal[..., 1] -= cv2.Sobel(bump, cv2.CV_32F, 0, 1, scale=0.125) * px_per_m * 1.1
    return np.asarray(normal / (np.linalg.norm(normal, axis=2, keepdims=True) + 1e-6), np.float32)


def _window_seen(canvas: Canvas, px_per_m: float) -> Plane:
    """How much of the window each pixel sees, in [0, 1]: what lies towards it and higher casts a shadow."""
    shadow = np.zeros_like(canvas.depth)
    for step in (0.012, 0.025, 0.04, 0.06, 0.085, 0.12, 0.16):
        shift = np.float32([[1, 0, -WINDOW[0] * step * px_per_m], [0, 1, -WINDOW[1] * step * px_per_m]])
        towards = cv2.warpAffine(canvas.depth, shift, canvas.depth.shape[::-1], borderValue=-1e3)
        over = towards - canvas.depth - WINDOW[2] * step
        # Far things in front, such as a raised hand, pass their shadow beside.
        np.maximum(shadow, np.clip(over / 0.012, 0, 1) * (over < 0.16), out=shadow)
    return 1 - 0.62 * cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), 0.006 * px_per_m)


def _openness(canvas: Canvas, solid: Plane, px_per_m: float) -> Plane:
    """Ambient light that gets in: less where the surroundings are nearer to the lens."""
    light = np.ones_like(canvas.depth)
    nearest = float(canvas.depth.max())
    depth = np.where(solid > 0, canvas.depth, nearest - 1.0).astype(np.float32)
    for metres, strength in ((0.012, 0.30), (0.04, 0.38)):
        sigma = metres * px_per_m
        weight = cv2.GaussianBlur(solid, (0, 0), sigma) + 1e-4
        around = cv2.GaussianBlur(depth * solid, (0, 0), sigma) / weight
        light *= 1 - strength * np.clip((around - depth) / metres, 0, 1)
    return light


def _gloss(canvas: Canvas, normal: Plane) -> Plane:
    """Highlights: wide on skin, sharp on eyes and lips."""
    half = WINDOW + np.float32([0, 0, 1])
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)
    amount = np.zeros(len(TONES), np.float32)
    amount[[Stuff.SKIN, Stuff.LIP, Stuff.SHOE, Stuff.EYE]] = 0.07, 0.16, 0.10, 0.2
    return np.asarray(amount[canvas.stuff] * shine**18, np.float32)
