"""Where the material of samples lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.frames import CleanplateError
from training.cutouts import CutoutClip, find_cutouts
from training.textures import find_photos


@dataclass(frozen=True)
class Material:
    """What samples are made of besides chance.

    Attributes:
        photos: Pictures of places, may be empty: then all places are procedural.
        cutouts: Subjects cut out by others, may be empty: then all subjects are drawn.
    """

    photos: tuple[Path, ...] = ()
    cutouts: tuple[CutoutClip, ...] = ()


def find_material(assets: Path | None, cutouts: Path | None = None) -> Material:
    """Photographs in `assets/photos`, cut-outs in `cutouts` or else in `assets/cutouts`, where these are given.

    Raises:
        CleanplateError: `assets` has neither folder, or a folder of cut-outs holds none.
    """
    if assets is None:
        return Material((), find_cutouts(cutouts))
    photos, subjects = assets / "photos", assets / "cutouts"
    if not photos.is_dir() and not subjects.is_dir():
        raise CleanplateError(f"{assets} holds neither photos/ nor cutouts/; training/README.md says what it is")
    own = subjects if subjects.is_dir() else None
    return Material(find_photos(photos), find_cutouts(cutouts or own))
