"""Limbs in motion: parts of a subject smeared along their own paths while the rest of it stands still."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.canvas import Subject
from training.textures import smooth_noise

LONGEST = 0.07
"""Of the picture's side, of a smear."""

STEP_PX = 1.5
"""How far apart the moments are that are added up, where the motion is fastest."""


def with_limbs_in_motion(random: Random, subject: Subject) -> Subject:
    """A subject as an open shutter sees it whose parts move each in its own direction, some of them not at all.

    A foot that swings is smeared, and the one that stands is not. The canvas and people's bodies are smeared as a
    whole.

    Args:
        random: Source of all chance.
        subject: N x N; its neighbours stay as they are.

    Returns:
        The same, alpha and straight colour smeared together.
    """
    size = len(subject.alpha)
    paths = smooth_noise(random, size, random.uniform(1, 4), 2)
    moving = np.clip(smooth_noise(random, size, random.uniform(1, 4)) + random.uniform(-0.5, 1), 0, 1)
    longest = size * random.uniform(0.1, 1) * LONGEST
    return smeared(subject, paths * moving * np.float32(longest / 2))


def smeared(subject: Subject, paths: FloatImage) -> Subject:
    """A subject whose every pixel moves along a line while the shutter is open.

    Args:
        subject: N x N.
        paths: N x N x 2, where what each pixel shows comes from at one end of the time, pixels to the right and down;
            at the other end it is as far on the other side.

    Returns:
        The same, alpha and straight colour smeared together.
    """
    size = len(subject.alpha)
    moments = 2 * int(np.ceil(np.abs(paths).max() / STEP_PX)) + 1
    y, x = np.mgrid[:size, :size].astype(np.float32)
    alpha = subject.alpha[..., None]
    layers = np.concatenate((alpha * subject.colour, alpha), axis=2)
    total: FloatImage = np.zeros((size, size, 4), np.float32)
    for time in np.linspace(-1, 1, moments, dtype=np.float32):
        total += cv2.remap(
            layers,
            x + time * paths[..., 0],
            y + time * paths[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    cover = total[..., 3] / np.float32(moments)
    cover = np.where(cover < 1 / 512, 0, np.where(cover > 1 - 1 / 512, 1, cover)).astype(np.float32)
    # Outside the subject the colour stays what it was: no edge is to invite a dark line.
    weight = np.clip(cover * 20, 0, 1)[..., None]
    colour = weight * total[..., :3] / np.maximum(total[..., 3:], 1e-3) + (1 - weight) * subject.colour
    return Subject(cover, np.clip(colour, 0, 1, dtype=np.float32), subject.neighbours)
