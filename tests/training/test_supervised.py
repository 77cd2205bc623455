"""Training: the same seed gives the same weights, also across a stop, and the loss goes down."""

import json
from pathlib import Path

import pytest
import torch

from models.weights import list_weights, load_weights, new_net, save_weights
from pipeline.frames import CleanplateError
from training.config import SupervisedConfig, read_config
from training.data import CompositeBatches
from training.supervised import Run, rate_at, train, update

TINY = {"batch": 2, "coarse_size": 64, "crop": 64, "factors": (1.5,), "workers": 0, "precision": "float32"}


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path):
    config = SupervisedConfig(steps=3, checkpoint_every=2, **TINY)
    whole = train(config, tmp_path / "whole", None)
    run = Run.start(config, tmp_path / "parts")
    run.net.train()
    for batch in (CompositeBatches(config, ())[i] for i in range(2)):
        update(run, batch)
    run.save()
    parts = train(config, tmp_path / "parts", None)
    first, second = (load_weights("fast", path).state_dict() for path in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_learning_one_batch_by_heart(tmp_path):
    config = SupervisedConfig(steps=1000, warm_up=0, learning_rate=3e-3, **TINY)
    run = Run.start(config, tmp_path)
    run.net.train()
    batch = CompositeBatches(config, ())[0]
    losses = [update(run, batch) for _ in range(12)]
    assert losses[-1]["coarse_alpha"] < 0.6 * losses[0]["coarse_alpha"]
    assert losses[-1]["alpha"] < 0.7 * losses[0]["alpha"]


def test_the_rate_rises_and_falls():
    config = SupervisedConfig(steps=100, warm_up=10, learning_rate=1.0, **TINY)
    rates = [rate_at(config, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) > 0.95
    assert rates[-1] < 0.001


def test_a_wrong_field_is_named(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("steps = 0\n")
    with pytest.raises(CleanplateError, match=r"run\.toml: steps: .*greater than 0.*not 0"):
        read_config(path)
    path.write_text("steps = 5\nspeed = 3\n")
    with pytest.raises(CleanplateError, match="speed"):
        read_config(path)
    with pytest.raises(CleanplateError, match="no such file"):
        read_config(tmp_path / "none.toml")


def test_the_weights_were_made_by_a_config_that_ships():
    card = {row.name: row.card for row in list_weights()}["fast"]
    configs = (Path(__file__).parents[2] / "training" / "configs").glob("*.toml")
    assert SupervisedConfig(**json.loads(card["config"])) in [read_config(path) for path in configs]


def test_a_run_can_begin_with_the_weights_of_another(tmp_path):
    net = new_net("fast")
    (tmp_path / "first").mkdir()
    save_weights(net, tmp_path / "first" / "fast.safetensors", {})
    config = SupervisedConfig(steps=1, start_from="../first/fast.safetensors", **TINY)
    started = Run.start(config, tmp_path / "second").net.state_dict()
    assert all(torch.equal(started[name], value) for name, value in net.state_dict().items())
