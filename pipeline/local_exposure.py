"""Exposure that differs from one part of the picture to another, once the soft mask tells where the place is seen.

The alignment knows of no subject: its shading (`alignment.shading`) fades towards whatever differs from the plate, and
so stops short of where it matters. Here what is left of it, also in colour, goes on beneath the subject.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.frames import FloatImage
from pipeline.segmentation import DARKEST

BLOCK_PX = 8
"""Side of the blocks of which the exposure is measured, coarse pixels."""

CLEAR = 0.02
"""Soft mask up to which a pixel is the place's."""

APART_PX = 4
"""How far from the subject, coarse pixels: hair and shadows reach as far without the mask's knowing."""

SMOOTH = 4
"""Standard deviation of the smoothing, blocks."""

LITTLE = 0.02
"""Weight of no change: where hardly a block near by is clear, nothing is known."""

OFF = 0.04
"""Difference of the logarithm of a block's light from that of its surroundings, of which a block counts by 0.6."""

FAR = 0.2
"""Logarithm of a block's light that no exposure leaves: the subject is there, whatever the mask says, or a shadow."""

CHANGE = (-0.05, 0.12)
"""Least and largest logarithm of the change: what takes away more light is a shadow, which the networks know."""


def exposed_alike(plate: FloatImage, image: FloatImage, coverage: FloatImage, mask: FloatImage) -> FloatImage:
    """The plate as bright in each part of the picture as the frame is around there.

    Args:
        plate: h x w x 3 RGB in [0, 1], aligned, 0 where unknown.
        image: h x w x 3, the frame.
        coverage: h x w, 1 where the plate is known.
        mask: h x w in [0, 1], the soft mask.

    Returns:
        h x w x 3 float32 in [0, 1].
    """
    height, width = mask.shape
    size = (max(1, width // BLOCK_PX), max(1, height // BLOCK_PX))
    clear = ((mask <= CLEAR) & (coverage > 0.5)).astype(np.uint8)
    clear = cv2.erode(clear, np.ones((2 * APART_PX + 1,) * 2, np.uint8))
    share = cv2.resize(clear.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    ours, theirs = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) + DARKEST for x in (image, plate))
    light = np.log(ours / theirs)
    weight = ((share > 0.99) & (np.abs(light).max(axis=2) < FAR)).astype(np.float32)
    off = np.abs(light - _smoothed(light, weight)).max(axis=2)
    weight *= np.exp(-0.5 * (off / OFF) ** 2)
    change = np.exp(np.clip(_smoothed(light, weight), *CHANGE))
    change = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.minimum(plate * change, 1, dtype=np.float32)


def _smoothed(light: FloatImage, weight: FloatImage) -> FloatImage:
    """Smooth means of n x m x 3 by weights n x m; 0 where there are none."""
    weighed = cv2.GaussianBlur(np.dstack((light * weight[..., None], weight)), (0, 0), SMOOTH)
    return np.asarray(weighed[..., :3] / (weighed[..., 3:] + LITTLE))
