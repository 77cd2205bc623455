"""What a person shows: skin and eyes, clothes, glasses, something in the hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from training.people import materials, props
from training.people.files import Floats, Ints
from training.people.hair import Head, scalp
from training.people.makehuman import EYE_GROUPS, SKIN_GROUP, Garment, MakeHuman, components
from training.people.scene import Part, vertex_normals
from training.people.skeleton import skin
from training.textures import random_colour

SEXES = ("female", "male")
PUSH = {"shoes": 0.0, "fedora": 0.08}
"""Decimetres that a garment is moved off the body, by the start of its name; all others 0.03 and more."""


@dataclass(frozen=True)
class Worn:
    """Something that moves with the bones.

    Attributes:
        part: How it looks, unposed.
        weights: V x B.
    """

    part: Part
    weights: Floats


def posed(worn: Worn, transforms: Floats) -> Part:
    """A thing as it lies at a pose."""
    return replace(worn.part, points=skin(worn.part.points, worn.weights, transforms))


def flesh(
    makehuman: MakeHuman, random: Random, body: Floats, head: Head, hidden: Ints, roots: Floats | None
) -> list[Worn]:
    """Skin, with a scalp in the colour of the hair, and eyes."""
    tint = materials.skin_tint(makehuman, random, materials.random_skin(random))
    if roots is not None:
        tint[scalp(makehuman, body, head)] = 0.55 * roots + 0.02
    faces = makehuman.faces(SKIN_GROUP)
    covered = np.zeros(len(body), bool)
    covered[hidden] = True
    faces = faces[~covered[faces].all(axis=1)]
    gloss = random.uniform(0.02, 0.16)
    texture = materials.skin_texture(random)
    parts = [_compact(Part(body, faces, makehuman.base.uv, tint, texture, gloss, two_sided=False), makehuman.weights)]
    eye_texture, white = materials.eye_texture(random), np.ones_like(body)
    for group in EYE_GROUPS:
        faces = makehuman.faces(group)
        used = np.unique(faces)
        middle, half = body[used].mean(axis=0), np.ptp(body[used], axis=0) / 2
        uv = np.clip(0.5 + 0.49 * (body - middle)[:, :2] / half[:2] * [1, -1], 0, 0.999).astype(np.float32)
        parts.append(_compact(Part(body, faces, uv, white, eye_texture, 0.4, two_sided=False), makehuman.weights))
    return parts


def clothes_of(
    makehuman: MakeHuman, random: Random, body: Floats, male: bool, photos: tuple[Path, ...], hat: bool
) -> tuple[list[Worn], Ints]:
    """A suit, mostly of the wearer's sex, shoes, perhaps a hat; and the body vertices that they cover."""
    sex = SEXES[int(male != (random.random() < 0.1))]
    names = [str(random.choice(makehuman.names("clothes", f"{sex}*.mhclo")))]
    names.append(str(random.choice(makehuman.names("clothes", "shoes*.mhclo"))))
    if hat:
        names.append(str(random.choice(makehuman.names("clothes", "fedora*.mhclo"))))
    worn, hidden = [], []
    for name in names:
        garment = makehuman.garment("clothes", name)
        worn += _dressed(makehuman, random, body, garment, photos)
        hidden.append(garment.binding.hidden)
    return worn, np.unique(np.concatenate(hidden))


def _dressed(
    makehuman: MakeHuman, random: Random, body: Floats, garment: Garment, photos: tuple[Path, ...]
) -> list[Worn]:
    """A garment, each piece of its own cloth; pieces of one size, such as a pair of shoes, are alike."""
    fitted, weights = garment.fit(body), garment.weights(makehuman.weights)
    outward = vertex_normals(fitted, garment.mesh.triangles)
    distance = next((d for kind, d in PUSH.items() if garment.name.startswith(kind)), 0.03)
    label = components(garment.mesh)[garment.mesh.triangles[:, 0]]
    pieces = [garment.mesh.triangles[label == piece] for piece in np.unique(label)]
    pieces.sort(key=lambda faces: float(fitted[faces][..., 1].mean()))
    cloth: dict[int, tuple[FloatImage, float]] = {}
    worn = []
    for rank, faces in enumerate(pieces):
        if len(faces) not in cloth:
            cloth[len(faces)] = materials.cloth_texture(random, photos), random.choice([0.0, 0.03, 0.15])
        texture, gloss = cloth[len(faces)]
        # A shirt hangs over the trousers, and what is small is worn beneath.
        small = distance > 0 and len(faces) < 0.3 * max(map(len, pieces))
        points = fitted + np.float32(-0.02 if small else distance * (1 + min(rank, 2) / 2)) * outward
        part = Part(points, faces, garment.mesh.uv, np.ones_like(points), texture, gloss)
        worn.append(_compact(part, weights))
    return worn


def _compact(part: Part, weights: Floats) -> Worn:
    """A part with only the vertices that its triangles use."""
    used, renumbered = np.unique(part.triangles, return_inverse=True)
    small = replace(
        part,
        points=part.points[used],
        triangles=renumbered.reshape(part.triangles.shape),
        uv=part.uv[used],
        tint=part.tint[used],
    )
    return Worn(small, weights[used])


def things_of(makehuman: MakeHuman, random: Random, body: Floats, head: Head, photos: tuple[Path, ...]) -> list[Worn]:
    """Glasses for one in five, something in the hand for one in seven."""
    skeleton, heads, found = makehuman.skeleton, makehuman.skeleton.heads(body), []
    if random.random() < 0.2:
        left, right = (heads[skeleton.index(f"eye.{side}")] for side in "LR")
        frame = props.glasses(random, left, right, float(head.centre[2]) - 0.1, 1.1 * float(head.radii[0]))
        found.append((frame, "head", np.full((4, 4, 3), random_colour(random) * 0.6, np.float32)))
    if random.random() < 0.14:
        side = str(random.choice(["L", "R"]))
        thing = props.held(random, heads[skeleton.index(f"wrist.{side}")], heads[skeleton.index(f"lowerarm02.{side}")])
        found.append((thing, f"wrist.{side}", materials.cloth_texture(random, photos)))
    worn = []
    for (points, faces), bone, texture in found:
        weights = np.zeros((len(points), len(heads)), np.float32)
        weights[:, skeleton.index(bone)] = 1
        uv = (points[:, :2] / 4).astype(np.float32)
        worn.append(Worn(Part(points, faces, uv, np.ones_like(points), np.clip(texture, 0.02, 1), 0.15), weights))
    return worn
