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
import torch
from numpy.random import Generator as Random
from numpy.typing import NDArray

from models.carrying import SOLID, carry_colour
from pipeline.frames import CleanplateError, FloatImage, Image
from training.canvas import Subject, unmultiplied
from training.textures import PHOTO_SUFFIXES, is_shown, read_picture, recoloured

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
            if alphas.is_dir() and is_shown(colours, folder):
                found += _pairs(colours, alphas, straight)
    if not found:
        pairs = ", ".join(f"{a}/ beside {b}/" for a, b, _ in LAYOUTS)
        raise CleanplateError(f"{folder} holds no cut-outs: looked for {pairs}")
    return tuple(found)


def _pairs(colours: Path, alphas: Path, straight: bool) -> list[CutoutClip]:
    """Stills that lie in `colours`, and a clip for each folder in it."""
    clips = [CutoutClip((colour,), (_alpha_of(colour, alphas),), straight) for colour in _pictures(colours)]
    for folder in sorted(p for p in colours.iterdir() if p.is_dir() and is_shown(p, colours)):
        frames = _pictures(folder)
        if frames:
            clips.append(CutoutClip(frames, tuple(_alpha_of(f, alphas / folder.name) for f in frames), straight))
    return clips


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES and is_shown(p, folder)))


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
    """A frame as it is stored, for tools that write an alpha do not turn it as a tag of the colour says."""
    colour = read_picture(clip.colours[index], cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    cover = _cover(read_picture(clip.alphas[index], cv2.IMREAD_UNCHANGED))
    if colour.shape[:2] != cover.shape:
        raise CleanplateError(f"{clip.colours[index]} and {clip.alphas[index]} are not stored as pictures of one size")
    photo = np.asarray(colour, np.float32) * np.float32(1 / 255)
    return Subject(cover, photo if clip.straight else _without_place(photo, cover))


def _cover(picture: Image) -> FloatImage:
    """Alpha as a picture holds it: in its alpha channel, or in its grey where it has none or all of that is opaque."""
    most = np.iinfo(picture.dtype).max
    channels = picture.reshape(*picture.shape[:2], -1)
    if channels.shape[2] in (2, 4) and channels[..., -1].min() < most:
        cover = channels[..., -1]
    else:
        cover = channels[..., 0] if channels.shape[2] < 3 else cv2.cvtColor(channels[..., :3], cv2.COLOR_BGR2GRAY)
    return np.asarray(cover, np.float32) * np.float32(1 / most)


def _without_place(photo: FloatImage, alpha: FloatImage) -> FloatImage:
    """Straight colour of a photographed subject: where it is see-through, that of its solid parts, if it has any."""
    if cv2.erode(alpha, np.ones((3, 3), np.uint8)).max() <= SOLID[0]:
        return photo
    image, cover = torch.from_numpy(photo).permute(2, 0, 1)[None], torch.from_numpy(alpha)[None, None]
    near: FloatImage = carry_colour(image, cover)[0].permute(1, 2, 0).numpy()
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
    alpha, room = subject.alpha[..., None], (size, size)
    layers = np.concatenate((alpha * subject.colour, alpha), axis=2)
    if scale < 0.8:  # no aliasing
        layers = cv2.GaussianBlur(layers, (0, 0), 0.45 * (1 / scale - 0.6))
    moved = cv2.warpAffine(layers, matrix, room, flags=cv2.INTER_LINEAR)
    beyond = cv2.warpAffine(subject.colour, matrix, room, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return unmultiplied(moved[..., 3], moved[..., :3], beyond)
