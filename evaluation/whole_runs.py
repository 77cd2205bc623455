"""Whole commands, timed from outside: this program's render, another program's, and how both grow."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Colour, Image

LAUNCHER = """
import resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
# A process begins with the memory of the one that starts it, so that a small one has to stand between.


@dataclass(frozen=True)
class Run:
    """What one command took.

    Attributes:
        seconds: From its start to its end.
        peak_gb: Largest resident memory of the process.
    """

    seconds: float
    peak_gb: float


def run_timed(command: list[str]) -> Run:
    """Run a command to its end.

    Raises:
        SystemExit: It failed; its last words are part of the message.
    """
    ran = subprocess.run([sys.executable, "-c", LAUNCHER, *command], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {ran.returncode}: {ran.stderr[-500:]}")
    seconds, peak = (float(word) for word in ran.stdout.split())
    return Run(seconds, peak / (1e9 if sys.platform == "darwin" else 1e6))


def own_command(clip: Path, plate: Path, room: Path, options: list[str]) -> list[str]:
    """A render of this program: an H.264 composite over black, and alpha as FFV1; `options` are a render's."""
    files = ["-o", str(room / "own.mp4"), "--alpha", str(room / "own.mkv"), "--overwrite"]
    python = [sys.executable, "-m", "pipeline.cli", "render", str(clip), "--plate", str(plate)]
    return [*python, "--background", "#000000", *files, *options]


def against(other: str, clip: Path, plate: Path, room: Path, rounds: int, options: list[str]) -> dict[str, list[Run]]:
    """Another program's command and this program's in turn.

    Args:
        other: The command; {clip}, {plate} and {out} stand for the files and a folder of its own.
        clip: What both read.
        plate: The same.
        room: Folder for what they write.
        rounds: How often each runs.
        options: More words for this program's render.
    """
    (room / "other").mkdir(exist_ok=True)
    filled = [word.format(clip=clip, plate=plate, out=room / "other") for word in shlex.split(other)]
    runs: dict[str, list[Run]] = {"cleanplate": [], "other": []}
    for _ in range(rounds):
        runs["cleanplate"].append(run_timed(own_command(clip, plate, room, options)))
        runs["other"].append(run_timed(filled))
    return runs


def growth(frames: list[Image], plate: Image, lengths: list[int], room: Path, options: list[str]) -> dict[int, Run]:
    """A render of each length, of the same frames there and back again, over black; `options` are a render's."""
    with open_writer(room / "plate.png", _like(frames[0], 1), channels=3, bits=8) as writer:
        writer.write(plate, 0)
    there_and_back = [*frames, *frames[-2:0:-1]]
    runs = {}
    for length in lengths:
        clip = room / f"{length}.mp4"
        with open_writer(clip, _like(frames[0], length), channels=3) as writer:
            for index in range(length):
                writer.write(there_and_back[index % len(there_and_back)], index)
        runs[length] = run_timed(own_command(clip, room / "plate.png", room, options))
        clip.unlink()
    return runs


def _like(frame: Image, length: int) -> ClipInfo:
    height, width = frame.shape[:2]
    pts = tuple(range(length))
    return ClipInfo(Path("none"), width, height, pts, Fraction(1, 25), Fraction(25), 8, Colour(), 0, length)
