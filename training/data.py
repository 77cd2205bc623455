"""Batches of samples, a pure function of seed and update, so that a run resumes exactly."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.canvas import reduce
from training.composites import Sample, make_sample
from training.config import Part, SupervisedConfig, full_size
from training.material import Material

Batch = dict[str, Tensor]


class CompositeBatches(Dataset[Batch]):
    """Batch number i of a run.

    A batch holds float32 tensors: the coarse `image`, `plate`, `coverage`, `mask`, `motion`, `alpha`,
    `foreground`, `background` and `light` (B x C x n x n), the same names with `full_` for the refiner's crop
    (no mask, motion or light; C x crop x crop), and `box`, B x 3: the crop's left and top, and the full size it was
    cut from.
    """

    def __init__(
        self, config: SupervisedConfig, material: Material, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> None:
        """Prepare the batches of a run.

        Args:
            config: The run.
            material: Places and subjects to draw from.
            first: Update that index 0 stands for.
            share: Of each batch, only every second number's sample, beginning with the first number's.
        """
        self.config, self.material, self.first, self.share = config, material, first, share

    def __len__(self) -> int:
        return self.config.steps - self.first

    def __getitem__(self, index: int) -> Batch:
        """Make the batch of update `first + index`."""
        cv2.setNumThreads(1)
        step = self.first + index
        random = np.random.default_rng([self.config.seed, step])
        factor = float(random.choice(self.config.factors))
        size = full_size(self.config.coarse_size, factor)
        samples = [
            self._one(np.random.default_rng([self.config.seed, step, i]), size)
            for i in range(self.share[0], self.config.batch, self.share[1])
        ]
        batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
        return without_input(batch, self.config.left_out)

    def _one(self, random: np.random.Generator, size: int) -> Batch:
        cutout_share = 0.0 if self.config.left_out == "people" else self.config.cutout_share
        strands = self.config.left_out != "strands"
        sample = make_sample(
            random, size, self.config.coarse_size, self.material, cutout_share, strands, self.config.video_share
        )
        left, top = _interesting_corner(random, sample, self.config.crop)
        window = (slice(top, top + self.config.crop), slice(left, left + self.config.crop))
        tensors: Batch = {"box": torch.tensor([left, top, size])}
        for name in ("image", "plate", "coverage", "alpha", "foreground", "background"):
            array = getattr(sample, name)
            tensors[name] = _tensor(reduce(array, self.config.coarse_size))
            tensors[f"full_{name}"] = _tensor(array[window])
        tensors["mask"] = _tensor(sample.mask)
        tensors["motion"] = _tensor(sample.motion)
        tensors["light"] = _tensor(sample.light)
        return tensors


def without_input(batch: Batch, part: Part | None) -> Batch:
    """A batch that says nothing by its plate, soft mask or motion; as it is for any other part."""
    if part == "plate":
        hidden = {name: torch.zeros_like(x) for name, x in batch.items() if name.endswith(("plate", "coverage"))}
        return batch | hidden
    if part == "mask":
        return batch | {"mask": torch.zeros_like(batch["mask"])}
    if part == "motion":
        return batch | {"motion": batch["image"].mean(1, keepdim=True).expand_as(batch["motion"])}
    return batch


def _interesting_corner(random: np.random.Generator, sample: Sample, crop: int) -> tuple[int, int]:
    """Where to cut the refiner's crop: around a pixel of the edge four times in five."""
    size = len(sample.alpha)
    edge = np.argwhere((sample.alpha > 0.02) & (sample.alpha < 0.98))
    if len(edge) and random.random() < 0.8:
        y, x = edge[random.integers(len(edge))] - random.integers(crop // 4, 3 * crop // 4, 2)
    else:
        y, x = random.integers(0, size - crop + 1, 2)
    return int(np.clip(x, 0, size - crop)), int(np.clip(y, 0, size - crop))


def _tensor(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Tensor:
    """H x W or H x W x C to C x H x W."""
    if array.ndim == 2:
        return torch.from_numpy(np.ascontiguousarray(array))[None]
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
