"""Shades: wide parts of the coarse matte, neither opaque nor clear, in which nothing but the plate is to be seen."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import CERTAIN, EXPECTED_ERROR, Coarse, decided
from pipeline.frames import FloatImage

OPAQUE = 0.8
"""Coarse alpha from which on a pixel is the subject's, whatever is to be seen there."""

WIDTH_PX = 11
"""Of what counts as wide, coarse pixels: more than what is seen through hair, or smeared by a moving hand."""

RIM_PX = 4
"""Width of the rim around a shade that goes with it, coarse pixels."""

MARGIN_PX = 16
"""What is looked at around a piece, coarse pixels: as far as the smoothing reaches."""

ALIKE = 0.55
"""Correlation of grain with the plate's, from which on the two are the same."""

BY_CHANCE, LEAST_ALIKE = 2.5, 0.4
"""How many standard errors less than that the correlation may be, and what is left of it: the grain may be one line,
where a pillar ends, and so does an arm."""

CONTRAST = (0.8, 2.3)
"""Shares of the contrast that the light lets the plate's grain have, between which it is seen: through a veil there is
less, and what has more has a grain of its own."""

FAINTEST_GRAIN = 0.004
"""Standard deviation of the plate's grain, in [0, 1], from which on it says something."""

LIGHT = (0.4, 2.2)
"""Share of the plate's light that a shade leaves: at least the first in nine tenths of it. Where the sun has come in
since, or the plate has a shadow, it is on average at most the second."""

TINT = 0.45
"""Largest difference of the logarithms of two channels' light in a shade."""

UNEXPLAINED = 0.0155
"""Mean difference of colours, in [0, 1], that the plate in any light may leave."""

DARKEST = np.float32(0.02)
"""Added to both colours of which the ratio is the light, in [0, 1]."""


def without_shades(coarse: Coarse, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> Coarse:
    """The coarse result without what is a shadow, or light, on the place.

    A wide piece that is neither opaque nor clear goes where the plate's own grain is seen in it, with all the contrast
    that its light gives it, and the plate in that light explains its colours. Hair has a grain of its own, and what is
    seen through a veil has less contrast, unless the veil is black: that cannot be told from a shadow. Where the plate
    is smooth, or not known, nothing is touched.

    Args:
        coarse: The generator's result, batch of 1.
        image: h x w x 3 RGB in [0, 1], what the generator was shown.
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known.

    Returns:
        The same with alpha and its expected error set to 0 there, so that nothing is refined.
    """
    alpha = coarse.alpha[0, 0].cpu().numpy()
    doubtful = (coarse.hidden[0, :1] > EXPECTED_ERROR).any(0).cpu().numpy()
    partial = ((alpha > CERTAIN) | doubtful) & (alpha < OPAQUE)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDTH_PX, WIDTH_PX))
    wide = cv2.morphologyEx((partial & (coverage > 0.5)).astype(np.uint8), cv2.MORPH_OPEN, ellipse)
    if not wide.any():
        return coarse
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wide)
    shade = np.zeros(alpha.shape, np.uint8)
    for label in range(1, count):
        left, top, width, height = (int(n) for n in stats[label, :4])
        around = np.s_[max(0, top - MARGIN_PX) : top + height + MARGIN_PX,
                       max(0, left - MARGIN_PX) : left + width + MARGIN_PX]  # fmt: skip
        piece = labels[around] == label
        if _shows_plate(piece, image[around], plate[around]):
            shade[around] |= piece.astype(np.uint8)
    if not shade.any():
        return coarse
    rim = cv2.dilate(shade, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)) > 0
    share = 1 - cv2.GaussianBlur((rim & (alpha < OPAQUE)).astype(np.float32), (0, 0), 1.0)
    share[shade > 0], share[(alpha >= OPAQUE) | (coverage <= 0.5)] = 0, 1
    return decided(coarse, torch.from_numpy(share).to(coarse.alpha), 0)


def _shows_plate(piece: NDArray[np.bool_], image: FloatImage, plate: FloatImage) -> bool:
    """Whether a piece of the picture is the plate in some light; h x w and h x w x 3 twice."""
    piece = cv2.erode(piece.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # what is beside it has a grain, too
    light = (cv2.GaussianBlur(image, (0, 0), 2.5) + DARKEST) / (cv2.GaussianBlur(plate, (0, 0), 2.5) + DARKEST)
    unexplained = np.abs(_smoothed(image) - light * _smoothed(plate))[piece].max(axis=1).mean()
    ours, theirs = _grain(image)[piece], _grain(plate)[piece]
    shared, own, other = (ours * theirs).mean(), (ours * ours).mean(), (theirs * theirs).mean()
    alike = shared / np.sqrt(own * other + 1e-12)
    light = light[piece]
    colour = light.mean(axis=0)
    return bool(
        other > FAINTEST_GRAIN**2
        and unexplained < UNEXPLAINED
        and alike > ALIKE
        and _at_least(alike, theirs) > LEAST_ALIKE
        and CONTRAST[0] < shared / (other * light.mean()) < CONTRAST[1]
        and np.percentile(light.mean(axis=1), 10) > LIGHT[0]
        and colour.max() < LIGHT[1]
        and colour.max() < np.exp(TINT) * colour.min()
    )


def _at_least(correlation: float, grain: FloatImage) -> float:
    """What is left of a correlation that comes from so much of the plate's grain, n: many pixels, or a line."""
    square = grain * grain
    telling = square.sum() ** 2 / max((square * square).sum(), 1e-20)
    error = 1 / np.sqrt(max(telling - 3, 1))  # of Fisher's transformation
    return float(np.tanh(np.arctanh(np.clip(correlation, -0.999, 0.999)) - BY_CHANCE * error))


def _smoothed(image: FloatImage) -> FloatImage:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.7) + DARKEST, np.float32)


def _grain(image: FloatImage) -> FloatImage:
    """What is fine in the grey of h x w x 3, noise apart, h x w."""
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 0.8)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), 4), np.float32)
