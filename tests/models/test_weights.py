"""Weights files: they come back as they went, and say what is wrong when they cannot."""

import pytest
import torch

from models import weights
from models.weights import WeightsError, list_weights, load_weights, new_net, save_weights


def test_weights_come_back_with_their_configuration(tmp_path):
    net = new_net("fast").eval()
    save_weights(net, tmp_path / "x.safetensors", {"data": "none"})
    loaded = load_weights("fast", tmp_path / "x.safetensors")
    assert loaded.generator.config == net.generator.config
    assert loaded.refiner.config == net.refiner.config
    assert not loaded.training
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name].to(value.dtype), value), name
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_model_without_weights_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"'paper' has no trained weights yet.*--model fast"):
        load_weights("paper")


def test_an_unknown_model_is_named_with_those_there_are():
    with pytest.raises(WeightsError, match=r"no model 'best'.*fast, paper"):
        load_weights("best")


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "x.safetensors"
    save_weights(new_net("fast"), path, {})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"x\.safetensors is damaged"):
        load_weights("fast", path)


def test_fast_ships_and_its_card_says_from_what():
    info = {row.name: row for row in list_weights()}["fast"]
    assert info.parameters > 100_000
    assert "composites" in info.card["data"]
    assert info.card["licence"] == "Apache-2.0"
