"""What a training run is made of, as read from a TOML file and stored with the weights."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.frames import CleanplateError

Part = Literal["plate", "mask", "motion", "refiner", "people", "strands"]


class SupervisedConfig(BaseModel):
    """A stage-1 run.

    Attributes:
        model: Which networks to train.
        start_from: Weights file to begin with, looked for in the run's folder; None begins with chance.
        steps: Updates in all.
        batch: Samples an update.
        learning_rate: Of AdamW at its highest; it follows half a cosine to 0.
        only: Parts to train, by how the names of their tensors begin (`refiner`, `generator.encode_motion`); the others
            stay as `start_from` has them. Empty is all.
        warm_up: Updates over which the rate rises from 0.
        sources: What the photographs and cut-outs are and where they come from, for the weights' card.
        cutout_share: How many of the subjects are cut-outs, where some are given; the others are drawn.
        video_share: How many of the frames come from an H.264 clip, which needs PyAV; the others are JPEGs.
        seed: Of the weights' start and of every sample.
        coarse_size: Side of the generator's crop, pixels.
        factors: Full-size pixels a coarse pixel spans, one drawn each update.
        crop: Side of the part of the full-size crop that the refiner sees, pixels, even.
        workers: Processes that make samples.
        threads: Threads of the networks.
        left_out: A part to do without, for ablations: the networks are shown no plate, soft mask or motion, there is no
            refiner, no cut-out subject, or no strand in what is drawn.
        precision: `bfloat16` where the processor is quick at it.
        checkpoint_every: Updates between checkpoints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: Literal["fast", "paper"] = "fast"
    start_from: str | None = None
    steps: int = Field(gt=0)
    batch: int = Field(default=8, gt=1)
    only: tuple[str, ...] = ()
    learning_rate: float = Field(default=1e-3, gt=0)
    warm_up: int = Field(default=200, ge=0)
    sources: str = ""
    cutout_share: float = Field(default=0.35, ge=0, le=1)
    video_share: float = Field(default=0.5, ge=0, le=1)
    seed: int = Field(default=0, ge=0)
    coarse_size: int = Field(default=192, ge=64)
    factors: tuple[float, ...] = Field(default=(1.5, 2.0, 2.5, 2.5, 3.0, 3.75), min_length=1)
    crop: int = Field(default=256, ge=32, multiple_of=2)
    workers: int = Field(default=1, ge=0)
    threads: int = Field(default=1, ge=1)
    left_out: Part | None = None
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    checkpoint_every: int = Field(default=100, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _known_by_its_old_name(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """The card of weights that ship says `refiner_only` for `only = ["refiner"]`."""
        fields = dict(fields)
        return fields | {"only": ("refiner",)} if fields.pop("refiner_only", False) else fields

    @model_validator(mode="after")
    def _crops_fit(self) -> SupervisedConfig:
        smallest = full_size(self.coarse_size, min(self.factors))
        if self.crop > smallest:
            raise ValueError(f"a crop of {self.crop} pixels does not fit into {smallest}, the smallest full size")
        return self


def full_size(coarse_size: int, factor: float) -> int:
    """Side of a sample at full size, pixels, even."""
    return 2 * round(coarse_size * factor / 2)


def read_config(path: Path) -> SupervisedConfig:
    """Read a stage-1 run's TOML file; raises as `read_toml` does."""
    return read_toml(path, SupervisedConfig)


Config = TypeVar("Config", bound=BaseModel)


def read_toml(path: Path, kind: type[Config]) -> Config:
    """Read a TOML file into a model.

    Raises:
        CleanplateError: The file is missing, is not TOML, or a field is wrong; the message names it.
    """
    try:
        return kind(**tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise CleanplateError(f"{path}: there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CleanplateError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        whole = isinstance(first["input"], dict)  # of a field that is missing, or of how several fit together
        given = "" if whole else f", not {first['input']!r}"
        raise CleanplateError(": ".join(filter(None, (str(path), field, first["msg"] + given)))) from None
