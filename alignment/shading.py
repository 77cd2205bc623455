"""What one gain and offset leave: a smooth field of brightness. Vignetting, a cloud, a person's far shadow.

The camera's own exposure is the same all over the frame, light is not. The field is an average over a
neighbourhood much larger than hair and smaller than a wall, of pixels that look like background; the subject is
left out by how far it is from the plate, and inside it the field fades to none.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_LONG_SIDE = 48
SIGMA_CELLS = 1.7
TOLERANCES = (16 / 255, 10 / 255, 7 / 255, 5 / 255, 5 / 255)  # narrowing as the field comes to explain more
PRIOR = 0.004  # of a full cell of white background, for no shading
LIMIT = 0.2
NEGLIGIBLE = 0.5 / 255  # a field of this root mean square is not applied, one of twice it is in full
CLIPPED = (0.012, 0.985)

FloatImage = NDArray[np.float32]


def smooth_shading(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> FloatImage | None:
    """Finds by which factor the background of a frame differs from the exposed plate, place by place.

    Args:
        plate: h x w x 3, warped into the frame and exposure matched, reduced.
        frame: The same.
        trust: h x w in [0, 1], 0 where the plate is unknown, high where it is known to be in view.

    Returns:
        rows x columns x 3, spread over the frame (INTER_LINEAR enlarges it): the background there is
        `plate * (1 + shading)`. None where nothing worth the name was found.
    """
    size = grid_size(frame)
    full = (frame.shape[1], frame.shape[0])
    difference = frame - plate
    low, high = CLIPPED
    usable = np.sqrt(trust) * (cv2.inRange(frame, (low,) * 3, (high,) * 3) > 0)
    products, squares = cv2.multiply(plate, difference), cv2.multiply(plate, plate)
    field: FloatImage = np.zeros((size[1], size[0], 3), np.float32)
    share = 0.0
    for step, tolerance in enumerate(TOLERANCES):
        left = cv2.subtract(difference, cv2.multiply(plate, cv2.resize(field, full, interpolation=cv2.INTER_LINEAR)))
        ratio = np.minimum(_largest_channel(left) / np.float32(tolerance), 1)
        one = usable * (1 - ratio * ratio) ** 2
        weights = cv2.merge((one, one, one))
        above, below = (_average(cv2.multiply(weights, x), size) for x in (products, squares))
        field = above / (below + PRIOR)
        np.clip(field, -LIMIT, LIMIT, out=field)
        if step == 0:
            # Fades in, so that a clip at the threshold does not flicker.
            shift = plate * cv2.resize(field, full, interpolation=cv2.INTER_LINEAR)
            share = float(np.clip(np.sqrt(_mean_square(shift, weights)) / NEGLIGIBLE - 1, 0, 1))
            if share == 0:
                return None
    return field * np.float32(share)


class Shade:
    """A field spread over a picture of any size, of which parts are wanted."""

    def __init__(self, field: FloatImage, size: tuple[int, int]) -> None:
        """Takes rows x columns x 3 and the picture's width and height."""
        wide = cv2.resize(field, (size[0], len(field)), interpolation=cv2.INTER_LINEAR)
        self._wide: FloatImage = wide.reshape(len(field), -1)  # numpy is slow along a last axis of three
        self._height = size[1]

    def multiply(self, part: FloatImage, left: int, top: int) -> None:
        """Multiplies a part of the picture, h x w x 3, in place, by 1 + the field."""
        flat = part.reshape(len(part), -1)
        for here, values in self._stretches(left, top, part.shape[1], len(part)):
            values += 1
            flat[here] *= values

    def add_light(self, part: FloatImage, left: int, top: int) -> None:
        """Adds the field to the light of a part of the picture, h x w x 3, in place; see `veiled`."""
        flat = part.reshape(len(part), -1)
        for here, values in self._stretches(left, top, part.shape[1], len(part)):
            flat[here] = veiled(flat[here], values)

    def _stretches(
        self, left: int, top: int, width: int, height: int
    ) -> Iterator[tuple[NDArray[np.bool_], FloatImage]]:
        """Rows of a part between two of the field, where it is linear: which they are, and its values there, n x 3w."""
        rows = len(self._wide)
        wide = self._wide[:, 3 * left : 3 * (left + width)]
        places = np.clip((np.arange(top, top + height) + 0.5) * rows / self._height - 0.5, 0, rows - 1)
        above = np.minimum(places.astype(int), rows - 2)
        for row in np.unique(above):
            here = above == row
            share = (places[here] - row).astype(np.float32)[:, None]
            values = share * (wide[row + 1] - wide[row])
            values += wide[row]
            yield here, values


def veiled(image: FloatImage, veil: FloatImage) -> FloatImage:
    """A picture to whose light, about its square, something is added; of any one shape. Less than black is black."""
    return np.asarray(np.sqrt(np.maximum(np.square(np.maximum(image, 0)) + veil, 0)), np.float32)


def grid_size(frame: FloatImage) -> tuple[int, int]:
    """Columns and rows of the grid that is spread over a frame."""
    height, width = frame.shape[:2]
    factor = max(width, height) / GRID_LONG_SIDE
    return max(2, round(width / factor)), max(2, round(height / factor))


def _largest_channel(values: FloatImage) -> FloatImage:
    r, g, b = cv2.split(cv2.absdiff(values, 0))
    return np.asarray(cv2.max(cv2.max(r, g), b))


def _average(values: FloatImage, size: tuple[int, int]) -> FloatImage:
    cells = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(cells, (0, 0), SIGMA_CELLS, borderType=cv2.BORDER_REPLICATE), np.float32)


def _mean_square(values: FloatImage, weights: FloatImage) -> float:
    return float((weights * values * values).sum() / max(1e-6, float(weights.sum())))
