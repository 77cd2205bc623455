"""What alpha is where it is said to be so much."""

import numpy as np
import pytest

from evaluation.calibration import EDGES, calibration, measure, see_through
from pipeline.frames import Settings


def test_what_says_half_of_the_truth_is_found_out():
    true = np.linspace(0, 1, 1001, dtype=np.float32)
    rows = calibration(true / 2, true)
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert rows[-1].high == pytest.approx(EDGES[EDGES.index(0.5) + 1])
    for row in rows[:-1]:
        assert row.mean == pytest.approx(2 * row.said, abs=1e-4)
        assert row.median == pytest.approx(row.mean, abs=2e-3)


def test_solid_pixels_count_only_near_what_is_see_through():
    said, true = np.zeros((40, 60), np.float32), np.zeros((40, 60), np.float32)
    true[20, 30] = 0.5
    near, _ = see_through(said, true)
    assert near.shape == (81,)
    said[5, 50] = 0.5
    assert see_through(said, true)[0].shape == (162,)


def test_a_clip_is_measured(clips):
    rows = measure(clips / "clip_5", Settings(), 3)
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert rows[-1].median > 0.9
