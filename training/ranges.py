"""Adds the ranges of the networks' maps to a weights file: `python -m training.ranges WEIGHTS CLIPS`.

With it the networks can compute in eight bits (`models.quantized`). CLIPS holds a folder for each clip, with `clip.*`
and `plate.*` in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from models.quantized import can_be_quantized, observed
from models.weights import Range, WeightsError, add_ranges, load_weights
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, Settings
from pipeline.matting import Matter
from pipeline.plates import read_plate
from pipeline.windows import Drafts, windows
from training.unlabelled import UnlabelledClip, find_unlabelled


def measure(weights: Path, clips: tuple[UnlabelledClip, ...], frames: int, model: str = "fast") -> dict[str, Range]:
    """The ranges of all maps, on frames spread over each clip.

    Args:
        weights: The weights file.
        clips: Clips with plates.
        frames: Of each clip.
        model: Name of the model.

    Returns:
        See `models.weights.MattingNet`.

    Raises:
        CleanplateError: A file is missing or not what it should be, these networks cannot compute in eight bits, or
            parts of them did nothing, as where no frame shows a subject.
        WeightsError: The weights file is missing or damaged.
    """
    net = load_weights(model, weights)
    found: dict[str, Range] = {}
    for each in clips:
        with open_clip(each.clip) as clip:
            settings = Settings(model=model, weights=weights, device="cpu", precision="float32")
            matter = Matter(read_plate(each.plate), (clip.info.width, clip.info.height), settings)
            with observed(matter.net) as ranges:
                for place in range(frames):
                    index = (2 * place + 1) * len(clip.info) // (2 * frames)
                    for window in windows(clip, matter.observe, index, index + 1):
                        matter.matte(Drafts(matter.draft(window)))
        for name, (low, high) in ranges.items():
            so_far = found.get(name, (0.0, 0.0))
            found[name] = min(so_far[0], round(low, 3)), max(so_far[1], round(high, 3))
    net.ranges = found
    if not can_be_quantized(net):
        raise CleanplateError(f"{weights}: not all ranges were seen; give clips with subjects, of networks like fast")
    return found


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(prog="python -m training.ranges", description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--frames", type=int, default=6, help="of each clip")
    parser.add_argument("--model", default="fast")
    arguments = parser.parse_args()
    try:
        ranges = measure(arguments.weights, find_unlabelled(arguments.clips), arguments.frames, arguments.model)
        add_ranges(arguments.weights, ranges)
    except (CleanplateError, WeightsError) as error:
        parser.error(str(error))
    print(f"{len(ranges)} ranges")


if __name__ == "__main__":
    main()
