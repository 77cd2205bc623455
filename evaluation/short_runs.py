"""What each part brings when the networks never had it: `python -m evaluation.short_runs OUT --assets ASSETS DIR...`.

Trains a short run from nothing as it is, and one without each part: the plate, the soft mask, motion, the refiner,
people, strands. Each is judged on clips with truth (folders as for `evaluation.report`), shown what it was trained
with, and stands as a row of a table; runs that are there already go on or are taken as they are. Short runs are far
from good: what counts is the difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import numpy as np

from alignment.plate import AlignedPlate
from alignment.warp import PlateImage
from evaluation.ablation import Given, given
from evaluation.ending import in_one_line
from evaluation.metrics import mad
from evaluation.report import find_clips
from pipeline.frames import FloatImage, Settings
from training.config import Part, SupervisedConfig, read_config
from training.material import find_material
from training.supervised import train

VARIANTS: tuple[Part | None, ...] = (None, *get_args(Part))


def shown(one: Given, part: Part | None) -> FloatImage:
    """Alpha of networks that were trained without a part, which is kept from them here, too."""
    inputs, aligned = one.inputs, one.aligned
    if part == "plate":
        width, height = aligned.size
        nothing = PlateImage(np.zeros((height, width, 3), np.uint8), known=np.zeros((height, width), np.bool_))
        aligned = AlignedPlate(nothing, aligned.size, aligned.report)
        inputs = inputs._replace(plate=np.zeros_like(inputs.plate), coverage=np.zeros_like(inputs.coverage))
    elif part == "mask":
        inputs = inputs._replace(mask=np.zeros_like(inputs.mask))
    elif part == "motion":
        grey = inputs.image.mean(axis=2, keepdims=True)
        inputs = inputs._replace(motion=np.repeat(grey, inputs.motion.shape[2], axis=2))
    return one.alpha(inputs, aligned)


def judge(weights: Path, part: Part | None, folders: list[Path], step: int) -> list[float]:
    """Mean MAD of every clip, of every `step`-th frame."""
    settings = Settings(weights=weights)
    return [
        float(np.mean([mad(shown(one, part), one.true) for one in given(folder, settings, step)])) for folder in folders
    ]


def run(config: SupervisedConfig, part: Part | None, out: Path, assets: Path | None, device: str) -> Path:
    """Trains, or goes on training, without a part; returns the weights file."""
    folder = out / (part or "whole")
    return train(config.model_copy(update={"left_out": part}), folder, find_material(assets), device)


def main() -> None:
    """Read the command line, train and print the table as it grows."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.short_runs", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the runs")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="clips with truth")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "training/configs/short.toml")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--step", type=int, default=20, help="judge every so many frames")
    arguments = parser.parse_args()
    with in_one_line(parser):
        folders = find_clips(arguments.folders)
        config = read_config(arguments.config)
        print("| MAD | " + " | ".join(folder.name for folder in folders) + " | mean |")
        print("|---" * (len(folders) + 2) + "|")
        for part in VARIANTS:
            weights = run(config, part, arguments.out, arguments.assets, arguments.device)
            values = judge(weights, part, folders, arguments.step)
            name = f"without {part}" if part else "as it is"
            print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in (*values, float(np.mean(values)))) + " |", flush=True)


if __name__ == "__main__":
    main()
