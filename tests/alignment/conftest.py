"""Synthetic places: a canvas with structure, seen by the plate and by a frame from known poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from alignment.homography import between_sizes, corners, grid, project


@dataclass(frozen=True)
class Scene:
    """What to photograph, and how. `make` renders plate and frame; `truth` maps the one to the other."""

    seed: int = 0
    texture: str = "octaves"
    subject: str = "noise"
    size: tuple[int, int] = (640, 360)
    plate_size: tuple[int, int] | None = None
    shake: float = 0.03
    hidden: float = 0.2
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: float = 0.0
    noise: float = 0.006

    @property
    def truth(self) -> np.ndarray:
        """Plate to frame, full-size pixels: every corner of the frame moves by up to `shake` of its width."""
        random = np.random.default_rng(self.seed)
        moved = corners(self.size) + random.uniform(-1, 1, (4, 2)) * self.shake * self.size[0]
        homography, _ = cv2.findHomography(corners(self.size), moved)
        whole = homography @ between_sizes(self.plate_size or self.size, self.size)
        return whole / whole[2, 2]

    def make(self) -> tuple[np.ndarray, np.ndarray]:
        """Plate and frame, uint8 RGB."""
        random = np.random.default_rng(self.seed + 1)
        width, height = self.size
        canvas = _textured(self.texture, (2 * width, 2 * height), random)
        # Half a frame of margin all around, so that nothing seen is outside the canvas.
        place = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
        plate_size = self.plate_size or self.size
        to_plate = between_sizes(self.size, plate_size) @ place
        to_frame = self.truth @ to_plate
        plate = cv2.warpPerspective(canvas, to_plate, plate_size, flags=cv2.INTER_CUBIC)
        frame = cv2.warpPerspective(canvas, to_frame, self.size, flags=cv2.INTER_CUBIC)
        frame = frame * np.array(self.gain) + self.offset
        mask = self.mask()
        frame = np.where(mask[..., None], _subject(self.subject, self.size, random), frame)
        return self._finish(plate, random), self._finish(frame, random)

    def mask(self) -> np.ndarray:
        """Where the subject is, in the frame."""
        random = np.random.default_rng(self.seed + 2)
        width, height = self.size
        x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        distance = np.hypot((x - random.uniform(-0.6, 0.6)) * random.uniform(0.8, 2), y - random.uniform(-0.6, 0.6))
        return distance < np.quantile(distance, self.hidden) if self.hidden else np.zeros(x.shape, bool)

    def error_px(self, plate_to_frame: np.ndarray) -> float:
        """Mean distance over a 9 x 6 grid of frame points."""
        points = grid(self.size)
        moved = project(plate_to_frame @ np.linalg.inv(self.truth), points)
        return float(np.hypot(*(moved - points).T).mean())

    def but(self, **changes: object) -> Scene:
        """The same scene with something else."""
        return replace(self, **changes)

    def _finish(self, picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
        noisy = picture + random.normal(0, self.noise, picture.shape)
        return np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)


def _textured(kind: str, size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    width, height = size
    picture = np.zeros((height, width, 3), np.float32)
    for step in (4, 16, 64) if kind == "octaves" else (96,):
        cells = random.normal(0, 1, (height // step + 1, width // step + 1, 3)).astype(np.float32)
        picture += cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC) * (0.08 if kind == "octaves" else 0.05)
    picture += 0.45
    if kind == "bricks":
        for row, y in enumerate(range(0, height, 24)):
            for x in range(-(row % 2) * 24, width, 48):
                colour = np.array([0.5, 0.35, 0.3]) + random.normal(0, 0.04)
                cv2.rectangle(picture, (x + 1, y + 1), (x + 45, y + 21), colour.tolist(), -1)
    for _ in range({"boxes": 700, "sparse": 110, "bricks": 40}.get(kind, 0)):
        at = random.integers(0, [width, height])
        extent = random.integers(4, 60, 2)
        colour = random.uniform(0.1, 0.85, 3).tolist()
        cv2.rectangle(picture, at.tolist(), (at + extent).tolist(), colour, -1)
    return cv2.GaussianBlur(picture, (0, 0), 0.7)


def _subject(kind: str, size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    width, height = size
    if kind == "plain":
        return np.full((height, width, 3), random.uniform(0.1, 0.9, 3))
    if kind == "stripes":
        return np.tile((np.arange(width) // 9 % 2 * 0.6 + 0.2)[None, :, None], (height, 1, 3))
    if kind == "boxes":  # as rich as a place
        return _textured(kind, size, random)
    cells = random.uniform(0, 1, (height // 10, width // 10, 3)).astype(np.float32)
    return cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    """Makes scenes: `make_scene(seed=3, hidden=0.5)`."""
    return Scene
