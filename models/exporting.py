"""The networks as ONNX, for those who embed them elsewhere. Needs the extra `export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from models.coarse import Coarse
from models.refiner import Refiner
from models.weights import MattingNet

SMALLEST, LARGEST = 32, 4096
"""Sides that the exported networks take, pixels."""

GENERATOR_INPUTS = {"image": 3, "plate": 3, "coverage": 1, "mask": 1, "motion": 4}
"""Channels of the generator's inputs, B x C x H x W; see `models.generator.Generator.forward`."""

COARSE = ("alpha", "foreground", "hidden", "carried")


class _Refine(nn.Module):
    """The refiner with its inputs side by side."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(
        self,
        image: Tensor,
        plate: Tensor,
        coverage: Tensor,
        alpha: Tensor,
        foreground: Tensor,
        hidden: Tensor,
        carried: Tensor,
    ) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = self.refiner(image, plate, coverage, Coarse(alpha, foreground, hidden, carried))
        return result


def export_onnx(net: MattingNet, folder: Path) -> list[Path]:
    """Writes `generator.onnx` and, where the model has one, `refiner.onnx`; one frame at a time, of any size.

    The generator's foreground is a correction of the image. The refiner's sides are even, and include its margin, which
    is cut off: see `models.refiner.Refiner.forward`.

    Args:
        net: The networks, in evaluation mode, on the CPU.
        folder: Made if needed.

    Returns:
        The files.

    Raises:
        ModuleNotFoundError: The extra `export` is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides = {2: Dim("height", min=SMALLEST, max=LARGEST), 3: Dim("width", min=SMALLEST, max=LARGEST)}
    inputs = {name: torch.zeros(1, channels, 96, 128) for name, channels in GENERATOR_INPUTS.items()}
    files = [_export(net.generator, inputs, COARSE, sides, folder / "generator.onnx")]
    if net.refiner is not None:
        channels = {"image": 3, "plate": 3, "coverage": 1} | dict(
            zip(COARSE, (1, 3, net.refiner.config.hidden, 3), strict=True)
        )
        inputs = {name: torch.zeros(1, count, 96, 128) for name, count in channels.items()}
        halves = [Dim(f"half_{side}", min=SMALLEST // 2, max=LARGEST // 2) for side in ("height", "width")]
        even = {2: 2 * halves[0], 3: 2 * halves[1]}
        files.append(
            _export(
                _Refine(net.refiner), inputs, ("refined_alpha", "refined_foreground"), even, folder / "refiner.onnx"
            )
        )
    return files


def _export(
    module: nn.Module, inputs: dict[str, Tensor], outputs: tuple[str, ...], sides: Mapping[int, object], path: Path
) -> Path:
    program = torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=tuple(sides for _ in inputs),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("PyTorch exported nothing")
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        program.save(str(partial))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
