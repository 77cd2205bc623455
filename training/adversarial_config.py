"""What a stage-2 run is made of, as read from a TOML file and stored with the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.config import read_toml


class AdversarialConfig(BaseModel):
    """A stage-2 run; where the paper gives a number, it is the default.

    Attributes:
        model: Which networks to train.
        teacher: Weights file of stage 1, looked for in the run's folder; None takes those that ship with the model.
        start: The student begins as the `teacher`, or `fresh`.
        epochs: Passes over all frames.
        batch: Frames an update.
        crop: Side of the part of a frame that is seen, pixels at the generator's size.
        frames: Only this many of each clip, from its first; what comes after is never looked at. None takes all.
        every: Of these every so many-th.
        generator_rate: Of Adam.
        discriminator_rate: Of Adam.
        generator_updates: Updates of the generator for one of the discriminator.
        pseudo_weight: The lambda of the pseudo truth's terms in the first epoch.
        halving_epochs: Epochs after which lambda halves, again and again.
        hidden_weight: Of the distance from the teacher in what a refiner is handed; ours, not the paper's.
        keep_norm: Whether batch norms keep the teacher's statistics rather than take each batch's own.
        shift: Whether composites are shifted sideways.
        plates: Share of new backgrounds that are plates of the clips, mirrored, rather than photographs of places.
        sources: What the clips and photographs are and where they come from, for the weights' card.
        seed: Of everything that chance decides.
        workers: Processes that make batches.
        threads: Threads of the networks.
        precision: `bfloat16` where the processor is quick at it.
        checkpoint_every: Updates of the generator between checkpoints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: Literal["fast", "paper"] = "fast"
    teacher: str | None = None
    start: Literal["teacher", "fresh"] = "teacher"
    epochs: int = Field(gt=0)
    batch: int = Field(default=4, gt=0)
    crop: int = Field(default=256, ge=32)
    frames: int | None = Field(default=None, gt=0)
    every: int = Field(default=1, gt=0)
    generator_rate: float = Field(default=1e-4, gt=0)
    discriminator_rate: float = Field(default=1e-5, gt=0)
    generator_updates: int = Field(default=5, gt=0)
    pseudo_weight: float = Field(default=0.05, ge=0)
    halving_epochs: int = Field(default=2, gt=0)
    hidden_weight: float = Field(default=1.0, ge=0)
    keep_norm: bool = False
    shift: bool = True
    plates: float = Field(default=0.5, ge=0, le=1)
    sources: str = ""
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=0, ge=0)
    threads: int = Field(default=1, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: int = Field(default=100, gt=0)


def read_adversarial_config(path: Path) -> AdversarialConfig:
    """Read a stage-2 run's TOML file; raises as `read_toml` does."""
    return read_toml(path, AdversarialConfig)
