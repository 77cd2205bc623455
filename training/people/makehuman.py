"""The MakeHuman assets of a folder, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.people.files import Binding, Floats, Mesh, Morph, Motion, read_bvh, read_mhclo, read_obj, read_target
from training.people.skeleton import Skeleton, read_skeleton, read_weights

SKIN_GROUP, EYE_GROUPS = "body", ("helper-l-eye", "helper-r-eye")


@dataclass(frozen=True)
class Garment:
    """Clothes, shoes, a hat or hair: a mesh and what holds it to a body."""

    name: str
    mesh: Mesh
    binding: Binding

    def fit(self, body: Floats) -> Floats:
        """The garment's vertices on an unposed body of V x 3 points."""
        held = np.einsum("vk,vkc->vc", self.binding.weights, body[self.binding.vertices])
        scale = [abs(body[a, axis] - body[b, axis]) / size for axis, (a, b, size) in enumerate(self.binding.scales)]
        fitted: Floats = held + self.binding.offsets * np.array(scale, np.float32)
        return fitted.astype(np.float32)

    def weights(self, body: Floats) -> Floats:
        """The share of each bone in each vertex, from those of the body (V x B)."""
        mixed = np.einsum("vk,vkb->vb", np.clip(self.binding.weights, 0, 1), body[self.binding.vertices])
        result: Floats = mixed / np.maximum(mixed.sum(axis=1, keepdims=True), 1e-6)
        return result


@dataclass(frozen=True)
class MakeHuman:
    """A folder of assets: see `training/README.md` for its parts."""

    folder: Path
    base: Mesh
    skeleton: Skeleton
    weights: Floats

    @staticmethod
    def open(folder: Path) -> MakeHuman:
        """Read what every person needs.

        Raises:
            ValueError: `folder` has no base.obj.
        """
        if not (folder / "base.obj").is_file():
            raise ValueError(f"{folder} has no base.obj: give the folder of the MakeHuman assets")
        base = read_obj(folder / "base.obj")
        skeleton = read_skeleton(folder / "default.mhskel")
        weights = read_weights(folder / "default_weights.mhw", skeleton, len(base.points))
        return MakeHuman(folder, base, skeleton, weights)

    def names(self, kind: str, pattern: str) -> list[str]:
        """Sorted names of the files of a subfolder, without their suffix."""
        return sorted(p.name.split(".")[0] for p in (self.folder / kind).glob(pattern))

    def garment(self, kind: str, name: str) -> Garment:
        """`clothes` or `hair` of that name."""
        return _garment(self.folder / kind, name)

    def morph(self, name: str) -> Morph:
        """The target of that name."""
        return _morph(self.folder / "targets" / f"{name}.target.gz")

    def motion(self, name: str) -> Motion:
        """The BVH at `name` (`walk1`, `poses/sit01`)."""
        return _motion(self.folder / f"{name}.bvh")

    def faces(self, *prefixes: str) -> NDArray[np.int64]:
        """Triangles of the base mesh of the groups with these prefixes, T x 3."""
        wanted = np.any([self.base.in_group(prefix) for prefix in prefixes], axis=0)
        return self.base.triangles[wanted]


@lru_cache(maxsize=64)
def _garment(folder: Path, name: str) -> Garment:
    return Garment(name, read_obj(folder / f"{name}.obj"), read_mhclo(folder / f"{name}.mhclo"))


@lru_cache(maxsize=64)
def _morph(path: Path) -> Morph:
    return read_target(path)


@lru_cache(maxsize=64)
def _motion(path: Path) -> Motion:
    return read_bvh(path)


def components(mesh: Mesh) -> NDArray[np.int64]:
    """For each vertex the smallest vertex it is connected with, V."""
    label = np.arange(len(mesh.points))
    while True:
        smaller = label.copy()
        for column in mesh.triangles.T:
            np.minimum.at(smaller, column, label[mesh.triangles].min(axis=1))
        smaller = smaller[smaller]
        if np.array_equal(smaller, label):
            return label
        label = smaller
