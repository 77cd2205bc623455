"""Quality on clips with truth: `python -m evaluation.report DIR... [-o FOLDER]`.

Every DIR holds `clip.mp4`, `plate.png`, `truth/alpha.mkv` and `truth/foreground.mkv`, or folders that do. Each is
rendered as a user would render it, scored, and written as a table and one HTML page with a contact sheet.
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from evaluation.evaluate import evaluate_clips
from evaluation.metrics import Scores
from pipeline.decode import open_clip
from pipeline.frames import FloatImage, Image, Precision, Settings
from pipeline.render import RenderJob, render

METRICS = ("mad", "mse", "grad", "conn", "dtssd", "foreground_mse")
CELL_PX = 480


@dataclass(frozen=True)
class Result:
    """One clip's scores, and a picture of its middle frame: frame, truth, alpha, error."""

    name: str
    scores: Scores
    picture: Image


def find_clips(folders: list[Path]) -> list[Path]:
    """The folders, or those directly in them, that hold a clip with truth; sorted."""
    candidates = [path for folder in folders for path in (folder, *sorted(p for p in folder.iterdir() if p.is_dir()))]
    return [path for path in candidates if (path / "truth" / "alpha.mkv").exists()]


def report_clip(folder: Path, settings: Settings) -> Result:
    """Render and score one clip."""
    with tempfile.TemporaryDirectory() as room:
        alpha, foreground = Path(room) / "alpha.mkv", Path(room) / "foreground.mkv"
        render(RenderJob(folder / "clip.mp4", folder / "plate.png", "none", None, alpha, foreground, settings=settings))
        truth = folder / "truth"
        scores = evaluate_clips(alpha, truth / "alpha.mkv", (foreground, truth / "foreground.mkv"))
        pictures = [_middle(path) for path in (folder / "clip.mp4", truth / "alpha.mkv", alpha)]
    return Result(folder.name, scores, _sheet(*pictures))


def _middle(path: Path) -> FloatImage:
    with open_clip(path) as clip:
        index = len(clip.info) // 2
        image = next(clip.frames(index, index + 1)).image
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def _sheet(frame: FloatImage, true: FloatImage, alpha: FloatImage) -> Image:
    height = round(CELL_PX * frame.shape[0] / frame.shape[1])
    cells = (frame, true, alpha, np.clip(4 * np.abs(alpha - true), 0, 1))
    row = np.hstack([cv2.resize(cell, (CELL_PX, height), interpolation=cv2.INTER_AREA) for cell in cells])
    return np.clip(row * 255 + 0.5, 0, 255).astype(np.uint8)


def means(results: list[Result]) -> dict[str, float | None]:
    """Mean of each metric over clips; None where no clip has it, as a clip of one frame has no dtSSD."""
    values = {name: [x for r in results if (x := getattr(r.scores, name)) is not None] for name in METRICS}
    return {name: float(np.mean(known)) if known else None for name, known in values.items()}


def table(results: list[Result]) -> str:
    """The scores as a Markdown table, the mean last."""
    lines = ["| clip | MAD | MSE | Grad | Conn | dtSSD | foreground MSE |", "|---|---|---|---|---|---|---|"]
    rows = [(r.name, {name: getattr(r.scores, name) for name in METRICS}) for r in results]
    for name, scores in (*rows, ("**mean**", means(results))):
        lines.append(f"| {name} | " + " | ".join(_written(scores[metric]) for metric in METRICS) + " |")
    return "\n".join(lines)


def _written(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def page(results: list[Result]) -> str:
    """The report as one HTML page; its pictures are in it."""
    parts = ["<!doctype html><meta charset=utf-8><title>Mattes against the truth</title>"]
    parts.append("<style>body{font:14px sans-serif;margin:2em}img{width:100%}</style>")
    parts.append(f"<pre>{html.escape(table(results))}</pre><p>Frame, truth, alpha, four times the error.</p>")
    for result in results:
        packed = cv2.imencode(".png", np.ascontiguousarray(result.picture[:, :, ::-1]))[1].tobytes()
        source = base64.b64encode(packed).decode()
        parts.append(f"<h2>{html.escape(result.name)}</h2><img src='data:image/png;base64,{source}'>")
    return "\n".join(parts)


def main() -> None:
    """Read the command line, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.report", description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    parser.add_argument("-o", "--out", type=Path, help="folder for report.html and report.json")
    arguments = parser.parse_args()
    settings = Settings(model=arguments.model, weights=arguments.weights, precision=arguments.precision)
    results = [report_clip(folder, settings) for folder in find_clips(arguments.folders)]
    print(table(results))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "report.html").write_text(page(results), encoding="utf-8")
        scores = {"mean": means(results)} | {r.name: {m: getattr(r.scores, m) for m in METRICS} for r in results}
        (arguments.out / "report.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
