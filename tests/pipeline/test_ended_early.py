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
    deadline = time.monotonic() + 300
    while not any(tmp_path.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "alpha.mkv").exists() and not (tmp_path / "a.mkv").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals to one process")
@pytest.mark.parametrize(("told", "code", "words"), [
    ("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated"), ("SIGHUP", 129, ""),
])  # fmt: skip
def test_a_run_that_is_told_to_stop_ends_soon_and_leaves_nothing(samples, tmp_path, told, code, words):
    clip, plate = samples / "clip.mp4", samples / "plate.png"  # long enough not to be over before it is told
    outputs = ["--alpha", tmp_path / "alpha.mkv", "--foreground", tmp_path / "f.mp4", "-o", tmp_path / "a_%05d.exr"]
    # What a shell runs in the background inherits that interrupts are ignored.
    listens = "signal.default_int_handler" if told == "SIGINT" else "signal.SIG_DFL"
    begin = f"import signal; signal.signal(signal.{told}, {listens}); from pipeline.cli import main; main()"
    program = [sys.executable, "-c", begin, "render", clip, "--plate", plate, *outputs]
    process = subprocess.Popen([*map(str, program)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while len([*tmp_path.iterdir()]) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(getattr(signal, told))
    _, said = process.communicate(timeout=300)
    assert process.returncode == code
    assert said.strip() == words
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="there a pipe breaks otherwise")
def test_a_run_goes_on_where_nobody_reads_what_it_says(scene, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    words = ["render", scene.clip, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv", "--end", 1]
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    code = subprocess.run(program, stdout=writer, stderr=writer, check=False).returncode
    os.close(writer)
    assert code == 0 and (tmp_path / "alpha.mkv").exists()
