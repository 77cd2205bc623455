"""Brows and lashes."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator as Random

from training.people.files import Floats, Ints
from training.people.makehuman import MakeHuman
from training.people.strands import Strands, joined


def face_strands(random: Random, makehuman: MakeHuman, body: Floats, colour: Floats) -> Strands:
    """Brows and lashes of a body of V x 3 points."""
    skeleton = makehuman.skeleton
    skin = np.unique(makehuman.faces("body"))
    skin = skin[body[skin][:, 2] > skeleton.heads(body)[skeleton.index("eye.L")][2]]
    both: Strands | None = None
    for side in "LR":
        eye = skeleton.heads(body)[skeleton.index(f"eye.{side}")]
        for brow in (True, False):
            grown = _arc(random, body, skin, eye, brow, colour)
            both = grown if both is None else joined(both, grown)
    assert both is not None
    return both


def _arc(random: Random, body: Floats, skin: Ints, eye: Floats, brow: bool, colour: Floats) -> Strands:
    """Hairs along an arc above an eye."""
    count = 160 if brow else 40
    outward = np.sign(eye[0])
    along = random.uniform(-1, 1, count)
    height = 0.26 - 0.06 * along**2 + random.normal(0, 0.022, count) if brow else 0.09 - 0.08 * along**2
    reach = 0.23 if brow else 0.15
    place = eye[None] + np.stack((outward * (0.03 + reach * along), height, 0.3 + 0 * along), axis=1)
    skin = skin[np.abs(body[skin] - eye).max(axis=1) < 0.8]
    # The skin is as far forward as its nearest vertices, the nearest counting most.
    apart = ((place[:, None, :2] - body[skin][None, :, :2]) ** 2).sum(axis=2)
    four = np.argpartition(apart, 3, axis=1)[:, :4]
    share = 1 / (np.take_along_axis(apart, four, axis=1) + 1e-4)
    place[:, 2] = (share * body[skin[four]][..., 2]).sum(axis=1) / share.sum(axis=1) + 0.012
    nearest = skin[apart.argmin(axis=1)]
    length = random.uniform(0.06, 0.13, count) if brow else random.uniform(0.05, 0.09, count)
    lean = np.stack((outward * (0.9 + 0 * along), 0.35 - 0.5 * along, 0 * along), axis=1)
    if not brow:
        lean = np.stack((outward * 0.5 * along, 0.25 + 0 * along, 0.8 + 0 * along), axis=1)
    path = np.linspace(0, 1, 6)[None, :, None]
    offsets = (place - body[nearest])[:, None] + path * (length[:, None] * lean)[:, None]
    vertices = np.repeat(np.repeat(nearest[:, None], 3, axis=1)[:, None], 6, axis=1)
    weights = np.full(vertices.shape, 1 / 3, np.float32)
    colours = np.repeat(np.clip(colour[None] * 0.6, 0, 0.5), count, axis=0)
    return Strands(
        vertices, weights, offsets.astype(np.float32), np.full(count, 0.008 if brow else 0.006, np.float32), colours
    )
