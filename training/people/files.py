"""Readers of the MakeHuman formats: meshes, morphs, bindings of clothes, motion."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """Triangles in space, decimetres, y up, the face towards +z.

    Attributes:
        points: V x 3.
        triangles: T x 3 vertex numbers, anticlockwise seen from outside.
        uv: V x 2 texture coordinates, those of a vertex's first use; zero where the file has none.
        groups: The group of each triangle, T numbers into `names`.
        names: Names of the groups.
    """

    points: Floats
    triangles: Ints
    uv: Floats
    groups: Ints
    names: tuple[str, ...]

    def in_group(self, prefix: str) -> NDArray[np.bool_]:
        """Which triangles are of a group whose name starts with `prefix`, T."""
        wanted = np.array([name.startswith(prefix) for name in self.names], bool)
        return wanted[self.groups]


def read_obj(path: Path) -> Mesh:
    """Read a Wavefront mesh; polygons become fans of triangles.

    Raises:
        ValueError: The file has no vertex or no face.
    """
    points: list[list[float]] = []
    texture: list[list[float]] = []
    corners: list[tuple[int, int, int]] = []
    groups: list[int] = []
    names = [""]
    uv_of: dict[int, int] = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            points.append([float(w) for w in words[1:4]])
        elif words[0] == "vt":
            texture.append([float(w) for w in words[1:3]])
        elif words[0] == "g":
            names.append(" ".join(words[1:]))
        elif words[0] == "f":
            pairs = [word.split("/") for word in words[1:]]
            polygon = [int(pair[0]) - 1 for pair in pairs]
            for pair, vertex in zip(pairs, polygon, strict=True):
                if len(pair) > 1 and pair[1]:
                    uv_of.setdefault(vertex, int(pair[1]) - 1)
            for second, third in pairwise(polygon[1:]):
                corners.append((polygon[0], second, third))
                groups.append(len(names) - 1)
    if not points or not corners:
        raise ValueError(f"{path} has {len(points)} vertices and {len(corners)} faces; a mesh needs both")
    uv = np.zeros((len(points), 2), np.float32)
    if uv_of:
        uv[list(uv_of)] = np.array(texture, np.float32)[list(uv_of.values())]
    return Mesh(np.array(points, np.float32), np.array(corners), uv, np.array(groups), tuple(names))


@dataclass(frozen=True)
class Morph:
    """A change of shape: `vertices` (N) move by `moves` (N x 3) decimetres."""

    vertices: Ints
    moves: Floats


def read_target(path: Path) -> Morph:
    """Read a `.target` or `.target.gz`: lines of `vertex dx dy dz`, `#` starts a comment."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    table = np.array(rows, np.float64).reshape(-1, 4)
    return Morph(table[:, 0].astype(np.int64), table[:, 1:].astype(np.float32))


@dataclass(frozen=True)
class Binding:
    """How the vertices of a garment hang on a body.

    Attributes:
        vertices: V x 3 body vertices.
        weights: V x 3, they sum to 1.
        offsets: V x 3, decimetres on a body whose measures are those of `scales`.
        scales: For x, y and z: two body vertices and their distance along that axis when made.
        hidden: Body vertices that the garment covers.
    """

    vertices: Ints
    weights: Floats
    offsets: Floats
    scales: tuple[tuple[int, int, float], ...]
    hidden: Ints


def read_mhclo(path: Path) -> Binding:
    """Read a `.mhclo`. A line of one number is a vertex that coincides with that vertex of the body.

    Raises:
        ValueError: No vertex is bound, or a scale is missing.
    """
    rows: list[list[float]] = []
    scales: dict[str, tuple[int, int, float]] = {}
    hidden: list[int] = []
    section = ""
    for line in path.read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0][0].isalpha():  # other settings may stand among the vertices
            continue
        elif section == "verts":
            rows.append([float(w) for w in words] if len(words) == 9 else [float(words[0])] * 3 + [1, 0, 0, 0, 0, 0])
        elif section == "delete_verts":
            hidden += _ranges(words)
    if not rows or set(scales) != set("xyz"):
        raise ValueError(f"{path} binds {len(rows)} vertices and has scales for {sorted(scales)}; all three are needed")
    table = np.array(rows)
    return Binding(
        table[:, :3].astype(np.int64),
        table[:, 3:6].astype(np.float32),
        table[:, 6:].astype(np.float32),
        (scales["x"], scales["y"], scales["z"]),
        np.array(sorted(set(hidden)), np.int64),
    )


def _ranges(words: list[str]) -> list[int]:
    """`3 - 6 9` is 3, 4, 5, 6, 9."""
    numbers: list[int] = []
    open_range = False
    for word in words:
        if word == "-":
            open_range = True
        elif open_range:
            numbers += range(numbers[-1] + 1, int(word) + 1)
            open_range = False
        else:
            numbers.append(int(word))
    return numbers


@dataclass(frozen=True)
class Motion:
    """A BVH file of J joints and F frames.

    Attributes:
        names: Of the joints.
        parents: Their parents' numbers, -1 for the root.
        rotations: F x J x 3 x 3, relative to the parent, in the axes of a Mesh.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rotations: Floats


# BVH files of MakeHuman have z up and look along -y.
_TO_MESH = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)


def read_bvh(path: Path) -> Motion:
    """Read the rotations of a BVH; positions are left out.

    Raises:
        ValueError: There is no MOTION, or a frame has not as many numbers as there are channels.
    """
    head, found, tail = path.read_text().partition("MOTION")
    names: list[str] = []
    parents: list[int] = []
    channels: list[tuple[int, str]] = []
    stack: list[int] = []
    for line in head.splitlines():
        words = line.split()
        if words[:1] in (["ROOT"], ["JOINT"]):
            parents.append(next((j for j in reversed(stack) if j >= 0), -1))
            names.append(words[1])
            stack.append(len(names) - 1)
        elif words[:1] == ["End"]:
            stack.append(-1)
        elif words[:1] == ["CHANNELS"]:
            channels += [(stack[-1], word) for word in words[2:]]
        elif words[:1] == ["}"]:
            stack.pop()
    rows = [line.split() for line in tail.splitlines()[3:] if line.strip()]
    if not found or any(len(row) != len(channels) for row in rows):
        raise ValueError(f"{path} is not a BVH: each frame after MOTION must have {len(channels)} numbers")
    frames = np.array(rows, np.float64)
    rotations = np.broadcast_to(np.eye(3), (len(frames), len(names), 3, 3)).copy()
    for column, (joint, channel) in enumerate(channels):
        if channel.endswith("rotation"):
            turn = turns("XYZ".index(channel[0]), np.radians(frames[:, column]))
            rotations[:, joint] = rotations[:, joint] @ turn
    return Motion(tuple(names), tuple(parents), (_TO_MESH @ rotations @ _TO_MESH.T).astype(np.float32))


def turns(axis: int, radians: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right-handed rotations about an axis (0 is x), N angles to N x 3 x 3."""
    result = np.zeros((len(radians), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result[:, axis, axis] = 1
    result[:, i, i] = result[:, j, j] = np.cos(radians)
    result[:, i, j] = -np.sin(radians)
    result[:, j, i] = np.sin(radians)
    return result
