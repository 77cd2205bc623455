"""Subjects cut out by others: folders of foreground and alpha as the public matting sets lay them out.

| set | colour | alpha | colour is |
|---|---|---|---|
| Adobe's (Deep Image Matting) | `fg/NAME` | `alpha/NAME` | straight |
| Distinctions-646 | `FG/NAME` | `GT/NAME` | straight |
| PPM-100 | `image/NAME` | `matte/NAME` | the photograph: the place shows through |
| VideoMatte240K, `training.people` | `fgr/CLIP/FRAME` | `pha/CLIP/FRAME` | straight; frames are a clip |

The pairs of folders may lie anywhere below the folder given; names are compared without their suffix.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from pipeline.frames import CleanplateError, FloatImage
from training.canvas import Subject
from training.textures import PHOTO_SUFFIXES, recoloured

LAYOUTS = (("fg", "alpha", True), ("FG", "GT", True), ("image", "matte", False), ("fgr", "pha", True))
NEIGHBOURS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class CutoutClip:
    """Consecutive frames of one subject; a still is a clip of one.

    Attributes:
        colours: Pictures, RGB.
        alphas: Pictures of the same sizes, grey.
        straight: The colour is the subject's alone; else the place shows through where alpha is partial.
    """

    colours: tuple[Path, ...]
    alphas: tuple[Path, ...]
    straight: bool


def find_cutouts(folder: Path | None) -> tuple[CutoutClip, ...]:
    """All cut-outs below a folder, sorted by path; none where there is no folder.

    Raises:
        CleanplateError: The folder is missing or holds no pair, or a colour has no alpha.
    """
    if folder is None:
        return ()
    found: list[CutoutClip] = []
    for colour_name, alpha_name, straight in LAYOUTS:
        for colours in sorted(p for p in folder.rglob(colour_name) if p.is_dir() and p.name == colour_name):
            alphas = colours.with_name(alpha_name)
            if alphas.is_dir():
                found += _pairs(colours, alphas, straight)
    if not found:
        pairs = ", ".join(f"{a}/ beside {b}/" for a, b, _ in LAYOUTS)
        raise CleanplateError(f"{folder} holds no cut-outs: looked for {pairs}")
    return tuple(found)


def _pairs(colours: Path, alphas: Path, straight: bool) -> list[CutoutClip]:
    """Stills that lie in `colours`, and a clip for each folder in it."""
    clips = [CutoutClip((colour,), (_alpha_of(colour, alphas),), straight) for colour in _pictures(colours)]
    for folder in sorted(p for p in colours.iterdir() if p.is_dir()):
        frames = _pictures(folder)
        if frames:
            clips.append(CutoutClip(frames, tuple(_alpha_of(f, alphas / folder.name) for f in frames), straight))
    return clips


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES))


def _alpha_of(colour: Path, folder: Path) -> Path:
    for suffix in (colour.suffix, *sorted(PHOTO_SUFFIXES)):
        path = folder / (colour.stem + suffix)
        if path.exists():
            return path
    raise CleanplateError(f"{colour} has no alpha: looked for {folder / colour.stem} with any picture's suffix")


def cut_out(random: Random, size: int, clips: tuple[CutoutClip, ...]) -> Subject:
    """A frame of a random clip somewhere on a size x size picture, with its neighbours where there are some."""
    clip = clips[random.integers(len(clips))]
    index = int(random.integers(len(clip.colours)))
    step = int(random.integers(1, 3))
    places = [int(np.clip(index + step * n, 0, len(clip.colours) - 1)) for n in NEIGHBOURS]
    loaded = {i: _load(clip, i) for i in {index, *places}}
    matrix = _placement(random, size, loaded[index].alpha)
    placed = {i: _place(subject, matrix, size) for i, subject in loaded.items()}
    own = placed[index]
    if len(clip.colours) > 1:
        return Subject(own.alpha, own.colour, tuple(placed[i] for i in places))
    if random.random() < 0.4:
        return Subject(own.alpha, recoloured(random, own.colour).astype(np.float32))
    return own


def _load(clip: CutoutClip, index: int) -> Subject:
    colour, alpha = (
        cv2.imread(str(path), flag)
        for path, flag in ((clip.colours[index], cv2.IMREAD_COLOR_RGB), (clip.alphas[index], cv2.IMREAD_GRAYSCALE))
    )
    if colour is None or alpha is None or colour.shape[:2] != alpha.shape:
        raise CleanplateError(f"{clip.colours[index]} and {clip.alphas[index]} are not two pictures of one size")
    straight = np.asarray(colour, np.float32) * np.float32(1 / 255)
    cover = np.asarray(alpha, np.float32) * np.float32(1 / 255)
    return Subject(cover, straight if clip.straight else _without_place(straight, cover))


def _without_place(photo: FloatImage, alpha: FloatImage) -> FloatImage:
    """Straight colour of a photographed subject: where it is see-through, its opaque neighbours' colour."""
    solid = (alpha > 0.97).astype(np.float32)
    colour, weight = photo * solid[..., None], solid
    spread = max(alpha.shape) / 100
    near = cv2.GaussianBlur(colour, (0, 0), spread) / (cv2.GaussianBlur(weight, (0, 0), spread)[..., None] + 1e-4)
    keep = np.clip((alpha - 0.9) / 0.07, 0, 1)[..., None]
    result: FloatImage = np.clip(near + keep * (photo - near), 0, 1)
    return result


def _placement(random: Random, size: int, alpha: FloatImage) -> NDArray[np.float64]:
    """A 2 x 3 matrix, picture to sample: the subject half to twice the sample's size, mirrored now and then."""
    rows, columns = (np.flatnonzero(alpha.max(axis=axis) > 0.1) for axis in (1, 0))
    if not len(rows):
        rows, columns = (np.arange(n) for n in alpha.shape)
    low, high = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
    scale = size * random.uniform(0.5, 1.8) / max(high - low)
    scale = min(scale, 1.25)  # never blown up: a soft edge would be no edge of a lens
    flip = -1.0 if random.random() < 0.5 else 1.0
    cut = _cut_sides(alpha)
    turn = 0.0 if cut.any() else np.radians(random.normal(0, 6))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([flip, 1.0])
    # A random point of the subject's box comes to lie at a random point of the sample.
    source = low + random.uniform(0.1, 0.9, 2) * (high - low)
    shift = random.uniform(0.15, 0.85, 2) * size - linear @ source
    # What the picture's border cut off, the sample's border cuts off as well.
    corners = np.sort(np.stack((linear @ low, linear @ high)) + shift, axis=0)
    for axis, (first, last) in enumerate((cut[:2][:: int(flip)], cut[2:])):
        if last:
            shift[axis] += max(0, size - corners[1, axis])
        elif first:
            shift[axis] -= max(0, corners[0, axis])
    return np.column_stack((linear, shift))


def _cut_sides(alpha: FloatImage) -> NDArray[np.bool_]:
    """Whether the subject goes on beyond the left, right, upper and lower border."""
    borders = (alpha[:, 0], alpha[:, -1], alpha[0], alpha[-1])
    return np.array([float((border > 0.5).mean()) > 0.02 for border in borders])


def _place(subject: Subject, matrix: NDArray[np.float64], size: int) -> Subject:
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    alpha, colour = subject.alpha, subject.colour
    if scale < 0.8:  # no aliasing
        sigma = 0.45 * (1 / scale - 0.6)
        alpha, colour = (cv2.GaussianBlur(x, (0, 0), sigma) for x in (alpha, colour))
    cover = cv2.warpAffine(alpha, matrix, (size, size), flags=cv2.INTER_LINEAR)
    moved = cv2.warpAffine(colour, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.where(cover < 1 / 512, 0, np.where(cover > 1 - 1 / 512, 1, cover)).astype(np.float32)
    return Subject(cover, moved)
