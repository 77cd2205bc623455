"""Ranges of maps, measured and kept with the weights."""

import torch

from models.weights import load_weights, new_net, read_card, save_weights
from training import ranges


def test_a_file_gains_ranges_and_keeps_the_rest(scene, tmp_path, monkeypatch):
    torch.manual_seed(0)
    weights, clips = tmp_path / "w.safetensors", tmp_path / "clips"
    save_weights(new_net("fast").half(), weights, {"data": "made up"})
    for name, clip in (("with", scene.clip), ("without", scene.empty)):
        (clips / name).mkdir(parents=True)
        (clips / name / "clip.mkv").symlink_to(clip)
        (clips / name / "plate.png").symlink_to(scene.plate)
    before = load_weights("fast", weights)
    assert not before.ranges
    monkeypatch.setattr("sys.argv", ["ranges", str(weights), str(clips), "--frames", "1"])
    ranges.main()
    after = load_weights("fast", weights)
    assert read_card(weights) == {"data": "made up"}
    assert all(torch.equal(x, after.state_dict()[name]) for name, x in before.state_dict().items())
    assert after.ranges["generator.encode_image.first"][1] > 0
    low, high = after.ranges["generator.trunk.blocks.0"]
    assert low < 0 < high
    save_weights(after, weights, {})
    assert not load_weights("fast", weights).ranges  # other weights have other ranges
