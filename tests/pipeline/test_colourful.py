"""Colourful places: seen by their hue in the soft mask's gaps, and not taken for what has their colours."""

import cv2
import numpy as np
import pytest

from pipeline.segmentation import difference_mask

EVERYWHERE = np.ones((288, 512), np.float32)
WOOD = np.full((288, 512, 3), (0.6, 0.36, 0.18), np.float32)
WALL = np.full((288, 512, 3), (0.74, 0.78, 0.86), np.float32)


def noisy(image, sigma, seed):
    return np.clip(image + sigma * np.random.default_rng(seed).standard_normal(image.shape), 0, 1).astype(np.float32)


def crushed(ground, light):
    """Ground in less light, by a camera that crushes blacks."""
    return np.maximum(light * (ground + np.float32(0.1)) - np.float32(0.1), 0)


def between_shoes(ground, there):
    """The soft mask of a gap amid a black shoe; what is as small as that is filled."""
    shoe = np.zeros((288, 512), np.float32)
    shoe[100:160, 220:280], shoe[115:145, 240:256] = 1, 0
    frame = np.where(shoe[..., None] > 0, np.float32(0.03), ground)
    frame[115:145, 240:256] = there[:30, :16]
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(ground, 0.004, 2), EVERYWHERE)
    assert mask[105:155, 225:232].min() > 0.95
    return mask[125:135, 246:250]


@pytest.mark.parametrize(("width", "stays"), [(4, False), (16, True)], ids=["thin", "wide"])
def test_what_a_shadow_leaves_beside_a_gap_goes_if_it_is_thin(width, stays):
    frame = WOOD.copy()
    frame[100:160, 220:280] = 0.03
    frame[125:160, 240:256] = crushed(WOOD, 0.6)[0, 0]
    frame[160:190, 248 - width // 2 : 248 + width // 2] = (0.6, 0.3, 0.0)  # smeared colour
    frame[120:128, 280:330] = 0.03  # an arm
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(WOOD, 0.004, 2), EVERYWHERE)
    assert (mask[172:180, 248] > 0.5).all() == stays and (mask[172:180, 248] < 0.1).all() != stays
    assert mask[124, 285:325].min() > 0.5 and mask[105:110, 225:275].min() > 0.9
    assert mask[135:155, 248].max() < 0.2


@pytest.mark.parametrize("width", [5, 9])
def test_thin_legs_beside_a_gap_stay(width):
    frame = WOOD.copy()
    frame[90:170, 230:280] = (0.2, 0.3, 0.6)
    frame[170:250, 236:272] = crushed(WOOD, 0.85)[0, 0]
    legs = np.zeros((288, 512), np.bool_)
    legs[170:250, 251 - width : 251] = legs[170:250, 257 : 257 + width] = True
    frame[legs] = (0.12, 0.16, 0.3)
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(WOOD, 0.004, 2), EVERYWHERE)
    assert mask[legs].mean() > 0.6


@pytest.mark.parametrize("light", [0.4, 0.6, 0.8, 1.0])
def test_colourful_ground_in_a_gap_is_seen_in_spite_of_crushed_blacks(light):
    assert between_shoes(WOOD, crushed(WOOD, light)).max() < 0.15


@pytest.mark.parametrize(
    ("ground", "there"),
    [
        (WOOD, crushed(WOOD, 0.25)),
        (WOOD, 1.1 * WOOD),
        (WOOD, np.tile(np.float32((0.3, 0.2, 0.12)), (288, 512, 1))),
        (WALL, crushed(WALL, 0.5)),
    ],
    ids=["black", "brighter", "hair", "on a wall"],
)
def test_other_gaps_are_filled(ground, there):
    assert between_shoes(ground, there).min() > 0.95


@pytest.mark.parametrize(
    ("wall", "colour", "texture"),
    [((0.55, 0.42, 0.27), (0.24, 0.16, 0.1), 0.0), ((0.5, 0.4, 0.275), (0.235, 0.157, 0.118), 0.03)],
    ids=["plain", "lace"],
)
def test_brown_hair_before_a_tan_wall_is_no_gap(wall, colour, texture):
    hair = np.zeros((288, 512), np.float32)
    cv2.ellipse(hair, (256, 90), (40, 55), 0, 0, 360, 1, -1)
    grain = cv2.GaussianBlur(np.random.default_rng(7).standard_normal((288, 512, 3)).astype(np.float32), (0, 0), 2)
    tan, locks = (np.float32(x) * (1 + texture * grain / grain.std()) for x in (wall, colour))
    frame = np.where(hair[..., None] > 0, locks, tan)
    frame[140:, 200:312] = (0.1, 0.2, 0.7)
    mask = difference_mask(noisy(frame, 0.006, 1), noisy(tan, 0.006, 2), EVERYWHERE)
    assert mask[cv2.erode(hair, np.ones((9, 9))) > 0].mean() > 0.98
