"""Stage 2: adversarial training on unlabelled clips, with the pseudo truth of a frozen teacher.

The student's generator learns to make composites over new backgrounds that a discriminator takes for photographs,
while what a stage-1 network says of the same frames holds it back; that weight, lambda, halves every two epochs. All
happens at the generator's size, where the paper has it. A refiner stays as the teacher's: it is not trained here and
no gradient passes through it. What the generator hands it (expected error, light, and the rest) is held to the
teacher's by an L1 term of ours, without which the refiner would soon be told things that it does not understand.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models.coarse import Coarse
from models.refiner import light
from models.weights import MattingNet
from training.adversarial_config import AdversarialConfig
from training.adversarial_losses import Layers, composite, discriminator_loss, generator_loss, pseudo_terms
from training.adversarial_run import Run, teacher_file
from training.parallel import in_order
from training.unlabelled import CHANNELS, Batch, UnlabelledBatches, find_unlabelled, prepare


def train(config: AdversarialConfig, folder: Path, clips: Path, photos: tuple[Path, ...] = ()) -> Path:
    """Run, or go on with, an adversarial training.

    Args:
        config: The run.
        folder: Where checkpoint, weights, `log.jsonl` and the prepared frames go.
        clips: Folder of clips with plates, see `training.unlabelled`.
        photos: Photographs of places; without them those backgrounds that are no plates are procedural.

    Returns:
        The weights file.

    Raises:
        CleanplateError: The teacher, a clip or the checkpoint is not what it should be.
        MachineError: What the run is to leave cannot be written.
    """
    torch.set_num_threads(config.threads)
    run = Run.start(config, folder)
    teacher = teacher_file(config, folder)
    prepared = tuple(prepare(found, config, teacher, folder / "prepared") for found in find_unlabelled(clips))
    data = UnlabelledBatches(config, prepared, photos, run.step)
    run.check_end(data.updates)
    began = time.monotonic()
    for batch in in_order(data, config.workers):
        epoch = run.step // data.epoch_updates
        terms = update(run, batch, pseudo_weight_at(config, epoch))
        if run.step % 20 == 0:
            row = {"step": run.step, "epoch": epoch, "seconds": round(time.monotonic() - began, 1)}
            run.say(row | terms)
        if run.step % config.checkpoint_every == 0 or run.step == data.updates:
            run.save(prepared)
    return run.weights


def pseudo_weight_at(config: AdversarialConfig, epoch: int) -> float:
    """The lambda of an epoch, counted from 0: it halves every two."""
    return config.pseudo_weight * 0.5 ** (epoch // config.halving_epochs)


def update(run: Run, batch: Batch, pseudo_weight: float) -> dict[str, float]:
    """One update of the student, and each fifth time one of the discriminator.

    Args:
        run: The run; its `step` goes on by one.
        batch: As of `UnlabelledBatches`.
        pseudo_weight: Lambda.

    Returns:
        The terms of the student's loss, weighted as they were summed, lambda, and the discriminator's loss where
        it was updated.
    """
    low = torch.autocast("cpu", torch.bfloat16, enabled=run.config.precision == "bfloat16")
    with torch.no_grad(), low:
        coarse = _generate(run.teacher, batch)
    pseudo, place = _layers(run.teacher, coarse, batch), _place(coarse, batch)
    run.discriminator.requires_grad_(False)
    with low:
        own = _layers(run.student, _generate(run.student, batch), batch)
        made = composite(own, batch["image"], batch["background"], batch["shift"])
        response = run.discriminator(made).float()
    terms = {"adversarial": generator_loss(response)}
    held = pseudo_terms(own, pseudo, batch["image"], place)
    terms |= {name: pseudo_weight * term for name, term in held.items()}
    if run.student.refiner is not None and run.student.refiner.config.hidden:
        terms["hidden"] = run.config.hidden_weight * F.l1_loss(own.hidden, pseudo.hidden)
    _descend(run.student_optimizer, torch.stack(list(terms.values())).sum())
    run.step += 1
    if run.step % run.config.generator_updates == 0:
        terms["discriminator"] = _update_discriminator(run, made.detach(), batch["image"])
    return {"pseudo_weight": pseudo_weight} | {name: round(float(term.detach()), 6) for name, term in terms.items()}


def _update_discriminator(run: Run, made: Tensor, image: Tensor) -> Tensor:
    run.discriminator.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16, enabled=run.config.precision == "bfloat16"):
        responses = run.discriminator(made), run.discriminator(image)
    loss = discriminator_loss(responses[0].float(), responses[1].float())
    _descend(run.discriminator_optimizer, loss)
    return loss


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _generate(net: MattingNet, batch: Batch) -> Coarse:
    coarse: Coarse = net.generator(*(batch[name] for name in CHANNELS))
    return coarse


def _layers(net: MattingNet, coarse: Coarse, batch: Batch) -> Layers:
    alpha, foreground, hidden = (x.float() for x in coarse[:3])
    if net.generator.corrects:
        foreground = foreground + batch["image"]
    return Layers(alpha, foreground, hidden)


def _place(coarse: Coarse, batch: Batch) -> Tensor:
    """B: the plate, in what light the teacher saw left where it knows of that; the image where it is not known."""
    plate = batch["plate"] * light(coarse).float()
    return batch["coverage"] * plate + (1 - batch["coverage"]) * batch["image"]
