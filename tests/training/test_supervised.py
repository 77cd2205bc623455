"""Training: the same seed gives the same weights, also across a stop, and the loss goes down."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from models.generator_config import FAST
from models.refiner import RefinerConfig
from models.weights import MattingNet, WeightsError, list_weights, load_weights, new_net, save_weights, take_over
from pipeline.frames import CleanplateError
from training.config import SupervisedConfig, read_config
from training.data import CompositeBatches
from training.material import Material, find_material
from training.objective import Objective
from training.supervised import Run, rate_at, train, update

TINY = {"batch": 2, "coarse_size": 64, "crop": 64, "factors": (1.5,), "workers": 0, "precision": "float32"}


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path):
    config = SupervisedConfig(steps=3, checkpoint_every=2, **TINY)
    whole = train(config, tmp_path / "whole", Material(), "cpu")
    run = Run.start(config, tmp_path / "parts")
    run.learn()
    for batch in (CompositeBatches(config, Material())[i] for i in range(2)):
        update(run, Objective(run.net, config.precision), batch)
    run.save()
    parts = train(config, tmp_path / "parts", Material(), "cpu")
    first, second = (load_weights("fast", path).state_dict() for path in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_damaged_photo_is_named_by_whoever_reads_it(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    config = SupervisedConfig(steps=20, **TINY | {"workers": 1})
    with pytest.raises(CleanplateError, match=r"^\S*a\.jpg is not a picture that can be read.*$"):
        train(config, tmp_path / "run", Material((tmp_path / "a.jpg",)), "cpu")


def test_learning_one_batch_by_heart(tmp_path):
    config = SupervisedConfig(steps=1000, warm_up=0, learning_rate=3e-3, **TINY)
    run = Run.start(config, tmp_path)
    run.learn()
    batch = CompositeBatches(config, Material())[0]
    losses = [update(run, Objective(run.net, config.precision), batch) for _ in range(12)]
    assert losses[-1]["coarse_alpha"] < 0.6 * losses[0]["coarse_alpha"]
    assert losses[-1]["alpha"] < 0.7 * losses[0]["alpha"]


@pytest.mark.parametrize(
    ("model", "only"),
    [("fast", "refiner"), ("paper", "refiner"), ("fast", "generator.encode_motion"), ("fast", "generator.switch")],
)
def test_a_part_can_learn_while_the_others_stay_as_they_are(tmp_path, model, only):
    (tmp_path / "run").mkdir()
    save_weights(new_net(model), tmp_path / "run" / "start.safetensors", {})
    config = SupervisedConfig(model=model, steps=2, start_from="start.safetensors", only=(only,), **TINY)
    after = load_weights(model, train(config, tmp_path / "run", Material(), "cpu")).state_dict()
    before = load_weights(model, tmp_path / "run" / "start.safetensors").state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(only) for name in changed)
    assert any(name.endswith("running_mean") for name in changed) or only == "refiner"


def test_a_part_alone_needs_the_others_and_a_name_that_is_known(tmp_path):
    with pytest.raises(CleanplateError, match="only needs start_from"):
        Run.start(SupervisedConfig(steps=1, only=("refiner",), **TINY), tmp_path)
    with pytest.raises(CleanplateError, match="begins with 'refinery'"):
        Run.start(SupervisedConfig(steps=1, only=("refinery",), start_from="start.safetensors", **TINY), tmp_path)


def test_a_part_alone_needs_all_others_from_its_start(tmp_path):
    save_weights(new_net("paper"), tmp_path / "start.safetensors", {})
    config = SupervisedConfig(steps=1, only=("refiner",), start_from="start.safetensors", **TINY)
    with pytest.raises(CleanplateError, match=r"start\.safetensors lacks generator.* which only leaves as it is"):
        Run.start(config, tmp_path)


def test_what_stays_as_it_is_does_so_when_norms_are_shared_by_several_devices(tmp_path):
    save_weights(new_net("fast"), tmp_path / "start.safetensors", {})
    run = Run.start(SupervisedConfig(steps=1, only=("refiner",), start_from="start.safetensors", **TINY), tmp_path)
    nn.SyncBatchNorm.convert_sync_batchnorm(run.net)
    run.learn()
    norms = {name: module for name, module in run.net.named_modules() if isinstance(module, nn.SyncBatchNorm)}
    assert norms
    assert all(module.training == name.startswith("refiner") for name, module in norms.items())


def test_what_a_run_cannot_begin_with_is_named(tmp_path):
    with pytest.raises(CleanplateError, match=r"start\.safetensors is missing"):
        Run.start(SupervisedConfig(steps=1, start_from="start.safetensors", **TINY), tmp_path)
    with pytest.raises(CleanplateError, match=r"the run writes a fast\.safetensors of its own"):
        Run.start(SupervisedConfig(steps=1, start_from="fast.safetensors", **TINY), tmp_path)
    with pytest.raises(CleanplateError, match="training runs on cpu or cuda"):
        train(SupervisedConfig(steps=1, **TINY), tmp_path, Material(), "tpu")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CleanplateError, match="is not TOML"):
        read_config(tmp_path / "config.toml")


def test_batches_that_cannot_be_shared_out_and_crops_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(CleanplateError, match="a batch of 2 cannot be shared out among 3"):
        train(SupervisedConfig(steps=1, **TINY), tmp_path, Material(), "cpu", processes=3)
    with pytest.raises(ValidationError, match="crop of 98 pixels does not fit into 96"):
        SupervisedConfig(steps=1, **TINY | {"crop": 98})


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
    path.write_text("batch = 2\n")
    with pytest.raises(CleanplateError, match=r"run\.toml: steps: Field required$"):
        read_config(path)
    path.write_text("steps = 5\ncrop = 512\n")
    with pytest.raises(CleanplateError, match=r"run\.toml: .*a crop of 512 pixels does not fit .* full size$"):
        read_config(path)
    path.write_text("steps = 5\nspeed = 3\n")
    with pytest.raises(CleanplateError, match="speed"):
        read_config(path)
    for line, said in (
        ("factors = [inf]", "factors.0: .*finite"),
        ("factors = []", "factors: "),
        ("seed = -1", "seed: "),
    ):
        path.write_text(f"steps = 5\n{line}\n")
        with pytest.raises(CleanplateError, match=rf"run\.toml: {said}.*, not "):
            read_config(path)
    with pytest.raises(CleanplateError, match="no such file"):
        read_config(tmp_path / "none.toml")


def test_a_config_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "run.toml").write_bytes(b"\xef\xbb\xbfsteps = 5\n")
    assert read_config(tmp_path / "run.toml").steps == 5


def test_the_weights_were_made_by_configs_that_ship():
    cards = {row.name: row.card for row in list_weights()}
    folder = Path(__file__).parents[2] / "training" / "configs"
    for made in (cards["fast"], cards["paper"], json.loads(cards["paper"]["before"])):
        config = SupervisedConfig(**json.loads(made["config"]))
        assert config in [read_config(path) for path in folder.glob(f"{config.model}*.toml")]


def test_a_run_can_begin_with_the_weights_of_another(tmp_path):
    net = new_net("fast")
    (tmp_path / "first").mkdir()
    save_weights(net, tmp_path / "first" / "fast.safetensors", {"steps": "7"})
    config = SupervisedConfig(steps=1, start_from="../first/fast.safetensors", **TINY)
    run = Run.start(config, tmp_path / "second")
    assert json.loads(run.card()["before"]) == {"steps": "7"}
    started = run.net.state_dict()
    assert all(torch.equal(started[name], value) for name, value in net.state_dict().items())


def test_a_run_can_take_over_what_fits_of_other_networks(tmp_path):
    net = new_net("fast")
    state = {key: value for key, value in net.state_dict().items() if not key.startswith("refiner.last")}
    save_file(state | {"refiner.last.weight": torch.zeros(1)}, tmp_path / "older.safetensors")
    other = new_net("fast")
    assert take_over(other, tmp_path / "older.safetensors") == state.keys()
    assert all(torch.equal(other.state_dict()[key], value) for key, value in state.items())
    assert other.state_dict()["refiner.last.weight"].shape == net.state_dict()["refiner.last.weight"].shape
    save_file({"stranger": torch.zeros(2)}, tmp_path / "stranger.safetensors")
    with pytest.raises(WeightsError, match="none of its tensors"):
        take_over(other, tmp_path / "stranger.safetensors")


def test_a_deeper_net_begins_as_what_it_takes_over(tmp_path):
    shallow = replace(FAST, shared_blocks=4, alpha_blocks=0, alpha_half_block=False)
    net = MattingNet(shallow, RefinerConfig(hidden=FAST.hidden)).eval()
    save_weights(net, tmp_path / "shallow.safetensors", {})
    deeper = new_net("fast").eval()
    take_over(deeper, tmp_path / "shallow.safetensors")
    inputs = [torch.rand(1, channels, 64, 96) for channels in (3, 3, 1, 1, 4)]
    with torch.no_grad():
        assert torch.equal(net.generator(*inputs).alpha, deeper.generator(*inputs).alpha)
        deeper.generator.trunk.blocks[-1].body[4].weight.fill_(1)
        assert not torch.equal(net.generator(*inputs).alpha, deeper.generator(*inputs).alpha)


def test_two_processes_take_the_step_of_their_mean_gradient(tmp_path):
    config = SupervisedConfig(steps=1, warm_up=0, **(TINY | {"batch": 4}))
    together = load_weights("fast", train(config, tmp_path / "two", Material(), "cpu", processes=2)).state_dict()
    run = Run.start(config, tmp_path / "by_hand")
    run.learn()
    parameters = dict(run.net.named_parameters())
    gradients = []
    for rank in range(2):
        run.net.zero_grad()
        terms = Objective(run.net, config.precision)(CompositeBatches(config, Material(), share=(rank, 2))[0])
        torch.stack(list(terms.values())).sum().backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in parameters.items()})
    for name, parameter in parameters.items():
        parameter.grad = (gradients[0][name] + gradients[1][name]) / 2
    torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
    run.optimizer.step()
    # The first step of Adam is the gradient's sign: where that is all but 0, rounding decides.
    same = torch.cat([(together[name] - value).abs().flatten() < 1e-6 for name, value in parameters.items()])
    assert same.float().mean() > 0.98


def test_a_run_leaves_its_curve_and_pictures(tmp_path):
    config = SupervisedConfig(steps=40, checkpoint_every=40, **TINY)
    train(config, tmp_path, Material(), "cpu")
    curve, sheet = (cv2.imread(str(tmp_path / name)) for name in ("curve.png", "samples/000040.png"))
    assert len(np.unique(curve.reshape(-1, 3), axis=0)) > 4
    assert sheet.shape == (2 * 64, 8 * 64, 3) and sheet.std() > 5


def test_material_is_looked_for_where_the_readme_says(tmp_path):
    with pytest.raises(CleanplateError, match="neither photos/ nor cutouts/"):
        find_material(tmp_path)
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), np.zeros((4, 4, 3), np.uint8))
    found = find_material(tmp_path)
    assert [p.name for p in found.photos] == ["a.png"] and found.cutouts == ()
