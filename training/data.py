"""Batches of samples, a pure function of seed and update, so that a run resumes exactly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.composites import Sample, make_sample, reduce
from training.config import SupervisedConfig

Batch = dict[str, Tensor]


class CompositeBatches(Dataset[Batch]):
    """Batch number i of a run.

    A batch holds float32 tensors: the coarse `image`, `plate`, `coverage`, `mask`, `motion`, `alpha`,
    `foreground` and `background` (B x C x n x n), the same names with `full_` for the refiner's crop (no mask,
    no motion; C x crop x crop), and `box`, B x 3: the crop's left and top, and the full size it was cut from.
    """

    def __init__(self, config: SupervisedConfig, photos: Sequence[Path], first: int = 0) -> None:
        self.config, self.photos, self.first = config, tuple(photos), first

    def __len__(self) -> int:
        return self.config.steps - self.first

    def __getitem__(self, index: int) -> Batch:
        """Make the batch of update `first + index`."""
        cv2.setNumThreads(1)
        step = self.first + index
        random = np.random.default_rng([self.config.seed, step])
        factor = float(random.choice(self.config.factors))
        size = 2 * round(self.config.coarse_size * factor / 2)
        samples = [
            self._one(np.random.default_rng([self.config.seed, step, i]), size) for i in range(self.config.batch)
        ]
        return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _one(self, random: np.random.Generator, size: int) -> Batch:
        sample = make_sample(random, size, self.config.coarse_size, self.photos)
        left, top = _interesting_corner(random, sample, self.config.crop)
        window = (slice(top, top + self.config.crop), slice(left, left + self.config.crop))
        tensors: Batch = {"box": torch.tensor([left, top, size])}
        for name in ("image", "plate", "coverage", "alpha", "foreground", "background"):
            array = getattr(sample, name)
            tensors[name] = _tensor(reduce(array, self.config.coarse_size))
            tensors[f"full_{name}"] = _tensor(array[window])
        tensors["mask"] = _tensor(sample.mask)
        tensors["motion"] = _tensor(sample.motion)
        return tensors


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
