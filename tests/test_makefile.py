"""What `make` does before there is an environment."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def make(python, venv, *more):
    words = ["make", f"PYTHON={python}", f"VENV={venv}", *more, f"{venv}/bin/python"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def test_an_environment_that_is_half_made_is_made_again(tmp_path):
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} "$@"\nmkdir -p "$3/bin" && touch "$3/bin/python"\nexit 1\n'
    )
    python.chmod(0o755)
    assert [make(python, tmp_path / "venv").returncode for _ in range(2)] == [2, 2]
    assert not (tmp_path / "venv" / "bin" / "python").exists()


def test_a_python_that_is_too_old_makes_no_environment(tmp_path):
    made = make(sys.executable, tmp_path / "venv", "OLDEST=3.99")
    assert made.returncode == 2 and "This needs Python 3.99 or newer" in made.stderr
    assert not (tmp_path / "venv").exists()
