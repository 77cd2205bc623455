"""The room: three painted planes seen in perspective, a plant in the corner, and light from the window.

Planes are painted flat, in metres, then seen through the camera. Everything is drawn by hand, so to say: no leaf,
book or board repeats, since alignment by key points starves on wallpaper that does.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from camera import HEIGHT, MARGIN_PX, WIDTH, Array, Image, project
from furniture import paint_pictures, paint_plant, paint_shelf, paint_window

# Painted pixels for a pixel of the picture: fine enough that seeing it through the camera blurs nothing.
ROOM_SCALE = 2.0
WALL_Z_M = 5.4
LEFT_X_M = -1.95
RIGHT_X_M = 3.4
NEAR_Z_M = 2.6
CEILING_M = 2.8

WALL_DENSITY, BRICK_DENSITY, FLOOR_DENSITY = 380, 340, 420


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> Image:
    """Smooth noise, H x W of zero mean and unit strength, with features of about `cells` (y, x) pixels."""
    rows, cols = max(2, round(shape[0] / cells[0])) + 2, max(2, round(shape[1] / cells[1])) + 2
    coarse = rng.standard_normal((rows, cols)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def paint_room(rng: np.random.Generator, scale: float) -> Image:
    """The empty room with `MARGIN_PX` around the picture: H x W x 3 in [0, 1], `scale` pixels a design pixel."""
    size = (round((WIDTH + 2 * MARGIN_PX) * scale), round((HEIGHT + 2 * MARGIN_PX) * scale))
    canvas = np.zeros((size[1], size[0], 3), np.float32)
    planes = (
        (_floor(rng), lambda u, v: (LEFT_X_M + u, 0.0, WALL_Z_M - v), FLOOR_DENSITY),
        (_left_wall(rng), lambda u, v: (LEFT_X_M, CEILING_M - v, NEAR_Z_M + u), BRICK_DENSITY),
        (_back_wall(rng), lambda u, v: (LEFT_X_M + u, CEILING_M - v, WALL_Z_M), WALL_DENSITY),
    )
    for texture, place, density in planes:
        _hang(canvas, texture, place, density, scale)
    paint_plant(canvas, rng, lambda points: _on_canvas(points, scale))
    return np.clip(canvas * _daylight(size, scale)[..., None] * np.float32([1.02, 1.0, 0.96]), 0, 1)


def _on_canvas(points: Array, scale: float) -> Array:
    """World points to pixels of the canvas with its margin."""
    return (project(points)[0] + MARGIN_PX + 0.5) * scale - 0.5


Place = Callable[[float, float], tuple[float, float, float]]


def _hang(canvas: Image, texture: Image, place: Place, density: float, scale: float) -> None:
    """Draws a plane's texture (`density` pixels a metre) where `place`(u, v in metres) puts it in the world."""
    height, width = texture.shape[:2]
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    world = np.array([place(u / density, v / density) for u, v in corners])
    matrix = cv2.getPerspectiveTransform(np.float32(corners), np.float32(_on_canvas(world, scale)))
    size = (canvas.shape[1], canvas.shape[0])
    seen = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, size)[..., None]
    canvas += (seen - canvas * mask) * (mask > 0)


def _daylight(size: tuple[int, int], scale: float) -> Image:
    """How bright the light from the window leaves each pixel: a glow at the left, dim far corners."""
    x, y = np.meshgrid(np.arange(size[0]) / scale - MARGIN_PX, np.arange(size[1]) / scale - MARGIN_PX)
    glow = np.exp(-(((x - 250) / 420) ** 2) - ((y - 200) / 330) ** 2)
    corner = np.exp(-np.abs(x - 149) / 22) * 0.16 + np.exp(-np.abs(y - 404) / 16) * 0.14
    light = 0.80 + 0.30 * glow - corner - 0.12 * np.clip((x - 560) / 480, 0, 1) ** 2
    return light.astype(np.float32)


def _back_wall(rng: np.random.Generator) -> Image:
    d = WALL_DENSITY
    shape = (round(CEILING_M * d), round((RIGHT_X_M - LEFT_X_M) * d))
    wall = np.full((*shape, 3), (0.47, 0.60, 0.56), np.float32)
    wall *= 1 + 0.025 * noise(rng, shape, (160, 160))[..., None] + 0.02 * noise(rng, shape, (3, 3))[..., None]
    _vines(wall, rng, d)
    board = round(0.16 * d)
    wall[-board:] = (0.86, 0.83, 0.77)
    wall[-board:] *= 1 + 0.02 * noise(rng, (board, shape[1]), (3, 90))[..., None]
    for at, tone in ((board, 0.55), (board - 3, 1.1), (board - 22, 0.8), (5, 0.6)):
        wall[shape[0] - at : shape[0] - at + 3] *= tone
    paint_window(wall, rng, d, left=LEFT_X_M, top=CEILING_M)
    paint_pictures(wall, rng, d, left=LEFT_X_M, top=CEILING_M)
    paint_shelf(wall, rng, d, left=LEFT_X_M, top=CEILING_M)
    return wall


def _vines(wall: Image, rng: np.random.Generator, d: int) -> None:
    """Wallpaper: climbing stems with leaves and berries, no two alike."""
    height, width = wall.shape[:2]
    tones = [(0.37, 0.51, 0.47), (0.62, 0.71, 0.63), (0.41, 0.55, 0.49), (0.71, 0.73, 0.60)]
    for x0 in np.arange(0.06, width / d, 0.155):
        phase, sway, side = rng.uniform(0, 7), rng.uniform(0.02, 0.04), 1
        ys = np.arange(0, height, 6)
        xs = (x0 + sway * np.sin(ys / d * rng.uniform(6, 9) + phase)) * d
        cv2.polylines(wall, [np.stack([xs, ys], 1).astype(np.int32)], False, tones[0], 2, cv2.LINE_AA)
        y = rng.uniform(0, 0.05)
        while y < height / d:
            i = min(int(y * d / 6), len(xs) - 1)
            length, angle = rng.uniform(0.025, 0.055) * d, 90 + side * rng.uniform(35, 75)
            way = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
            middle = np.array([xs[i], ys[i]]) + way * length
            tone = tones[rng.integers(4)]
            axes = (int(length), int(length * rng.uniform(0.28, 0.45)))
            cv2.ellipse(wall, middle.astype(int).tolist(), axes, -angle, 0, 360, tone, -1, cv2.LINE_AA)
            cv2.line(wall, (int(xs[i]), int(ys[i])), (middle + way * length * 0.8).astype(int).tolist(),
                     (0.47, 0.60, 0.56), 1, cv2.LINE_AA)  # fmt: skip
            if rng.random() < 0.3:
                berry = (middle + rng.normal(0, 0.025 * d, 2)).astype(int).tolist()
                cv2.circle(wall, berry, int(rng.integers(3, 6)), (0.79, 0.55, 0.42), -1, cv2.LINE_AA)
            side, y = -side, y + rng.uniform(0.03, 0.065)


def _left_wall(rng: np.random.Generator) -> Image:
    d = BRICK_DENSITY
    shape = (round(CEILING_M * d), round((WALL_Z_M - NEAR_Z_M) * d))
    wall = np.full((*shape, 3), (0.74, 0.70, 0.64), np.float32)
    course, brick = round(0.085 * d), round(0.24 * d)
    for row, y in enumerate(range(0, shape[0], course)):
        for x in range(-(row % 2) * brick // 2, shape[1], brick):
            tone = np.array([0.62, 0.36, 0.27]) * rng.uniform(0.72, 1.22) + rng.normal(0, 0.02, 3)
            corner = (x + 3 + int(rng.integers(-1, 2)), y + 3), (x + brick - 3, y + course - 3)
            cv2.rectangle(wall, *corner, np.clip(tone, 0, 1).tolist(), -1)
            cv2.line(wall, (corner[0][0], corner[1][1]), corner[1], (tone * 0.6).tolist(), 2)
    rough = 0.07 * noise(rng, shape, (4, 5)) + 0.06 * noise(rng, shape, (17, 23)) + 0.05 * noise(rng, shape, (90, 90))
    wall *= (1 + rough)[..., None]
    wall[-round(0.16 * d) :] = (0.82, 0.79, 0.73)
    wall[-round(0.16 * d) :][:4] *= 0.6
    return wall * np.float32(0.93)


def _floor(rng: np.random.Generator) -> Image:
    d = FLOOR_DENSITY
    shape = (round((WALL_Z_M - NEAR_Z_M) * d), round((RIGHT_X_M - LEFT_X_M) * d))
    floor = np.zeros((*shape, 3), np.float32)
    board = round(0.13 * d)
    for x in range(0, shape[1], board):
        y = -int(rng.integers(0, d))
        while y < shape[0]:
            length = int(rng.uniform(0.8, 1.5) * d)
            top, bottom = max(y, 0), min(y + length, shape[0])
            part = floor[top:bottom, x : x + board]
            if part.size:
                part[:] = np.array([0.60, 0.41, 0.26]) * rng.uniform(0.8, 1.15) + rng.normal(0, 0.012, 3)
                grain = noise(rng, part.shape[:2], (110, 3.5)) * 0.07 + noise(rng, part.shape[:2], (60, 9)) * 0.05
                part *= (1 + grain)[..., None]
                part[-3:] *= 0.45
            y += length
        floor[:, x : x + 3] *= 0.42
    floor *= (1 + 0.03 * noise(rng, shape, (4, 3)))[..., None]
    _rug(floor, rng)
    _sunlight(floor)
    return floor


def _rug(floor: Image, rng: np.random.Generator) -> None:
    """A woven rug with a border, rows of lozenges, and fringes at both ends."""
    d = FLOOR_DENSITY
    left, right = round((-0.75 - LEFT_X_M) * d), round((1.15 - LEFT_X_M) * d)
    top, bottom = round((WALL_Z_M - 4.45) * d), round((WALL_Z_M - 2.98) * d)
    floor[top + 6 : bottom + 14, left - 12 : right + 12] *= 0.72
    for y in range(top, bottom, 5):
        for x, way in ((left, -1), (right, 1)):
            end = (x + way * int(rng.integers(14, 24)), y + int(rng.integers(-3, 4)))
            cv2.line(floor, (x, y), end, (0.85, 0.80, 0.70), 2, cv2.LINE_AA)
    rug = floor[top:bottom, left:right]
    y, x = np.mgrid[: rug.shape[0], : rug.shape[1]].astype(np.float32) / d
    edge = np.minimum.reduce([x, y, rug.shape[1] / d - x, rug.shape[0] / d - y])
    lozenge = np.abs((x / 0.19 + 0.04 * noise(rng, rug.shape[:2], (90, 90))) % 1 - 0.5)
    lozenge += np.abs((y / 0.21 + 0.04 * noise(rng, rug.shape[:2], (90, 90))) % 1 - 0.5)
    tones = np.float32([[0.56, 0.20, 0.20], [0.86, 0.79, 0.66], [0.21, 0.27, 0.38], [0.78, 0.55, 0.28]])
    kind = np.select([edge < 0.03, edge < 0.055, edge < 0.1, lozenge < 0.17, lozenge < 0.26, lozenge < 0.33],
                     [2, 1, 3, 3, 2, 1], 0)  # fmt: skip
    weave = 1 + 0.07 * np.sin(x * 2 * np.pi / 0.011) * np.sin(y * 2 * np.pi / 0.011)
    weave += 0.07 * noise(rng, rug.shape[:2], (3, 3)) + 0.05 * noise(rng, rug.shape[:2], (40, 40))
    rug[:] = tones[kind] * weave[..., None]


def _sunlight(floor: Image) -> None:
    """The window's panes, cast on the boards."""
    d = FLOOR_DENSITY
    patch = np.zeros(floor.shape[:2], np.float32)
    for i in range(2):
        for j in range(2):
            x, y = 0.35 + 0.42 * i + 0.16 * j, 0.25 + 0.36 * j
            pane = np.array([(x, y), (x + 0.36, y), (x + 0.5, y + 0.31), (x + 0.14, y + 0.31)]) * d
            cv2.fillPoly(patch, [pane.astype(np.int32)], 1.0, cv2.LINE_AA)
    floor *= 1 + cv2.GaussianBlur(patch, (0, 0), 7)[..., None] * np.float32([0.42, 0.36, 0.24])
