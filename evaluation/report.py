"""Quality on clips with truth: `python -m evaluation.report DIR... [-o FOLDER]`.

Every DIR holds `clip.mp4`, `plate.png`, `truth/alpha.mkv` and `truth/foreground.mkv`, or folders that do. Each is
rendered as a user would render it, scored, and written as a table and one HTML page with a contact sheet. A clip that
cannot be rendered or scored is named and left out, and the program ends with 4, or with 2 where none can be.
"""

from __future__ import annotations

import argparse
import base64
import html
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from evaluation.ending import in_one_line
from evaluation.evaluate import evaluate_clips
from evaluation.metrics import Scores
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, FloatImage, Image, Precision, Settings
from pipeline.pages import beginning, write_page
from pipeline.places import check_folder, write_json
from pipeline.render import RenderJob, render

CLIP, PLATE, ALPHA, FOREGROUND = "clip.mp4", "plate.png", "truth/alpha.mkv", "truth/foreground.mkv"
METRICS = ("mad", "mse", "grad", "conn", "dtssd", "foreground_mse")
CELL_PX = 480
MEAN = "mean"


@dataclass(frozen=True)
class Result:
    """One clip's scores, and pictures of some frames by what they are: frame, truth, alpha, error."""

    name: str
    scores: Scores
    pictures: Mapping[str, Image]


def find_clips(folders: list[Path]) -> list[Path]:
    """The folders, or those directly in them, that hold a clip with truth; sorted.

    Raises:
        CleanplateError: One of them is not there, or holds none.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise CleanplateError(f"there is no folder {folder}")
        whole = folder if folder.name not in ("", "..") else folder.resolve()  # its name is the clip's
        candidates = (whole, *sorted(path for path in whole.iterdir() if path.is_dir()))
        clips = [path for path in candidates if (path / ALPHA).exists()]
        if not clips:
            raise CleanplateError(f"{folder} holds no clip with {ALPHA}, and no folder with one")
        found += [path for path in clips if path.resolve() not in {other.resolve() for other in found}]
    return found


def without_truth(folders: list[Path]) -> list[Path]:
    """The folders directly in some that hold a clip, but no truth; sorted."""
    inner = {path for folder in folders for path in folder.iterdir() if (path / CLIP).exists()}
    return sorted(path for path in inner if not (path / ALPHA).exists())


def check_clips(clips: list[Path]) -> None:
    """Refuse clips that cannot all be reported together.

    Raises:
        CleanplateError: A file of one is missing, two have the same name, or one has that of the mean.
    """
    for clip in clips:
        missing = next((part for part in (CLIP, PLATE, FOREGROUND) if not (clip / part).exists()), None)
        if missing is not None:
            raise CleanplateError(f"{clip} has no {missing}")
        alike = [str(other) for other in clips if other.name == clip.name]
        if len(alike) > 1:
            raise CleanplateError(f"clips of one name: {', '.join(alike)}; rename them, or give them one by one")
        if clip.name == MEAN:
            raise CleanplateError(f"{clip} has the name under which the report has the mean of all clips; rename it")


def report_clip(folder: Path, settings: Settings) -> Result:
    """Render and score one clip."""
    with tempfile.TemporaryDirectory() as room:
        alpha, foreground = Path(room) / "alpha.mkv", Path(room) / "foreground.mkv"
        render(RenderJob(folder / CLIP, folder / PLATE, "none", None, alpha, foreground, settings=settings))
        scores = evaluate_clips(alpha, folder / ALPHA, (foreground, folder / FOREGROUND))
        sources = (folder / CLIP, folder / ALPHA, alpha)
        pictures = {said: _sheet(*(_frame(path, index) for path in sources)) for said, index in _shown(scores)}
    return Result(_printable(folder), scores, pictures)


def _printable(folder: Path) -> str:
    """A clip's name, of which not every one can be printed."""
    return folder.name.encode(errors="replace").decode()


def _shown(scores: Scores) -> Iterator[tuple[str, int]]:
    """The frames of a clip that the page shows, and what they are."""
    errors = [frame.mad for frame in scores.frames]
    for which, index in (("the middle one", len(errors) // 2), ("the worst", errors.index(max(errors)))):
        yield f"Frame {index}, {which}: MAD {errors[index]:.2f}", index


def _frame(path: Path, index: int) -> FloatImage:
    with open_clip(path) as clip:
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


def page(results: list[Result]) -> list[str]:
    """The report as the parts of one HTML page; its pictures are in it."""
    parts = [beginning("Mattes against the truth")]
    parts.append(f"<pre>{html.escape(table(results))}</pre><p>Frame, truth, alpha, four times the error.</p>")
    for result in results:
        parts.append(f"<h2>{html.escape(result.name)}</h2>")
        for said, picture in result.pictures.items():
            packed = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))[1].tobytes()
            source = base64.b64encode(packed).decode()
            parts.append(f"<p>{html.escape(said)}<br><img src='data:image/png;base64,{source}'></p>")
    return parts


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
    with in_one_line(parser):
        clips = find_clips(arguments.folders)
        check_clips(clips)
        if arguments.out is not None:
            check_folder(arguments.out)
            arguments.out.mkdir(parents=True, exist_ok=True)
        for folder in without_truth(arguments.folders):
            print(f"note: {_printable(folder)} has no {ALPHA} and is left out", file=sys.stderr)
        results = _reported(clips, settings)
        if results:
            print(table(results))
        if results and arguments.out is not None:
            write_page(arguments.out / "report.html", page(results))
            scores = {MEAN: means(results)} | {result.name: result.scores.to_dict() for result in results}
            write_json(arguments.out / "report.json", scores)
        if len(results) < len(clips):
            sys.exit(4 if results else 2)


def _reported(clips: list[Path], settings: Settings) -> list[Result]:
    """The results of those clips that can be rendered and scored; the others are named."""
    results = []
    for clip in clips:
        try:
            results.append(report_clip(clip, settings))
        except CleanplateError as error:
            print(f"error: {_printable(clip)} is not in the report: {error}", file=sys.stderr)
    return results


if __name__ == "__main__":
    main()
