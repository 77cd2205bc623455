"""What `auto` comes to, and memory that is freed."""

import platform
import subprocess
import sys

import pytest
import torch

from pipeline.devices import pick_precision

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))

FAULTS = """
import resource
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pipeline.devices import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()


def fill(_):
    for _ in range(20):  # what a frame takes, and all of it freed before the next
        [np.ones(250_000, np.float32) for _ in range(30)]


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


with ThreadPoolExecutor(1) as pool:
    list(pool.map(fill, range(2)))
    before = faults()
    list(pool.map(fill, range(2)))
    print(faults() - before)
"""


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_bfloat16_uses_it(monkeypatch, feature):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, feature: True}, raising=False)
    assert pick_precision("auto", CPU) == "bfloat16"


def test_a_processor_without_it_does_not(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, "avx512_bf16": False}, raising=False)
    assert pick_precision("auto", CPU) == "float32"
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older releases
    assert pick_precision("auto", CPU) == "float32"


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_gpu_is_asked_whether_it_has_it(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native and not including_emulation)
    assert pick_precision("auto", CUDA) == expected


def test_what_was_asked_for_stays():
    assert [pick_precision(name, device) for name in ("float32", "bfloat16") for device in (CPU, MPS)] == [
        "float32", "float32", "bfloat16", "bfloat16",
    ]  # fmt: skip
    assert pick_precision("auto", MPS) == "float32"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_the_next_frame_gets_the_pages_of_the_last():
    def faults(how):
        return int(
            subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout
        )

    assert faults("kept") < 0.2 * faults("default")
