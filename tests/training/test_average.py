"""Between a run's start and its end lies a net that forgets less."""

from dataclasses import replace

import pytest
import torch

from models.generator_config import FAST
from models.refiner import RefinerConfig
from models.weights import MattingNet, WeightsError, load_weights, read_card, save_weights
from training.average import average, main


def net(seed, **changes):
    torch.manual_seed(seed)
    return MattingNet(replace(FAST, **changes), RefinerConfig(hidden=FAST.hidden))


@pytest.fixture
def files(tmp_path):
    """A start that does not know textures yet, and an end that does."""
    save_weights(net(0, knows_texture=False), tmp_path / "before.safetensors", {"steps": "1"})
    save_weights(net(1), tmp_path / "after.safetensors", {"steps": "2"})
    return tmp_path / "before.safetensors", tmp_path / "after.safetensors"


def test_what_both_hold_is_their_mean_and_the_rest_is_the_ends(files, tmp_path):
    out = tmp_path / "out.safetensors"
    count = average(*files, 0.7, out)
    before, after, mixed = (load_weights("fast", path).state_dict() for path in (*files, out))
    assert 0 < count < len(after)
    for key, value in mixed.items():
        if ".texture." in key:
            assert torch.equal(value, after[key])
        elif value.is_floating_point():
            assert torch.allclose(value, 0.3 * before[key] + 0.7 * after[key], atol=1e-6)
    assert read_card(out) == {"steps": "2", "averaged": "0.7 of the run's end, 0.3 of its start"}


def test_a_part_may_have_a_share_of_its_own(files, tmp_path):
    out = tmp_path / "out.safetensors"
    average(*files, 0.5, out, parts={"generator.alpha_branch": 1.0})
    before, after, mixed = (load_weights("fast", path).state_dict() for path in (*files, out))
    first, other = "generator.alpha_branch.last.weight", "generator.foreground_branch.last.weight"
    assert torch.equal(mixed[first], after[first])
    assert torch.allclose(mixed[other], 0.5 * (before[other] + after[other]), atol=1e-6)
    assert read_card(out)["averaged"] == "0.5 of the run's end, 0.5 of its start; of generator.alpha_branch 1"


def test_a_refiner_that_the_run_left_out_stays_and_a_part_may_go_past_the_end(files, tmp_path):
    before, out = files[1], tmp_path / "out.safetensors"
    save_weights(MattingNet(FAST, None), tmp_path / "generator.safetensors", {})
    average(before, tmp_path / "generator.safetensors", 0, out, parts={"generator.encode_image": 1.5})
    paths = before, tmp_path / "generator.safetensors", out
    start, end, mixed = (load_weights("fast", path).state_dict() for path in paths)
    assert any(key.startswith("refiner.") for key in start) and mixed.keys() == start.keys()
    for key, value in mixed.items():
        if value.is_floating_point():
            gone = 1.5 * (end[key] - start[key]) if key.startswith("generator.encode_image") else 0
            assert torch.allclose(value, start[key] + gone, atol=1e-6)


def test_a_variance_past_the_end_stays_above_zero(files, tmp_path):
    start = load_weights("fast", files[1])
    for name, values in start.named_buffers():
        if name.endswith("running_var"):
            values.mul_(torch.where(torch.arange(len(values)) % 2 == 0, 0.1, 0.9))
    save_weights(start, tmp_path / "less.safetensors", {})
    average(files[1], tmp_path / "less.safetensors", 1.25, tmp_path / "out.safetensors")
    variances = [x for name, x in load_weights("fast", tmp_path / "out.safetensors").named_buffers() if "_var" in name]
    for values in variances:
        assert torch.allclose(values[0::2], torch.tensor(0.1))
        assert torch.allclose(values[1::2], torch.tensor(1 - 1.25 * 0.1))


def test_what_is_wrong_is_said_in_one_line(files, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.safetensors"
    for words, said in (
        ((tmp_path / "gone.safetensors", files[1], "--share", 1, "-o", out), "gone.safetensors: there is no such"),
        ((*files, "--share", 3, "-o", out), "a share of 3.0 is not between 0 and 2"),
        ((*files, "--share", 1, "-o", tmp_path / "none" / "out.safetensors"), "could not be written"),
    ):
        monkeypatch.setattr("sys.argv", ["average", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2 and said in capsys.readouterr().err.splitlines()[-1]


def test_a_part_that_is_not_there_is_named(files, tmp_path):
    with pytest.raises(ValueError, match=r"begins with 'generator\.moon'"):
        average(*files, 0.5, tmp_path / "out.safetensors", parts={"generator.moon": 0.5})


def test_a_share_of_1_is_the_end(files, tmp_path):
    average(*files, 1, tmp_path / "out.safetensors")
    after, mixed = (load_weights("fast", path).state_dict() for path in (files[1], tmp_path / "out.safetensors"))
    assert all(torch.equal(after[key], mixed[key]) for key in after)


@pytest.mark.parametrize("share", [-0.1, 2.1])
def test_a_share_that_is_none_is_refused(files, tmp_path, share):
    with pytest.raises(ValueError, match="between 0 and 2"):
        average(*files, share, tmp_path / "out.safetensors")


def test_a_missing_file_is_named(files, tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        average(tmp_path / "gone.safetensors", files[1], 0.5, tmp_path / "out.safetensors")
