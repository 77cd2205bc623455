"""Stage 1: supervised training on composites made on the fly."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from models.weights import MattingNet, WeightsError, new_net, read_card, take_over
from pipeline.frames import CleanplateError
from training.config import SupervisedConfig
from training.data import Batch, CompositeBatches
from training.material import Material
from training.objective import Objective
from training.parallel import Team, in_order, pick_training_device, processes_for, run_team
from training.pictures import draw_batch, draw_curve
from training.resumable import CHECKPOINT, CPU, Resumable

LOG_EVERY = 20


@dataclass
class Run(Resumable):
    """A training run that can be stopped at any time and goes on exactly where it was."""

    config: SupervisedConfig
    net: MattingNet
    optimizer: torch.optim.Optimizer
    folder: Path
    device: torch.device = CPU
    step: int = 0

    @staticmethod
    def start(config: SupervisedConfig, folder: Path, device: torch.device = CPU) -> Run:
        """A fresh run, or the one whose checkpoint lies in `folder`.

        Raises:
            CleanplateError: What it is to begin with is missing, its own output, or lacks what is to stay as it is; or
                the checkpoint is damaged, of other networks, or beyond the run's end.
        """
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        if config.only and config.start_from is None:
            raise CleanplateError("only needs start_from, with what stays as it is")
        net = new_net(config.model, refined=config.left_out != "refiner")
        for part in config.only:
            if not any(name.startswith(part) for name, _ in net.named_parameters()):
                raise CleanplateError(f"only: no tensor's name begins with {part!r}")
        if config.start_from is not None and not (folder / CHECKPOINT).exists():
            _begin_with(net, config, folder / config.start_from)
        net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        decayed = [p for p in net.parameters() if p.ndim > 1]
        plain = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0.0}]
        run = Run(config, net, torch.optim.AdamW(groups, lr=config.learning_rate), folder, device)
        if run.checkpoint.exists():
            run.resume(run.kept(device))
            run.check_end(config.steps)
        return run

    def parts(self) -> dict[str, Any]:
        """See `Resumable`."""
        return {"net": self.net, "optimizer": self.optimizer}

    def learn(self) -> None:
        """Training mode; parts that stay as they are keep their batch statistics, too."""
        self.net.train()
        if not self.config.only:
            return
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(name.startswith(self.config.only))
        for name, module in self.net.named_modules():
            if isinstance(module, _BatchNorm) and not name.startswith(self.config.only):
                module.eval()

    def save(self) -> None:
        """Write the weights and the checkpoint."""
        self.keep(self.net, self.card())

    def card(self) -> dict[str, str]:
        """What the weights file says of where it comes from."""
        card = {
            "data": "composites made by training/composites.py"
            + (f" over {self.config.sources}" if self.config.sources else ""),
            "licence": "Apache-2.0",
            "config": self.config.model_dump_json(),
            "steps": str(self.step),
        }
        start = None if self.config.start_from is None else self.folder / self.config.start_from
        return card if start is None or not start.exists() else card | {"before": json.dumps(read_card(start))}


def _begin_with(net: MattingNet, config: SupervisedConfig, start: Path) -> None:
    """Take the weights over that a run begins with; raises as `Run.start` does."""
    if config.start_from == f"{config.model}.safetensors":
        raise CleanplateError(f"start_from: the run writes a {start.name} of its own; name it otherwise")
    try:
        taken = take_over(net, start)
    except WeightsError as error:
        raise CleanplateError(str(error)) from error
    left = (name for name in net.state_dict() if config.only and not name.startswith(config.only))
    if missing := [name for name in left if name not in taken]:
        raise CleanplateError(f"{start.name} lacks {missing[0]}, which only leaves as it is")


def train(
    config: SupervisedConfig,
    folder: Path,
    material: Material,
    device: str = "auto",
    processes: int | None = None,
) -> Path:
    """Run, or go on with, a supervised training.

    Args:
        config: The run.
        folder: Where checkpoint, weights, `log.jsonl`, `curve.png` and `samples/` go.
        material: Places and subjects to draw from.
        device: `auto`, `cpu` or `cuda`.
        processes: How many share each batch; None is one for each GPU.

    Returns:
        The weights file.

    Raises:
        CleanplateError: The batch is no multiple of `processes`, a photo or cut-out cannot be read, or the run cannot
            begin, see `Run.start`.
        MachineError: What the run is to leave cannot be written.
    """
    device = pick_training_device(device)
    processes = processes or processes_for(device)
    if config.batch % processes:
        raise CleanplateError(f"a batch of {config.batch} cannot be shared out among {processes}: choose a multiple")
    run_team(_work, device, processes, config, folder, material)
    return folder / f"{config.model}.safetensors"


def _work(team: Team, config: SupervisedConfig, folder: Path, material: Material) -> None:
    """One process's part of a run."""
    torch.set_num_threads(config.threads)
    run = Run.start(config, folder, team.device)
    run.learn()
    objective: nn.Module = Objective(run.net, config.precision)
    if team.size > 1:
        objective = _shared(objective, team)
    began = time.monotonic()
    data = CompositeBatches(config, material, run.step, (team.rank, team.size))
    for batch in in_order(data, config.workers):
        losses = update(run, objective, batch)
        if not team.leads:
            continue
        if run.step % LOG_EVERY == 0:
            seconds = time.monotonic() - began
            run.say({"step": run.step, "seconds": round(seconds, 1), **losses})
        if run.step % config.checkpoint_every == 0 or run.step == config.steps:
            run.save()
            _draw(run, batch)


def _shared(objective: nn.Module, team: Team) -> nn.Module:
    """The objective with gradients, and on GPUs batch statistics too, averaged over the team."""
    if team.device.type == "cuda":
        synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(objective)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(synchronised, device_ids=[team.device.index])
    return DistributedDataParallel(objective)


def _draw(run: Run, batch: Batch) -> None:
    """The curve so far, and what the networks say of the last batch."""
    if run.log.exists():
        draw_curve(run.log, run.folder / "curve.png")
    (run.folder / "samples").mkdir(exist_ok=True)
    run.net.eval()
    with torch.no_grad():
        coarse, refined = Objective(run.net, run.config.precision).predict(_on(run.device, batch))
    run.learn()
    draw_batch(batch, coarse, refined, run.folder / "samples" / f"{run.step:06d}.png")


def _on(device: torch.device, batch: Batch) -> Batch:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def rate_at(config: SupervisedConfig, step: int) -> float:
    """Learning rate of an update: a linear rise, then half a cosine to 0."""
    rise = min(1.0, (step + 1) / max(1, config.warm_up))
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def update(run: Run, objective: nn.Module, batch: Batch) -> dict[str, float]:
    """One update of all weights; returns the terms of the loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate_at(run.config, run.step)
    terms = objective(_on(run.device, batch))
    run.optimizer.zero_grad(set_to_none=True)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    return {name: round(float(term.detach()), 5) for name, term in terms.items()}
