"""Where a training run keeps its state, so that it can be stopped at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError

from models.weights import MattingNet, save_weights
from pipeline.frames import CleanplateError, MachineError
from pipeline.heap import is_out_of_memory

CHECKPOINT = "checkpoint.pt"
CPU = torch.device("cpu")


class NamesModel(Protocol):
    """A run's configuration, as far as its files depend on it."""

    @property
    def model(self) -> str:
        """Which networks are trained."""


class Resumable:
    """The files of a run; for runs that have a folder and a configuration, and say what their state consists of."""

    folder: Path
    config: NamesModel
    step: int

    @property
    def checkpoint(self) -> Path:
        """Where the state that training resumes from is kept."""
        return self.folder / CHECKPOINT

    @property
    def weights(self) -> Path:
        """Where the weights are written."""
        return self.folder / f"{self.config.model}.safetensors"

    @property
    def log(self) -> Path:
        """Where what the run says of itself is written."""
        return self.folder / "log.jsonl"

    def parts(self) -> dict[str, Any]:
        """What has a state besides the number of updates: networks and optimizers, by name."""
        raise NotImplementedError

    def keep(self, net: MattingNet, card: dict[str, str], more: dict[str, Any] | None = None) -> None:
        """Write the weights, then the checkpoint: after a kill in between the run writes the same weights again.

        Args:
            net: What the weights are of.
            card: Of the weights.
            more: What else the checkpoint is to hold.

        Raises:
            MachineError: They cannot be written, as on a full disk.
        """
        state = {name: part.state_dict() for name, part in self.parts().items()} | {"step": self.step}
        beside = self.checkpoint.with_suffix(".partial")
        with _writing(self.folder):
            save_weights(net, self.weights, card)
            torch.save(state | (more or {}), beside)
            beside.replace(self.checkpoint)

    def kept(self, device: torch.device = CPU) -> dict[str, Any]:
        """What the checkpoint holds.

        Raises:
            CleanplateError: It is damaged.
        """
        try:
            return dict(torch.load(self.checkpoint, weights_only=True, map_location=device))
        except OSError:
            raise
        except Exception as error:  # a damaged pickle can make its reader stumble in any way
            if is_out_of_memory(error):
                raise
            raise CleanplateError(f"{self.checkpoint} is damaged; delete it to begin from the first update") from error

    def resume(self, saved: dict[str, Any]) -> None:
        """Go on from what a checkpoint held.

        Raises:
            CleanplateError: It is of other networks.
        """
        try:
            for name, part in self.parts().items():
                part.load_state_dict(saved[name])
            self.step = saved["step"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CleanplateError(
                f"{self.checkpoint} is of other networks than the config's (model, left_out); begin in another folder"
            ) from error

    def check_end(self, updates: int) -> None:
        """Refuse a run that has gone beyond its end, in updates.

        Raises:
            CleanplateError: It has.
        """
        if self.step > updates:
            raise CleanplateError(
                f"{self.checkpoint} is of update {self.step}, but the config's run ends at {updates}; "
                "let it run longer, or begin in another folder"
            )

    def say(self, row: dict[str, float]) -> None:
        """Add a row to the log; raises as `keep` does."""
        with _writing(self.folder), self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # PyTorch's writer raises RuntimeErrors
        said, *_ = str(error).splitlines() or [""]
        raise MachineError(
            f"{folder} could not be written to: {said}; the same command will go on from the last checkpoint"
        ) from error


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a run's log; what a kill left half-written is skipped."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows
