"""Makes the weights that ship of a run's: `python -m training.publish RUN/fast.safetensors REPORT.json -o WEIGHTS`.

Numbers of half precision, and a card that also says at which commit that was, how long the run took, and what the
weights are worth on clips with truth, as `evaluation.report --weights RUN/fast.safetensors` measured it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from models.weights import WeightsError, load_weights, read_card, save_weights
from pipeline.frames import CleanplateError
from training.resumable import read_log


def publish(weights: Path, report: Path, out: Path, model: str = "fast") -> dict[str, str]:
    """Write the weights file that ships.

    Args:
        weights: As a run wrote them, beside its `log.jsonl`.
        report: `report.json` of `evaluation.report`.
        out: Where they go.
        model: Name of the model.

    Returns:
        The card.

    Raises:
        CleanplateError: A file is missing or not what it should be.
    """
    try:
        net = load_weights(model, weights)
        scores = json.loads(report.read_text(encoding="utf-8"))
        rows = read_log(weights.parent / "log.jsonl")
    except (WeightsError, OSError, json.JSONDecodeError) as error:
        raise CleanplateError(str(error)) from error
    card = read_card(weights) | {
        "commit": _commit(),
        "hours": f"{_seconds([row['seconds'] for row in rows]) / 3600:.1f}",
        "metrics": json.dumps(
            {
                clip: {name: x and round(x, 2) for name, x in row.items() if name != "frames"}
                for clip, row in scores.items()
            }
        ),
    }
    save_weights(net.half(), out, card, net.ranges)
    return card


def _commit() -> str:
    """What the repository's files are, with a plus where some have changed since."""
    here = Path(__file__).parent
    words = (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    ran = [subprocess.run(["git", *w], cwd=here, capture_output=True, text=True, check=False) for w in words]
    if any(each.returncode for each in ran):
        raise CleanplateError("the commit is not known: this is no git checkout")
    return ran[0].stdout.strip() + ("+" if ran[1].stdout.strip() else "")


def _seconds(times: list[float]) -> float:
    """Of all of a run's parts; the clock begins anew with each."""
    total, before = 0.0, 0.0
    for now in times:
        total += now - before if now >= before else now
        before = now
    return total


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(prog="python -m training.publish", description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("report", type=Path, help="report.json of evaluation.report")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--model", default="fast")
    arguments = parser.parse_args()
    try:
        card = publish(arguments.weights, arguments.report, arguments.out, arguments.model)
    except CleanplateError as error:
        parser.error(str(error))
    print(json.dumps(card, indent=1))


if __name__ == "__main__":
    main()
