"""`cleanplate doctor`: what works on this machine, found out by trying."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from models.weights import list_weights
from pipeline.devices import DEVICES, works

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
    for weights in list_weights():
        ready = weights.parameters > 0
        detail = f"{weights.parameters / 1e6:.2f} million parameters" if ready else "no trained weights yet"
        yield Finding("weights", weights.name, ready, detail)


def _library(name: str) -> Finding:
    try:
        return Finding("library", name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        if name == "opencv-python-headless":  # any build of OpenCV will do
            return Finding("library", "cv2", True, str(importlib.import_module("cv2").__version__))
        return Finding("library", name, False, "is not installed")


def try_codec(codec: str, pixel_format: str) -> str:
    """Encode one frame; the reason why it failed, or nothing. Being listed does not mean that it works."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with av.open(str(Path(folder) / "try.mkv"), "w") as container:
                stream = container.add_stream(codec, rate=Fraction(25))
                assert isinstance(stream, VideoStream)
                stream.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
                stream.width, stream.height, stream.pix_fmt = 64, 64, pixel_format
                picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                for packet in (*stream.encode(picture), *stream.encode(None)):
                    container.mux(packet)
        except (av.FFmpegError, ValueError) as error:
            return f"does not encode here: {error}"
    return ""
