"""Training samples: a subject over a place, as a camera and this program's own alignment would deliver them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from pipeline.segmentation import difference_mask
from training.canvas import Subject
from training.shapes import random_subject
from training.textures import place, smooth_noise


@dataclass(frozen=True)
class Sample:
    """What the networks see and what they should say. Full-size arrays are N x N, coarse ones n x n.

    Attributes:
        image: N x N x 3 in [0, 1].
        plate: N x N x 3, aligned with a residual error; 0 where unknown.
        coverage: N x N, 1 where the plate is known.
        alpha: N x N, the truth.
        foreground: N x N x 3, straight colour, meaningful where alpha > 0.
        background: N x N x 3, what stands behind the subject in the frame, shadows included.
        mask: n x n, the soft mask.
        motion: n x n x 4, grey neighbours.
    """

    image: FloatImage
    plate: FloatImage
    coverage: FloatImage
    alpha: FloatImage
    foreground: FloatImage
    background: FloatImage
    mask: FloatImage
    motion: FloatImage


def reduce(image: FloatImage, size: int) -> FloatImage:
    """Area average to size x size."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def make_sample(random: Random, size: int, coarse_size: int, photos: tuple[Path, ...]) -> Sample:
    """Draw one sample.

    Args:
        random: Source of all chance.
        size: N, side of the full-size crop in pixels.
        coarse_size: n, side of the same crop at the generator's size.
        photos: Pictures of places, may be empty.
    """
    still = place(random, size, photos)
    subject = _subject(random, size, photos, still)
    background = _reflection(random, still * _shadow(random, subject.alpha)[..., None], subject)
    background = _things_that_moved(random, background)
    alpha = subject.alpha[..., None]
    clean = alpha * subject.colour + (1 - alpha) * background
    camera = Camera.pick(random)
    image = camera.shoot(random, clean)
    coverage = _coverage(random, size)
    plate = camera.shoot(random, _misaligned(random, still), plate=True) * coverage[..., None]
    small = (reduce(image, coarse_size), reduce(plate, coarse_size), reduce(coverage, coarse_size))
    mask = _soft_mask(random, reduce(subject.alpha, coarse_size), *small)
    motion = _motion(random, subject, background, small[0], coarse_size)
    return Sample(image, plate, coverage, subject.alpha, subject.colour, background, mask, motion)


def _subject(random: Random, size: int, photos: tuple[Path, ...], still: FloatImage) -> Subject:
    """Any subject; none in a twentieth, and in a fifth partly in the place's own colours."""
    if random.random() < 0.05:
        return Subject(np.zeros((size, size), np.float32), still)
    subject = random_subject(random, size, photos)
    if random.random() < 0.2:
        moved = np.roll(still, tuple(random.integers(-size // 4, size // 4, 2)), (0, 1))
        if random.random() < 0.5:
            moved = cv2.GaussianBlur(moved, (0, 0), random.uniform(1, 12))
        where = np.clip(smooth_noise(random, size, random.uniform(1, 4)) * 3 + random.uniform(-1, 2), 0, 1)
        colour = where * moved + (1 - where) * subject.colour
        subject = Subject(subject.alpha, colour.astype(np.float32))
    return subject


def _shadow(random: Random, alpha: FloatImage) -> FloatImage:
    """Light that is left where the subject's soft shadow falls, N x N: somewhere, or close around the subject."""
    kind = random.random()
    if kind < 0.35:
        return np.ones_like(alpha)
    size = len(alpha)
    if kind < 0.7:
        near = np.array([[1, 0, random.normal(0, 0.02 * size)], [0, 1, random.normal(0, 0.02 * size)]])
        hugging = cv2.GaussianBlur(
            cv2.warpAffine(alpha, near, (size, size)), (0, 0), size * random.uniform(0.004, 0.04)
        )
        return (1 - random.uniform(0.1, 0.6) * hugging).astype(np.float32)
    shear = np.array([[1, random.normal(0, 0.3), 0], [0, random.uniform(0.5, 1.1), 0]])
    shear[:, 2] = random.normal(0, 0.12 * size, 2)
    fallen = cv2.warpAffine(alpha, shear, (size, size))
    fallen = cv2.GaussianBlur(fallen, (0, 0), size * random.uniform(0.004, 0.06))
    return (1 - random.uniform(0.05, 0.45) * fallen).astype(np.float32)


def _reflection(random: Random, background: FloatImage, subject: Subject) -> FloatImage:
    """A polished floor: now and then the subject is faintly seen in it, upside down."""
    if random.random() > 0.12:
        return background
    size = len(background)
    rows = np.flatnonzero(subject.alpha.max(axis=1) > 0.5)
    floor = int(rows[-1]) if len(rows) else size // 2
    flip = np.array([[1, 0, 0], [0, -1, 2.0 * floor]])
    blur = size * random.uniform(0.003, 0.02)
    cover, colour = (
        cv2.GaussianBlur(cv2.warpAffine(x, flip, (size, size)), (0, 0), blur) for x in (subject.alpha, subject.colour)
    )
    strength = random.uniform(0.05, 0.35) * cover[..., None]
    return (background + strength * (colour - background)).astype(np.float32)


def _things_that_moved(random: Random, background: FloatImage) -> FloatImage:
    """Leaves in the wind: a patch of the place shifted by a pixel or two since the plate was taken."""
    if random.random() > 0.15:
        return background
    size = len(background)
    where = np.clip(2 * smooth_noise(random, size, 3)[..., 0] - 1, 0, 1)
    flow = random.uniform(0.5, 2.5) * where[..., None] * smooth_noise(random, size, random.uniform(6, 30), 2)
    yy, xx = np.mgrid[:size, :size].astype(np.float32)
    flow = flow.astype(np.float32)
    return cv2.remap(background, xx + flow[..., 0], yy + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _misaligned(random: Random, still: FloatImage) -> FloatImage:
    """The place with the residual error of an alignment: a third of a pixel, now and then a whole one."""
    size = len(still)
    spread = random.choice([0.1, 0.35, 0.9], p=[0.35, 0.5, 0.15])
    angle, grow = random.normal(0, 0.0008 * spread / 0.35, 2)
    matrix = np.array([[1 + grow, -angle, 0], [angle, 1 + grow, 0]])
    matrix[:, 2] = random.normal(0, spread, 2) - matrix[:, :2] @ [size / 2, size / 2] + size / 2
    return cv2.warpAffine(still, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@dataclass(frozen=True)
class Camera:
    """One camera's manner, shared by a clip and its plate: noise (sigma), sharpening, JPEG quality."""

    noise: float
    grain_px: float
    sharpening: float
    quality: int

    @staticmethod
    def pick(random: Random) -> Camera:
        """Phones, cinema cameras and webcams."""
        return Camera(
            noise=random.choice([0.002, 0.007, 0.018]),
            grain_px=random.choice([0.0, 0.6]),
            sharpening=random.choice([0.0, 0.0, 0.4, 0.9]),
            quality=int(random.integers(55, 98)),
        )

    def shoot(self, random: Random, scene: FloatImage, plate: bool = False) -> FloatImage:
        """N x N x 3 light to what the file holds; a plate comes with what is left of its exposure error."""
        size = len(scene)
        if plate:
            gain = 1 + random.normal(0, 0.008) + random.normal(0, 0.003, 3)
            field = 1 + random.choice([0.0, 0.01, 0.025]) * smooth_noise(random, size, 1)
            scene = scene * (gain * field).astype(np.float32) + random.normal(0, 0.004)
        if self.sharpening:
            scene = scene + self.sharpening * (scene - cv2.GaussianBlur(scene, (0, 0), 1.2))
        noise = random.standard_normal(scene.shape, np.float32)
        if self.grain_px:
            noise = 1.8 * cv2.GaussianBlur(noise, (0, 0), self.grain_px)
        codes = np.clip((scene + self.noise * noise) * 255 + 0.5, 0, 255).astype(np.uint8)
        quality = min(98, self.quality + 15) if plate else self.quality
        # A JPEG has 4:2:0 colour and blocks, as a frame of video has.
        _, packed = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
        seen = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.float32)
        return seen * np.float32(1 / 255)


def _coverage(random: Random, size: int) -> FloatImage:
    """Where the plate is known: all of the crop, or all but strips along one or two borders."""
    coverage = np.ones((size, size), np.float32)
    if random.random() < 0.55:
        return coverage
    for _ in range(random.integers(1, 3)):
        depth = size * random.beta(1, 3) * 0.6
        slope = random.normal(0, 0.06)
        corners = np.array([[-9, -9], [size + 9, -9], [size + 9, depth + slope * size], [-9, depth]])
        strip = np.zeros((size, size), np.uint8)
        cv2.fillPoly(strip, [np.int32(np.round(corners))], 1)
        coverage[np.rot90(strip, int(random.integers(4))) > 0] = 0
    return coverage


def _soft_mask(
    random: Random, alpha: FloatImage, image: FloatImage, plate: FloatImage, coverage: FloatImage
) -> FloatImage:
    """The program's own segmenter's mask, or the paper's: the truth eroded, dilated, holed and blurred."""
    if random.random() < 0.5:
        return difference_mask(image, plate, coverage)
    size = len(alpha)
    mask = (alpha > random.uniform(0.1, 0.9)).astype(np.uint8)
    for operation in (cv2.erode, cv2.dilate):
        radius = int(random.integers(0, max(2, size // 24)))
        mask = operation(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))
    for _ in range(random.integers(0, 4)):
        x, y = (int(v) for v in random.integers(0, size, 2))
        axes = tuple(int(v) for v in random.integers(2, size // 6, 2))
        cv2.ellipse(mask, (x, y), axes, random.uniform(0, 180), 0, 360, int(random.random() < 0.2), -1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), random.uniform(1, 5))
    return soft


def _motion(random: Random, subject: Subject, background: FloatImage, image: FloatImage, size: int) -> FloatImage:
    """Four grey neighbours: the subject moved on, the place stays but for a residual error."""
    frame = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if random.random() < 0.1:  # a still image is its own neighbour
        return np.repeat(frame[..., None], 4, axis=2)
    alpha = reduce(subject.alpha, size)
    light = alpha * cv2.cvtColor(reduce(subject.colour, size), cv2.COLOR_RGB2GRAY)
    ground = cv2.cvtColor(reduce(background, size), cv2.COLOR_RGB2GRAY)
    speed = random.choice([0.0, 1.0, 4.0, 10.0])
    velocity, turn = random.normal(0, speed, 2), random.normal(0, 0.01 * speed)
    neighbours = [
        _neighbour(random, alpha, light, ground, step * velocity + random.normal(0, 0.3 * speed, 2), step * turn)
        for step in (-2, -1, 1, 2)
    ]
    if random.random() < 0.15:  # clamped at an end of the clip
        neighbours[2:] = [frame, frame]
    stack = np.stack(neighbours, axis=2)
    if random.random() < 0.3:  # beyond a neighbour's own border its warp is filled with the frame
        outside = _coverage(random, size) < 0.5
        stack[outside] = frame[outside][:, None]
    return np.clip(stack + random.normal(0, 0.004, stack.shape), 0, 1).astype(np.float32)


def _neighbour(
    random: Random, alpha: FloatImage, light: FloatImage, ground: FloatImage, move: NDArray[np.float64], turn: float
) -> FloatImage:
    size = (len(alpha), len(alpha))
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), float(np.degrees(turn)), 1 + random.normal(0, 0.01))
    matrix[:, 2] += move
    shake = np.array([[1, 0, random.normal(0, 0.15)], [0, 1, random.normal(0, 0.15)]])
    cover, moved = (cv2.warpAffine(x, matrix, size) for x in (alpha, light))
    still = cv2.warpAffine(ground, shake, size, borderMode=cv2.BORDER_REFLECT)
    result: FloatImage = moved + (1 - cover) * still
    return result
