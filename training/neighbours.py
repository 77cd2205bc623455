"""The motion input of a sample: its neighbours in time, in which the subject and all that it brings are elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import FloatImage
from training.camera import random_coverage
from training.canvas import Subject, reduce
from training.textures import smooth_noise

STEPS = (-2, -1, 1, 2)
"""Of a third of a second, as in `pipeline.motion`."""

DARKEST = 0.02
"""Added to both greys of which the ratio is the light, in [0, 1]."""

Layer = tuple[FloatImage, FloatImage]
"""Alpha and premultiplied grey of something in a neighbour, n x n each."""


def motion_input(
    random: Random, subject: Subject, background: FloatImage, alone: FloatImage, image: FloatImage
) -> FloatImage:
    """Four grey neighbours, aligned but for a residual error.

    The subject has moved on, little or right out of the picture; it may be gone in those before or after, and somebody
    else may pass. Its shadow, mirror image and halo go with it in most samples; a place that looks different now for a
    reason of its own looks so in the neighbours, too. A still image is its own neighbour.

    Args:
        random: Source of all chance.
        subject: N x N, of any size N.
        background: n x n x 3 in [0, 1], the place as the frame shows it.
        alone: n x n x 3, the place as such a frame shows it when the subject is elsewhere.
        image: n x n x 3, the frame as the generator sees it.

    Returns:
        n x n x 4 float32 in [0, 1].
    """
    size = len(image)
    frame = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if random.random() < 0.1:
        return np.repeat(frame[..., None], 4, axis=2)
    seen, ground = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (background, alone))
    light = (seen + DARKEST) / (ground + DARKEST)
    if random.random() > 0.7:  # it stays where it is
        ground, light = seen, np.ones_like(seen)
    own = _grey(subject, size)
    known = [_grey(each, size) for each in subject.neighbours] or [own] * len(STEPS)
    paths = _path(random, size)
    gone = random.choice([-1, 1]) if random.random() < 0.1 else 0
    shake = random.choice([0.1, 0.2, 0.6], p=[0.5, 0.4, 0.1])
    stack = []
    for step, there, matrix in zip(STEPS, known, paths, strict=True):
        if step * gone > 0:
            stack.append(_shaken(random, ground, shake))
            continue
        below = ground
        if there[0].any():
            cast = matrix @ np.vstack((_between(own[0], there[0]), (0, 0, 1)))
            below = np.clip((ground + DARKEST) * _warped(light, cast, 1.0) - DARKEST, 0, 1)
        below = _shaken(random, below, shake)
        alpha, colour = (_warped(layer, matrix) for layer in there)
        stack.append(colour + (1 - alpha) * below)
    if random.random() < 0.12:
        stack = _passed(random, own, stack)
    result = _coded(random, np.stack(stack, axis=2))
    clamped = random.random()
    if clamped < 0.15:  # at the clip's beginning or its end
        result[..., slice(0, 2) if clamped < 0.075 else slice(2, 4)] = frame[..., None]
    if random.random() < 0.3:  # beyond a neighbour's own border its warp is filled with the frame
        outside = random_coverage(random, size) < 0.5
        result[outside] = frame[outside][:, None]
    return np.clip(result, 0, 1).astype(np.float32)


def _grey(subject: Subject, size: int) -> Layer:
    alpha = reduce(subject.alpha, size)
    return alpha, alpha * cv2.cvtColor(reduce(subject.colour, size), cv2.COLOR_RGB2GRAY)


def _path(random: Random, size: int) -> list[NDArray[np.float64]]:
    """2 x 3 matrices to four neighbours: shifted, turned and grown a little; up to half of the picture a step."""
    speed = random.choice([0.0, 1.0, 4.0, 10.0, 25.0, 50.0], p=[0.2, 0.15, 0.2, 0.2, 0.15, 0.1]) * size / 192
    velocity, turn = random.normal(0, speed, 2), random.normal(0, 0.01 * min(speed, 10))
    velocity[1] *= random.choice([0.2, 1.0])  # most walk
    paths = []
    for step in STEPS:
        angle = float(np.degrees(step * turn))
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1 + random.normal(0, 0.01))
        matrix[:, 2] += step * velocity + random.normal(0, 0.3 * min(speed, 10), 2)
        paths.append(np.asarray(matrix, np.float64))
    return paths


def _between(one: FloatImage, other: FloatImage) -> NDArray[np.float64]:
    """The shift from one alpha's middle to another's, 2 x 3."""
    middles = []
    for alpha in (one, other):
        total = float(alpha.sum()) + 1e-6
        middles.append([float((alpha.sum(axis) * np.arange(len(alpha))).sum()) / total for axis in (0, 1)])
    return np.column_stack((np.eye(2), np.subtract(middles[1], middles[0])))


def _warped(layer: FloatImage, matrix: NDArray[np.float64], beyond: float = 0.0) -> FloatImage:
    return np.asarray(cv2.warpAffine(layer, matrix, layer.shape[::-1], borderValue=beyond), np.float32)


def _shaken(random: Random, ground: FloatImage, spread: float) -> FloatImage:
    """The place with the residual error of a neighbour's alignment."""
    shake = np.array([[1, 0, random.normal(0, spread)], [0, 1, random.normal(0, spread)]])
    return np.asarray(cv2.warpAffine(ground, shake, ground.shape[::-1], borderMode=cv2.BORDER_REFLECT), np.float32)


def _passed(random: Random, own: Layer, stack: list[FloatImage]) -> list[FloatImage]:
    """Somebody passes in some of the neighbours: of the subject's shape in another light, or of any shape."""
    size = len(own[0])
    if random.random() < 0.5:
        mirror = np.array([[-1.0, 0, size - 1], [0, 1, 0]])
        alpha, light = (_warped(layer, mirror) for layer in own)
        light = np.clip(light * random.uniform(0.3, 1.5) + random.uniform(0, 0.3) * alpha, 0, 1).astype(np.float32)
    else:
        alpha = np.clip(10 * (smooth_noise(random, size, random.uniform(2, 6))[..., 0] - random.uniform(0.3, 1)), 0, 1)
        light = alpha * np.clip(random.uniform(0, 1) + 0.1 * smooth_noise(random, size, 12)[..., 0], 0, 1)
    there = random.random(4) < random.uniform(0.25, 1)
    offset = random.normal(0, 0.3 * size, 2)
    passed = []
    for picture, matrix, passes in zip(stack, _path(random, size), there, strict=True):
        if passes:
            matrix[:, 2] += offset
            cover = _warped(alpha, matrix)
            picture = _warped(light, matrix) + (1 - cover) * picture
        passed.append(picture)
    return passed


def _coded(random: Random, stack: FloatImage) -> FloatImage:
    """What exposure, noise and coding leave different between frames; n x n x 4."""
    size = len(stack)
    gain = 1 + random.choice([0.0, 0.006, 0.015]) * random.standard_normal(4)
    if random.random() < 0.3:
        gain = gain * (1 + random.uniform(0.005, 0.03) * smooth_noise(random, size, 2, 4))
    if random.random() < 0.4:
        stack = cv2.GaussianBlur(stack, (0, 0), random.uniform(0.3, 0.8))
    return np.asarray(stack * gain + random.normal(0, random.choice([0.002, 0.004, 0.01]), stack.shape), np.float32)
