"""How far the aligner is off on clips whose true transforms are known: `python -m evaluation.alignment DIR...`.

Every DIR holds a clip (`clip.mp4`), its plate (`plate.png`) and `truth/plate_to_frame.json`, or folders that do.
With `--stress` the same clips are made difficult, one way at a time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from alignment.homography import Matrix, displaced, grid, inverted, project
from alignment.plate import AlignmentReport, PlateAligner, PlateAlignmentError
from alignment.warp import Size
from pipeline.decode import open_clip
from pipeline.plates import read_plate

TRUTH = Path("truth") / "plate_to_frame.json"
SEED = 7
DEV_NOISE = 0.008  # of the dev clips, for pictures in [0, 1]

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Trial:
    """What the aligner made of one frame.

    Attributes:
        errors_px: Distances between where the report and where the truth put a 9 x 6 grid of frame points; None where
            the plate was not found.
        report: What the aligner returned; None where the plate was not found.
        seconds: What `register` took.
        warp_seconds: What rendering the whole plate took; a render warps no more of it than its networks look at.
    """

    errors_px: NDArray[np.float64] | None
    report: AlignmentReport | None
    seconds: float
    warp_seconds: float = 0.0

    @property
    def error_px(self) -> float | None:
        """The mean distance."""
        return None if self.errors_px is None else float(self.errors_px.mean())

    @property
    def status(self) -> str:
        """`ok`, `weak` or `failed`."""
        return self.report.status if self.report else "failed"


@dataclass(frozen=True)
class Condition:
    """One way to make alignment difficult. Both functions take the picture and the frame's index."""

    name: str
    spoil_plate: Callable[[Picture, int], Picture]
    spoil_frame: Callable[[Picture, int], Picture]


def grid_errors_px(report: AlignmentReport, truth: Matrix, plate_size: Size, frame_size: Size) -> NDArray[np.float64]:
    """How far a report, bend included, and a true homography put a 9 x 6 grid of frame points apart, 54."""
    points = grid(frame_size)
    places = project(inverted(truth), points)
    if report.bend is not None:
        places = displaced(places, report.bend, plate_size)
    return np.asarray(np.hypot(*(project(report.plate_to_frame, places) - points).T))


def try_frame(aligner: PlateAligner, frame: Picture, truth: Matrix) -> Trial:
    """Aligns one frame and compares with the truth."""
    start = time.perf_counter()
    try:
        report = aligner.register(frame)
    except PlateAlignmentError:
        return Trial(None, None, time.perf_counter() - start)
    found = time.perf_counter()
    aligner.warp(report).render_whole()
    warped = time.perf_counter()
    errors = grid_errors_px(report, truth, aligner.plate_size, aligner.frame_size)
    return Trial(errors, report, found - start, warped - found)


def read_case(folder: Path, step: int) -> tuple[Picture, list[tuple[int, Picture, Matrix]]]:
    """A folder's plate, and every `step`-th frame with its index and true homography, 8 bits a sample."""
    truth = json.loads((folder / TRUTH).read_text())["plate_to_frame"]
    with open_clip(folder / "clip.mp4") as clip:
        frames = [
            (frame.index, np.asarray(frame.image, np.uint8), np.array(truth[frame.index], np.float64))
            for frame in clip.frames()
            if frame.index % step == 0
        ]
    return np.asarray(read_plate(folder / "plate.png"), np.uint8), frames


def try_clip(folder: Path, step: int = 1) -> list[Trial]:
    """Aligns the frames of a clip as they are."""
    plate, frames = read_case(folder, step)
    aligner = PlateAligner(plate, (frames[0][1].shape[1], frames[0][1].shape[0]))
    return [try_frame(aligner, frame, truth) for _, frame, truth in frames]


def same(picture: Picture, _: int) -> Picture:
    """The picture as it is."""
    return picture


def blank_half(plate: Picture, index: int) -> Picture:
    """One half, another for every index, in the plate's mean colour."""
    height, width = plate.shape[:2]
    halves = (
        np.s_[:, : width // 2],
        np.s_[:, width // 2 :],
        np.s_[: height // 2],
        np.s_[height // 2 :],
    )
    blanked = plate.copy()
    blanked[halves[index % 4]] = plate.mean(axis=(0, 1))
    return blanked


def add_noise(picture: Picture, index: int) -> Picture:
    """Gaussian noise that makes the dev clips' three times as strong."""
    noise = np.random.default_rng(SEED + index).normal(0, DEV_NOISE * np.sqrt(8) * 255, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def expose(picture: Picture, index: int) -> Picture:
    """20 % brighter or darker in turn."""
    return np.clip(picture * (1.2 if index % 2 else 0.8), 0, 255).astype(np.uint8)


def blur(picture: Picture, _: int) -> Picture:
    """Out of focus, sigma 2 px."""
    return cv2.GaussianBlur(picture, (0, 0), 2.0)


def hide(frame: Picture, index: int) -> Picture:
    """An object with a texture of its own over 60 % of the frame, elsewhere in every frame."""
    height, width = frame.shape[:2]
    random = np.random.default_rng(SEED + index)
    coarse = random.integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    texture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    distance = np.hypot(x - random.uniform(-0.5, 0.5), y - random.uniform(-0.5, 0.5))
    hidden = frame.copy()
    inside = distance <= np.quantile(distance, 0.6)
    hidden[inside] = texture[inside]
    return hidden


CONDITIONS = (
    Condition("as it is", same, same),
    Condition("half of the plate blank", blank_half, same),
    Condition("noise x 3", add_noise, add_noise),
    Condition("exposure 20 % off", expose, same),
    Condition("plate blurred, sigma 2", blur, same),
    Condition("60 % hidden", same, hide),
    Condition("half blank, 60 % hidden", blank_half, hide),
)


def stress(folders: Iterable[Path], step: int) -> dict[str, list[Trial]]:
    """Aligns every `step`-th frame under every condition."""
    results: dict[str, list[Trial]] = {condition.name: [] for condition in CONDITIONS}
    for folder in folders:
        plate, frames = read_case(folder, step)
        size = (frames[0][1].shape[1], frames[0][1].shape[0])
        for condition in CONDITIONS:
            for place, (index, frame, truth) in enumerate(frames):
                aligner = PlateAligner(condition.spoil_plate(plate, place), size)
                results[condition.name].append(try_frame(aligner, condition.spoil_frame(frame, index), truth))
    return results


def summarise(trials: list[Trial]) -> dict[str, Any]:
    """Mean and largest errors, that of the worst point, counts by status, median milliseconds; None where none are."""
    found = [trial.error_px for trial in trials if trial.error_px is not None]
    sure = [trial.error_px for trial in trials if trial.error_px is not None and trial.status == "ok"]
    points = [float(trial.errors_px.max()) for trial in trials if trial.errors_px is not None]
    residuals = [trial.report.residual_px for trial in trials if trial.report]
    return {
        "frames": len(trials),
        "mean_error_px": float(np.mean(found)) if found else None,
        "max_error_px": max(found, default=None),
        "max_ok_error_px": max(sure, default=None),
        "max_point_error_px": max(points, default=None),
        "residual_px": float(np.median(residuals)) if residuals else None,
        "ok": len(sure),
        "weak": len(found) - len(sure),
        "failed": len(trials) - len(found),
        "median_ms": float(np.median([trial.seconds for trial in trials])) * 1e3,
        "median_warp_ms": float(np.median([trial.warp_seconds for trial in trials])) * 1e3,
    }


def find_cases(folders: Iterable[Path]) -> list[Path]:
    """The folders that hold a truth, among the ones given and theirs."""
    return [
        case
        for folder in folders
        for case in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        if (case / TRUTH).exists()
    ]


def _print_table(rows: dict[str, dict[str, Any]]) -> None:
    pixels = ["mean px", "max px", "max ok px", "point px", "residual"]
    header = ["frames", *pixels, "ok", "weak", "failed", "ms", "warp ms"]
    width = max(len(name) for name in rows)
    print(" " * width + "".join(f"{title:>11}" for title in header))
    for name, row in rows.items():
        cells = [
            "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
            for value in row.values()
        ]
        print(f"{name:{width}}" + "".join(f"{cell:>11}" for cell in cells))


def main() -> None:
    """Prints the table, or writes it as JSON."""
    parser = argparse.ArgumentParser(description="Measure the aligner against known transforms.")
    parser.add_argument(
        "folders", nargs="+", type=Path, help="folders of a clip, its plate and its truth, or of such folders"
    )
    parser.add_argument("--stress", action="store_true", help="make the clips difficult in several ways")
    parser.add_argument("--step", type=int, default=None, help="use every n-th frame (1; under stress 12)")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    cases = find_cases(arguments.folders)
    if not cases:
        parser.error(f"none of the folders has a {TRUTH}")
    with threadpool_limits(1, "blas"):  # as in a render: NumPy's threads only wait for each other
        if arguments.stress:
            rows = {name: summarise(trials) for name, trials in stress(cases, arguments.step or 12).items()}
        else:
            rows = {case.name: summarise(try_clip(case, arguments.step or 1)) for case in cases}
    _print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
