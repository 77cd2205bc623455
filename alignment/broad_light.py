"""Broad light: what differs all over the picture, as the light of another hour, a vignette, a lamp that flickers.

`alignment.shading` follows what light does from place to place, but only where the frame still looks like the plate.
Here few shapes that are as broad as the picture meet it half-way.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.narrowing import agreement, narrowing, preferred, wanting
from alignment.shading import CLIPPED, grid_size

HALF_WAVES = 8
"""Most half periods over the height: lamps flicker while a shutter rolls down, and rows are as bright as they were."""

BANDS = HALF_WAVES - 2
"""Shapes with more than two, the last ones."""

STIFFNESS = (1e-5, *[1e-4] * 5, *[1e-3] * BANDS)
"""Weight of no change, of all pixels', for each shape: what is the same all over, slopes and bowls, bands."""

COARSEST, FINEST, SETTLING = 0.2, 5 / 255, 3
"""Tolerance of the first fit and of the last, in [0, 1], and how many more are made with that."""

FAR_SHARE, WITHIN = 0.3, 16 / 255
EXPLAINED = (0.5, 0.7)
"""See `narrowing.wanting` and `narrowing.preferred`. A camera that brightens the shadows beside a subject leaves more
than these explain."""

VERY_FAR = 12 / 255
"""How far off a share of the pixels is where the exposure, too, must be wrong."""

LIMIT = 0.5
CONFIRMED = 0.99
"""Trust from which on a pixel has a say: of the others many are the subject's, and a plain shirt has a slope, too."""

PARTS, SEEN, FEWEST_PARTS = (5, 4), 0.15, 6
"""Columns and rows of parts of the picture; share of one that has to have a say for it to count; how many have to."""

MOST_PIXELS = 3000

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


def broad_light(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> FloatImage | None:
    """Finds by which factor a frame differs from the exposed plate where that is a slope, a bowl, or bands.

    Args:
        plate: h x w x 3, warped into the frame and exposure matched, reduced.
        frame: The same.
        trust: h x w in [0, 1], 0 where the plate is unknown, 1 where it is known to be in view.

    Returns:
        As `shading.smooth_shading`; None where broad shapes explain too little of what differs.
    """
    width = frame.shape[1]
    low, high = (CLIPPED[0],) * 3, (CLIPPED[1],) * 3
    sure = (trust >= CONFIRMED) & (cv2.inRange(frame, low, high) > 0) & (cv2.inRange(plate, low, high) > 0)
    parts = cv2.resize(sure.astype(np.float32), PARTS, interpolation=cv2.INTER_AREA)
    if np.count_nonzero(parts > SEEN) < FEWEST_PARTS:
        return None
    places = np.flatnonzero(sure)
    places = places[:: 1 + len(places) // MOST_PIXELS]
    rows, columns = np.divmod(places, width)
    shapes = _shapes((columns + 0.5) / width, (rows + 0.5) / frame.shape[0])
    x, y = (np.ascontiguousarray(picture.reshape(-1, 3)[places].T) for picture in (plate, frame))
    everyone = np.ones(len(places), np.float32)
    even = _off(x, y, shapes, np.zeros((3, len(shapes))))
    wanted = wanting(even, FAR_SHARE)
    if wanted == 0:
        return None
    smooth = _fitted(x, y, shapes[:-BANDS])
    amounts = np.pad(smooth, ((0, 0), (0, BANDS)))
    sloping = _off(x, y, shapes, amounts)
    # Where no pixel has a say, bands turn back: what slopes and bowls explain is theirs.
    banded = _fitted(x, y, shapes)
    amounts += preferred(sloping, _off(x, y, shapes, banded), everyone, WITHIN, EXPLAINED) * (banded - amounts)
    share = wanted * preferred(even, _off(x, y, shapes, amounts), everyone, WITHIN, EXPLAINED)
    if share == 0:
        return None
    across, down = grid_size(frame)
    u, v = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down)
    field = (amounts @ _shapes(u.ravel(), v.ravel())).reshape(3, down, across)
    broad = np.asarray(share * np.clip(np.moveaxis(field, 0, 2), -LIMIT, LIMIT), np.float32)
    lit = plate * (1 + cv2.resize(broad, (width, len(frame)), interpolation=cv2.INTER_LINEAR))
    return broad if _alike(lit, frame, trust) >= _alike(plate, frame, trust) else None


def _alike(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> float:
    """How much of a frame looks like the plate; also where nothing has a say, and the shapes just go on."""
    off = np.abs(np.clip(plate, 0, 1) - frame).max(axis=2)
    return float(trust[off < WITHIN].sum())


def _fitted(x: FloatImage, y: FloatImage, shapes: FloatImage) -> Vector:
    """Amounts of shapes, 3 x shapes, that most pixels agree with."""
    amounts = np.zeros((3, len(shapes)))
    for tolerance in narrowing(COARSEST, FINEST, SETTLING):
        amounts = _least_squares(x, y, shapes, agreement(_off(x, y, shapes, amounts), tolerance))
    return amounts


def is_far(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> bool:
    """Whether much of what is known to show the plate is far from it; arguments as of `broad_light`."""
    off = np.abs(plate - frame).max(axis=2)[trust >= CONFIRMED]
    return bool(len(off)) and float(np.quantile(off, 1 - FAR_SHARE)) > VERY_FAR


def _shapes(u: Vector, v: Vector) -> FloatImage:
    """What the shapes are at columns and rows in [0, 1], shapes x places."""
    x, y = 2 * u - 1, 2 * v - 1
    bands = [np.cos(np.pi * n * v) for n in range(3, HALF_WAVES + 1)]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, *bands]).astype(np.float32)


def _off(x: FloatImage, y: FloatImage, shapes: FloatImage, amounts: Vector) -> FloatImage:
    """How far each pixel is from the plate in such light, in its worst channel, n."""
    return np.asarray(np.abs(y - x * (1 + amounts.astype(np.float32) @ shapes)).max(axis=0))


def _least_squares(x: FloatImage, y: FloatImage, shapes: FloatImage, weights: FloatImage) -> Vector:
    """Amounts of the shapes, 3 x shapes."""
    weights = weights / max(1.0, float(weights.sum()))
    stiffness = np.diag(STIFFNESS[: len(shapes)])
    found = []
    for plate, frame in zip(x, y, strict=True):
        lit = shapes * plate
        weighted = lit * weights
        normal, right = (weighted @ lit.T).astype(np.float64), (weighted @ (frame - plate)).astype(np.float64)
        found.append(np.linalg.solve(normal + stiffness, right))
    return np.array(found)
