"""The camera: where things in the room land in the picture, and how the hand that holds it shakes.

World coordinates are metres: x to the right, y up from the floor, z away from the lens. Picture coordinates are
pixels of the 960 x 540 picture that the sample is designed for, x right and y down; `scale` is applied last.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.float32]

WIDTH, HEIGHT = 960, 540
# The room is painted this far beyond the picture, so that a shaken camera never sees its edge.
MARGIN_PX = 64
FOCAL_PX = 918.0
CENTRE_PX = (480.0, 200.0)
EYE_HEIGHT_M = 1.2


def project(points: Array) -> tuple[Array, Array]:
    """World points (... x 3, metres) to pixels (... x 2) and to pixels a metre (...) at their depth."""
    px_per_m = FOCAL_PX / points[..., 2]
    x = CENTRE_PX[0] + points[..., 0] * px_per_m
    y = CENTRE_PX[1] - (points[..., 1] - EYE_HEIGHT_M) * px_per_m
    return np.stack([x, y], axis=-1), px_per_m


def _pose(shift: tuple[float, float], degrees: float, zoom: float, tilt: tuple[float, float]) -> Array:
    """A 3 x 3 homography of pixels about the middle of the picture."""
    to_middle = np.array([[1, 0, -WIDTH / 2], [0, 1, -HEIGHT / 2], [0, 0, 1.0]])
    angle = np.radians(degrees)
    turn = np.array(
        [
            [zoom * np.cos(angle), -zoom * np.sin(angle), shift[0]],
            [zoom * np.sin(angle), zoom * np.cos(angle), shift[1]],
            [tilt[0], tilt[1], 1],
        ]
    )
    return np.asarray(np.linalg.inv(to_middle) @ turn @ to_middle)


@dataclass(frozen=True)
class Shot:
    """How the camera stood and metered at one moment.

    Attributes:
        room_to_picture: 3 x 3 homography of design pixels.
        gain: Exposure and white balance, one factor for each of R, G, B.
    """

    room_to_picture: Array
    gain: Array


def _wander(rng: np.random.Generator, seconds: Array) -> Array:
    """A smooth random signal of about unit strength: drift, sway and tremble of a hand."""
    signal = np.zeros_like(seconds)
    for hertz, strength in ((0.23, 0.9), (0.55, 0.7), (1.3, 0.35), (2.9, 0.12), (5.5, 0.04)):
        signal += strength * np.sin(2 * np.pi * (hertz * seconds * rng.uniform(0.85, 1.15) + rng.random()))
    return signal


def handheld(rng: np.random.Generator, seconds: Array) -> list[Shot]:
    """One shot for each time: some pixels of shake, a little roll, and an exposure that drifts."""
    x, y, roll, zoom, tilt_x, tilt_y, light = (_wander(rng, seconds) for _ in range(7))
    shots = []
    for i, t in enumerate(seconds):
        pose = _pose(
            (7.0 * x[i], 5.5 * y[i]),
            0.33 * roll[i],
            1 + 0.004 * zoom[i],
            (4e-6 * tilt_x[i], 4e-6 * tilt_y[i]),
        )
        gain = (1 + 0.014 * light[i]) * np.array([1 + 0.006 * np.sin(0.9 * t), 1, 1 - 0.006 * np.sin(0.9 * t)])
        shots.append(Shot(pose, gain))
    return shots


def plate_shot() -> Shot:
    """The clean plate: half a step back, so that it covers the clip, a bit turned and a bit darker."""
    pose = _pose((5.0, -4.0), -0.7, 0.955, (9e-6, -6e-6))
    return Shot(pose, np.array([0.945, 0.95, 0.965]))


def picture_size(scale: float) -> tuple[int, int]:
    """Width and height at a scale, both even, as 4:2:0 video wants them."""
    return 2 * round(WIDTH * scale / 2), 2 * round(HEIGHT * scale / 2)


def scaled(homography: Array, from_scale: float, to_scale: float) -> Array:
    """A homography of design pixels as one of pictures enlarged by the two factors."""

    def grown(scale: float) -> Array:
        # The centre of the first pixel stays at 0, 0 at every scale.
        return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])

    return np.asarray(grown(to_scale) @ homography @ np.linalg.inv(grown(from_scale)))


def photograph(room: Image, room_scale: float, shot: Shot, scale: float) -> Image:
    """The empty room as the lens sees it, H x W x 3 in [0, 1], before exposure and noise.

    Args:
        room: The painted room with its margin, at `room_scale` pixels for a design pixel.
        room_scale: See above.
        shot: Where the camera stands.
        scale: Size of the result, 1 for 960 x 540.
    """
    from_canvas = np.array([[1, 0, -MARGIN_PX], [0, 1, -MARGIN_PX], [0, 0, 1.0]])
    width, height = picture_size(scale)
    # Sampled twice as fine and averaged: texture in the distance would shimmer otherwise.
    matrix = scaled(shot.room_to_picture @ from_canvas, room_scale, 2 * scale)
    fine = cv2.warpPerspective(room, matrix, (2 * width, 2 * height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def expose(light: Image, shot: Shot, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lens softness, exposure, sensor noise and 8 bits: H x W x 3 in [0, 1] to uint8."""
    soft = cv2.GaussianBlur(light, (0, 0), 0.45) * shot.gain.astype(np.float32)
    noise = rng.standard_normal(soft.shape, dtype=np.float32)
    noisy = soft + noise * (0.0035 + 0.0055 * np.sqrt(np.clip(soft, 0, 1)))
    return np.asarray(np.clip(noisy * 255 + 0.5, 0, 255), np.uint8)
