"""Clips with plates and without truth: what the networks see of their frames, and crops of it in batches.

A folder of clips holds one folder for each, with `clip.*` (a video) and `plate.*` (a picture or a video) in it;
anything else there is not looked at. Frames are put before the networks just as rendering does it, once for a run:
the results lie in the run's folder, 7 MB a frame of 16:9.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator as Random
from torch import Tensor
from torch.utils.data import Dataset

from pipeline.clip import Clip
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, FloatImage, Frame, Settings
from pipeline.matting import GeneratorInputs, Matter, reduce
from pipeline.observing import looked_at_again
from pipeline.plates import read_plate
from pipeline.windows import windows
from training.adversarial_config import AdversarialConfig
from training.textures import place

Batch = dict[str, Tensor]

CHANNELS = {"image": 3, "plate": 3, "coverage": 1, "mask": 1, "motion": 4}
"""What is kept of a frame, in this order: the generator's inputs."""

VERSION = 5
"""Of what is kept: to be raised where the same frame and plate come to other inputs."""

PLATE = "plate.npy"


@dataclass(frozen=True)
class UnlabelledClip:
    """A clip and its plate, by the name of the folder they lie in."""

    name: str
    clip: Path
    plate: Path


@dataclass(frozen=True)
class PreparedClip:
    """A clip as the generator sees it.

    Attributes:
        name: The clip's.
        frames: Files of float32 arrays, 12 x h x w in [0, 1]: see `CHANNELS`.
        plate: File of the plate as it was read, h x w x 3 float32 in [0, 1].
    """

    name: str
    frames: tuple[Path, ...]
    plate: Path


def find_unlabelled(folder: Path) -> tuple[UnlabelledClip, ...]:
    """The clips of a folder, sorted by name; or the one that lies in it directly.

    Raises:
        CleanplateError: There is no such folder or nothing in it, or a clip or a plate is missing or there twice.
    """
    if not folder.is_dir():
        raise CleanplateError(f"{folder}: there is no such folder; give one that holds a folder for each clip")
    if any(folder.glob("clip.*")):
        return (_one(folder),)
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not inner:
        raise CleanplateError(f"{folder}: no folder with clip.* and plate.* is in it")
    return tuple(_one(path) for path in inner)


def _one(folder: Path) -> UnlabelledClip:
    found = {name: sorted(folder.glob(f"{name}.*")) for name in ("clip", "plate")}
    for name, paths in found.items():
        if not paths:
            raise CleanplateError(f"{folder}: {name}.* is missing; a clip's folder holds clip.* and plate.*")
        if len(paths) > 1:
            raise CleanplateError(f"{folder}: {', '.join(p.name for p in paths)}: which is the {name}? Leave one")
    return UnlabelledClip(folder.resolve().name, found["clip"][0], found["plate"][0])


def prepare(found: UnlabelledClip, config: AdversarialConfig, teacher: Path | None, room: Path) -> PreparedClip:
    """Align a clip's frames and keep what the generator sees of them; done once, then only found again.

    Args:
        found: The clip.
        config: Which frames.
        teacher: Weights file whose generator says at what size; None for the one that ships.
        room: Folder to keep the results in.

    Raises:
        CleanplateError: The clip or the plate cannot be read, is smaller than a crop, or the plate fits no frame.
    """
    with open_clip(found.clip) as whole:
        clip = _Beginning(whole, config.frames)
        settings = Settings(model=config.model, weights=teacher, device="cpu")
        matter = Matter(read_plate(found.plate), (clip.info.width, clip.info.height), settings)
        if min(matter.coarse_size) < config.crop:
            width, height = matter.coarse_size
            raise CleanplateError(
                f"{found.clip} is {width} x {height} at the generator's size: crop is {config.crop}, "
                f"allowed is up to {min(width, height)}"
            )
        kept = room / f"{found.name}-{_digest(found, config, matter.coarse_size)}"
        if not kept.exists():
            _keep(clip, found, matter, config.every, kept)
    return PreparedClip(found.name, tuple(sorted(kept.glob("frame_*.npy"))), kept / PLATE)


class _Beginning(Clip):
    """The first frames of a clip, as if it ended there: not even their motion shows what follows."""

    def __init__(self, clip: Clip, count: int | None) -> None:
        info = clip.info
        end = len(info) if count is None else min(count, len(info))
        end_pts = info.pts[end] if end < len(info) else info.end_pts
        self.clip, self.info = clip, replace(info, pts=info.pts[:end], end_pts=end_pts)

    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        return self.clip.frames(start, end)


def _digest(found: UnlabelledClip, config: AdversarialConfig, size: tuple[int, int]) -> str:
    """Sixteen digits that change with the files and with what is taken of them."""
    digest = hashlib.sha256(repr((VERSION, config.frames, config.every, size)).encode())
    for path in (found.clip, found.plate):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _keep(clip: Clip, found: UnlabelledClip, matter: Matter, every: int, kept: Path) -> None:
    """Write a clip's folder; it appears under its name only when it is whole."""
    beside = kept.with_name(f".{kept.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    failure = ""
    for seen in windows(clip, matter.observe, 0, len(clip.info)):
        window = looked_at_again(seen, matter.aligner)
        report = window.observation.alignment
        failure = failure or window.observation.failure
        if report is None or window.frame.index % every:
            continue
        inputs = matter.inputs(window, matter.aligner.warp(report))
        np.save(beside / f"frame_{window.frame.index:06d}.npy", _packed(inputs))
    if not any(beside.iterdir()):
        shutil.rmtree(beside)
        raise CleanplateError(f"{found.plate} fits no frame of {found.clip}: {failure}")
    np.save(beside / PLATE, reduce(read_plate(found.plate), matter.coarse_size))
    beside.rename(kept)


def _packed(inputs: GeneratorInputs) -> FloatImage:
    """The inputs as one 12 x h x w array."""
    height, width = inputs.mask.shape
    layers = [array.reshape(height, width, -1) for array in inputs.maps]
    return np.ascontiguousarray(np.concatenate(layers, axis=2).transpose(2, 0, 1))


class UnlabelledBatches(Dataset[Batch]):
    """Batch number i of a run, a pure function of the config and i.

    A batch holds float32 tensors in [0, 1], B x C x crop x crop: the generator's inputs by their names, and
    `background`, a new one; and `shift`, B, the pixels by which the composite is to go to the right.
    """

    def __init__(
        self, config: AdversarialConfig, clips: tuple[PreparedClip, ...], photos: tuple[Path, ...], first: int = 0
    ) -> None:
        """Batches of prepared clips.

        Args:
            config: The run.
            clips: What it learns from.
            photos: Photographs of places, may be none.
            first: Update to begin with.
        """
        self.config, self.clips, self.photos, self.first = config, clips, photos, first
        self.frames = [path for clip in clips for path in clip.frames]
        self.epoch_updates = -(-len(self.frames) // config.batch)

    @property
    def updates(self) -> int:
        """Updates of the whole run."""
        return self.config.epochs * self.epoch_updates

    def __len__(self) -> int:
        return self.updates - self.first

    def __getitem__(self, index: int) -> Batch:
        """Make the batch of update `first + index`."""
        cv2.setNumThreads(1)
        step = self.first + index
        epoch, within = divmod(step, self.epoch_updates)
        order = np.random.default_rng([self.config.seed, epoch]).permutation(len(self.frames))
        places = within * self.config.batch + np.arange(self.config.batch)
        samples = [
            self._sample(np.random.default_rng([self.config.seed, step, i]), self.frames[frame])
            for i, frame in enumerate(order.take(places, mode="wrap"))
        ]
        return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _sample(self, random: Random, path: Path) -> Batch:
        stored = np.load(path, mmap_mode="r")
        left, top = _corner(random, np.asarray(stored[7]), self.config.crop)
        crop = np.array(stored[:, top : top + self.config.crop, left : left + self.config.crop])
        parts = np.split(crop, np.cumsum(list(CHANNELS.values()))[:-1])
        background = np.ascontiguousarray(self._background(random).transpose(2, 0, 1))
        shift = _shift(random, crop[7]) if self.config.shift else 0
        batch = {name: torch.from_numpy(part) for name, part in zip(CHANNELS, parts, strict=True)}
        return batch | {"background": torch.from_numpy(background), "shift": torch.tensor(shift)}

    def _background(self, random: Random) -> FloatImage:
        """A new background, crop x crop x 3: a plate that was mirrored, or any other place.

        A discriminator that sees one room in all photographs and others in all composites would learn the room.
        """
        size = self.config.crop
        if random.random() >= self.config.plates:
            return place(random, size, self.photos)
        plate = np.load(self.clips[random.integers(len(self.clips))].plate)
        left, top = (int(random.integers(0, side - size + 1)) for side in (plate.shape[1], plate.shape[0]))
        mirrored: FloatImage = plate[top : top + size, left : left + size][:, ::-1]
        return mirrored


def _corner(random: Random, mask: FloatImage, crop: int) -> tuple[int, int]:
    """Left and top of a crop: around a pixel of the subject four times in five."""
    height, width = mask.shape
    subject = np.argwhere(mask > 0.5)
    if len(subject) and random.random() < 0.8:
        y, x = subject[random.integers(len(subject))] - random.integers(crop // 4, 3 * crop // 4, 2)
    else:
        y, x = random.integers(0, height - crop + 1), random.integers(0, width - crop + 1)
    return int(np.clip(x, 0, width - crop)), int(np.clip(y, 0, height - crop))


def _shift(random: Random, mask: FloatImage) -> int:
    """Pixels to the right by which the subject may go and stay whole; 0 where the crop cuts it or there is none."""
    columns = np.flatnonzero((mask > 0.1).any(axis=0))
    if not len(columns) or columns[0] == 0 or columns[-1] == mask.shape[1] - 1:
        return 0
    return int(random.integers(-columns[0], mask.shape[1] - columns[-1]))
