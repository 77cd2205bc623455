"""Where hairs grow: along the cards of a hair mesh, or out of a scalp."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from training.people.files import Floats, Ints, Mesh
from training.people.makehuman import Garment, MakeHuman, components
from training.people.raster import barycentric, rasterise
from training.people.strands import Strands, styled

POINTS = 28
GRID = 48
"""Columns and rows that a card is sampled on."""


@dataclass(frozen=True)
class Head:
    """Measures of an unposed head: centre and radii (x, y, z) of its ellipsoid, and the line of the brows."""

    centre: Floats
    radii: Floats
    brow: float

    @staticmethod
    def of(makehuman: MakeHuman, body: Floats) -> Head:
        """Measure the head of a body of V x 3 points."""
        skeleton = makehuman.skeleton
        eyes = skeleton.heads(body)[[skeleton.index("eye.L"), skeleton.index("eye.R")]]
        skin = np.unique(makehuman.faces("body"))
        mine = makehuman.weights[skin][:, [skeleton.index(n) for n in skeleton.names if _is_head(n)]].sum(axis=1) > 0.5
        skull = body[skin[mine]]
        skull = skull[skull[:, 1] > eyes[:, 1].mean() + 0.2]
        top, low = float(skull[:, 1].max()), float(eyes[:, 1].mean())
        middle_z = float((skull[:, 2].max() + skull[:, 2].min()) / 2)
        half = np.array([np.ptp(skull[:, 0]), 0, np.ptp(skull[:, 2])]) / 2
        half[1] = top - low
        return Head(np.array([0, low, middle_z], np.float32), half.astype(np.float32), low + 0.28 * float(half[1]))


def _is_head(name: str) -> bool:
    return name.startswith(("head", "temporalis", "oculi", "levator", "special", "orbicularis", "risorius"))


def card_strands(random: Random, garment: Garment, rest: Floats, head: Head, count: int) -> Strands:
    """Hairs along the cards of a hair mesh, `count` of them, white, 0.01 dm wide.

    Args:
        random: Source of all chance.
        garment: The hair mesh.
        rest: Its V x 3 points on the unposed body.
        head: Roots are the ends that are nearer to its crown.
        count: Hairs.
    """
    crown = head.centre + np.array([0, 1.0, -0.3], np.float32) * head.radii
    mesh = replace(garment.mesh, points=rest, triangles=_without_seams(garment.mesh))
    label = components(mesh)[mesh.triangles[:, 0]]
    vertices, weights, spacing = [], [], []
    for island in np.unique(label):
        for column in _columns(mesh, mesh.triangles[label == island], crown):
            vertices.append(column[0])
            weights.append(column[1])
            spacing.append(column[2])
    share = np.array(spacing)
    chosen = random.choice(len(share), count, p=share / share.sum())
    picks = [_stretch(random, vertices[c], weights[c]) for c in chosen]
    carried = np.stack([p[0] for p in picks]), np.stack([p[1] for p in picks])
    jitter = random.normal(0, 1, (count, 1, 3)) * (0.5 * share[chosen] + 0.02)[:, None, None]
    offsets = np.repeat(jitter, POINTS, axis=1).astype(np.float32)
    return Strands(carried[0], carried[1], offsets, np.full(count, 0.01, np.float32), np.ones((count, 3), np.float32))


def _without_seams(mesh: Mesh) -> Ints:
    """Triangles but those that span the texture's seams."""
    corner = mesh.uv[mesh.triangles]
    longest = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2).max(axis=1)
    good: Ints = (
        mesh.triangles[longest < max(0.12, 6 * float(np.median(longest)))]
        if len(mesh.points) > 400
        else (mesh.triangles)
    )
    return good


def _columns(mesh: Mesh, triangles: Ints, crown: Floats) -> list[tuple[Ints, Floats, float]]:
    """Lines along one card from root to tip: vertices and weights of their points, and their spacing in decimetres."""
    used = np.unique(triangles)
    uv, points = mesh.uv[used], mesh.points[used]
    distance = np.linalg.norm(points - crown, axis=1)
    design = np.concatenate((uv, np.ones((len(uv), 1), np.float32)), axis=1)
    slope = np.linalg.lstsq(design, distance, rcond=None)[0][:2]
    down = slope / max(float(np.linalg.norm(slope)), 1e-6)
    if np.abs(down).max() > 0.8:  # cards lie along the axes of their texture
        down = np.round(down)
    axes = np.stack((np.array([-down[1], down[0]]), down), axis=1)
    flat = mesh.uv @ axes
    low, high = flat[used].min(axis=0), flat[used].max(axis=0)
    grid = ((flat - low) / np.maximum(high - low, 1e-6) * GRID).astype(np.float32)
    found = rasterise(grid, np.ones(len(grid), np.float32), triangles, GRID, GRID).triangle
    rows, columns = (v.astype(np.int32) for v in np.nonzero(found >= 0))
    place = np.zeros((GRID, GRID, 3), np.float32)
    place[rows, columns] = barycentric(grid, triangles, found[rows, columns], columns, rows)
    lines = []
    for column in range(GRID):
        filled = np.flatnonzero(found[:, column] >= 0)
        run = max(np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1), key=len)
        if len(run) >= GRID // 4:
            lines.append((triangles[found[run, column]], place[run, column]))
    length = sum(float(np.linalg.norm(mesh.points[v[0, 0]] - mesh.points[v[-1, 0]])) for v, _ in lines)
    spacing = min(_area(mesh.points[triangles]) / max(length, 1e-3), 0.3)
    return [(vertices, weights, spacing) for vertices, weights in lines]


def _area(corner: Floats) -> float:
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return float(np.linalg.norm(cross, axis=1).sum() / 2)


def _stretch(random: Random, vertices: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """POINTS places of a column, from near its root to somewhere in its last third."""
    last = len(vertices) - 1
    rows = np.linspace(random.uniform(0, 0.1) * last, random.uniform(0.72, 1) * last, POINTS)
    index = np.round(rows).astype(np.int64)
    return vertices[index], weights[index]


@dataclass(frozen=True)
class Cut:
    """How hair grows out of a scalp.

    Attributes:
        length: Decimetres.
        gravity: Share of a step that bends down, per step.
        lift: 0 lies on the scalp, 1 stands.
        comb: Direction it is combed to, 3.
    """

    length: float
    gravity: float
    lift: float
    comb: Floats


def scalp_strands(random: Random, makehuman: MakeHuman, body: Floats, head: Head, cut: Cut, count: int) -> Strands:
    """Hairs that grow out of the scalp of a body of V x 3 points: `count` of them, white, 0.01 dm wide."""
    faces = makehuman.faces("body")
    hairy = scalp(makehuman, body, head)
    faces = faces[hairy[faces].all(axis=1)]
    corner = body[faces]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(cross, axis=1)
    chosen = random.choice(len(faces), count, p=area / area.sum())
    weights = random.dirichlet((1, 1, 1), count).astype(np.float32)
    roots = np.einsum("nk,nkc->nc", weights, corner[chosen])
    normals = cross[chosen] / area[chosen, None]
    path = _grown(random, roots, normals, head, cut)
    vertices = np.repeat(faces[chosen][:, None], POINTS, axis=1)
    shares = np.repeat(weights[:, None], POINTS, axis=1)
    widths, colours = np.full(count, 0.01, np.float32), np.ones((count, 3), np.float32)
    return Strands(vertices, shares, (path - roots[:, None]).astype(np.float32), widths, colours)


def scalp(makehuman: MakeHuman, body: Floats, head: Head) -> NDArray[np.bool_]:
    """Which vertices have hair: above a line from the forehead round the ears to the nape, V."""
    place = (body - head.centre) / head.radii
    forward = np.clip(place[:, 2], -1.2, 1.2)
    line = np.interp(forward, [-1.2, -0.6, -0.15, 0.15, 0.6, 0.85, 1.2], [-0.75, -0.45, 0.1, 0.3, 0.5, 0.62, 0.68])
    mine = makehuman.weights[:, makehuman.skeleton.index("head")] > 0.3
    ear = (np.abs(place[:, 0]) > 1.03) & (place[:, 1] < 0.35)
    result: NDArray[np.bool_] = mine & (place[:, 1] > line) & ~ear
    return result


def _grown(random: Random, roots: Floats, normals: Floats, head: Head, cut: Cut) -> Floats:
    """Paths of hairs that leave their roots, bend down and stay outside the head, N x POINTS x 3."""
    count = len(roots)
    length = cut.length * random.beta(5, 1.5, count)
    step = (length / (POINTS - 1))[:, None]
    heading = cut.lift * normals + (1 - cut.lift) * cut.comb + random.normal(0, 0.15, (count, 3))
    path = np.empty((count, POINTS, 3), np.float32)
    path[:, 0] = place = roots
    for point in range(1, POINTS):
        heading = heading / np.linalg.norm(heading, axis=1, keepdims=True)
        place = place + step * heading
        relative = (place - head.centre) / (1.04 * head.radii)
        depth = np.linalg.norm(relative, axis=1, keepdims=True)
        above = relative[:, 1:2] > -0.9
        place = np.where(
            (depth < 1) & above, head.centre + 1.04 * head.radii * relative / np.maximum(depth, 0.3), place
        )
        heading = (place - path[:, point - 1]) / np.maximum(step, 1e-6) + np.array([0, -cut.gravity, 0])
        path[:, point] = place
    return path


def random_hair(
    random: Random, makehuman: MakeHuman, body: Floats, head: Head, colour: Floats, short: bool
) -> tuple[Strands, Garment | None]:
    """A head of hair, and the mesh that carries it, None for the body.

    Args:
        random: Source of all chance.
        makehuman: The assets.
        body: V x 3 points, unposed.
        head: Its measures.
        colour: RGB in [0, 1].
        short: Only what fits under a hat.
    """
    count = int(random.integers(3000, 6000))
    names = [name for name in makehuman.names("hair", "*.mhclo") if name != "afro01"]
    garment = None
    if names and not short and random.random() < 0.6:
        garment = makehuman.garment("hair", str(random.choice(names)))
        strands = card_strands(random, garment, garment.fit(body), head, count)
    else:
        strands = scalp_strands(random, makehuman, body, head, _random_cut(random, short), count)
    curly = random.random() < 0.4 and not short
    curl = random.uniform(0.02, 0.12) if curly else random.uniform(0, 0.01)
    frizz = 0.01 if short else float(random.choice([0.02, 0.05, 0.1, 0.2]))
    strands = styled(random, strands, frizz, curl, random.uniform(1, 6))
    shade = random.normal(1, random.uniform(0.05, 0.2), (count, 1))
    widths = strands.widths * random.uniform(0.5, 1.8, count) * random.uniform(0.7, 1.6)
    colours = np.clip(colour * shade, 0, 1).astype(np.float32)
    sway = float(random.choice([0.0, 0.02, 0.1]))
    return replace(strands, widths=widths.astype(np.float32), colours=colours, sway=sway), garment


def _random_cut(random: Random, short: bool) -> Cut:
    comb = np.array([random.normal(0, 0.6), random.uniform(-0.2, 0.3), random.uniform(-1, 0.2)], np.float32)
    if short:
        return Cut(random.uniform(0.08, 0.2), 0.1, 0.0, comb)
    kind = random.random()
    if kind < 0.3:  # cropped
        return Cut(random.uniform(0.1, 0.5), 0.02, random.uniform(0.3, 0.9), comb)
    if kind < 0.6:  # a cloud of curls
        return Cut(random.uniform(0.6, 1.6), 0.0, 1.0, comb)
    return Cut(random.uniform(1.0, 4.5), random.uniform(0.08, 0.3), random.uniform(0.3, 0.7), comb)
