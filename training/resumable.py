"""Where a training run keeps its state, so that it can be stopped at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch

CHECKPOINT = "checkpoint.pt"


class NamesModel(Protocol):
    """A run's configuration, as far as its files depend on it."""

    @property
    def model(self) -> str:
        """Which networks are trained."""


class Resumable:
    """The files of a run; for runs that have a folder and a configuration."""

    folder: Path
    config: NamesModel

    @property
    def checkpoint(self) -> Path:
        """Where the state that training resumes from is kept."""
        return self.folder / CHECKPOINT

    @property
    def weights(self) -> Path:
        """Where the weights are written."""
        return self.folder / f"{self.config.model}.safetensors"

    def write_checkpoint(self, state: dict[str, Any]) -> None:
        """Write the checkpoint; a kill in between leaves the one before."""
        beside = self.checkpoint.with_suffix(".partial")
        torch.save(state, beside)
        beside.replace(self.checkpoint)
