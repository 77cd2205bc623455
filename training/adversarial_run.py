"""The state of a stage-2 run: student, teacher, discriminator, and how they are kept."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.discriminator import Discriminator
from models.weights import FOLDER, MattingNet, WeightsError, load_weights, new_net
from pipeline.frames import CleanplateError
from training.adversarial_config import AdversarialConfig
from training.resumable import Resumable
from training.unlabelled import PreparedClip

BETAS = (0.5, 0.999)
"""Of both Adams, as in PatchGAN's paper and the authors' code."""


@dataclass
class Run(Resumable):
    """A stage-2 run that can be stopped at any time and goes on exactly where it was."""

    config: AdversarialConfig
    student: MattingNet
    teacher: MattingNet
    discriminator: Discriminator
    student_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    folder: Path
    step: int = 0

    @staticmethod
    def start(config: AdversarialConfig, folder: Path) -> Run:
        """A fresh run, or the one whose checkpoint lies in `folder`.

        Raises:
            CleanplateError: The teacher's weights are missing, unfit for the student, or not the checkpoint's; or
                that is damaged or of other networks.
        """
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        teacher = _teacher(config, folder)
        student = _student(config, teacher)
        discriminator = Discriminator()
        run = Run(
            config, student, teacher, discriminator,
            torch.optim.Adam(student.generator.parameters(), config.generator_rate, BETAS),
            torch.optim.Adam(discriminator.parameters(), config.discriminator_rate, BETAS),
            folder,
        )  # fmt: skip
        if run.checkpoint.exists():
            saved = run.kept()
            if saved.get("teacher") != _digest(teacher_file(config, folder)):
                raise CleanplateError(f"{run.checkpoint} was trained with another teacher; begin in another folder")
            run.resume(saved)
        _set_modes(run)
        return run

    def parts(self) -> dict[str, Any]:
        """See `Resumable`."""
        return {
            "student": self.student,
            "discriminator": self.discriminator,
            "student_optimizer": self.student_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def save(self, clips: tuple[PreparedClip, ...]) -> None:
        """Write the weights and the checkpoint.

        Args:
            clips: What was learned from, for the card.
        """
        teacher = _digest(teacher_file(self.config, self.folder))
        self.keep(self.student, self._card(clips, teacher), {"teacher": teacher})

    def _card(self, clips: tuple[PreparedClip, ...], teacher: str) -> dict[str, str]:
        seen = ", ".join(f"{clip.name} ({len(clip.frames)} frames)" for clip in clips)
        return {
            "data": f"stage 2 on unlabelled clips: {seen}"
            + (f"; {self.config.sources}" if self.config.sources else ""),
            "licence": "Apache-2.0",
            "config": self.config.model_dump_json(),
            "teacher": f"sha256 {teacher}",
            "steps": str(self.step),
        }


def teacher_file(config: AdversarialConfig, folder: Path) -> Path:
    """The teacher's weights file: the config's, looked for in the run's folder, or the one that ships."""
    return FOLDER / f"{config.model}.safetensors" if config.teacher is None else folder / config.teacher


def _teacher(config: AdversarialConfig, folder: Path) -> MattingNet:
    if config.teacher == f"{config.model}.safetensors":
        raise CleanplateError(f"teacher: the run writes a {config.teacher} of its own; name it otherwise")
    try:
        return load_weights(config.model, teacher_file(config, folder)).requires_grad_(False)
    except WeightsError as error:
        raise CleanplateError(str(error)) from error


def _student(config: AdversarialConfig, teacher: MattingNet) -> MattingNet:
    """The net that learns; its refiner is the teacher's, where it needs one or the teacher has one."""
    student = new_net(config.model)
    if teacher.refiner is None and student.generator.config.hidden == 0:
        student = new_net(config.model, refined=False)
    if config.start == "teacher":
        if teacher.generator.config != student.generator.config:
            raise CleanplateError(
                f'the teacher is no {config.model!r} as the student is to be; begin with start = "fresh"'
            )
        student.generator.load_state_dict(teacher.generator.state_dict())
    if student.refiner is not None:
        if teacher.generator.config.hidden != student.generator.config.hidden or teacher.refiner is None:
            raise CleanplateError(
                f"the student {config.model!r} needs the teacher's refiner, and it has none that fits"
            )
        student.refiner = copy.deepcopy(teacher.refiner)
    return student


def _set_modes(run: Run) -> None:
    run.student.generator.train()
    if run.config.keep_norm:
        for module in run.student.generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
