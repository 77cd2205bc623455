"""What `auto` comes to."""

import pytest
import torch

from pipeline.devices import pick_precision

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


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
