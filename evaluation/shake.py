"""What a camera that shakes does: `python -m evaluation.shake CLIPS... [--step 20]` prints a table of MAD.

Frames of clips with truth are smeared as by a camera that moves evenly while the shutter is open, in a direction of
chance, and matted with the plate as sharp as it is and with the plate as soft as the frame. Neighbours stay sharp.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from alignment.blur import Blur, blurred
from alignment.plate import AlignmentReport
from evaluation.ablation import Given, given
from evaluation.ending import in_one_line
from evaluation.metrics import mad
from evaluation.report import find_clips
from pipeline.composite import quantise, unit
from pipeline.frames import FloatImage, Settings

LENGTHS = (0, 5, 10, 20, 40)
"""Pixels of 1280 across."""


def shaken(own: Given, length: float, degrees: float) -> tuple[FloatImage, FloatImage, FloatImage] | None:
    """Alpha of a smeared frame with the plate as it is, with the plate as soft, and the true one; H x W.

    None where the plate was not found in the smeared frame.

    Args:
        own: A frame with its window.
        length: Of the smear, pixels of 1280 across.
        degrees: Its direction, from x to y.
    """
    frame, truth = own.window.frame, own.true
    if length:
        kernel = smear(length * frame.image.shape[1] / 1280, degrees)
        frame = replace(frame, image=quantise(blurred(unit(frame.image), kernel), frame.bit_depth), planes=None)
        truth = cv2.filter2D(truth, -1, kernel.kernel(), borderType=cv2.BORDER_REPLICATE)
    window = replace(own.window, frame=frame, observation=own.matter.observe(frame))
    report = window.observation.alignment
    if report is None:
        return None

    def alpha(report: AlignmentReport) -> FloatImage:
        aligned = own.matter.aligner.warp(report)
        seen = replace(own, window=window, aligned=aligned, inputs=own.matter.inputs(window, aligned))
        return seen.alpha(seen.inputs, aligned)

    return alpha(replace(report, blur=None)), alpha(report), truth


def smear(length: float, degrees: float) -> Blur:
    """The blur of a camera that moves evenly by so many pixels in a direction."""
    x, y = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along = length**2 / 12
    return Blur(float(along * x * x), float(along * x * y), float(along * y * y))


def measure(folders: list[Path], settings: Settings, step: int) -> Iterator[tuple[int, float, float, int]]:
    """For each length: it, mean MAD with the sharp and with the soft plate, and in how many frames none was found."""
    random = np.random.default_rng(0)
    frames = [(own, float(random.uniform(0, 180))) for folder in folders for own in given(folder, settings, step)]
    for length in LENGTHS:
        results = [shaken(own, length, degrees) for own, degrees in frames]
        found = [result for result in results if result is not None]
        sharp, soft = (float(np.mean([mad(result[i], result[2]) for result in found])) for i in (0, 1))
        yield length, sharp, soft, len(results) - len(found)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.shake", description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--step", type=int, default=20, help="take every so many frames")
    arguments = parser.parse_args()
    with in_one_line(parser):
        folders = find_clips(arguments.folders)
        print("| smear, px of 1280 | sharp plate | plate as soft | not found |\n|---|---|---|---|")
        for length, sharp, soft, lost in measure(folders, Settings(weights=arguments.weights), arguments.step):
            print(f"| {length} | {sharp:.1f} | {soft:.1f} | {lost} |", flush=True)


if __name__ == "__main__":
    main()
