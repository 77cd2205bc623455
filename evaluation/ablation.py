"""What each input brings: `python -m evaluation.ablation DIR...`.

MAD on clips with truth (folders as for `evaluation.report`) when one input of the networks is another clip's, and
when the generator is replaced by its own soft mask. An input that can be exchanged without harm is not used.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from alignment.plate import AlignedPlate
from evaluation.ending import in_one_line
from evaluation.metrics import mad
from evaluation.report import find_clips
from models.carrying import carry_colour
from models.coarse import Coarse
from pipeline.clip import Clip
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, FloatImage, Frame, FrameWindow, Image, Settings
from pipeline.matting import GeneratorInputs, Matter
from pipeline.motion import motion_stack
from pipeline.observing import looked_at_again
from pipeline.plates import read_plate, with_holes
from pipeline.windows import windows


@dataclass(frozen=True)
class Given:
    """A window of a clip with all that the networks see of it, and the truth."""

    matter: Matter
    window: FrameWindow
    aligned: AlignedPlate
    inputs: GeneratorInputs
    true: FloatImage

    def alpha(self, inputs: GeneratorInputs, aligned: AlignedPlate) -> FloatImage:
        """Alpha for other inputs than its own."""
        with torch.inference_mode():
            coarse = self.matter.generate(inputs)
            return self._refined(coarse, aligned)

    def unmoved(self) -> FloatImage:
        """Alpha where the frame itself stands in for its neighbours: nothing moves."""
        own = self.window.observation
        still = motion_stack(replace(self.window, neighbours=(own,) * 4), self.matter.frame_size)
        still = np.clip(self.inputs.levels.stretch(still), 0, 1)
        return self.alpha(self.inputs._replace(motion=still), self.aligned)

    def soft_mask_refined(self) -> FloatImage:
        """Alpha where the soft mask stands in for the generator, under the same refiner."""
        mask = torch.from_numpy(self.inputs.mask)[None, None].to(self.matter.device)
        hidden = self.matter.net.generator.config.hidden
        doubt = torch.zeros_like(mask).repeat(1, hidden, 1, 1)
        doubt[:, :1] = ((mask > 0.02) & (mask < 0.98)).float()
        image = torch.from_numpy(self.inputs.image).permute(2, 0, 1)[None].to(self.matter.device)
        with torch.inference_mode():
            coarse = Coarse(mask, torch.zeros_like(image), doubt, carry_colour(image, mask))
            return self._refined(coarse, self.aligned)

    def soft_mask_enlarged(self) -> FloatImage:
        """The soft mask itself at full size."""
        return cv2.resize(self.inputs.mask, self.true.shape[::-1], interpolation=cv2.INTER_LINEAR)

    def _refined(self, coarse: Coarse, aligned: AlignedPlate) -> FloatImage:
        return self.matter.refine(coarse, self.window.frame.image, aligned, self.inputs.levels)[0]


Variant = Callable[[Given, Given], FloatImage]
"""Alpha of the first, with something of the second where the variant takes something."""

VARIANTS: dict[str, Variant] = {
    "as it is": lambda own, _: own.alpha(own.inputs, own.aligned),
    "another clip's plate": lambda own, other: own.alpha(
        own.inputs._replace(plate=other.inputs.plate, coverage=other.inputs.coverage), other.aligned
    ),
    "another clip's mask": lambda own, other: own.alpha(own.inputs._replace(mask=other.inputs.mask), own.aligned),
    "another clip's motion": lambda own, other: own.alpha(own.inputs._replace(motion=other.inputs.motion), own.aligned),
    "nothing moves": lambda own, _: own.unmoved(),
    "soft mask under the same refiner": lambda own, _: own.soft_mask_refined(),
    "soft mask alone": lambda own, _: own.soft_mask_enlarged(),
}


Measure = Callable[[list[Path], Settings, int], dict[str, list[float]]]
"""What `measure` does."""


class _Graded(Clip):
    """A clip whose frames are altered as they are read."""

    def __init__(self, clip: Clip, altered: Callable[[Image], Image]) -> None:
        self.clip, self.info, self.altered = clip, clip.info, altered

    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        for frame in self.clip.frames(start, end):
            yield replace(frame, image=self.altered(frame.image), planes=None)


def given(
    folder: Path,
    settings: Settings,
    step: int,
    altered: Callable[[Image], Image] | None = None,
    graded: Callable[[Image], Image] | None = None,
) -> Iterator[Given]:
    """Every `step`-th frame of a clip with truth.

    Args:
        folder: As for `evaluation.report`.
        settings: Of the mattes.
        step: Frames.
        altered: What is done to the plate before.
        graded: What is done to the plate and to every frame before.

    Raises:
        CleanplateError: A file is missing or cannot be read, or the plate is not found in a frame.
    """
    with open_clip(folder / "clip.mp4") as shot, open_clip(folder / "truth" / "alpha.mkv") as truth:
        clip, plate = shot, read_plate(folder / "plate.png")
        if graded is not None:
            clip = _Graded(shot, graded)
        for change in (altered, graded):
            plate = plate if change is None else with_holes(change(plate), None)
        matter = Matter(plate, (clip.info.width, clip.info.height), settings)
        for index in range(step // 2, len(clip.info), step):
            (window,) = windows(clip, matter.observe, index, index + 1)
            window = looked_at_again(window, matter.aligner)
            if window.observation.alignment is None:
                raise CleanplateError(f"{folder.name}, frame {index}: {window.observation.failure}")
            aligned = matter.aligner.warp(window.observation.alignment)
            true = next(truth.frames(index, index + 1)).image[:, :, 0]
            scale = np.float32(1 / np.iinfo(true.dtype).max)
            yield Given(matter, window, aligned, matter.inputs(window, aligned), true * scale)


def measure(folders: list[Path], settings: Settings, step: int) -> dict[str, list[float]]:
    """Mean MAD of each clip, by variant; each clip borrows from the one before it (of the same size)."""
    clips = [list(given(folder, settings, step)) for folder in folders]
    return {
        name: [
            float(np.mean([mad(variant(own, other), own.true) for own, other in zip(clip, clips[i - 1], strict=True)]))
            for i, clip in enumerate(clips)
        ]
        for name, variant in VARIANTS.items()
    }


def print_table(program: str, about: str, measured: Measure) -> None:
    """Read a command line of folders and print what is measured of them, a row each; also for other programs."""
    parser = argparse.ArgumentParser(prog=f"python -m evaluation.{program}", description=about.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--step", type=int, default=15, help="take every so many frames")
    arguments = parser.parse_args()
    with in_one_line(parser):
        folders = find_clips(arguments.folders)
        rows = measured(folders, Settings(weights=arguments.weights), arguments.step)
        print("| MAD | " + " | ".join(folder.name for folder in folders) + " | mean |")
        print("|---" * (len(folders) + 2) + "|")
        for name, values in rows.items():
            print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in (*values, float(np.mean(values)))) + " |")


def main() -> None:
    """Read the command line and print the table."""
    print_table("ablation", __doc__, measure)


if __name__ == "__main__":
    main()
