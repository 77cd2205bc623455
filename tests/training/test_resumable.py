"""What a run leaves behind: a kill, a full disk or another config costs nothing, and is said in one line."""

import json

import pytest

from pipeline.frames import CleanplateError, MachineError
from training.config import SupervisedConfig
from training.material import Material
from training.pictures import draw_curve
from training.resumable import read_log
from training.supervised import train

TINY = {"batch": 2, "coarse_size": 64, "crop": 64, "factors": (1.5,), "workers": 0, "precision": "float32"}


def test_a_kill_amid_saving_loses_no_weights(tmp_path, monkeypatch):
    config = SupervisedConfig(steps=1, **TINY)

    def killed(*_):
        raise KeyboardInterrupt

    for writer in ("models.weights._save", "torch.save"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(writer, killed)
            train(config, tmp_path, Material(), "cpu")
        assert not (tmp_path / "checkpoint.pt").exists()
    assert train(config, tmp_path, Material(), "cpu").exists()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run of two updates."""
    folder = tmp_path_factory.mktemp("stopped")
    train(SupervisedConfig(steps=2, **TINY), folder, Material(), "cpu")
    return folder


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 1}, "is of update 2, but the config's run ends at 1; let it run longer"),
        ({"model": "paper"}, "is of other networks than the config's"),
        ({"left_out": "refiner"}, "is of other networks than the config's"),
    ],
)
def test_a_run_that_a_checkpoint_does_not_fit_is_refused(stopped, changes, said):
    config = SupervisedConfig(**{"steps": 4} | TINY | changes)
    with pytest.raises(CleanplateError, match=rf"^.*checkpoint\.pt {said}.*begin in another folder$"):
        train(config, stopped, Material(), "cpu")


@pytest.mark.parametrize("whole", [0, 0.5])
def test_a_damaged_checkpoint_is_named_by_every_process(stopped, tmp_path, whole):
    packed = (stopped / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(packed[: int(whole * len(packed))])
    for processes in (1, 2) if whole else (1,):
        with pytest.raises(CleanplateError, match=r"^\S*checkpoint\.pt is damaged; delete it.*$"):
            train(SupervisedConfig(steps=4, **TINY), tmp_path, Material(), "cpu", processes)


def test_a_lack_of_memory_is_no_damage(stopped, tmp_path, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    (tmp_path / "checkpoint.pt").write_bytes((stopped / "checkpoint.pt").read_bytes())
    monkeypatch.setattr("torch.load", full)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train(SupervisedConfig(steps=4, **TINY), tmp_path, Material(), "cpu")


def test_a_full_disk_is_the_machines_fault(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0\nframe #0")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(MachineError, match=r"could not be written to: .*64 vs 0; the same command will go on.*$"):
        train(SupervisedConfig(steps=1, **TINY), tmp_path, Material(), "cpu")


def test_a_row_of_the_log_that_a_kill_left_is_skipped(tmp_path):
    rows = [{"step": 20, "alpha": 0.5}, {"step": 40, "alpha": 0.25}]
    log = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "log.jsonl").write_text(log + '\n{"step": 60, "al')
    assert read_log(tmp_path / "log.jsonl") == rows
    draw_curve(tmp_path / "log.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()
