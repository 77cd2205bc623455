"""The commands that are not about a clip."""

import json
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from rich.text import Text

from models.importing import ORIGINAL
from pipeline.console import plain
from pipeline.doctor import examine
from pipeline.frames import MachineError
from pipeline.heap import is_out_of_memory
from pipeline.places import write_whole
from tests.models.original import TINY, empty_state


def test_doctor_tries_what_it_reports(run):
    code, said = run("doctor")
    assert code == 0
    for word in ("torch", "libx264", "ffv1", "H.265 --hardware", "cuda", "fast", "paper"):
        assert word in said


def test_doctor_says_what_works_and_what_does_not(monkeypatch):
    found = {finding.name: finding for finding in examine()}
    assert found["libx264"].works and found["ffv1"].works and found["cpu"].works
    assert found["cuda"].works == torch.cuda.is_available()
    monkeypatch.setattr("pipeline.doctor.try_codec", lambda *_: "no such encoder")
    broken = {finding.name: finding for finding in examine()}["libx264"]
    assert (broken.works, broken.detail) == (False, "no such encoder")


def test_weights_list_names_every_model(run, monkeypatch, tmp_path):
    code, said = run("weights", "list")
    assert code == 0 and "fast" in said and "paper" in said and said.count("million") == 2
    (tmp_path / "fast.safetensors").write_bytes(b"half a copy")
    monkeypatch.setattr("models.weights.FOLDER", tmp_path)
    code, said = run("weights", "list")
    assert code == 0 and "damaged" in said and "not trained yet" in said


def test_evaluate_scores_a_matte(run, tmp_path):
    for name, value in (("true", 255), ("predicted", 204)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((40, 60), value, np.uint8))
    code, said = run("evaluate", tmp_path / "predicted.png", tmp_path / "true.png", "--json", tmp_path / "s.json")
    assert code == 0 and "mad" in said and "200.000" in said
    scores = json.loads((tmp_path / "s.json").read_text())
    assert abs(scores["mad"] - 200) < 1e-3 and abs(scores["mse"] - 40) < 1e-3


def test_half_a_pair_of_foregrounds_is_refused(run, tmp_path):
    code, said = run("evaluate", "a.png", "b.png", "--true-foreground", "c.png")
    assert code == 2 and "together" in said


def test_an_error_of_ours_shows_its_traceback(run, monkeypatch):
    import pytest

    def broken():
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("pipeline.doctor.examine", broken)
    with pytest.raises(ZeroDivisionError):
        run("doctor")


def test_a_training_that_is_interrupted_says_how_it_goes_on(run, monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    (tmp_path / "run.toml").write_text("steps = 5\n")
    monkeypatch.setattr("training.supervised.train", interrupted)
    code, said = run("train", "supervised", tmp_path / "run.toml", "-o", tmp_path / "run")
    assert code == 130 and "the same command goes on" in said


def test_an_interruption_is_said(run, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.doctor.examine", interrupted)
    code, said = run("doctor")
    assert code == 130 and "interrupted" in said


def test_an_interruption_before_the_command_begins_is_said_too(run, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.cli.settle_heap", interrupted)
    code, said = run("doctor")
    assert code == 130 and said == "interrupted"


@pytest.mark.parametrize("words", [["--help"], ["render"], ["weights", "import"]])
def test_help_does_not_wait_for_the_networks(words):
    code = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); from pipeline.cli import main"
    said = subprocess.run([sys.executable, "-c", f"{code}; main()", *words], capture_output=True, text=True).stdout
    assert said.endswith("False\n")


def test_a_summary_without_a_folder_is_refused_before_the_work(run, tmp_path):
    for option, command in (("--json", "align"), ("--sheet", "render")):
        words = ["nowhere.mp4", "--plate", "nowhere.png"] if option == "--json" else []
        words = words or [tmp_path / "c.mp4", "--plate", tmp_path / "p.png", "--alpha", tmp_path / "a.mkv"]
        code, said = run(command, *words, option, tmp_path / "missing" / "file")
        assert code == 2 and "missing does not exist; make it first" in said


def test_what_cannot_be_written_is_named(run, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((32, 32), np.uint8))
    (tmp_path / "taken").mkdir()
    code, said = run("evaluate", tmp_path / "a.png", tmp_path / "a.png", "--json", tmp_path / "taken")
    assert code == 2 and "taken is a folder" in said
    code, said = run("evaluate", tmp_path / "a.png", tmp_path / "a.png", "--json", tmp_path / f"{'a' * 250}.json")
    assert code == 3 and "could not be written" in said


def test_help_names_the_commands(run):
    code, said = run("--help")
    assert code == 0
    for command in ("render", "align", "evaluate", "doctor", "weights", "train"):
        assert command in said


def test_the_version_is_said(run):
    code, said = run("--version")
    assert code == 0 and re.fullmatch(r"cleanplate \d+\.\d+\.\d+", said)


def test_without_a_plate_it_is_said_what_makes_one(run):
    for command in ("render", "align"):
        code, said = run(command, "clip.mp4")
        assert code == 2 and "Missing option '--plate'. `cleanplate plate` makes one" in said


@pytest.mark.parametrize("words", [
    ("export",), ("train", "supervised", "run.toml"), ("train", "adversarial", "run.toml", "--clips", "c"),
])  # fmt: skip
def test_a_file_is_no_folder_to_write_into(run, tmp_path, words):
    (tmp_path / "taken.png").touch()
    code, said = run(*words, "-o", tmp_path / "taken.png")
    assert code == 2 and "taken.png is a file; name a folder" in said


def test_a_checkpoint_is_imported_and_nothing_is_overwritten_unasked(run, tmp_path):
    out = tmp_path / "theirs.safetensors"
    torch.save(empty_state(ORIGINAL), tmp_path / "x.pth")
    code, said = run("weights", "import", tmp_path / "x.pth", "-o", out)
    assert code == 0 and "not for commercial use" in said and "--weights" in said
    before = out.read_bytes()
    code, said = run("weights", "import", tmp_path / "x.pth", "-o", out)
    assert code == 2 and "--overwrite" in said and out.read_bytes() == before
    torch.save(empty_state(TINY), tmp_path / "x.pth")
    code, said = run("weights", "import", tmp_path / "x.pth", "-o", out, "--overwrite")
    assert code == 2 and "keys are missing: model_res_dec" in said and out.read_bytes() == before


def test_an_export_replaces_nothing_unasked(run, tmp_path):
    (tmp_path / "generator.onnx").write_bytes(b"mine")
    code, said = run("export", "-o", tmp_path)
    assert code == 2 and "exists already" in said
    assert (tmp_path / "generator.onnx").read_bytes() == b"mine"


def test_an_export_without_its_libraries_says_what_to_install(run, tmp_path, monkeypatch):
    def missing(*_):
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr("models.exporting.export_onnx", missing)
    code, said = run("export", "-o", tmp_path)
    assert code == 2 and "cleanplate[export]" in said


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError("Unable to allocate 5 TiB"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_what_memory_does_not_suffice_for_is_the_machines_fault(error, expected):
    assert is_out_of_memory(error) is expected


def test_text_is_said_as_it_is():
    for text in ("D:\\jobs\\[final]\\clip.mp4", "[/x]", "a[1].mov", "\\[b]", "plain"):
        assert Text.from_markup(plain(text) + "[red]![/]").plain == text + "!"


def test_a_full_disk_is_the_machines_fault(tmp_path):
    with pytest.raises(MachineError, match="could not be written"):
        write_whole(tmp_path / "nowhere" / "a.json", b"")
    write_whole(tmp_path / "a.json", b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_a_link_and_a_pipe_stay_what_they_are(tmp_path):
    (tmp_path / "a.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to("a.json")
    write_whole(tmp_path / "link.json", b"new")
    assert (tmp_path / "link.json").is_symlink() and (tmp_path / "a.json").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        write_whole(tmp_path / "pipe", b"said")
        assert reader.communicate()[0] == b"said"
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "log").write_bytes(b"before, ")
    code = "from pathlib import Path; from pipeline.places import write_whole; print('first, ', end=''); "
    code += "write_whole(Path('/dev/stdout'), b'said'); print(', last')"
    program = [sys.executable, "-c", code]
    assert subprocess.run(program, check=True, capture_output=True).stdout == b"first, said, last\n"
    with (tmp_path / "log").open("ab") as log:
        subprocess.run(program, check=True, stdout=log)
    assert (tmp_path / "log").read_bytes() == b"before, first, said, last\n"
    with (tmp_path / "log").open("wb") as log:
        subprocess.run(program, check=True, stdout=log)
    assert (tmp_path / "log").read_bytes() == b"first, said, last\n"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(MachineError, match="round could not be written"):
        write_whole(tmp_path / "round", b"")
