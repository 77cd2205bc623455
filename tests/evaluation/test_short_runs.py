"""Short runs without one of the parts, and what they are judged by."""

import numpy as np
import pytest

from evaluation.ablation import given
from evaluation.short_runs import run, shown
from models.weights import load_weights
from pipeline.frames import Settings
from training.config import SupervisedConfig


@pytest.fixture(scope="module")
def one(clips):
    return next(given(clips / "clip_5", Settings(device="cpu"), 2))


def test_the_part_is_kept_from_the_networks(one):
    whole = shown(one, None)
    assert np.array_equal(whole, shown(one, "people"))
    changed = {part: float(np.abs(shown(one, part) - whole).mean()) for part in ("plate", "mask", "motion")}
    assert changed["plate"] > 1e-3
    assert changed["mask"] > 0 and changed["motion"] > 0


def test_a_run_without_the_refiner_has_none(tmp_path):
    config = SupervisedConfig(steps=1, batch=2, coarse_size=64, crop=64, factors=(1.5,), workers=0)
    nets = [load_weights("fast", run(config, part, tmp_path, None, "cpu")) for part in (None, "refiner")]
    assert nets[0].refiner is not None and nets[1].refiner is None
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "refiner"}
