"""Weights files: they come back as they went, and say what is wrong when they cannot."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

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


def test_what_is_no_number_is_refused(tmp_path):
    net = new_net("fast")
    net.generator.alpha_branch.last.bias.data.fill_(torch.nan)
    save_weights(net, tmp_path / "x.safetensors", {})
    with pytest.raises(
        WeightsError, match=r"x\.safetensors is damaged.*alpha_branch\.last\.bias holds what is no number"
    ):
        load_weights("fast", tmp_path / "x.safetensors")


def test_a_folder_is_no_weights_file(tmp_path):
    with pytest.raises(WeightsError, match="is damaged or not a weights file"):
        load_weights("fast", tmp_path)


def test_damaged_weights_are_listed_as_such(monkeypatch, tmp_path):
    (tmp_path / "fast.safetensors").write_bytes(b"half a copy")
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    assert [(row.name, row.damaged) for row in list_weights()] == [("fast", True), ("paper", False)]


def test_fast_ships_and_its_card_says_from_what():
    info = {row.name: row for row in list_weights()}["fast"]
    assert info.parameters > 100_000
    assert "composites" in info.card["data"]
    assert info.card["licence"] == "Apache-2.0"


def rewritten(path, ranges):
    """A weights file with other ranges, or, as older ones are, with none."""
    with safe_open(path, framework="pt") as file:
        tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    metadata.pop("ranges")
    save_file(tensors, path, metadata | ({} if ranges is None else {"ranges": ranges}))


def test_ranges_come_back_and_older_files_have_none(tmp_path):
    path = tmp_path / "x.safetensors"
    save_weights(new_net("fast"), path, {}, {"a.b": (-1.5, 2.0)})
    assert load_weights("fast", path).ranges == {"a.b": (-1.5, 2.0)}
    rewritten(path, None)
    assert load_weights("fast", path).ranges == {}


@pytest.mark.parametrize("ranges", ['{"a": [1, 2]}', '{"a": [0, NaN]}', '{"a": [-Infinity, 0]}', '{"a": 3}', "[1]"])
def test_ranges_that_are_none_are_refused(tmp_path, ranges):
    path = tmp_path / "x.safetensors"
    save_weights(new_net("fast"), path, {})
    rewritten(path, ranges)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights("fast", path)
