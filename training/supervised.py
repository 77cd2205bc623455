"""Stage 1: supervised training on composites made on the fly."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from models.generator import Coarse
from models.weights import MattingNet, load_weights, new_net, save_weights
from training.config import SupervisedConfig
from training.data import Batch, CompositeBatches
from training.losses import alpha_loss, error_loss, foreground_loss, laplacian_loss, recomposition_loss
from training.textures import find_photos

CHECKPOINT = "checkpoint.pt"


@dataclass
class Run:
    """A training run that can be stopped at any time and goes on exactly where it was."""

    config: SupervisedConfig
    net: MattingNet
    optimizer: torch.optim.Optimizer
    folder: Path
    step: int = 0

    @staticmethod
    def start(config: SupervisedConfig, folder: Path) -> Run:
        """A fresh run, or the one whose checkpoint lies in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        net = new_net(config.model)
        if config.start_from is not None and not (folder / CHECKPOINT).exists():
            net.load_state_dict(load_weights(config.model, folder / config.start_from).state_dict())
        net = net.to(memory_format=torch.channels_last)
        decayed = [p for p in net.parameters() if p.ndim > 1]
        plain = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0.0}]
        run = Run(config, net, torch.optim.AdamW(groups, lr=config.learning_rate), folder)
        if run.checkpoint.exists():
            saved = torch.load(run.checkpoint, weights_only=True)
            net.load_state_dict(saved["net"])
            run.optimizer.load_state_dict(saved["optimizer"])
            run.step = saved["step"]
        return run

    @property
    def checkpoint(self) -> Path:
        """Where the state that training resumes from is kept."""
        return self.folder / CHECKPOINT

    def save(self) -> None:
        """Write the checkpoint and the weights; a kill in between leaves the ones before."""
        state: dict[str, Any] = {
            "net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step
        }  # fmt: skip
        beside = self.checkpoint.with_suffix(".partial")
        torch.save(state, beside)
        beside.replace(self.checkpoint)
        save_weights(self.net, self.folder / f"{self.config.model}.safetensors", self.card())

    def card(self) -> dict[str, str]:
        """What the weights file says of where it comes from."""
        return {
            "data": "composites made by training/composites.py"
            + (f" over {self.config.sources}" if self.config.sources else ""),
            "licence": "Apache-2.0",
            "config": self.config.model_dump_json(),
            "steps": str(self.step),
        }


def train(config: SupervisedConfig, folder: Path, assets: Path | None) -> Path:
    """Run, or go on with, a supervised training.

    Args:
        config: The run.
        folder: Where checkpoint, weights and `log.jsonl` go.
        assets: Folder of photographs of places; without it all places are procedural.

    Returns:
        The weights file.
    """
    torch.set_num_threads(config.threads)
    run = Run.start(config, folder)
    run.net.train()
    began = time.monotonic()
    for batch in _batches(config, assets, run.step):
        losses = update(run, batch)
        if run.step % 20 == 0:
            seconds = time.monotonic() - began
            _log(folder, {"step": run.step, "seconds": round(seconds, 1), **losses})
        if run.step % config.checkpoint_every == 0 or run.step == config.steps:
            run.save()
    return folder / f"{config.model}.safetensors"


def _batches(config: SupervisedConfig, assets: Path | None, first: int) -> Iterator[Batch]:
    data = CompositeBatches(config, find_photos(assets), first)
    context = "spawn" if config.workers else None
    return iter(DataLoader(data, batch_size=None, num_workers=config.workers, multiprocessing_context=context))


def _log(folder: Path, row: dict[str, float]) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def rate_at(config: SupervisedConfig, step: int) -> float:
    """Learning rate of an update: a linear rise, then half a cosine to 0."""
    rise = min(1.0, (step + 1) / max(1, config.warm_up))
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def update(run: Run, batch: Batch) -> dict[str, float]:
    """One update of all weights; returns the terms of the loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate_at(run.config, run.step)
    with torch.autocast("cpu", torch.bfloat16, enabled=run.config.precision == "bfloat16"):
        coarse = _generate(run.net, batch)
    coarse = Coarse(*(x.float() for x in coarse))
    terms = _coarse_terms(coarse, batch)
    if run.net.refiner is not None:
        with torch.autocast("cpu", torch.bfloat16, enabled=run.config.precision == "bfloat16"):
            alpha, foreground = _refine(run.net, coarse, batch)
        terms |= _full_terms(alpha.float(), foreground.float(), batch, run.net.refiner.margin)
    loss = torch.stack(list(terms.values())).sum()
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    return {name: round(float(term.detach()), 5) for name, term in terms.items()}


def _generate(net: MattingNet, batch: Batch) -> Coarse:
    inputs = (batch[name].contiguous(memory_format=torch.channels_last) for name in
              ("image", "plate", "coverage", "mask", "motion"))  # fmt: skip
    coarse: Coarse = net.generator(*inputs)
    return coarse


def _coarse_terms(coarse: Coarse, batch: Batch) -> dict[str, Tensor]:
    """PAPER's loss at the generator's size."""
    residual = coarse.hidden.shape[1] > 0
    foreground = coarse.foreground + batch["image"] if residual else coarse.foreground
    terms = {
        "coarse_alpha": alpha_loss(coarse.alpha, batch["alpha"]),
        "coarse_foreground": 2 * foreground_loss(foreground, batch["foreground"], batch["alpha"]),
        "coarse_recomposition": recomposition_loss(batch["image"], coarse.alpha, foreground, batch["background"]),
    }
    if residual:
        terms["error"] = error_loss(coarse, batch["alpha"])
    return terms


def _refine(net: MattingNet, coarse: Coarse, batch: Batch) -> tuple[Tensor, Tensor]:
    """The refiner on the full-size crop, with the coarse result cut and enlarged as rendering does it."""
    crop = batch["full_image"].shape[2]
    enlarged = Coarse(*(_enlarge_crops(x, batch["box"], crop) for x in coarse))
    assert net.refiner is not None
    result: tuple[Tensor, Tensor] = net.refiner(
        batch["full_image"], batch["full_plate"], batch["full_coverage"], enlarged
    )
    return result


def _enlarge_crops(coarse: Tensor, boxes: Tensor, crop: int) -> Tensor:
    """Bilinear enlargement of B x C x n x n to full size, of which only each sample's crop is made."""
    grids = []
    for left, top, size in boxes.tolist():
        x = (2 * (left + torch.arange(crop)) + 1) / size - 1
        y = (2 * (top + torch.arange(crop)) + 1) / size - 1
        grids.append(torch.stack((x[None].expand(crop, crop), y[:, None].expand(crop, crop)), dim=2))
    return F.grid_sample(coarse, torch.stack(grids), padding_mode="border", align_corners=False)


def _full_terms(alpha: Tensor, foreground: Tensor, batch: Batch, margin: int) -> dict[str, Tensor]:
    def inner(name: str) -> Tensor:
        return batch[f"full_{name}"][:, :, margin:-margin, margin:-margin]

    true = inner("alpha")
    return {
        "alpha": alpha_loss(alpha, true),
        "laplacian": laplacian_loss(alpha, true),
        "foreground": 2 * foreground_loss(foreground, inner("foreground"), true),
        "recomposition": recomposition_loss(inner("image"), alpha, foreground, inner("background")),
    }
