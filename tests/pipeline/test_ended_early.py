"""Runs that are killed or interrupted."""

import os
import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_leaves_nothing_under_the_outputs_name(scene, tmp_path):
    words = ["render", scene.clip, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv", "-o", tmp_path / "a.mkv"]
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not any(tmp_path.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "alpha.mkv").exists() and not (tmp_path / "a.mkv").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_an_interrupted_run_ends_soon_and_leaves_nothing(samples, tmp_path):
    clip, plate = samples / "clip.mp4", samples / "plate.png"  # long enough not to be over before the interrupt comes
    words = ["render", clip, "--plate", plate, "--alpha", tmp_path / "alpha.mkv", "-o", tmp_path / "a.mkv"]
    # What a shell runs in the background inherits that interrupts are ignored.
    listens = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = [sys.executable, "-c", f"{listens}; from pipeline.cli import main; main()", *map(str, words)]
    process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any(tmp_path.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not any(tmp_path.iterdir())
