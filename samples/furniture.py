"""What stands and hangs in the room: window, pictures, bookshelf, plant.

Wall things are painted on the flat wall: `d` pixels a metre, the wall's left edge at x = `left`, its top edge at
y = `top` (metres).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from camera import Array, Image

Point = tuple[int, int]


def _box(x: float, y: float, width: float, height: float, d: int, left: float, top: float) -> tuple[Point, Point]:
    """Pixel corners of a box given by its lower left corner and size in metres."""
    return (round((x - left) * d), round((top - y - height) * d)), (
        round((x + width - left) * d),
        round((top - y) * d),
    )


def _shade_below(wall: Image, corners: tuple[Point, Point], reach: int, strength: float) -> None:
    """The soft shadow that a thing on the wall throws down and to the right."""
    (x0, y0), (x1, y1) = corners
    pad = 3 * reach
    y_from, x_from = max(y0 - pad, 0), max(x0 - pad, 0)
    area = wall[y_from : y1 + 2 * pad, x_from : x1 + 2 * pad]
    mask = np.zeros(area.shape[:2], np.float32)
    cv2.rectangle(mask, (x0 + reach - x_from, y0 + reach - y_from), (x1 + reach - x_from, y1 + reach - y_from), 1.0, -1)
    area *= 1 - strength * cv2.GaussianBlur(mask, (0, 0), reach * 0.6)[..., None]


def paint_window(wall: Image, rng: np.random.Generator, d: int, left: float, top: float) -> None:
    """A window with a view of hills, two curtains and a sill."""
    corners = _box(-1.5, 1.02, 0.92, 1.22, d, left, top)
    (x0, y0), (x1, y1) = corners
    view = wall[y0:y1, x0:x1]
    height, width = view.shape[:2]
    rise = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    view[:] = (0.66, 0.80, 0.95) + rise * np.float32([0.28, 0.16, 0.0])
    for layer, tone in enumerate([(0.66, 0.74, 0.80), (0.52, 0.64, 0.60), (0.42, 0.56, 0.38), (0.33, 0.47, 0.27)]):
        xs = np.arange(width)
        ys = height * (0.50 + 0.11 * layer) + sum(
            height * a * np.sin(xs / width * f + rng.uniform(0, 7)) for a, f in ((0.04, 5), (0.02, 13), (0.008, 40))
        )
        hill = np.concatenate([np.stack([xs, ys], 1), [(width, height), (0, height)]])
        cv2.fillPoly(view, [hill.astype(np.int32)], tone, cv2.LINE_AA)
    for _ in range(150):
        at = rng.uniform((0, 0.70 * height), (width, height)).astype(int).tolist()
        cv2.circle(view, at, int(rng.integers(4, 14)), (np.array([0.34, 0.50, 0.25]) * rng.uniform(0.75, 1.3)).tolist(),
                   -1, cv2.LINE_AA)  # fmt: skip
    view[:] = view * 0.9 + 0.1
    white = (0.93, 0.92, 0.88)
    for dx in (0, width // 2, width):
        cv2.rectangle(wall, (x0 + dx - 11, y0 - 14), (x0 + dx + 11, y1 + 10), white, -1)
        cv2.line(wall, (x0 + dx + 11, y0), (x0 + dx + 11, y1), (0.66, 0.66, 0.64), 2)
    for dy in (0, int(height * 0.42), height):
        cv2.rectangle(wall, (x0 - 14, y0 + dy - 10), (x1 + 14, y0 + dy + 10), white, -1)
        cv2.line(wall, (x0, y0 + dy + 10), (x1, y0 + dy + 10), (0.62, 0.62, 0.60), 2)
    sill = ((x0 - 40, y1 + 8), (x1 + 40, y1 + 30))
    _shade_below(wall, sill, 14, 0.35)
    cv2.rectangle(wall, *sill, (0.90, 0.88, 0.83), -1)
    for side in (-1, 1):
        _paint_curtain(wall, rng, (x0 if side < 0 else x1) + side * 26, y0 - 50, y1 + 150, side)
    cv2.line(wall, (x0 - 120, y0 - 52), (x1 + 120, y0 - 52), (0.30, 0.22, 0.16), 12, cv2.LINE_AA)


def _paint_curtain(wall: Image, rng: np.random.Generator, x: int, y0: int, y1: int, side: int) -> None:
    ys = np.linspace(0, 1, y1 - y0)
    half = 62 + 10 * ys + 4 * np.sin(ys * 5)
    folds = rng.uniform(0, 7)
    for row, (y, w) in enumerate(zip(range(y0, y1), half, strict=True)):
        u = np.linspace(-1, 1, int(2 * w))
        light = 0.86 + 0.13 * np.sin(u * 15 + folds + 0.5 * np.sin(ys[row] * 4)) + 0.05 * np.sin(u * 37 + 2 * folds)
        start = max(int(x - w), 0)
        print_on = 0.04 * (np.sin(u * 26) * np.sin(ys[row] * 75) > 0.45)
        tone = np.float32([0.90, 0.78, 0.62])[None] * (light - print_on - 0.10 * np.abs(u) ** 6)[:, None]
        row_part = wall[y, start : start + len(u)]
        row_part[:] = tone[len(tone) - len(row_part) :] if side < 0 else tone[: len(row_part)]


def paint_pictures(wall: Image, rng: np.random.Generator, d: int, left: float, top: float) -> None:
    """A group of framed prints, each a small procedural picture."""
    for k, (x, y, w, h) in enumerate([(-0.24, 1.52, 0.36, 0.48), (0.22, 1.70, 0.52, 0.36), (0.24, 1.28, 0.26, 0.34),
                                      (0.56, 1.26, 0.34, 0.34), (-0.16, 1.16, 0.28, 0.28)]):  # fmt: skip
        corners = _box(x, y, w, h, d, left, top)
        (x0, y0), (x1, y1) = corners
        _shade_below(wall, corners, 12, 0.45)
        wood = [(0.30, 0.19, 0.12), (0.16, 0.15, 0.15), (0.72, 0.58, 0.35)][k % 3]
        cv2.rectangle(wall, (x0, y0), (x1, y1), wood, -1)
        cv2.line(wall, (x0, y0), (x1, y0), tuple(min(1.5 * c, 1) for c in wood), 3)
        cv2.rectangle(wall, (x0 + 10, y0 + 10), (x1 - 10, y1 - 10), (0.93, 0.91, 0.86), -1)
        _paint_print(wall[y0 + 26 : y1 - 26, x0 + 26 : x1 - 26], rng, k)


def _paint_print(area: Image, rng: np.random.Generator, kind: int) -> None:
    height, width = area.shape[:2]
    ground = np.float32([[0.90, 0.72, 0.52], [0.55, 0.70, 0.80], [0.92, 0.86, 0.74], [0.30, 0.36, 0.46],
                         [0.86, 0.60, 0.48]][kind])  # fmt: skip
    area[:] = ground * np.linspace(1.08, 0.85, height, dtype=np.float32)[:, None, None]
    for i in range(16):
        tone = np.clip(ground[::-1] * rng.uniform(0.3, 1.3) + rng.normal(0, 0.12, 3), 0, 1).tolist()
        at = rng.uniform((0, height * 0.2), (width, height)).astype(int).tolist()
        reach = int(rng.uniform(0.06, 0.24) * width)
        if kind in (1, 3):
            peak = np.array([(at[0] - 2 * reach, height), (at[0], at[1]), (at[0] + 2 * reach, height)])
            cv2.fillPoly(area, [peak.astype(np.int32)], tone, cv2.LINE_AA)
        elif kind == 0:
            cv2.ellipse(area, at, (reach, reach // 3), i * 37, 0, 360, tone, -1, cv2.LINE_AA)
        else:
            cv2.circle(area, at, reach, tone, 3 if i % 2 else -1, cv2.LINE_AA)


def paint_shelf(wall: Image, rng: np.random.Generator, d: int, left: float, top: float) -> None:
    """A bookshelf with five boards, full of books and some things that are not."""
    x, width, height, depth = 1.28, 1.22, 2.02, 0.035
    corners = _box(x, 0.0, width, height, d, left, top)
    _shade_below(wall, corners, 26, 0.5)
    cv2.rectangle(wall, *corners, (0.20, 0.125, 0.08), -1)
    wood = (0.47, 0.31, 0.19)
    for level in range(6):
        y = 0.06 + level * 0.38
        if level < 5:
            _fill_board(wall, rng, (x + depth, x + width - depth), y + 0.02, d, left, top)
        board = _box(x, y - 0.015, width, 0.035, d, left, top)
        cv2.rectangle(wall, *board, wood, -1)
        cv2.line(wall, board[0], (board[1][0], board[0][1]), (0.62, 0.44, 0.28), 3)
        cv2.line(wall, (board[0][0], board[1][1]), board[1], (0.14, 0.09, 0.06), 3)
    for side in (x, x + width - depth):
        cv2.rectangle(wall, *_box(side, 0, depth, height, d, left, top), wood, -1)
    (x0, y0), (x1, y1) = corners
    part = wall[y0:y1, x0:x1]
    part *= 1 + 0.03 * cv2.resize(rng.standard_normal((300, 40)).astype(np.float32), part.shape[1::-1])[..., None]


def _fill_board(
    wall: Image,
    rng: np.random.Generator,
    span: tuple[float, float],
    y: float,
    d: int,
    left: float,
    top: float,
) -> None:
    covers = np.float32([[0.55, 0.17, 0.15], [0.16, 0.28, 0.40], [0.78, 0.66, 0.42], [0.22, 0.37, 0.27],
                         [0.80, 0.77, 0.70], [0.36, 0.22, 0.34], [0.72, 0.40, 0.20], [0.25, 0.25, 0.27]])  # fmt: skip
    x = span[0] + 0.01
    while x < span[1] - 0.03:
        if rng.random() < 0.10 and x < span[1] - 0.2:
            _paint_vase(wall, rng, x + 0.07, y, d, left, top)
            x += 0.15
            continue
        thick, tall = rng.uniform(0.018, 0.05), rng.uniform(0.2, 0.31)
        tone = np.clip(covers[rng.integers(8)] * rng.uniform(0.75, 1.2), 0, 1)
        (x0, y0), (x1, y1) = _box(x, y, thick, tall, d, left, top)
        x1 = min(x1, round((span[1] - left) * d))
        round_back = 0.75 + 0.35 * np.sin(np.linspace(0.3, 2.8, x1 - x0))
        wall[y0:y1, x0:x1] = tone * round_back[None, :, None]
        gold = np.clip(tone * 0.4 + np.float32([0.5, 0.42, 0.25]) * rng.uniform(0.4, 1.1), 0, 1)
        for band in rng.uniform(0.05, 0.95, int(rng.integers(2, 5))):
            at = y0 + int(band * (y1 - y0 - 8))
            wall[at : at + int(rng.integers(2, 8)), x0 + 1 : x1 - 1] = gold
        x += thick + (0.002 if rng.random() < 0.8 else 0.02)


def _paint_vase(wall: Image, rng: np.random.Generator, x: float, y: float, d: int, left: float, top: float) -> None:
    tone = np.array([[0.30, 0.52, 0.56], [0.84, 0.80, 0.72], [0.72, 0.42, 0.30]][rng.integers(3)])
    t = np.linspace(0, 1, 40)
    half = 0.03 + 0.032 * np.sin(t * 3.0) + 0.008 * np.cos(t * 9)
    for shrink, bright in ((1, 0.55), (0.82, 0.8), (0.55, 1.0), (0.22, 1.25)):
        shift = -0.012 * (1 - shrink)
        xs = np.concatenate([x + shift - half * shrink, (x + shift + half * shrink)[::-1]])
        ys = np.concatenate([y + 0.22 * t, (y + 0.22 * t)[::-1]])
        outline = np.stack([(xs - left) * d, (top - ys) * d], 1).astype(np.int32)
        cv2.fillPoly(wall, [outline], np.clip(tone * bright, 0, 1).tolist(), cv2.LINE_AA)


def paint_plant(canvas: Image, rng: np.random.Generator, to_pixels: Callable[[Array], Array]) -> None:
    """A tall plant in a clay pot before the wall; `to_pixels` maps world points (N x 3) onto the canvas."""
    x, z = 1.02, 4.95
    px_per_m = float(to_pixels(np.array([[x + 1, 0, z]]))[0, 0] - to_pixels(np.array([[x, 0, z]]))[0, 0])
    foot = to_pixels(np.array([[x, 0.0, z]]))[0]
    shadow = np.zeros(canvas.shape[:2], np.float32)
    cv2.ellipse(shadow, (foot + (0.1 * px_per_m, 0)).astype(int).tolist(), (int(0.26 * px_per_m), int(0.06 * px_per_m)),
                0, 0, 360, 0.6, -1)  # fmt: skip
    canvas *= 1 - cv2.GaussianBlur(shadow, (0, 0), 0.035 * px_per_m)[..., None]
    for u in np.linspace(-1, 1, 60):
        xs = x + u * np.array([0.11, 0.15, 0.15, 0.17, 0.17])
        ends = to_pixels(np.stack([xs, [0, 0.26, 0.26, 0.27, 0.31], np.full(5, z)], 1)).astype(int)
        light = 0.62 + 0.5 * np.exp(-((u + 0.45) ** 2) / 0.18) - 0.25 * max(u, 0)
        for (a, b), tone in (((0, 1), 0.95), ((3, 4), 1.1)):
            cv2.line(canvas, ends[a].tolist(), ends[b].tolist(), (np.array([0.74, 0.40, 0.27]) * light * tone).tolist(),
                     max(2, int(0.008 * px_per_m)), cv2.LINE_AA)  # fmt: skip
    for order in range(34):
        reach, lean = rng.uniform(0.35, 0.85), rng.uniform(-1, 1)
        t = np.linspace(0, 1, 26)
        spine_x = x + lean * (0.08 * t + 0.42 * t**2 * reach)
        spine_y = 0.3 + reach * 1.25 * t * (1 - 0.38 * abs(lean) * t)
        half = 0.036 * np.sin(np.pi * t**0.7) ** 0.8
        normal = np.stack([-np.gradient(spine_y), np.gradient(spine_x)], 1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        spine = np.stack([spine_x, spine_y], 1)
        tone = np.array([0.22, 0.42, 0.20]) * rng.uniform(0.6, 1.25) * (0.7 + 0.3 * order / 34)
        for way, bright in ((1, 1.18), (-1, 0.86)):
            edge = np.concatenate([spine, (spine + way * normal * half[:, None])[::-1]])
            outline = to_pixels(np.column_stack([edge, np.full(len(edge), z)])).astype(np.int32)
            cv2.fillPoly(canvas, [outline], np.clip(tone * bright, 0, 1).tolist(), cv2.LINE_AA)
        rib = to_pixels(np.column_stack([spine, np.full(26, z)])).astype(np.int32)
        cv2.polylines(canvas, [rib], False, (tone * 1.6).tolist(), 1, cv2.LINE_AA)
