"""What alpha is where it is said to be so much: `python -m evaluation.calibration DIR...`.

For clips with truth (folders as for `evaluation.report`), at pixels that are said or found to be see-through, or of
which the two disagree, and near such: the mean and the median of the true alpha by what is said, which should be the
same. It is said after `pipeline.calibration`: what most clips show, as they may after a training, is what is left to
correct there.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from evaluation.ablation import given
from evaluation.ending import in_one_line
from evaluation.report import find_clips
from pipeline.frames import FloatImage, Settings

EDGES = (0.0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0)
"""Between which alphas are put together."""

NEAR_PX = 9
"""Side of the square around a see-through pixel that counts, pixels."""

SOLID = (0.02, 0.98)
"""Alpha outside of which a pixel is not see-through."""


class Row(NamedTuple):
    """What is found where alpha is said to be from `low` to `high`: all in [0, 1], `share` of the pixels that count."""

    low: float
    high: float
    share: float
    said: float
    mean: float
    median: float


def calibration(said: FloatImage, true: FloatImage) -> list[Row]:
    """Compare alphas of any one shape, in [0, 1]; a row for every part of `EDGES` in which something is said."""
    places = np.clip(np.digitize(said, EDGES) - 1, 0, len(EDGES) - 2)
    rows = []
    for place, (low, high) in enumerate(pairwise(EDGES)):
        at = places == place
        if at.any():
            found = true[at]
            rows.append(
                Row(low, high, float(at.mean()), float(said[at].mean()), float(found.mean()), float(np.median(found)))
            )
    return rows


def see_through(said: FloatImage, true: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Of two alphas, h x w, the pixels near what one of them calls see-through."""
    least, most = np.minimum(said, true), np.maximum(said, true)
    partial = ((most > SOLID[0]) & (least < SOLID[1])).astype(np.uint8)
    near = cv2.dilate(partial, np.ones((NEAR_PX, NEAR_PX), np.uint8)) > 0
    return said[near], true[near]


def measure(folder: Path, settings: Settings, step: int) -> list[Row]:
    """The rows of a clip, of every `step`-th frame."""
    pairs = [
        see_through(frame.alpha(frame.inputs, frame.aligned), frame.true) for frame in given(folder, settings, step)
    ]
    return calibration(*(np.concatenate(part) for part in zip(*pairs, strict=True)))


def main() -> None:
    """Read the command line and print a table for each clip."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.calibration", description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--step", type=int, default=15, help="take every so many frames")
    arguments = parser.parse_args()
    with in_one_line(parser):
        for folder in find_clips(arguments.folders):
            print(f"\n{folder.name}\n\n| from | to | share | said | true, mean | true, median |")
            print("|---|---|---|---|---|---|")
            for row in measure(folder, Settings(weights=arguments.weights), arguments.step):
                print("| " + " | ".join(f"{value:.2f}" for value in row) + " |")


if __name__ == "__main__":
    main()
