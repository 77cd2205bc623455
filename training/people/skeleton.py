"""Bones, and how they carry a mesh: forward kinematics and linear blend skinning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.people.files import Floats


@dataclass(frozen=True)
class Skeleton:
    """B bones, parents before their children.

    Attributes:
        names: Of the bones.
        parents: Number of each bone's parent, -1 for the root.
        head_vertices: The body vertices whose mean is a bone's head.
        tail_vertices: The same for its tail.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    head_vertices: tuple[tuple[int, ...], ...]
    tail_vertices: tuple[tuple[int, ...], ...]

    def index(self, name: str) -> int:
        """Number of the bone `name`."""
        return self.names.index(name)

    def heads(self, body: Floats) -> Floats:
        """Where the bones begin on a body of V x 3 points, B x 3."""
        return np.stack([body[list(v)].mean(axis=0) for v in self.head_vertices])

    def tails(self, body: Floats) -> Floats:
        """Where the bones end on a body of V x 3 points, B x 3."""
        return np.stack([body[list(v)].mean(axis=0) for v in self.tail_vertices])


def read_skeleton(path: Path) -> Skeleton:
    """Read a `.mhskel`."""
    data = json.loads(path.read_text())
    bones, joints = data["bones"], data["joints"]
    order: list[str] = []
    while len(order) < len(bones):
        ready = [n for n, b in bones.items() if n not in order and (b["parent"] is None or b["parent"] in order)]
        if not ready:
            raise ValueError(f"{path} has bones whose parents are missing: {sorted(set(bones) - set(order))[:5]}")
        order += ready
    parents = tuple(-1 if bones[n]["parent"] is None else order.index(bones[n]["parent"]) for n in order)
    heads = tuple(tuple(joints[bones[n]["head"]]) for n in order)
    tails = tuple(tuple(joints[bones[n]["tail"]]) for n in order)
    return Skeleton(tuple(order), parents, heads, tails)


def read_weights(path: Path, skeleton: Skeleton, vertices: int) -> Floats:
    """Read a `.mhw`: the share of each bone in each vertex, V x B, rows sum to 1; what no bone holds is the root's."""
    table = np.zeros((vertices, len(skeleton.names)), np.float32)
    for name, pairs in json.loads(path.read_text())["weights"].items():
        if pairs:
            rows = np.array(pairs, np.float64)
            table[rows[:, 0].astype(np.int64), skeleton.index(name)] = rows[:, 1]
    table[table.sum(axis=1) == 0, skeleton.parents.index(-1)] = 1
    return table / table.sum(axis=1, keepdims=True)


def global_rotations(skeleton: Skeleton, local: Floats) -> Floats:
    """Rotations relative to the parent, B x 3 x 3, to rotations of the world."""
    result = local.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            result[bone] = result[parent] @ local[bone]
    return result


def bone_transforms(skeleton: Skeleton, heads: Floats, rotations: Floats) -> Floats:
    """Rotations of the world (B x 3 x 3) and heads at rest (B x 3) to transforms of points at rest, B x 3 x 4.

    A bone turns about its head; its head is carried by the parent.
    """
    moved = heads.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            moved[bone] = moved[parent] + rotations[parent] @ (heads[bone] - heads[parent])
    shift = moved - np.einsum("bij,bj->bi", rotations, heads)
    return np.concatenate((rotations, shift[:, :, None]), axis=2).astype(np.float32)


def skin(points: Floats, weights: Floats, transforms: Floats) -> Floats:
    """Linear blend skinning: V x 3 points at rest with V x B weights to V x 3 posed."""
    blended = (weights @ transforms.reshape(len(transforms), 12)).reshape(-1, 3, 4)
    posed: Floats = np.einsum("vij,vj->vi", blended[:, :, :3], points) + blended[:, :, 3]
    return posed
