"""What the user says on the command line reaches what does the work."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.decode import open_clip
from pipeline.finishing import Finish
from pipeline.frames import Settings
from pipeline.plate_building import PlateJob, PlateSummary
from pipeline.render import RenderJob, Summary
from tests.conftest import frames


def test_every_option_of_render_is_in_the_job(run, monkeypatch, tmp_path):
    jobs = []
    monkeypatch.setattr("pipeline.render.render", lambda job, progress: jobs.append(job) or Summary(frames=1))
    out, alpha, foreground = (tmp_path / name for name in ("o.mkv", "a.mkv", "f.mkv"))
    words = {
        "--plate": "p.png", "--background": "b.mp4", "-o": out, "--alpha": alpha, "--foreground": foreground,
        "--mask": "m.png", "--sheet": tmp_path / "s.png", "--model": "paper", "--weights": "w.safetensors",
        "--segmenter": "deeplab", "--device": "cpu", "--precision": "float32", "--on-failed": "mask", "--start": "3",
        "--end": "2s", "--fps": "24000/1001", "--codec": "ffv1", "--quality": "7", "--bits": "16", "--exr": "codes",
        "--erode": "1", "--feather": "2", "--light-wrap": "3",
    }  # fmt: skip
    flags = ("--hardware", "--premultiplied", "--sdr", "--linear", "--overwrite")
    assert run("render", "clip.mp4", *(word for pair in words.items() for word in pair), *flags)[0] == 0
    assert jobs == [RenderJob(
        clip=Path("clip.mp4"), plate=Path("p.png"), background="b.mp4", out=out, alpha=alpha, foreground=foreground,
        mask=Path("m.png"), sheet=tmp_path / "s.png", start="3", end="2s", fps=Fraction(24000, 1001), overwrite=True,
        codec="ffv1", quality=7, hardware=True, bits=16, premultiplied=True, exr="codes", sdr=True,
        finish=Finish(erode_px=1, feather_px=2, light_wrap_px=3, linear=True), on_failed="mask",
        settings=Settings(
            model="paper", weights=Path("w.safetensors"), segmenter="deeplab", device="cpu", precision="float32"
        ),
    )]  # fmt: skip


def test_finishing_depth_and_codes_reach_the_outputs(scene, run, tmp_path):
    words = ("render", scene.clip, "--plate", scene.plate, "--background", "#ffffff", "--end", 1)
    assert run(*words, "-o", tmp_path / "plain.mkv")[0] == 0
    for option in (("--linear",), ("--light-wrap", 6), ("--erode", 3)):
        assert run(*words, "-o", tmp_path / "other.mkv", "--overwrite", *option)[0] == 0
        assert not np.array_equal(frames(tmp_path / "plain.mkv")[0], frames(tmp_path / "other.mkv")[0]), option
    assert run(*words, "-o", tmp_path / "deep.mkv", "--bits", 16)[0] == 0
    assert frames(tmp_path / "deep.mkv")[0].dtype == np.uint16
    light, codes = tmp_path / "l_%d.exr", tmp_path / "c_%d.exr"
    assert run(*words, "-o", light)[0] == run(*words, "-o", codes, "--exr", "codes")[0] == 0
    assert frames(codes)[0].mean() > frames(light)[0].mean()  # they are seen as light, and so brighter


def test_every_option_of_plate_is_in_the_job(run, monkeypatch, tmp_path):
    jobs = []
    made = PlateSummary("new.png", 4, 3, 1.0, 0.0, 5)
    monkeypatch.setattr("pipeline.plate_building.make_plate", lambda job, progress: jobs.append(job) or made)
    words = ("--empty", "0-2s", "--mask", "m.png", "--start", "1", "--end", "9", "--overwrite")
    assert run("plate", "a.png", "b.png", "-o", "new.png", *words, "--json", tmp_path / "j.json")[0] == 0
    assert jobs == [PlateJob((Path("a.png"), Path("b.png")), Path("new.png"), "0-2s", Path("m.png"), "1", "9", True)]
    assert json.loads((tmp_path / "j.json").read_text())["used"] == 5


def test_trainings_get_what_they_are_told(run, monkeypatch, tmp_path):
    (tmp_path / "a.toml").write_text("steps = 5\n")
    (tmp_path / "b.toml").write_text("epochs = 2\n")
    calls = []
    for kind in ("supervised", "adversarial"):
        monkeypatch.setattr(f"training.{kind}.train", lambda *given: calls.append(given) or Path("w.safetensors"))
    monkeypatch.setattr("training.material.find_material", lambda *folders: _Material(folders))
    out = tmp_path / "run"
    words = ("--assets", "x", "--cutouts", "y", "--device", "cpu")
    code, said = run("train", "supervised", tmp_path / "a.toml", "-o", out, *words)
    assert code == 0 and "weights: w.safetensors" in said
    assert run("train", "adversarial", tmp_path / "b.toml", "-o", out, "--clips", "c", "--assets", "x")[0] == 0
    (config, *rest), (other, *more) = calls
    assert config.steps == 5 and rest == [out, _Material((Path("x"), Path("y"))), "cpu"]
    assert other.epochs == 2 and more == [out, Path("c"), "photos"]


class _Material(tuple):
    """The folders that were asked for."""

    photos = "photos"

    def __new__(cls, folders):
        return super().__new__(cls, folders)


def test_the_networks_that_are_named_are_exported(run, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr("models.weights.load_weights", lambda *given: given)
    monkeypatch.setattr("models.exporting.export_onnx", lambda *given: calls.append(given) or [Path("g.onnx")])
    code, said = run("export", "-o", tmp_path, "--model", "paper", "--weights", "w.safetensors")
    assert code == 0 and "wrote g.onnx" in said
    assert calls == [(("paper", Path("w.safetensors")), tmp_path)]
    (tmp_path / "refiner.onnx").touch()
    assert run("export", "-o", tmp_path)[0] == 2
    assert run("export", "-o", tmp_path, "--overwrite")[0] == 0


def test_foregrounds_are_evaluated_where_they_are_given(run, tmp_path):
    for name, value in (("alpha", 255), ("one", 100), ("other", 151)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((16, 16, 3), value, np.uint8))
    alpha = tmp_path / "alpha.png"
    pair = ("--predicted-foreground", tmp_path / "one.png", "--true-foreground", tmp_path / "other.png")
    assert run("evaluate", alpha, alpha, *pair, "--json", tmp_path / "j.json")[0] == 0
    assert json.loads((tmp_path / "j.json").read_text())["foreground_mse"] == pytest.approx(40, abs=0.1)
    assert run("evaluate", alpha, alpha, "--true-foreground", tmp_path / "one.png")[0] == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("of 5 TiB"), "the memory of this machine does not suffice: of 5 TiB"),
        (OSError(28, "No space left on device", "f.mp4"), "f.mp4: No space left on device"),
    ],
)
def test_what_the_machine_could_not_is_its_fault(run, monkeypatch, error, words):
    def fail():
        raise error

    monkeypatch.setattr("pipeline.doctor.examine", fail)
    code, said = run("doctor")
    assert code == 3 and words in said


def test_a_rate_is_that_of_the_output(scene, run, tmp_path):
    with open_clip(scene.clip) as clip:
        for frame in clip.frames(0, 2):
            cv2.imwrite(str(tmp_path / f"in_{frame.index}.png"), frame.image[..., ::-1])
    words = ("render", tmp_path / "in_%d.png", "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv")
    code, said = run(*words, "--fps", "24000/1001")
    assert code == 0 and "a second" not in said
    with open_clip(tmp_path / "alpha.mkv") as clip:
        assert float(clip.info.pts[1] * clip.info.time_base) == pytest.approx(1001 / 24000, abs=1e-3)
    assert run(*words, "--overwrite", "--fps", "soon")[0] == 2
