"""Weights as safetensors files that carry their own configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.blocks import ResidualBlock
from models.generator import Generator
from models.generator_config import FAST, PAPER, GeneratorConfig
from models.refiner import Refiner, RefinerConfig

FOLDER = Path(__file__).parent / "weights"
MODELS = ("fast", "paper")


Range = tuple[float, float]
"""Of the numbers in a map, from 0 or below to 0 or above."""


class WeightsError(Exception):
    """Weights that are not there, or are not what they should be; the message says what to do."""


class MattingNet(nn.Module):
    """A generator and, where the model has one, its refiner: what one weights file holds.

    Attributes:
        ranges: Of the maps that its modules make, by the modules' names; empty where they were not measured. See
            `models.quantized`.
    """

    def __init__(
        self, generator: GeneratorConfig, refiner: RefinerConfig | None, ranges: Mapping[str, Range] | None = None
    ) -> None:
        super().__init__()
        self.ranges = dict(ranges or {})
        self.generator = Generator(generator, refined=refiner is not None)
        self.refiner = Refiner(refiner) if refiner is not None else None


@dataclass(frozen=True)
class WeightsInfo:
    """What is known of a weights file without loading it.

    Attributes:
        name: Model name.
        path: Where the file is, or would be.
        parameters: How many numbers it holds; 0 where there is no file.
        card: Free text from training: data, licences, commit, steps.
        damaged: Whether the file cannot be read.
    """

    name: str
    path: Path
    parameters: int
    card: dict[str, str]
    damaged: bool = False


def new_net(name: str, *, refined: bool = True) -> MattingNet:
    """An untrained net of the named size, with or without its refiner."""
    if name not in MODELS:
        raise WeightsError(f"there is no model {name!r}; the models are {', '.join(MODELS)}")
    generator = {"fast": FAST, "paper": PAPER}[name]
    return MattingNet(generator, RefinerConfig(hidden=generator.hidden) if refined else None)


def save_weights(net: MattingNet, path: Path, card: dict[str, str], ranges: Mapping[str, Range] | None = None) -> None:
    """Write weights and configuration.

    The file appears under its name only when it is whole.

    Args:
        net: The networks.
        path: Of the file.
        card: Where they come from.
        ranges: What was measured of just these weights, see `MattingNet`.
    """
    refiner = net.refiner
    metadata = {
        "generator": json.dumps(asdict(net.generator.config)),
        "refiner": json.dumps(asdict(refiner.config) if refiner is not None else None),
        "card": json.dumps(card),
        "ranges": json.dumps(ranges or {}),
    }
    tensors = {key: value.detach().contiguous() for key, value in net.state_dict().items()}
    _save(tensors, path, metadata)


def _save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    beside = path.with_name(f".{path.name}.partial")
    save_file(tensors, beside, metadata)
    beside.replace(path)


def add_ranges(path: Path, ranges: Mapping[str, Range]) -> None:
    """Add what was measured of the maps of a weights file's networks, see `MattingNet`; all else stays.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = (file.metadata() or {}) | {"ranges": json.dumps(ranges)}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is missing, damaged or not a weights file: {error}") from error
    _save(tensors, path, metadata)


def load_weights(name: str, path: Path | None = None) -> MattingNet:
    """The named model with its weights, in evaluation mode, float32, on the CPU.

    Args:
        name: `fast` or `paper`.
        path: Another weights file than the one that ships.

    Raises:
        WeightsError: There is no such model or file, or the file is damaged, or holds what is not finite.
    """
    if name not in MODELS:
        raise WeightsError(f"there is no model {name!r}; the models are {', '.join(MODELS)}")
    if path is not None and not path.exists():
        raise WeightsError(f"{path}: there is no such weights file")
    path = path or FOLDER / f"{name}.safetensors"
    if not path.exists():
        raise WeightsError(
            f"the model {name!r} has no trained weights yet ({path.name} is not there); use --model fast, "
            "or train it with: cleanplate train supervised"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            net = _net_of(metadata)
            net.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 (not a dict)
        for key, tensor in net.state_dict().items():
            if not tensor.isfinite().all():
                raise ValueError(f"{key} holds what is no number")
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise WeightsError(f"{path} is damaged or not a weights file of this program: {error}") from error
    return net.float().eval()


def read_card(path: Path) -> dict[str, str]:
    """The card of a weights file.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            card: dict[str, str] = json.loads((file.metadata() or {}).get("card", "{}"))
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path} is missing, damaged or not a weights file: {error}") from error
    return card


def take_over(net: MattingNet, path: Path) -> set[str]:
    """Copy into `net` every tensor of a weights file that fits by name and shape; returns the names of those that did.

    For training that goes on from weights whose networks were a little different. Residual blocks that the file knows
    nothing of add nothing to begin with.

    Raises:
        WeightsError: The file is missing or damaged, or nothing in it fits.
    """
    own = net.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            fitting = {
                key: file.get_tensor(key)
                for key in file.keys()  # noqa: SIM118 (not a dict)
                if key in own and list(own[key].shape) == file.get_slice(key).get_shape()
            }
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is missing, damaged or not a weights file: {error}") from error
    if not fitting:
        raise WeightsError(f"{path}: none of its tensors fits this model")
    net.load_state_dict(fitting, strict=False)
    for name, block in net.named_modules():
        if isinstance(block, ResidualBlock) and not any(key.startswith(f"{name}.") for key in fitting):
            block.add_nothing()
    return set(fitting)


def _net_of(metadata: dict[str, str]) -> MattingNet:
    generator: dict[str, Any] = json.loads(metadata["generator"])
    refiner: dict[str, Any] | None = json.loads(metadata["refiner"])
    generator["context"] = tuple(generator["context"])
    ranges: dict[str, Range] = {}
    for name, (low, high) in dict(json.loads(metadata.get("ranges", "{}"))).items():
        if not -math.inf < low <= 0 <= high < math.inf:
            raise ValueError(f"{name} has no range from {low} to {high}")
        ranges[name] = float(low), float(high)
    return MattingNet(GeneratorConfig(**generator), RefinerConfig(**refiner) if refiner else None, ranges)


def list_weights() -> list[WeightsInfo]:
    """All models, with what is known of their shipped weights."""
    return [_describe(name) for name in MODELS]


def _describe(name: str) -> WeightsInfo:
    path = FOLDER / f"{name}.safetensors"
    if not path.exists():
        return WeightsInfo(name, path, 0, {})
    try:
        with safe_open(path, framework="pt") as file:
            count = sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
        return WeightsInfo(name, path, count, read_card(path))
    except (OSError, SafetensorError, WeightsError):
        return WeightsInfo(name, path, 0, {}, damaged=True)
