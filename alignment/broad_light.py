"""Broad light: what differs all over the picture, as the light of another hour, a vignette, a lamp, glare in the lens.

`alignment.shading` follows what light does from place to place, but only where the frame still looks like the plate.
Here few shapes that are as broad as the picture meet it half-way: some by which the plate is multiplied, and some that
are added to its light, as a lens does that scatters that of a lamp beside the picture over all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.narrowing import agreement, narrowing, preferred, wanting
from alignment.shading import CLIPPED, grid_size, veiled

HALF_WAVES = 8
"""Most half periods over the height: lamps flicker while a shutter rolls down, and rows are as bright as they were."""

GLARE = 3
"""Most half periods over width and height together of what is added."""

SLOPES, BANDS, GLOWS = 6, HALF_WAVES - 2, (GLARE + 1) * (GLARE + 2) // 2
FACTORS = SLOPES + BANDS
"""How many shapes there are of each kind, in this order, and how many of them multiply the plate; others are added."""

STIFFNESS = np.array([1e-5, *[3e-4] * (SLOPES - 1), *[1e-3] * (BANDS + GLOWS)])
"""Weight of no change, of all pixels', for each shape; the first slope and the first glow are the same all over."""


class _Kind(NamedTuple):
    """What light may be like; what adds no light may still add what the exposure is off by.

    Attributes:
        shapes: Of which shapes.
        adds_light: Whether those that are added are added to light.
        explained: See `MORE`.
        held: In how many of the `PARTS` pixels have to have a say.
    """

    shapes: NDArray[np.intp]
    adds_light: bool
    explained: tuple[float, float]
    held: int


KINDS = (
    _Kind(np.r_[:SLOPES, FACTORS], adds_light=False, explained=(0.6, 0.75), held=6),
    _Kind(np.r_[:FACTORS, FACTORS], adds_light=False, explained=(0.6, 0.75), held=6),
    _Kind(np.r_[: FACTORS + GLOWS], adds_light=True, explained=(0.62, 0.72), held=10),
)
MORE = (0.3, 0.5)
"""See `narrowing.preferred`: of what differs from even light each of the kinds, in this order, has to explain so much,
and of what those before leave so much. A camera that brightens the shadows beside a subject leaves more."""

TAKEN = (0.72, 0.82)
"""The same where more light is taken than added: there may be glare in the plate, but a shadow is like that, too."""

SOFTER = 0.1
"""Stiffness of what adds light, as a share: squares are smaller."""

DARKEST = 0.02
"""Least light, as the square of [0, 1], by which errors of light are told as errors of what is seen."""

COARSEST, FINEST, SETTLING = 0.3, 5 / 255, 3
"""Tolerance of the first fit and of the last, in [0, 1], and how many more are made with that."""

FAR_SHARE, WITHIN = 0.2, 32 / 255
"""See `narrowing.wanting` and `narrowing.preferred`."""

LIMIT = 0.75
CONFIRMED = 0.99
"""Trust from which on a pixel has a say: of the others many are the subject's, and a plain shirt has a slope, too."""

PARTS, SEEN = (5, 4), 0.15
"""Columns and rows of parts of the picture; share of one that has to have a say for it to count."""

ALIKE, WORSE = 16 / 255, 0.02
"""How far off the plate a pixel is that looks like another; by which share fewer may look like it in a light than
without, until nothing is left of the light."""

MOST_PIXELS = 3000

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


class BroadLight(NamedTuple):
    """In such light a plate is `sqrt((plate * (1 + factor) + offset)**2 + veil)`.

    Attributes:
        factor: rows x columns x 3, as `shading.smooth_shading`.
        veil: The same size; light is about the square of what is stored.
        offset: 3 values.
    """

    factor: FloatImage
    veil: FloatImage
    offset: FloatImage

    def on(self, plate: FloatImage) -> FloatImage:
        """A plate, h x w x 3, in this light."""
        factor, veil = (
            cv2.resize(x, plate.shape[1::-1], interpolation=cv2.INTER_LINEAR) for x in (self.factor, self.veil)
        )
        return veiled(plate * (1 + factor) + self.offset, veil)


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
    kinds = [kind for kind in KINDS if np.count_nonzero(parts > SEEN) >= kind.held]
    if not kinds:
        return None
    places = np.flatnonzero(sure)
    places = places[:: 1 + len(places) // MOST_PIXELS]
    x, y = (np.ascontiguousarray(picture.reshape(-1, 3)[places].T) for picture in (plate, frame))
    rows, columns = np.divmod(places, width)
    steps = _steps(x, y, _shapes((columns + 0.5) / width, (rows + 0.5) / height), kinds)
    if not any(step.share for step in steps):
        return None
    across, down = grid_size(frame)
    u, v = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down)
    factor, veil, offset = _fields(steps, _shapes(u.ravel(), v.ravel()))
    grids = (np.moveaxis(np.clip(x, -LIMIT, LIMIT).reshape(3, down, across), 0, 2) for x in (factor, veil))
    factor, veil = (np.ascontiguousarray(grid, np.float32) for grid in grids)
    return _as_far_as_alike(BroadLight(factor, veil, offset.mean(axis=1)), plate, frame, trust)


def _as_far_as_alike(broad: BroadLight, plate: FloatImage, frame: FloatImage, trust: FloatImage) -> BroadLight | None:
    """The light, less of it where less of the frame looks like the plate in it; None where nothing is left.

    Also where nothing has a say, and the shapes just go on.
    """
    even, lit = (
        float((trust * agreement(np.abs(np.clip(x, 0, 1) - frame).max(axis=2), ALIKE)).sum())
        for x in (plate, broad.on(plate))
    )
    share = np.float32(min(1.0, 1 + (lit - even) / max(1.0, WORSE * even)))
    return BroadLight(*(share * x for x in broad)) if share > 0 else None


def _shapes(u: Vector, v: Vector) -> FloatImage:
    """What the shapes are at columns and rows in [0, 1], shapes x places."""
    x, y = 2 * u - 1, 2 * v - 1
    bands = [np.cos(np.pi * n * v) for n in range(3, HALF_WAVES + 1)]
    waves = [(i, j) for i in range(GLARE + 1) for j in range(GLARE + 1 - i)]
    glare = [np.cos(np.pi * i * u) * np.cos(np.pi * j * v) for i, j in waves]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, *bands, *glare]).astype(np.float32)


class _Step(NamedTuple):
    """How far what was found before gives way, in [0, 1], to a kind with these amounts of all shapes, 3 x shapes."""

    share: float
    kind: _Kind
    amounts: Vector


def _steps(x: FloatImage, y: FloatImage, shapes: FloatImage, kinds: list[_Kind]) -> list[_Step]:
    """Light of each kind, as far as it explains more than those before; plate and frame 3 x n, shapes x n.

    Where no pixel has a say, bands turn back and glows go anywhere: what slopes and bowls explain is theirs.
    """
    everyone = np.ones(x.shape[1], np.float32)
    steps: list[_Step] = []
    even = before = np.abs(y - x).max(axis=0)
    for kind in kinds:
        share = wanting(before, FAR_SHARE)
        if share == 0:
            break
        step = _Step(1.0, kind, _fitted(x, y, shapes, kind))
        after = _off(x, y, shapes, [step])
        explained = TAKEN if _takes_light(_fields([step], shapes)[1]) else kind.explained
        share *= preferred(even, after, everyone, WITHIN, explained)
        share *= preferred(before, after, everyone, WITHIN, MORE)
        steps.append(step._replace(share=share))
        before = _off(x, y, shapes, steps)
    return steps


def _fields(steps: list[_Step], shapes: FloatImage) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Factor, veil and offset, see `BroadLight`, at the places of the shapes; 3 x n each."""
    fields = np.zeros((3, 3, shapes.shape[1]), np.float32)
    for share, kind, amounts in steps:
        few = amounts.astype(np.float32)
        factor, added = few[:, :FACTORS] @ shapes[:FACTORS], few[:, FACTORS:] @ shapes[FACTORS:]
        nothing = np.zeros_like(added)
        if kind.adds_light:
            own = np.stack((np.sqrt(np.maximum(1 + factor, 0)) - 1, added, nothing))
        else:
            own = np.stack((factor, nothing, added))
        fields += np.float32(share) * (own - fields)
    return fields[0], fields[1], fields[2]


def _takes_light(veil: FloatImage) -> bool:
    """Whether a veil, 3 x n, is further below what it mostly is than above."""
    apart = veil - np.median(veil, axis=1, keepdims=True)
    return bool(apart.max() < -apart.min())


def _off(x: FloatImage, y: FloatImage, shapes: FloatImage, steps: list[_Step]) -> FloatImage:
    """How far each pixel is from the plate in such light, in its worst channel, n."""
    factor, veil, offset = _fields(steps, shapes)
    return np.asarray(np.abs(y - veiled(x * (1 + factor) + offset, veil)).max(axis=0))


def _fitted(x: FloatImage, y: FloatImage, shapes: FloatImage, kind: _Kind) -> Vector:
    """Amounts of shapes, 3 x shapes, that most pixels agree with; none of those that are not the kind's."""
    amounts = np.zeros((3, len(shapes)))
    for tolerance in narrowing(COARSEST, FINEST, SETTLING):
        weights = agreement(_off(x, y, shapes, [_Step(1.0, kind, amounts)]), tolerance)
        weights = weights / max(1.0, float(weights.sum()))
        for channel, (plate, frame) in enumerate(zip(x, y, strict=True)):
            amounts[channel, kind.shapes] = _least_squares(plate, frame, shapes, weights, kind)
    return amounts


def _least_squares(
    plate: FloatImage, frame: FloatImage, shapes: FloatImage, weights: FloatImage, kind: _Kind
) -> Vector:
    """Amounts of the kind's shapes in one channel; n each."""
    stiffness = STIFFNESS[kind.shapes]
    if kind.adds_light:
        plate, frame, stiffness = plate * plate, frame * frame, SOFTER * stiffness
        weights = weights / (4 * np.maximum(frame, DARKEST))
    given = np.concatenate((shapes[:FACTORS] * plate, shapes[FACTORS:]))[kind.shapes]
    weighted = given * weights
    normal, right = (weighted @ given.T).astype(np.float64), (weighted @ (frame - plate)).astype(np.float64)
    return np.asarray(np.linalg.solve(normal + np.diag(stiffness), right))
