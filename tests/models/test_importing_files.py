"""Checkpoints of the 2020 authors as files: what they become, and what is said of files that are none."""

import io
import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from models.importing import ORIGINAL, import_checkpoint, import_state, read_checkpoint
from models.weights import WeightsError, load_weights
from tests.models.original import TINY, empty_state, inputs, random_state


def test_a_missing_key_is_named():
    state = random_state()
    for key in state:
        with pytest.raises(WeightsError, match=f"keys are missing: {key}$"):
            import_state({name: value for name, value in state.items() if name != key}, TINY)


def test_many_keys_are_named_in_part():
    with pytest.raises(WeightsError, match=r"keys are missing: comb_back\.0\.weight, .* and 314 more"):
        import_state({})


@pytest.mark.parametrize("name", ["model_enc3.0.weight", "module.model_enc1.1.weight"])
def test_an_unexpected_key_is_named(name):
    with pytest.raises(WeightsError, match=f"keys are unexpected: {name}$"):
        import_state(random_state() | {name: torch.zeros(1)}, TINY)


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("model_enc1.1.weight", (2, 4, 7, 7), "is 2 x 4 x 7 x 7, and 2 x 3 x 7 x 7 is expected"),
        ("model_enc1.1.bias", (1,), "is 1, and 2 is expected"),
        ("model_enc1.2.num_batches_tracked", (2,), "is 2, and a number is expected"),
        ("model_al_out.9.bias", (3,), "is 3, and 1 is expected"),
    ],
)
def test_a_wrong_shape_is_named(key, shape, said):
    with pytest.raises(WeightsError, match=f"{key} {said}"):
        import_state(random_state() | {key: torch.zeros(shape)}, TINY)


def test_a_checkpoint_becomes_a_weights_file_whose_card_says_from_where(tmp_path):
    state = empty_state(ORIGINAL)
    state["model_al_out.9.bias"].fill_(0.5)
    source, out = tmp_path / "netG_epoch_12.pth", tmp_path / "theirs.safetensors"
    torch.save(OrderedDict((f"module.{key}", value) for key, value in state.items()), source)
    out.write_text("something older")
    import_checkpoint(source, out)
    net = load_weights("paper", out)
    assert net.generator.config == ORIGINAL and net.refiner is None
    with torch.no_grad():
        alpha = net.generator(*inputs(8, 8)).alpha
    torch.testing.assert_close(alpha, torch.full_like(alpha, 0.7310586))
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, out.name]
    with safe_open(out, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert source.name in card["data"] and "senguptaumd/Background-Matting" in card["data"]
    assert "CC BY-NC-SA 4.0" in card["licence"] and "not for commercial use" in card["licence"]


@pytest.mark.parametrize("zipped", [True, False], ids=["new format", "format before PyTorch 1.6"])
def test_a_checkpoint_is_read_as_it_was_saved(tmp_path, zipped):
    state = random_state()
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "x.pth")
    assert list(read) == list(state)
    assert all(torch.equal(read[key], state[key]) for key in state)


class Runs:
    """A pickle that writes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "it ran")


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    torch.save({"weight": Runs(tmp_path / "ran")}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="might run code"):
        read_checkpoint(tmp_path / "x.pth")
    assert not (tmp_path / "ran").exists()


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "damaged, not saved by PyTorch"),
        (b"these are no weights\n", "damaged, not saved by PyTorch"),
        (bytes(range(256)) * 8, "damaged, not saved by PyTorch"),
        (saved({"a": torch.zeros(3)})[:400], "damaged, not saved by PyTorch"),
        (saved(torch.zeros(3)), "not the state dict of a network"),
        (saved({"state": {0: {"step": 3}}, "param_groups": []}), "not the state dict of a network"),
        (saved({"conv.weight": torch.zeros(3)}), "keys are missing: comb_back"),
    ],
    ids=["empty", "text", "bytes", "cut off", "a tensor", "an optimiser", "another network"],
)
def test_another_file_is_refused_by_name(tmp_path, content, said):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"x\.pth: .*{said}"):
        import_checkpoint(tmp_path / "x.pth", tmp_path / "out.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"x\.pth: .*cannot be read: No such file"):
        import_checkpoint(tmp_path / "x.pth", tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("out", "said"),
    [("out.pth", "ends in .safetensors"), ("nowhere/out.safetensors", "nowhere is not there"), ("", "ends in")],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, out, said):
    (tmp_path / "x.pth").write_bytes(saved(empty_state()))
    with pytest.raises(WeightsError, match=said):
        import_checkpoint(tmp_path / "x.pth", tmp_path / out)
