"""`cleanplate doctor`: what works on this machine, found out by trying."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from models.weights import list_weights
from pipeline.devices import DEVICES, works
from pipeline.hardware import HARDWARE
from pipeline.trial import try_codec

LIBRARIES = (
    "torch",
    "torchvision",
    "av",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "pydantic",
)

CODECS = (
    ("libx264", "yuv420p", "H.264, for .mp4 and .mov"),
    ("ffv1", "bgr0", "FFV1 lossless, for .mkv"),
    ("libx265", "yuv420p10le", "H.265"),
    ("prores_ks", "yuva444p10le", "ProRes 4444"),
    ("libvpx-vp9", "yuva420p", "VP9 with alpha"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; `works` is None where there is nothing to work or not."""

    group: str
    name: str
    works: bool | None
    detail: str


def examine() -> Iterator[Finding]:
    """Try everything, one finding after the other."""
    yield Finding("system", "python", None, f"{platform.python_version()} on {platform.platform()}")
    yield Finding("system", "processor", None, f"{os.cpu_count()} cores, {platform.machine()}")
    for library in LIBRARIES:
        yield _library(library)
    for device in DEVICES[1:]:
        working = works(device)
        yield Finding("device", device, working, "computes" if working else "PyTorch cannot use it here")
    for codec, pixel_format, use in CODECS:
        problem = try_codec(codec, pixel_format)
        yield Finding("codec", codec, not problem, problem or use)
    for software, name in (("libx264", "H.264"), ("libx265", "H.265")):
        yield _hardware(software, name)
    for weights in list_weights():
        ready = weights.parameters > 0
        missing = f"{weights.path} is damaged" if weights.damaged else "no trained weights yet"
        detail = f"{weights.parameters / 1e6:.2f} million parameters" if ready else missing
        yield Finding("weights", weights.name, ready, detail)


def _hardware(software: str, name: str) -> Finding:
    """Which of the encoders that `--hardware` would try works, if any; all of them take frames of 720p."""
    encoders = HARDWARE[software]
    tried = (one for one in encoders if not try_codec(one.codec, one.pixel_formats[0], (1280, 720), one.options))
    working = next(tried, None)
    detail = working.codec if working is not None else f"tried {', '.join(one.codec for one in encoders)}"
    return Finding("codec", f"{name} --hardware", working is not None, detail)


def _library(name: str) -> Finding:
    try:
        return Finding("library", name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        if name == "opencv-python-headless":  # any build of OpenCV will do
            return Finding("library", "cv2", True, str(importlib.import_module("cv2").__version__))
        return Finding("library", name, False, "is not installed")
