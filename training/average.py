"""Average two weights files: `python -m training.average BEFORE AFTER --share 0.7 [--part NAME=SHARE] -o OUT`.

A run that goes on from good weights forgets a little of what it is not shown any more. On the line between its start
and its end lies a net that is better than either (Wortsman et al., CVPR 2022). A part that learned what the run was for
may keep more of it than the rest, and go on in its direction, past the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models.weights import WeightsError, load_weights, read_card, save_weights


def average(
    before: Path, after: Path, share: float, out: Path, model: str = "fast", parts: Mapping[str, float] | None = None
) -> int:
    """Write the weighted mean of two nets.

    Args:
        before: Weights file that a run began with.
        after: Weights file that it ended with; its configuration and card are taken, and what only it holds. If it
            has no refiner, `before`'s stays.
        share: Weight of `after`, from 0 to 2; from 1 on, it is what lies beyond the run's end.
        out: The file to write.
        model: Which networks these are.
        parts: Shares of parts that differ, by how the names of their tensors begin (`generator.alpha_branch`).

    Returns:
        How many tensors were averaged.

    Raises:
        WeightsError: A file is missing or damaged.
        ValueError: A share is not in range, there is no such part, or the files have nothing in common.
    """
    parts = parts or {}
    for each in (share, *parts.values()):
        if not 0 <= each <= 2:
            raise ValueError(f"a share of {each} is not between 0 and 2")
    net, card, start = load_weights(model, after), read_card(after), load_weights(model, before)
    net.refiner = net.refiner or start.refiner
    mixed: dict[str, Tensor] = net.state_dict()
    for part in parts:
        if not any(key.startswith(part) for key in mixed):
            raise ValueError(f"no tensor's name begins with {part!r}")
    count = 0
    with safe_open(before, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 (not a dict)
            old = file.get_tensor(key)
            if key in mixed and mixed[key].is_floating_point() and mixed[key].shape == old.shape:
                own = next((value for part, value in parts.items() if key.startswith(part)), share)
                mean = torch.lerp(old.float(), mixed[key], own)
                # No variance is below 0: past the end, one that would be stays as it is there.
                mixed[key] = torch.where(mean < 0, mixed[key], mean) if key.endswith("running_var") else mean
                count += 1
    if not count:
        raise ValueError(f"{before} and {after} have no tensor in common")
    net.load_state_dict(mixed)
    save_weights(net, out, card | {"averaged": _said(share, parts)})
    return count


def _said(share: float, parts: Mapping[str, float]) -> str:
    exceptions = "".join(f"; of {part} {value:g}" for part, value in parts.items())
    return f"{share:g} of the run's end, {1 - share:g} of its start{exceptions}"


def _part(words: str) -> tuple[str, float]:
    name, _, share = words.partition("=")
    return name, float(share)


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(prog="python -m training.average", description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="weights that a run began with")
    parser.add_argument("after", type=Path, help="weights that it ended with")
    parser.add_argument("--share", type=float, required=True, help="of the latter, 0 to 2")
    parser.add_argument(
        "--part", type=_part, action="append", default=[], metavar="NAME=SHARE", help="a part's own share; may recur"
    )
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        count = average(arguments.before, arguments.after, arguments.share, arguments.out, parts=dict(arguments.part))
    except (WeightsError, ValueError) as error:
        parser.error(str(error))
    except SafetensorError as error:
        parser.error(f"{arguments.out} could not be written: {error}")
    print(f"{arguments.out}: {count} tensors averaged")


if __name__ == "__main__":
    main()
