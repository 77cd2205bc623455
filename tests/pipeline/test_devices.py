"""What `auto` comes to."""

import pytest
import torch

from pipeline import devices
from pipeline.devices import multiplies_bytes, pick_precision
from pipeline.frames import CleanplateError

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_bfloat16_uses_it(monkeypatch, feature):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, feature: True}, raising=False)
    assert pick_precision("auto", CPU, False) == "bfloat16"


def test_a_processor_without_it_does_not(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True, "avx512_bf16": False}, raising=False)
    assert pick_precision("auto", CPU, False) == "float32"
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older releases
    assert pick_precision("auto", CPU, False) == "float32"


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_gpu_is_asked_whether_it_has_it(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native and not including_emulation)
    assert pick_precision("auto", CUDA, True) == expected


def test_what_was_asked_for_stays():
    assert [pick_precision(name, device, True) for name in ("float32", "bfloat16") for device in (CPU, MPS)] == [
        "float32", "float32", "bfloat16", "bfloat16",
    ]  # fmt: skip
    assert pick_precision("auto", MPS, True) == "float32"


@pytest.fixture
def processor(monkeypatch):
    """Says that the processor has just the features that it is given."""

    def has(*features):
        multiplies_bytes.cache_clear()
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(features, True), raising=False)

    yield has
    multiplies_bytes.cache_clear()


@pytest.mark.parametrize("feature", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_a_processor_that_multiplies_bytes_does_so_where_the_networks_can(processor, monkeypatch, feature):
    monkeypatch.setattr(devices, "convolves_bytes", lambda: True)
    processor("avx512_bf16", feature)
    assert pick_precision("auto", CPU, True) == pick_precision("int8", CPU, True) == "int8"
    assert pick_precision("auto", CPU, False) == "bfloat16"


def test_one_that_does_not_is_not_asked_to(processor, monkeypatch):
    processor("avx512_bf16")
    assert pick_precision("auto", CPU, True) == "bfloat16"
    with pytest.raises(CleanplateError, match="VNNI"):
        pick_precision("int8", CPU, True)
    monkeypatch.setattr(devices, "convolves_bytes", lambda: False)  # a release of PyTorch that cannot
    processor("avx512_vnni")
    assert pick_precision("auto", CPU, True) == "float32"


def test_eight_bits_that_cannot_be_had_are_refused():
    with pytest.raises(CleanplateError, match="ranges of these weights"):
        pick_precision("int8", CPU, False)
    with pytest.raises(CleanplateError, match="--device cpu"):
        pick_precision("int8", CUDA, True)
