"""Stage 2: the losses are the paper's equations, its schedule is kept, and a stopped run goes on as if it had not."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from alignment.plate import PlateAligner
from models.weights import load_weights, new_net, save_weights
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, Settings
from pipeline.matting import Matter
from pipeline.plates import read_plate
from pipeline.windows import windows
from tests.conftest import shot, textured, write_clip
from training import adversarial
from training.adversarial import pseudo_weight_at, train, update
from training.adversarial_config import AdversarialConfig, read_adversarial_config
from training.adversarial_losses import Layers, composite, discriminator_loss, generator_loss, pseudo_terms
from training.adversarial_run import Run
from training.unlabelled import CHANNELS, UnlabelledBatches, find_unlabelled, prepare

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As runs have it."""
    torch.set_num_threads(1)


def config_of(**changes):
    tiny = {
        "teacher": "../teacher.safetensors",
        "epochs": 2,
        "batch": 2,
        "crop": 32,
        "frames": 6,
        "every": 2,
        "seed": 3,
    }
    return AdversarialConfig(**(tiny | changes))


@pytest.fixture(scope="module")
def room(scene, tmp_path_factory):
    """A folder with a teacher, a folder of one clip, and what was prepared of it."""
    folder = tmp_path_factory.mktemp("adversarial")
    (folder / "clips" / "ball").mkdir(parents=True)
    shutil.copy(scene.clip, folder / "clips" / "ball" / "clip.mkv")
    shutil.copy(scene.plate, folder / "clips" / "ball" / "plate.png")
    torch.manual_seed(1)
    save_weights(new_net("fast"), folder / "teacher.safetensors", {})
    (found,) = find_unlabelled(folder / "clips")
    prepare(found, config_of(), folder / "teacher.safetensors", folder / "prepared")
    return folder


def prepared(room, config, where=None):
    (found,) = find_unlabelled(where or room / "clips")
    return prepare(found, config, room / "teacher.safetensors", room / "prepared")


def start(room, name, config):
    """A run in a folder beside the teacher's, which finds the frames that were prepared before."""
    (room / name).mkdir()
    (room / name / "prepared").symlink_to(room / "prepared")
    return Run.start(config, room / name)


def batches(room, config):
    return UnlabelledBatches(config, (prepared(room, config),), ())


def test_least_squares_by_hand():
    made, real = torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.5])
    assert float(generator_loss(made)) == pytest.approx((0.25 + 1) / 2)
    assert float(discriminator_loss(made, real)) == pytest.approx((0.25 + 0) / 2 + (0 + 0.25) / 2)


def test_terms_of_the_pseudo_truth_by_hand():
    ramp = 0.2 + 0.1 * torch.arange(5.0).expand(1, 1, 5, 5)  # 0.2 to 0.6, mean 0.4
    flat = torch.full((1, 1, 5, 5), 0.4)
    flat[..., 4] = 0  # the last column is no subject: F does not count there
    grey = torch.full((1, 3, 5, 5), 0.5)
    own_colour = grey + torch.tensor([0.1, 0.1, 0.1, 0.1, 9.0])
    own, pseudo = (Layers(a, f, a[:, :0]) for a, f in ((ramp, own_colour), (flat, grey)))
    terms = pseudo_terms(own, pseudo, grey, grey)
    assert float(terms["alpha"]) == pytest.approx(2 * (0.2 + 0.1 + 0.0 + 0.1 + 0.6) / 5)
    # Along x: (right - left) / 2 of the difference (-0.2 -0.1 0 0.1 0.6) is 0.1, 0.1, 0.3; along y nothing.
    assert float(terms["gradient"]) == pytest.approx(4 * (0.1 + 0.1 + 0.3) / 3 / 2)
    assert float(terms["foreground"]) == pytest.approx(0.1, rel=1e-5)
    # a (F - I) as I is B: 0.1 (0.2 + 0.3 + 0.4 + 0.5) and 9 x 0.6.
    assert float(terms["recomposition"]) == pytest.approx((0.14 + 5.4) / 5, rel=1e-5)


def test_a_composite_by_hand():
    alpha = torch.tensor([0.0, 0.5, 1.0, 0.0]).reshape(1, 1, 1, 4)
    own = Layers(alpha, torch.full((1, 3, 1, 4), 0.4), alpha[:, :0])
    image, background = torch.full((1, 3, 1, 4), 0.9), torch.full((1, 3, 1, 4), 0.2)
    still = composite(own, image, background, torch.tensor([0]))[0, 0, 0]
    moved = composite(own, image, background, torch.tensor([1]))[0, 0, 0]
    torch.testing.assert_close(still, torch.tensor([0.2, 0.3, 0.9, 0.2]))  # the image itself where it is opaque
    torch.testing.assert_close(moved, torch.tensor([0.2, 0.2, 0.3, 0.9]))


def test_an_update_reports_the_terms_of_the_equations(room):
    config = config_of(start="fresh", hidden_weight=0.5, generator_updates=1, keep_norm=True)
    run = start(room, "equations", config)
    data = batches(room, config)
    for step, weight in enumerate((0.05, 0.0125)):
        batch = data[step]
        student, judge = copy.deepcopy(run.student), copy.deepcopy(run.discriminator)
        said = update(run, batch, weight)
        expected = equations(student, run.teacher, judge, batch, weight)
        for name, value in expected.items():
            assert said[name] == pytest.approx(value, abs=2e-6), name
        assert set(said) == {*expected, "pseudo_weight"}


def equations(student, teacher, judge, batch, weight):
    """PAPER's stage 2 once more, in NumPy and from the networks' plain outputs."""
    image, plate, known, background = (batch[n].numpy() for n in ("image", "plate", "coverage", "background"))
    with torch.no_grad():
        a, residual, hidden, _ = (x.numpy() for x in student.generator(*(batch[name] for name in CHANNELS)))
        pseudo = [x.numpy() for x in teacher.generator(*(batch[name] for name in CHANNELS))]
        pseudo_a, pseudo_residual, pseudo_hidden = pseudo[:3]
    f, pseudo_f = image + residual, image + pseudo_residual
    shown = f + np.clip((a - 0.95) / 0.045, 0, 1) * (image - f)
    place = known * plate * np.clip(1 + pseudo_hidden[:, 1:2], 0.2, 1.2) + (1 - known) * image
    a_moved, shown_moved = a.copy(), shown.copy()
    for i, by in enumerate(batch["shift"].tolist()):
        a_moved[i], shown_moved[i] = np.roll(a[i], by, 2), np.roll(shown[i], by, 2)
    made = torch.from_numpy(a_moved * shown_moved + (1 - a_moved) * background)
    with torch.no_grad():
        judged, real = judge(made).numpy(), judge(batch["image"]).numpy()
    error, subject = a - pseudo_a, np.broadcast_to(pseudo_a > 0, f.shape)
    across = (error[..., 2:] - error[..., :-2]) / 8
    down = (error[:, :, 2:] - error[:, :, :-2]) / 8
    across = across[:, :, :-2] + 2 * across[:, :, 1:-1] + across[:, :, 2:]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return {
        "adversarial": ((judged - 1) ** 2).mean(),
        "alpha": weight * 2 * np.abs(error).mean(),
        "gradient": weight * 4 * np.abs(np.stack((across, down))).mean(),
        "foreground": weight * np.abs(f - pseudo_f)[subject].mean(),
        "recomposition": weight * np.abs(image - a * shown - (1 - a) * place).mean(),
        "hidden": 0.5 * np.abs(hidden - pseudo_hidden).mean(),
        "discriminator": (judged**2).mean() + ((real - 1) ** 2).mean(),
    }


def test_five_updates_of_the_generator_for_one_of_the_discriminator(room):
    config = config_of(epochs=5)
    run, data, order = start(room, "five", config), batches(room, config), []
    run.student_optimizer.register_step_post_hook(lambda *_: order.append("G"))
    run.discriminator_optimizer.register_step_post_hook(lambda *_: order.append("D"))
    for step in range(10):
        before = [copy.deepcopy(net.state_dict()) for net in (run.student.generator, run.discriminator)]
        said = update(run, data[step], 0.05)
        after = [net.state_dict() for net in (run.student.generator, run.discriminator)]
        changed = [any(not torch.equal(x[name], y[name]) for name in x) for x, y in zip(before, after, strict=True)]
        assert changed == [True, step in (4, 9)]
        assert ("discriminator" in said) == (step in (4, 9))
    assert "".join(order) == "GGGGGDGGGGGD"


def test_lambda_halves_every_two_epochs():
    config = config_of()
    assert [pseudo_weight_at(config, epoch) for epoch in range(6)] == [0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]


def test_a_student_begins_as_its_teacher(room):
    config = config_of(keep_norm=True)
    run = start(room, "begins", config)
    said = update(run, batches(room, config)[0], 0.05)
    assert [said[name] for name in ("alpha", "gradient", "foreground", "hidden")] == [0, 0, 0, 0]
    assert said["adversarial"] > 0


def test_teacher_and_refiner_stay_bit_for_bit(room):
    (room / "frozen").mkdir()
    (room / "frozen" / "prepared").symlink_to(room / "prepared")
    file = (room / "teacher.safetensors").read_bytes()
    teacher = load_weights("fast", room / "teacher.safetensors").state_dict()
    run = Run.start(config_of(), room / "frozen")
    for step in range(2):
        update(run, batches(room, run.config)[step], 0.05)
    assert all(torch.equal(value, teacher[name]) for name, value in run.teacher.state_dict().items())
    student = load_weights("fast", train(config_of(), room / "frozen", room / "clips")).state_dict()
    assert (room / "teacher.safetensors").read_bytes() == file
    same = {name for name in teacher if torch.equal(student[name], teacher[name])}
    assert {name for name in teacher if name.startswith("refiner.")} <= same
    assert not any(name.endswith("last.weight") and name.startswith("generator.") for name in same)


def test_a_killed_run_goes_on_as_if_it_had_not_been(room, monkeypatch):
    config = config_of(checkpoint_every=2, generator_updates=2)
    for name in ("whole", "parts"):
        start(room, name, config)
    whole = train(config, room / "whole", room / "clips")

    def killed(run, batch, weight):
        if run.step == 3:  # one update after a checkpoint
            raise KeyboardInterrupt
        return update(run, batch, weight)

    monkeypatch.setattr(adversarial, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        train(config, room / "parts", room / "clips")
    monkeypatch.setattr(adversarial, "update", update)
    parts = train(config, room / "parts", room / "clips")
    first, second = (load_weights("fast", path).state_dict() for path in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)
    first, second = (torch.load(path.parent / "checkpoint.pt")["discriminator"] for path in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_says_what_it_did(room):
    config = config_of(epochs=20, batch=1, frames=2, sources="a ball")
    start(room, "says", config)
    weights = train(config, room / "says", room / "clips")
    rows = [json.loads(line) for line in (room / "says" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20]
    assert rows[0]["pseudo_weight"] == 0.05 / 2**9
    assert "discriminator" in rows[0]
    with safe_open(weights, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["data"] == "stage 2 on unlabelled clips: ball (1 frames); a ball"
    assert card["steps"] == "20"
    assert AdversarialConfig(**json.loads(card["config"])) == config


def test_another_teacher_cannot_take_over(room):
    config = config_of(teacher="teacher.safetensors")
    run = start(room, "other", config_of())
    run.save(())
    save_weights(new_net("fast"), room / "other" / "teacher.safetensors", {})
    with pytest.raises(CleanplateError, match="trained with another teacher"):
        Run.start(config, room / "other")
    with pytest.raises(CleanplateError, match=r"none\.safetensors: there is no such"):
        Run.start(config_of(teacher="none.safetensors"), room / "nobody")
    with pytest.raises(CleanplateError, match="begin with start"):
        Run.start(config_of(model="paper"), room / "larger")


def test_a_checkpoint_beyond_the_end_and_a_damaged_one_are_named(room):
    run = start(room, "ended", config_of())
    run.step = 5
    run.save(())
    with pytest.raises(CleanplateError, match=r"^\S*checkpoint\.pt is of update 5, but the config's run ends at 4"):
        train(config_of(), room / "ended", room / "clips")
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(CleanplateError, match=r"^\S*checkpoint\.pt is damaged"):
        Run.start(config_of(), room / "ended")


def test_a_teacher_without_a_refiner_has_a_student_without(room):
    (room / "alone").mkdir()
    save_weights(new_net("paper", refined=False), room / "alone" / "teacher.safetensors", {})
    run = Run.start(config_of(model="paper", teacher="teacher.safetensors"), room / "alone")
    assert run.student.refiner is None and not run.student.generator.corrects


LONGER = {"frames": 12, "every": 4}


@pytest.fixture(scope="module")
def short(room, scene):
    """A folder with the same clip, which ends after six frames."""
    folder = room / "short" / "ball"
    folder.mkdir(parents=True)
    shutil.copy(scene.plate, folder / "plate.png")
    place = textured(5)
    write_clip(folder / "clip.mkv", [shot(place, i, ball=True) for i in range(6)])
    return folder


def test_frames_are_prepared_just_as_rendering_does_it(room, short):
    kept = prepared(room, config_of(), short)
    assert [path.name for path in kept.frames] == ["frame_000000.npy", "frame_000002.npy", "frame_000004.npy"]
    with open_clip(short / "clip.mkv") as clip:
        settings = Settings(weights=room / "teacher.safetensors", device="cpu")
        matter = Matter(read_plate(short / "plate.png"), (640, 360), settings)
        (window,) = windows(clip, matter.observe, 2, 3)
        inputs = matter.inputs(window, matter.aligner.warp(window.observation.alignment))
    stored = np.load(kept.frames[1])
    assert stored.shape == (12, 288, 512)
    for name, array in zip(CHANNELS, np.split(stored, [3, 6, 7, 8]), strict=True):
        wanted = getattr(inputs, name)
        assert np.array_equal(array, wanted[None] if wanted.ndim == 2 else wanted.transpose(2, 0, 1)), name


def test_what_comes_after_the_first_frames_is_never_seen(room, short):
    begun, ends = prepared(room, config_of()), prepared(room, config_of(), short)
    for ours, theirs in zip(begun.frames, ends.frames, strict=True):
        assert np.array_equal(np.load(ours), np.load(theirs))
    longer = prepared(room, config_of(**LONGER))
    assert longer.frames[1].name == begun.frames[2].name
    assert not np.array_equal(np.load(longer.frames[1]), np.load(begun.frames[2]))  # its motion looks ahead


def test_alignment_is_not_repeated(room, monkeypatch):
    def again(*_):
        raise AssertionError("aligned again")

    monkeypatch.setattr(PlateAligner, "register", again)
    assert len(prepared(room, config_of()).frames) == 3


def test_batches_are_a_function_of_seed_and_update(room):
    config = config_of(epochs=4, plates=0.5)
    data = batches(room, config)
    later = UnlabelledBatches(config, data.clips, (), first=3)
    assert (len(data), len(later), data.epoch_updates) == (8, 5, 2)
    for name, value in data[3].items():
        assert torch.equal(value, later[0][name]), name
    assert not torch.equal(data[2]["image"], data[3]["image"])
    for name, channels in (CHANNELS | {"background": 3}).items():
        assert data[0][name].shape == (2, channels, 32, 32)
        assert 0 <= data[0][name].min() <= data[0][name].max() <= 1
    assert not torch.equal(data[0]["image"], batches(room, config_of(seed=4))[0]["image"])


def test_a_shifted_subject_stays_whole(room):
    data, shifts = batches(room, config_of(crop=256, epochs=4, **LONGER)), []
    for batch in (data[i] for i in range(len(data))):
        for mask, shift in zip(batch["mask"], batch["shift"].tolist(), strict=True):
            columns = (mask[0] > 0.1).any(dim=0).nonzero().flatten()
            assert 0 <= columns[0] + shift <= columns[-1] + shift < 256
            shifts.append(shift)
    assert any(shifts)


def test_new_backgrounds_may_be_plates_mirrored(room):
    clip = prepared(room, config_of())
    batch = UnlabelledBatches(config_of(plates=1.0, crop=288), (clip,), ())[0]
    plate = np.load(clip.plate).transpose(2, 0, 1)[:, :, ::-1]
    found = [np.array_equal(plate[:, :, x : x + 288], batch["background"][0].numpy()) for x in range(512 - 288 + 1)]
    assert any(found)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "clips: there is no such folder"),
        ((), "clips: no folder with"),
        (("one/plate.png",), r"clips/one: clip\.\* is missing"),
        (("one/clip.mp4",), r"clips/one: plate\.\* is missing"),
        (("one/clip.mp4", "one/clip.mov", "one/plate.png"), r"one: clip\.mov, clip\.mp4: which is the clip"),
        (("one/clip.mp4", "one/plate.png"), r"clip\.mp4"),
    ],
)
def test_a_wrong_folder_of_clips_is_named(room, tmp_path, files, message):
    if files is not None:
        (tmp_path / "clips").mkdir()
    for name in files or ():
        (tmp_path / "clips" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "clips" / name).write_bytes(b"nothing that can be read")
    with pytest.raises(CleanplateError, match=message):
        prepared(room, config_of(), tmp_path / "clips")


def test_clips_that_cannot_be_used_are_named(room, scene, tmp_path):
    with pytest.raises(CleanplateError, match=r"512 x 288 at the generator's size: crop is 320, allowed is up to 288"):
        prepared(room, config_of(crop=320))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(scene.clip, folder / "clip.mkv")
    other = np.clip(textured(77)[:360, :640] * 255, 0, 255).astype(np.uint8)
    write_clip(folder / "plate.mkv", [other])
    with pytest.raises(CleanplateError, match=r"plate\.mkv fits no frame of .*clip\.mkv: "):
        prepared(room, config_of(frames=2), folder)


def test_a_wrong_field_is_named(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("epochs = 0\n")
    with pytest.raises(CleanplateError, match=r"run\.toml: epochs: .*greater than 0.*not 0"):
        read_adversarial_config(path)
    with pytest.raises(CleanplateError, match="no such file"):
        read_adversarial_config(tmp_path / "none.toml")


def test_the_configs_keep_the_papers_schedule():
    paths = sorted(CONFIGS.glob("adversarial*.toml"))
    assert [path.name for path in paths] == ["adversarial.toml", "adversarial_static.toml"]
    for config in map(read_adversarial_config, paths):
        assert (config.generator_rate, config.discriminator_rate) == (1e-4, 1e-5)
        assert (config.generator_updates, config.pseudo_weight, config.halving_epochs) == (5, 0.05, 2)
