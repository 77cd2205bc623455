"""The films: a figure drawn into the room, frame by frame, with the shadow it casts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import hair
import numpy as np
import plant
from body import Ball, Canvas, Tube
from camera import Array, Image, Shot, expose, handheld, photograph, picture_size, project, scaled
from figure import Pose, pose
from light import CLOTH_NOISE_PX, shade
from numpy.typing import NDArray
from room import ROOM_SCALE, WALL_Z_M
from solids import solids

RATE = 25
FRAMES = 100
FINE = 3


class Subject(NamedTuple):
    """The figure in one frame, before it meets the room.

    Attributes:
        colour: H x W x 3 in [0, 1], straight.
        alpha: H x W in [0, 1], exact to one part in FINE squared.
    """

    colour: Image
    alpha: Image


Frames = Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Frames (H x W x 3) and their alphas (H x W), one by one."""


class Lines(NamedTuple):
    """Lines thinner than solids: N x P x 3 world metres, and what draws them.

    `draw` takes fine colour and mask, which it changes, the solids' depth, where the points land, and fine pixels a
    metre at the figure.
    """

    points: Array
    draw: Callable[[NDArray[np.uint8], NDArray[np.uint8], Image, Array, float], None]


def film(room: Image, frames: int, scale: float, seed: int) -> Frames:
    """She walks in and waves."""
    rng = np.random.default_rng(seed)
    shots = handheld(rng, np.arange(FRAMES) / RATE)
    strands = hair.grow(rng)
    cloth = _tileable_noise(rng)
    for index, shot in enumerate(shots[:frames]):
        her = pose(index / RATE)
        run = hair.lines(strands, her.head, _swing(her), her.seconds)

        def draw(
            colour: NDArray[np.uint8], mask: NDArray[np.uint8], depth: Image, at: Array, _: float, run: Array = run
        ) -> None:
            hair.draw(colour, mask, depth, strands, run, at)

        subject = render(solids(her), [Lines(run, draw)], her.head.origin, shot, cloth, scale)
        yield _exposed(room, subject, _shadow(subject.alpha, her, shot, scale), shot, scale, (seed, index))


def film_plant(room: Image, frames: int, scale: float, seed: int) -> Frames:
    """A pot of grass that a draught moves."""
    rng = np.random.default_rng(seed)
    shots = handheld(rng, np.arange(FRAMES) / RATE)
    groups = plant.grow(rng)
    cloth = _tileable_noise(rng)
    for index, shot in enumerate(shots[:frames]):
        lines = [_blades(group, index / RATE) for group in groups]
        subject = render(plant.solids(), lines, plant.PLACE + [0, 0.6, 0], shot, cloth, scale)
        to_picture = scaled(shot.room_to_picture, 1, scale)
        at, per_m = _land(plant.PLACE[None] + [0, 0, 0.1], to_picture)
        contact = np.zeros_like(subject.alpha)
        axes = (max(1, int(0.2 * per_m[0])), max(1, int(0.06 * per_m[0])))
        cv2.ellipse(contact, (int(at[0, 0]), int(at[0, 1])), axes, 0, 0, 360, 0.5, -1)
        shadow = _fallen(subject.alpha, contact, float(at[0, 1]), float(per_m[0]), scale)
        yield _exposed(room, subject, shadow, shot, scale, (seed, index))


def _blades(group: plant.Blades, seconds: float) -> Lines:
    run = plant.lines(group, seconds)

    def draw(colour: NDArray[np.uint8], mask: NDArray[np.uint8], depth: Image, at: Array, per_m: float) -> None:
        plant.draw(colour, mask, depth, group, run, at, per_m)

    return Lines(run, draw)


def _exposed(
    room: Image, subject: Subject, shadow: Image, shot: Shot, scale: float, seed: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The subject in the room, as the camera's file holds it, and its alpha."""
    light = photograph(room, ROOM_SCALE, shot, scale)
    light *= 1 - shadow[..., None] * np.float32([0.92, 0.98, 1.0])
    alpha = subject.alpha[..., None]
    frame = expose(alpha * subject.colour + (1 - alpha) * light, shot, np.random.default_rng(seed))
    return frame, np.asarray(subject.alpha * 255 + 0.5, np.uint8)


def render(
    parts: Sequence[Tube | Ball], lines: Sequence[Lines], origin: Array, shot: Shot, cloth: Image, scale: float
) -> Subject:
    """Draws a figure at FINE times the size and averages: true coverage, straight colour.

    `origin` is a point (3) of the figure at which a metre's fine pixels are taken.
    """
    width, height = picture_size(scale)
    to_fine = scaled(shot.room_to_picture, 1, FINE * scale)
    landed = [_land(group.points, to_fine)[0] for group in lines]
    everywhere = np.concatenate([at.reshape(-1, 2) for at in landed])
    low, size = _window(parts, everywhere, to_fine, (FINE * width, FINE * height))
    canvas = Canvas.empty(size[1], size[0])
    for part in parts:
        if isinstance(part, Tube):
            at, per_m = _land(part.points, to_fine)
            canvas.draw_tube(part, at - low, per_m)
        else:
            _draw_ball(canvas, part, to_fine, low)
    px_per_m = float(_land(origin[None], to_fine)[1][0])
    fine = shade(canvas, cloth, px_per_m)
    colour, mask = np.asarray(fine * 255, np.uint8), np.asarray((canvas.stuff > 0) * 255, np.uint8)
    for group, at in zip(lines, landed, strict=True):
        group.draw(colour, mask, canvas.depth, at - low, px_per_m)
    return _averaged(colour, mask, (low / FINE).astype(int), (width, height))


def _window(
    parts: Sequence[Tube | Ball], hairs: Array, to_fine: Array, whole: tuple[int, int]
) -> tuple[Array, NDArray[np.int_]]:
    """Corner and size of the part of the picture that she fills: whole pixels, so that averages stay aligned."""
    points = np.concatenate([part.points if isinstance(part, Tube) else part.centre[None] for part in parts])
    at, per_m = _land(points, to_fine)
    reach = 0.2 * float(per_m.max())
    low = np.minimum(at.min(0) - reach, hairs.min(0) - FINE).clip(0)
    high = np.minimum(np.maximum(at.max(0) + reach, hairs.max(0) + FINE), whole)
    low = np.floor(low / FINE) * FINE
    return low, (np.ceil((high - low) / FINE) * FINE).astype(int)


def _draw_ball(canvas: Canvas, ball: Ball, to_fine: Array, low: Array) -> None:
    at, per_m = _land(ball.centre[None], to_fine)
    canvas.draw_ball(ball, at[0] - low, float(per_m[0]))


def _land(points: Array, to_fine: Array) -> tuple[Array, Array]:
    """World points to fine pixels, with the fine pixels a metre there."""
    at, per_m = project(points)
    homogeneous = np.concatenate([at, np.ones_like(at[..., :1])], axis=-1) @ to_fine.T
    grows = np.sqrt(abs(np.linalg.det(to_fine[:2, :2])))
    return homogeneous[..., :2] / homogeneous[..., 2:], per_m * grows / homogeneous[..., 2]


def _averaged(
    colour: NDArray[np.uint8], mask: NDArray[np.uint8], at: NDArray[np.int_], size: tuple[int, int]
) -> Subject:
    covered = mask.astype(np.float32) / 255
    small = (mask.shape[1] // FINE, mask.shape[0] // FINE)
    alpha = cv2.resize(covered, small, interpolation=cv2.INTER_AREA)
    premultiplied = cv2.resize(
        colour.astype(np.float32) / 255 * covered[..., None], small, interpolation=cv2.INTER_AREA
    )
    whole = Subject(np.zeros((size[1], size[0], 3), np.float32), np.zeros((size[1], size[0]), np.float32))
    rows, cols = slice(at[1], at[1] + small[1]), slice(at[0], at[0] + small[0])
    whole.alpha[rows, cols] = alpha
    whole.colour[rows, cols] = premultiplied / np.maximum(alpha, 1e-6)[..., None]
    return whole


def _swing(her: Pose) -> Array:
    """How the hair's tips trail behind the head, in its own axes: they answer to where it was a moment ago."""
    before = pose(max(her.seconds - 0.16, 0.0)).head
    earlier = pose(max(her.seconds - 0.42, 0.0)).head
    trail = 0.55 * (before.origin - her.head.origin) - 0.25 * (earlier.origin - before.origin) * (her.seconds > 0.42)
    side, front = her.head.way(1, 0, 0), her.head.way(0, 0, 1)
    turned = before.yaw - her.head.yaw
    return np.array([trail @ side + 0.35 * turned, trail @ front]) * 1.6


def _shadow(alpha: Image, her: Pose, shot: Shot, scale: float) -> Image:
    """How much light she takes from floor and wall, H x W: soft contact at the feet, a long cast, a dim one behind."""
    to_picture = scaled(shot.room_to_picture, 1, scale)
    soles = [_land(foot(0, 0, 0.03)[None], to_picture) for foot in her.feet]
    ground = float(max(at[0, 1] for at, _ in soles))
    per_m = float(soles[0][1][0])
    contact = np.zeros_like(alpha)
    for (at, _), foot in zip(soles, her.feet, strict=True):
        floor_y = at[0, 1] + foot.origin[1] * per_m
        darkness = 0.75 * np.exp(-foot.origin[1] / 0.06)
        axes = (max(1, int(0.13 * per_m)), max(1, int(0.048 * per_m)))
        cv2.ellipse(contact, (int(at[0, 0]), int(floor_y)), axes, 0, 0, 360, darkness, -1)
    return _fallen(alpha, contact, ground, per_m, scale)


def _fallen(alpha: Image, contact: Image, ground: float, per_m: float, scale: float) -> Image:
    """The shadow of something that meets the floor in row `ground` and darkens it by `contact` there; H x W."""
    height, width = alpha.shape
    contact = cv2.GaussianBlur(contact, (0, 0), 0.038 * per_m)
    # The window stands at the left and before it: the cast lies to the right, pressed into the floor.
    lay = np.float32([[1, -0.42, 0.42 * ground], [0, 0.20, 0.80 * ground]])
    cast = cv2.GaussianBlur(cv2.warpAffine(alpha, lay, (width, height)), (0, 0), 0.035 * per_m)
    edge = project(np.array([[[0.0, 0.0, WALL_Z_M]]]))[0][0, 0, 1] * scale
    rows = np.arange(height, dtype=np.float32)[:, None]
    on_floor = np.clip((rows - edge) / (3 * scale) + 0.5, 0, 1)
    move = np.float32([[0.8, 0, 0.2 * width * 0.5 + 0.42 * per_m], [0, 0.8, 0.2 * edge - 0.04 * per_m]])
    wall = cv2.GaussianBlur(cv2.warpAffine(alpha, move, (width, height)), (0, 0), 0.09 * per_m) * (1 - on_floor)
    return np.clip(1 - (1 - contact) * (1 - 0.34 * cast * on_floor) * (1 - 0.17 * wall), 0, 1).astype(np.float32)


def _tileable_noise(rng: np.random.Generator) -> Image:
    grain = np.tile(rng.standard_normal((CLOTH_NOISE_PX, CLOTH_NOISE_PX)).astype(np.float32), (2, 2))
    half = CLOTH_NOISE_PX // 2
    smooth = cv2.GaussianBlur(grain, (0, 0), 12)[half : half + CLOTH_NOISE_PX, half : half + CLOTH_NOISE_PX]
    return np.asarray(smooth / smooth.std(), np.float32)
