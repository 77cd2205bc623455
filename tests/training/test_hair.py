"""Hair: gaps open where there are strands, and nowhere else."""

import numpy as np

from training.canvas import Canvas, Subject, fill, normals, outline
from training.hair import HairStyle, grow, parted

SIZE = 160


def head(strands):
    """A disc, with hair where there are strands."""
    canvas = Canvas(np.random.default_rng(0), SIZE, (), strands)
    rim = outline(np.random.default_rng(1), np.array([1.0, 1.0]) * SIZE, 0.5 * SIZE, 0.0)
    mask = canvas.mask()
    fill(mask, rim)
    canvas.add(mask, np.full((SIZE, SIZE, 3), 0.3, np.float32))
    grow(
        canvas, rim, normals(rim), HairStyle(1500, 0.5 * SIZE, 0.1, 0.0, 2.0), np.full((SIZE, SIZE, 3), 0.2, np.float32)
    )
    return canvas.subject(0.0)


def test_gaps_open_in_hair_and_let_the_place_through():
    whole = head(strands=True)
    opened = [whole.alpha - parted(np.random.default_rng(seed), whole).alpha for seed in range(12)]
    assert all(gap.min() >= 0 for gap in opened)
    assert sum(gap.max() > 0.4 for gap in opened) >= 9
    assert np.max([gap[72:88, 72:88].max() for gap in opened]) < 0.01  # the middle of the face


def test_what_has_no_hair_stays_whole():
    bald = head(strands=False)
    assert parted(np.random.default_rng(0), bald) is bald
    empty = Subject(np.zeros((SIZE, SIZE), np.float32), bald.colour)
    assert parted(np.random.default_rng(0), empty) is empty
