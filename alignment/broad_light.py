"""Broad light: what differs all over the picture, as the light of another hour, a vignette, a lamp, glare in the lens.

`alignment.shading` follows what light does from place to place, but only where the frame still looks like the plate.
Here few shapes that are as broad as the picture meet it half-way: some by which the plate is multiplied, and some that
are added to it, as a lens does that scatters the light of a lamp beside the picture over all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.narrowing import agreement, narrowing, preferred, wanting
from alignment.shading import CLIPPED, grid_size

HALF_WAVES = 8
"""Most half periods over the height: lamps flicker while a shutter rolls down, and rows are as bright as they were."""

GLARE = 3
"""Most half periods over width and height together of what is added."""

SLOPES, BANDS, GLOWS = 6, HALF_WAVES - 2, (GLARE + 1) * (GLARE + 2) // 2
FACTORS = SLOPES + BANDS
"""How many shapes there are of each kind, in this order, and how many of them multiply the plate; others are added."""

STIFFNESS = np.array([1e-5, *[3e-4] * (SLOPES - 1), *[1e-3] * (BANDS + GLOWS)])
"""Weight of no change, of all pixels', for each shape; the first slope and the first glow are the same all over."""

KINDS = tuple(
    np.r_[:slopes, SLOPES : SLOPES + bands, FACTORS : FACTORS + glows]
    for slopes, bands, glows in ((SLOPES, 0, 1), (SLOPES, BANDS, 1), (SLOPES, BANDS, GLOWS))
)
"""Which shapes are looked for at first, and then; the first ones with what the exposure may be off by."""

COARSEST, FINEST, SETTLING = 0.3, 5 / 255, 3
"""Tolerance of the first fit and of the last, in [0, 1], and how many more are made with that."""

FAR_SHARE, WITHIN = 0.2, 32 / 255
EXPLAINED = ((0.6, 0.75), (0.6, 0.75), (0.7, 0.8))
MORE = (0.3, 0.5)
"""See `narrowing.wanting` and `narrowing.preferred`: of what differs from even light each of the `KINDS` has to explain
so much, and of what those before leave so much. A camera that brightens the shadows beside a subject leaves more."""

LIMIT = 0.75
CONFIRMED = 0.99
"""Trust from which on a pixel has a say: of the others many are the subject's, and a plain shirt has a slope, too."""

PARTS, SEEN, FEWEST_PARTS = (5, 4), 0.15, 6
"""Columns and rows of parts of the picture; share of one that has to have a say for it to count; how many have to."""

MOST_PIXELS = 3000

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


class BroadLight(NamedTuple):
    """In such light a plate is `plate * (1 + factor) + veil`; rows x columns x 3, as `shading.smooth_shading`."""

    factor: FloatImage
    veil: FloatImage

    def on(self, plate: FloatImage) -> FloatImage:
        """A plate, h x w x 3, in this light."""
        factor, veil = (cv2.resize(x, plate.shape[1::-1], interpolation=cv2.INTER_LINEAR) for x in self)
        return np.asarray(plate * (1 + factor) + veil, np.float32)


def broad_light(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> BroadLight | None:
    """Finds how a frame differs from the exposed plate where that is a slope, a bowl, bands, or a glow.

    Args:
        plate: h x w x 3, warped into the frame and exposure matched, reduced.
        frame: The same.
        trust: h x w in [0, 1], 0 where the plate is unknown, 1 where it is known to be in view.

    Returns:
        The light; None where broad shapes explain too little of what differs.
    """
    height, width = frame.shape[:2]
    low, high = (CLIPPED[0],) * 3, (CLIPPED[1],) * 3
    sure = (trust >= CONFIRMED) & (cv2.inRange(frame, low, high) > 0) & (cv2.inRange(plate, low, high) > 0)
    parts = cv2.resize(sure.astype(np.float32), PARTS, interpolation=cv2.INTER_AREA)
    if np.count_nonzero(parts > SEEN) < FEWEST_PARTS:
        return None
    places = np.flatnonzero(sure)
    places = places[:: 1 + len(places) // MOST_PIXELS]
    x, y = (np.ascontiguousarray(picture.reshape(-1, 3)[places].T) for picture in (plate, frame))
    rows, columns = np.divmod(places, width)
    amounts = _amounts(x, y, _shapes((columns + 0.5) / width, (rows + 0.5) / height))
    if not amounts.any():
        return None
    across, down = grid_size(frame)
    u, v = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down)
    shapes = _shapes(u.ravel(), v.ravel())
    factor, veil = (
        np.moveaxis(np.clip(amounts[:, own] @ shapes[own], -LIMIT, LIMIT).reshape(3, down, across), 0, 2)
        for own in (slice(FACTORS), slice(FACTORS, None))
    )
    broad = BroadLight(factor.astype(np.float32), veil.astype(np.float32))
    return broad if _alike(broad.on(plate), frame, trust) >= _alike(plate, frame, trust) else None


def _alike(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> float:
    """How much of a frame looks like the plate; also where nothing has a say, and the shapes just go on."""
    off = np.abs(np.clip(plate, 0, 1) - frame).max(axis=2)
    return float(trust[off < WITHIN].sum())


def _shapes(u: Vector, v: Vector) -> FloatImage:
    """What the shapes are at columns and rows in [0, 1], shapes x places."""
    x, y = 2 * u - 1, 2 * v - 1
    bands = [np.cos(np.pi * n * v) for n in range(3, HALF_WAVES + 1)]
    waves = [(i, j) for i in range(GLARE + 1) for j in range(GLARE + 1 - i)]
    glare = [np.cos(np.pi * i * u) * np.cos(np.pi * j * v) for i, j in waves]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, *bands, *glare]).astype(np.float32)


def _amounts(x: FloatImage, y: FloatImage, shapes: FloatImage) -> Vector:
    """Amounts of shapes, 3 x shapes; of the later kinds only as far as they explain more than those before.

    Where no pixel has a say, bands turn back and glows go anywhere: what slopes and bowls explain is theirs.
    """
    everyone = np.ones(x.shape[1], np.float32)
    amounts = np.zeros((3, len(shapes)))
    even = before = _off(x, y, shapes, amounts)
    for kind, explained in zip(KINDS, EXPLAINED, strict=True):
        share = wanting(before, FAR_SHARE)
        if share == 0:
            break
        fitted = _fitted(x, y, shapes, kind)
        after = _off(x, y, shapes, fitted)
        share *= preferred(even, after, everyone, WITHIN, explained) * preferred(before, after, everyone, WITHIN, MORE)
        amounts += share * (fitted - amounts)
        before = _off(x, y, shapes, amounts)
    return amounts


def _fitted(x: FloatImage, y: FloatImage, shapes: FloatImage, kind: NDArray[np.intp]) -> Vector:
    """Amounts of shapes, 3 x shapes, that most pixels agree with; of those that are no `kind`, none."""
    amounts = np.zeros((3, len(shapes)))
    for tolerance in narrowing(COARSEST, FINEST, SETTLING):
        weights = agreement(_off(x, y, shapes, amounts), tolerance)
        amounts[:, kind] = _least_squares(x, y, shapes, weights / max(1.0, float(weights.sum())), kind)
    return amounts


def _off(x: FloatImage, y: FloatImage, shapes: FloatImage, amounts: Vector) -> FloatImage:
    """How far each pixel is from the plate in such light, in its worst channel, n."""
    few = amounts.astype(np.float32)
    lit = x * (1 + few[:, :FACTORS] @ shapes[:FACTORS]) + few[:, FACTORS:] @ shapes[FACTORS:]
    return np.asarray(np.abs(y - lit).max(axis=0))


def _least_squares(
    x: FloatImage, y: FloatImage, shapes: FloatImage, weights: FloatImage, kind: NDArray[np.intp]
) -> Vector:
    """Amounts of the shapes of a kind, 3 x shapes."""
    stiffness = np.diag(STIFFNESS[kind])
    found = []
    for plate, frame in zip(x, y, strict=True):
        given = np.concatenate((shapes[:FACTORS] * plate, shapes[FACTORS:]))[kind]
        weighted = given * weights
        normal, right = (weighted @ given.T).astype(np.float64), (weighted @ (frame - plate)).astype(np.float64)
        found.append(np.linalg.solve(normal + stiffness, right))
    return np.array(found)
