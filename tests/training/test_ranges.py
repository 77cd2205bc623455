"""Ranges of maps, measured and kept with the weights."""

import pytest
import torch
from safetensors import safe_open

from models.weights import FOLDER, load_weights, new_net, read_card, save_weights
from training import ranges
from training.unlabelled import find_unlabelled


@pytest.fixture
def clips(scene, tmp_path):
    """Two folders, one with a clip that shows a ball, one with a clip that shows nothing but the plate."""
    for name, clip in (("some/ball", scene.clip), ("some/empty", scene.empty), ("none/empty", scene.empty)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "clip.mkv").symlink_to(clip)
        (folder / "plate.png").symlink_to(scene.plate)
    return tmp_path


def test_a_file_gains_ranges_and_keeps_the_rest(clips, tmp_path, monkeypatch):
    torch.manual_seed(0)
    weights = tmp_path / "w.safetensors"
    save_weights(new_net("fast"), weights, {"data": "made up"})
    before = load_weights("fast", weights)
    assert not before.ranges
    monkeypatch.setattr("sys.argv", ["ranges", str(weights), str(clips / "some"), "--frames", "1"])
    ranges.main()
    after = load_weights("fast", weights)
    assert read_card(weights) == {"data": "made up"}
    with safe_open(weights, framework="pt") as file:
        assert file.get_tensor("refiner.last.weight").dtype == torch.float32  # as it was
    assert all(torch.equal(x, after.state_dict()[name]) for name, x in before.state_dict().items())
    low, high = after.ranges["generator.trunk.blocks.0"]
    assert low < 0 < high
    save_weights(after, weights, {})
    assert not load_weights("fast", weights).ranges  # other weights have other ranges


def test_the_ranges_of_several_clips_hold_those_of_each(clips):
    shipped = FOLDER / "fast.safetensors"
    found = find_unlabelled(clips / "some")
    one, both = ranges.measure(shipped, found[:1], 1), ranges.measure(shipped, found[::-1], 1)
    assert one.keys() == both.keys()
    assert all(both[name][0] <= low + 1e-3 and high - 1e-3 <= both[name][1] for name, (low, high) in one.items())
    assert both != one  # the second clip has more to say, of something


def test_clips_that_show_no_subject_are_not_enough(clips, tmp_path, monkeypatch, capsys):
    weights = tmp_path / "w.safetensors"
    save_weights(load_weights("fast"), weights, {})
    monkeypatch.setattr("sys.argv", ["ranges", str(weights), str(clips / "none"), "--frames", "1"])
    with pytest.raises(SystemExit):
        ranges.main()
    assert "not all ranges were seen" in capsys.readouterr().err
    assert not load_weights("fast", weights).ranges
