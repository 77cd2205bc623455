"""Which device the networks run on, and how it is used best."""

from __future__ import annotations

import os
from functools import cache

import torch

from models.quantized import convolves_bytes
from pipeline.frames import CleanplateError, Precision

DEVICES = ("auto", "cpu", "cuda", "mps")

MOST_WORKERS = 4
"""Frames that are matted at the same time: each takes another quarter of a gigabyte at 4K."""

MOST_ALIGNERS = 6
"""Frames that are aligned at the same time."""


def works(name: str) -> bool:
    """Whether PyTorch can compute on a device here, tried out by an addition."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(name, False):
        return False
    try:
        return float(torch.ones(2, device=name).sum()) == 2
    except RuntimeError:
        return False


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first of cuda, mps and cpu that works.

    Raises:
        CleanplateError: There is no such device here.
    """
    if name not in DEVICES:
        raise CleanplateError(f"--device {name}: the devices are {', '.join(DEVICES)}")
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if works(device)))
    if not works(name):
        raise CleanplateError(f"--device {name}: PyTorch cannot use it on this machine; see cleanplate doctor")
    return torch.device(name)


def pick_precision(name: Precision, device: torch.device, quantizable: bool) -> Precision:
    """What the networks compute in; `auto` is what the device is quickest at.

    Args:
        name: What was asked for.
        device: Where they run.
        quantizable: Whether the networks can be had in eight bits, see `models.quantized.can_be_quantized`.

    Raises:
        CleanplateError: Eight bits were asked for and cannot be had.
    """
    if name == "int8" and not quantizable:
        raise CleanplateError("--precision int8: the ranges of these weights were not measured; see training.ranges")
    if name == "int8" and device.type != "cpu":
        raise CleanplateError("--precision int8: that is for processors, give --device cpu")
    if name == "int8" and not multiplies_bytes():
        raise CleanplateError("--precision int8: this processor (no VNNI), or this PyTorch, does not multiply bytes")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type == "cpu" and quantizable and multiplies_bytes():
        return "int8"
    return "bfloat16" if device.type == "cpu" and _has("avx512_bf16", "amx_bf16", "bf16") else "float32"


@cache
def multiplies_bytes() -> bool:
    """Whether the processor is quick with bytes, and PyTorch uses that, tried out by a convolution."""
    return _has("avx512_vnni", "avx_vnni", "amx_int8") and convolves_bytes()


def _has(*features: str) -> bool:
    """Whether the processor has any of these; older releases of PyTorch do not say."""
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(has.get(feature, False) for feature in features)


def tile_batch_for(device: torch.device) -> int:
    """How many squares of tiles the refiner best takes at once: few stay in a processor's cache, many fill a GPU."""
    return 16 if device.type == "cpu" else 256


def cores() -> int:
    """Of the processor, how many this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def aligners_for(count: int) -> int:
    """How many frames are best aligned at the same time on so many cores, beside decoder, networks and encoder."""
    return max(1, min(MOST_ALIGNERS, count // 4))


def workers_for(device: torch.device) -> tuple[int, int]:
    """How many frames are best matted at the same time on a device, and by how many of PyTorch's threads each.

    Frames side by side use the cores of a processor better than the layers of one frame do.
    """
    if device.type != "cpu":
        return 1, torch.get_num_threads()
    workers = max(1, min(MOST_WORKERS, torch.get_num_threads()))
    return workers, max(1, torch.get_num_threads() // workers)
