"""Rooms with depth: walls, a floor and furniture seen in perspective; a polished floor mirrors what stands on it.

Lengths are metres; x points right, y down, z away from the camera, which is the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from training.textures import fractal_noise, pattern, photo_texture, random_colour, smooth_noise

DENSITY = 130
"""Texture pixels a metre."""

Rays = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """Where a subject stands.

    Attributes:
        picture: N x N x 3 in [0, 1], all its light.
        gloss: N x N x 1, the share of light that its surfaces mirror; 0 where they are dull.
        mirrored: N x N x 3, what they mirror while nobody is there; `gloss * mirrored` is part of the picture.
    """

    picture: FloatImage
    gloss: FloatImage
    mirrored: FloatImage


@dataclass(frozen=True)
class Block:
    """A piece of furniture: a box between two corners, of one colour, its three faces unlike in light."""

    low: Rays
    high: Rays
    colour: FloatImage
    shades: Rays


@dataclass(frozen=True)
class Room:
    """A box seen from within: its corners, and a texture for each of its five visible sides."""

    low: Rays
    high: Rays
    sides: dict[str, FloatImage]
    lamp: Rays
    reach: float
    blocks: tuple[Block, ...]


def draw_room(random: Random, size: int, photos: tuple[Path, ...] = ()) -> Place:
    """Any room from any place in it, size x size; photographs hang on its walls, or are seen through its windows."""
    room = _random_room(random, photos)
    rays = _camera(random, size)
    dull, depth, floor = _trace(room, np.zeros(3, np.float32), rays)
    dull = dull.reshape(size, size, 3)
    gloss, mirrored = _mirror(random, room, rays, depth, floor, size)
    picture = np.clip(dull + gloss * mirrored, 0, 1)
    picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.0))
    picture += random.uniform(0, 0.01) * fractal_noise(random, size, 3)
    return Place(np.clip(picture, 0, 1).astype(np.float32), gloss, mirrored)


def _mirror(
    random: Random, room: Room, rays: Rays, depth: Rays, floor: NDArray[np.bool_], size: int
) -> tuple[FloatImage, FloatImage]:
    """Gloss of the floor, and what is seen in it; more at a flat angle, blurred up and down as worn polish does."""
    gloss, mirrored = np.zeros((size * size, 1), np.float32), np.zeros((size * size, 3), np.float32)
    if random.random() < 0.6 and floor.any():
        down = rays[floor]
        mirrored[floor] = _trace(room, depth[floor, None] * down, down * np.array([1, -1, 1], np.float32))[0]
        flat = 1 - np.abs(down[:, 1]) / np.linalg.norm(down, axis=1)
        gloss[floor, 0] = random.uniform(0.03, 0.25) * (0.5 + 1.5 * flat**3)
    wear = np.clip(1 + random.uniform(0, 0.4) * smooth_noise(random, size, random.uniform(3, 40)), 0, 2)
    sigma = size * random.uniform(0.001, 0.012)
    seen = cv2.GaussianBlur(mirrored.reshape(size, size, 3), (0, 0), sigmaX=0.4 * sigma, sigmaY=sigma)
    return gloss.reshape(size, size, 1) * wear, seen


def _camera(random: Random, size: int) -> Rays:
    """A ray for each pixel, N^2 x 3, of a hand-held view that is a crop of a larger one."""
    focal = size * random.uniform(0.9, 2.2)
    middle = size * (0.5 + random.normal(0, 0.15, 2))
    x, y = ((np.arange(size, dtype=np.float32) + 0.5 - m) / focal for m in middle)
    rays = np.stack((*np.meshgrid(x, y), np.ones((size, size))), axis=2).reshape(-1, 3)
    pitch, yaw, roll = random.normal(-0.2, 0.15), random.uniform(-0.6, 0.6), random.normal(0, 0.015)
    turned = cv2.Rodrigues(np.array([0, yaw, 0.0]))[0] @ cv2.Rodrigues(np.array([pitch, 0, 0]))[0]
    turned = turned @ cv2.Rodrigues(np.array([0, 0, roll]))[0]
    return (rays @ turned.T).astype(np.float32)


def _random_room(random: Random, photos: tuple[Path, ...]) -> Room:
    high = np.array([random.uniform(1, 4), random.uniform(0.9, 1.8), random.uniform(2, 7)], np.float32)
    low = np.array([-random.uniform(1, 4), high[1] - random.uniform(2.3, 3.4), -1], np.float32)
    span = high - low
    paint, trim = _paint(random), _paint(random)
    board = random.uniform(0, 0.15) if random.random() < 0.7 else 0.0
    walls = {name: _wall(random, (length, span[1]), paint, trim, board, photos)
             for name, length in (("back", span[0]), ("left", span[2]), ("right", span[2]))}  # fmt: skip
    ceiling = np.full((8, 8, 3), random.uniform(0.6, 0.95), np.float32)
    sides = walls | {"floor": _floor(random, span[0], span[2]), "ceiling": ceiling}
    lamp = random.uniform(low, high).astype(np.float32)
    lamp[1] = low[1]
    blocks = tuple(_block(random, low, high) for _ in range(random.integers(0, 4)))
    return Room(low, high, sides, lamp, random.uniform(2, 9), blocks)


def _paint(random: Random) -> FloatImage:
    """What rooms are painted in: mostly greys and pale colours."""
    colour = random_colour(random)
    grey = np.float32(random.uniform(0.15, 0.95))
    return (grey + random.uniform(0, 1) ** 2 * (colour - grey)).astype(np.float32)


def _block(random: Random, low: Rays, high: Rays) -> Block:
    """A cupboard, a table or a pillar, standing well in front of the camera."""
    extent = random.uniform([0.2, 0.3, 0.2], [1.2, 1.6 if random.random() < 0.7 else 9, 0.9])
    corner = np.array([random.uniform(low[0], high[0]), high[1] - extent[1], random.uniform(1.8, high[2])])
    colour = _paint(random)
    return Block(
        corner.astype(np.float32), (corner + extent).astype(np.float32), colour,
        random.uniform(0.5, 1.1, 3).astype(np.float32),
    )  # fmt: skip


def _wall(
    random: Random, extent: tuple[float, float], paint: FloatImage, trim: FloatImage, board: float,
    photos: tuple[Path, ...],
) -> FloatImage:  # fmt: skip
    """Painted or papered, with pictures, doors and windows, and a skirting board; rows run from the ceiling down."""
    columns, rows = (round(length * DENSITY) for length in extent)
    wall = np.empty((rows, columns, 3), np.float32)
    wall[:] = paint * random.uniform(0.9, 1.05)
    if random.random() < 0.2:
        tile = cv2.resize(pattern(random, 512), (columns, rows), interpolation=cv2.INTER_LINEAR)
        wall += random.uniform(0.1, 0.5) * (tile - wall)
    for _ in range(random.integers(0, 5)):
        _hang(random, wall, photos)
    if board:
        wall[-max(1, round(board * DENSITY)) :] = trim
    return wall


def _hang(random: Random, wall: FloatImage, photos: tuple[Path, ...]) -> None:
    """A picture, a door, a window or a screen on the wall, mostly framed."""
    width, height = (int(n) for n in random.uniform(0.15, 1.4, 2) * DENSITY)
    x, y = (int(random.uniform(0, max(1, n - m))) for n, m in zip(wall.shape[1::-1], (width, height), strict=True))
    part = wall[y : y + height, x : x + width]
    if photos and random.random() < 0.4:
        side = max(part.shape[:2])
        part[:] = photo_texture(random, side, photos, (0.5, 4))[: part.shape[0], : part.shape[1]]
    else:
        part[:] = _paint(random) * random.uniform(0.3, 1.2)
    if random.random() < 0.7:
        frame = int(random.integers(2, 12))
        cv2.rectangle(wall, (x, y), (x + width, y + height), _paint(random).tolist(), frame)


def _floor(random: Random, width: float, depth: float) -> FloatImage:
    """Boards, tiles or carpet; rows run away from the camera."""
    columns, rows = round(width * DENSITY), round(depth * DENSITY)
    kind, colour = random.random(), _paint(random)
    grain = cv2.resize(fractal_noise(random, 384), (columns, rows), interpolation=cv2.INTER_LINEAR)[..., None]
    if kind < 0.3:
        return np.clip(colour * (1 + random.uniform(0, 0.3) * grain), 0, 1).astype(np.float32)
    board = np.array([random.uniform(0.06, 0.3), random.uniform(0.6, 2.5) if kind < 0.8 else 0.0]) * DENSITY
    if kind >= 0.8:
        board[:] = board[0] * 2
    if random.random() < 0.4:
        board = board[::-1]
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    across = np.floor(column / board[0]).astype(int)
    along = np.floor(row / board[1] + (0.37 * across if kind < 0.8 else 0)).astype(int)
    tones = 1 + random.uniform(0.02, 0.3) * (random.standard_normal((97, 1)) + random.normal(0, 0.2, (97, 3)))
    floor = colour * tones[(31 * across + 57 * along) % 97] * (1 + random.uniform(0, 0.12) * grain)
    gap = (column % board[0] < 1.2) | ((row + (0.37 * across * board[1] if kind < 0.8 else 0)) % board[1] < 1.2)
    floor[gap] *= random.uniform(0.3, 1.2)
    return np.clip(floor, 0, 1).astype(np.float32)


def _trace(room: Room, origin: Rays, rays: Rays) -> tuple[FloatImage, Rays, NDArray[np.bool_]]:
    """Dull light that comes along each ray (M x 3), how far it has come (M), and whether from the floor (M)."""
    slope = np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    exits = (np.where(slope > 0, room.high, room.low) - origin) / slope
    axis, distance = exits.argmin(axis=1), exits.min(axis=1)
    points = origin + distance[:, None] * rays
    colour = np.zeros_like(points)
    low, span = room.low, room.high - room.low
    where = {
        "left": (axis == 0) & (slope[:, 0] < 0), "right": (axis == 0) & (slope[:, 0] > 0),
        "ceiling": (axis == 1) & (slope[:, 1] < 0), "floor": (axis == 1) & (slope[:, 1] > 0), "back": axis == 2,
    }  # fmt: skip
    lengths = {"left": (2, 1), "right": (2, 1), "ceiling": (0, 2), "floor": (0, 2), "back": (0, 1)}
    for name, (u, v) in lengths.items():
        seen = where[name]
        if seen.any():
            across, along = ((points[seen, i] - low[i]) / span[i] for i in (u, v))
            colour[seen] = _sampled(room.sides[name], across, along)
    floor = where["floor"]
    for block in room.blocks:
        near, face = _entry(block, origin, slope)
        hit = near < distance
        colour[hit] = block.colour * block.shades[face[hit], None]
        distance, floor = np.where(hit, near, distance), floor & ~hit
        points[hit] = (origin + distance[:, None] * rays)[hit]
    return colour * _light(room, points)[:, None], distance, floor


def _entry(block: Block, origin: Rays, slope: Rays) -> tuple[Rays, NDArray[np.int64]]:
    """Where rays enter a block (infinity where they miss it), and the axis of the face."""
    first, second = (block.low - origin) / slope, (block.high - origin) / slope
    enters, leaves = np.minimum(first, second), np.maximum(first, second).min(axis=1)
    near = enters.max(axis=1)
    return np.where((near < leaves) & (near > 1e-3), near, np.float32(np.inf)), enters.argmax(axis=1)


def _light(room: Room, points: Rays) -> Rays:
    """Of one lamp and of the sky in the windows; corners get less."""
    far = ((points - room.lamp) ** 2).sum(axis=1)
    light = 0.55 + 0.65 / (1 + far / np.float32(room.reach**2))
    gaps = np.sort(np.minimum(np.abs(points - room.low), np.abs(points - room.high)), axis=1)[:, 1]
    return (light * (1 - 0.25 * np.exp(-gaps / 0.2))).astype(np.float32)


def _sampled(texture: FloatImage, across: Rays, along: Rays) -> FloatImage:
    """Colours at places from 0 to 1 along both sides of a texture, M x 3."""
    height, width = texture.shape[:2]
    x, y = (np.ascontiguousarray(p * n - 0.5, np.float32)[None] for p, n in ((across, width), (along, height)))
    side = 16384  # OpenCV's remap takes at most 32767 columns
    pieces = [cv2.remap(texture, x[:, i : i + side], y[:, i : i + side], cv2.INTER_LINEAR,
                        borderMode=cv2.BORDER_REPLICATE) for i in range(0, x.shape[1], side)]  # fmt: skip
    return np.concatenate(pieces, axis=1)[0]
