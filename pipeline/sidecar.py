"""The sidecar of a render: what was done, with what, and how each frame went; enough to do it again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.weights import FOLDER
from pipeline.frames import CleanplateError, Frame, Matte, Settings
from pipeline.image_clips import PATTERN, is_pattern
from pipeline.places import files_of, write_json

LIBRARIES = ("torch", "torchvision", "av", "numpy", "opencv-python-headless", "pillow", "safetensors")


def sidecar_path(output: Path, part: range | None = None) -> Path:
    """`OUT.json` for `OUT`; a numbered sequence's name loses its number, and gets those of the part of the clip."""
    if is_pattern(output):
        name = PATTERN.sub("", output.stem).strip("_.") or "sequence"
        numbers = "" if part is None else f".{part[0]}-{part[-1]}"
        return output.with_name(name + numbers + output.suffix + ".json")
    return output.with_name(output.name + ".json")


def is_sidecar(path: Path, output: Path) -> bool:
    """Whether a file has the name of an output's sidecar, or could have that of a part of it."""
    name = re.sub(r"\.\d+-\d+(?=\.\w+\.json$)", "", path.name) if is_pattern(output) else path.name
    whole = sidecar_path(output)
    return name == whole.name and path.parent.resolve() == whole.parent.resolve()


def check_sidecar(path: Path) -> None:
    """Refuse a sidecar that could not be written when all else is done.

    Raises:
        CleanplateError: There is a folder of its name.
    """
    if path.is_dir():
        raise CleanplateError(f"{path} is a folder, but the record of this run is to have that name; move it away")


def frame_row(frame: Frame, matte: Matte) -> dict[str, Any]:
    """What is kept of one frame."""
    row: dict[str, Any] = {
        "index": frame.index,
        "pts_seconds": frame.seconds,
        "status": str(matte.status),
        "mean_alpha": round(float(matte.alpha.mean()), 6),
    }
    report = matte.alignment
    if report is not None:
        row |= {
            "alignment": report.status,
            "residual_px": round(report.residual_px, 4),
            "bend_px": round(report.bend_px, 3),
            "blur_px": round(report.blur_px, 3),
            "coverage": round(report.coverage, 5),
            "gain": [round(value, 5) for value in report.gain],
            "offset": [round(value, 6) for value in report.offset],
            "tone": None if report.tone is None else report.tone.round(6).tolist(),
        }
    return row


def write_sidecar(path: Path, job: dict[str, Any], settings: Settings, device: str, result: dict[str, Any]) -> None:
    """Write it.

    Args:
        path: From `sidecar_path`; replaced if it is there.
        job: What the user asked for; paths are written as they were given.
        settings: Of the mattes.
        device: What `auto` came to.
        result: Outputs, frames, timings.
    """
    plate = Path(job["plate"])
    weights = settings.weights or FOLDER / f"{settings.model}.safetensors"
    content = {
        "program": {"name": "cleanplate", "version": importlib.metadata.version("cleanplate")},
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "machine": {"system": platform.platform(), "device": device},
        "job": job,
        "settings": asdict(settings),
        "weights": {"path": weights, "sha256": _digest(weights)},
        "plate": {"path": plate.resolve(), "sha256": _digest_if_there(plate)},
        **result,
    }
    write_json(path, content)


def _digest_if_there(plate: Path) -> str | None:
    """None where it has been moved meanwhile: what was rendered is whole all the same."""
    try:
        files = sorted(files_of(plate))
        return _digest(*files) if files else None
    except OSError:
        return None


def _digest(*paths: Path) -> str:
    """Of a file, or of several as if they were one."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: whole)
    return whole.hexdigest()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
