"""A bank of people on disk, in the layout of VideoMatte240K."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from pipeline.frames import FloatImage
from training.canvas import Subject
from training.people.makehuman import MakeHuman
from training.people.person import random_person
from training.people.render import SUPERSAMPLING, render

MARGIN_PX = 24
REACH_PX = 32
"""How far beyond the subject its colours are kept; farther out one flat colour keeps the files small."""


def write_person(
    makehuman: MakeHuman, output: Path, number: int, frames: int, size: int, seed: int, photos: tuple[Path, ...]
) -> bool:
    """Write the frames of one person, `fgr/<person>/<frame>.png` and `pha/<person>/<frame>.png`.

    Args:
        makehuman: The assets.
        output: Folder that holds `fgr` and `pha`.
        number: Of the person; with `seed` it decides everything.
        frames: Consecutive frames.
        size: Side of the camera's picture in pixels; files are cropped to the subject and a margin.
        seed: Of the bank.
        photos: For prints on cloth, may be empty.

    Returns:
        False where the person was there already.
    """
    name = f"{number:05d}"
    if (output / "fgr" / name).is_dir():
        return False
    person = random_person(makehuman, np.random.default_rng([seed, number]), SUPERSAMPLING * size, frames, photos)
    subjects = [render(person, frame, size) for frame in range(frames)]
    top, bottom, left, right = bounds([subject.alpha for subject in subjects])
    for kind in ("pha", "fgr"):  # the colours last: who reads a bank looks for them first
        unfinished = output / ".unfinished" / f"{kind}-{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for index, subject in enumerate(subjects):
            image = subject.alpha if kind == "pha" else calm(subject)[..., ::-1]
            codes = np.round(image[top:bottom, left:right] * 255).astype(np.uint8)
            if not cv2.imwrite(str(unfinished / f"{index:04d}.png"), codes):
                raise OSError(f"{unfinished / f'{index:04d}.png'} could not be written")
        finished = output / kind / name
        shutil.rmtree(finished, ignore_errors=True)
        finished.parent.mkdir(exist_ok=True)
        unfinished.rename(finished)
    return True


def bounds(alphas: list[FloatImage]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (exclusive) of all that is not empty in frames of one size, with a margin."""
    seen = np.max(alphas, axis=0) > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if len(rows) == 0:
        return 0, seen.shape[0], 0, seen.shape[1]
    top, left = max(0, int(rows[0]) - MARGIN_PX), max(0, int(columns[0]) - MARGIN_PX)
    bottom = min(seen.shape[0], int(rows[-1]) + 1 + MARGIN_PX)
    return top, bottom, left, min(seen.shape[1], int(columns[-1]) + 1 + MARGIN_PX)


def calm(subject: Subject) -> FloatImage:
    """The straight colour, and far from the subject its mean."""
    empty = (subject.alpha == 0).astype(np.uint8)
    far = cv2.distanceTransform(empty, cv2.DIST_L2, 3) > REACH_PX
    inside = subject.alpha > 0.5
    flat = subject.colour[inside].mean(axis=0) if inside.any() else np.float32(0.5)
    result: FloatImage = np.where(far[..., None], flat, subject.colour).astype(np.float32)
    return result
