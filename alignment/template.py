"""The plate's pixels that it is found by, chosen once: spread over it, where its gradient is strong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.features import reduced_size
from alignment.homography import Matrix, Points, project

FINE_LONG_SIDE_PX = 1280
LEAST_LONG_SIDE_PX = 480  # below, parts of a picture would have too few pixels to be judged by
BLUR_SIGMA_PX = 1.0
BLOCKS = (12, 8)  # columns and rows that the plate's parts are judged by
CELL_PX = 16
POINTS_A_CELL = 5
LEAST_GRADIENT = 1.0  # of 255 a pixel
NOISE_FACTOR = 3.0  # one in a thousand pixels of pure noise has a gradient of three times the mean
SLOW = 1 / 60  # of the plate's long side: the standard deviation of what is slow
MIDDLE_GREY = 128
FLAT = 0.05
SMOOTHEST = 0.02

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Template:
    """The plate's chosen pixels at one size.

    Attributes:
        size: Width and height of the plate at that size.
        points: N x 2, its pixels.
        values: N, grey of 255.
        gradients: N x 2, grey a pixel.
        jacobian: 10 x N, grey by the eight parameters of `increment`, gain and offset.
        cells: N, the grid cell each belongs to.
        blocks: N, the block each belongs to, row by row of BLOCKS.
        starts: Where each block that has any begins; the pixels are sorted by block.
        normal: 3 x 3, plate pixels at this size to the unit square that the parameters live in.
    """

    size: tuple[int, int]
    points: Points
    values: Vector
    gradients: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    cells: NDArray[np.intp]
    blocks: NDArray[np.intp]
    starts: NDArray[np.intp]
    normal: Matrix

    def __len__(self) -> int:
        return len(self.points)

    def only(self, wanted: NDArray[np.bool_]) -> Template:
        """The pixels of the wanted blocks."""
        kept = wanted[self.blocks]
        return replace(
            self,
            points=self.points[kept],
            values=self.values[kept],
            gradients=self.gradients[kept],
            jacobian=np.ascontiguousarray(self.jacobian[:, kept]),
            cells=self.cells[kept],
            blocks=self.blocks[kept],
            starts=np.flatnonzero(np.diff(self.blocks[kept], prepend=-1)),
        )


def pyramid(grey: NDArray[np.uint8] | NDArray[np.uint16]) -> list[FloatImage]:
    """Blurred grey at the two working sizes, the finest first, float32 of 255; small pictures are enlarged."""
    enlarged = -(-LEAST_LONG_SIDE_PX // max(grey.shape))
    if enlarged > 1:
        size = (enlarged * grey.shape[1], enlarged * grey.shape[0])
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)
    levels = []
    for long_side in (FINE_LONG_SIDE_PX, FINE_LONG_SIDE_PX // 2):
        size = working_size((grey.shape[1], grey.shape[0]), long_side)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        image = grey.astype(np.float32)
        if grey.dtype == np.uint16:
            image /= 257
        levels.append(cv2.GaussianBlur(image, (0, 0), BLUR_SIGMA_PX * enlarged))
    return levels


def evened(level: FloatImage, sigma: float) -> FloatImage:
    """A picture without its slow changes of brightness: a vignette, a lamp, or daylight that came from elsewhere.

    Whatever slopes within a block would pass for a shift of the soft edges there. Around a subject that is darker or
    brighter than the place, this adds slopes of its own.

    Args:
        level: h x w, grey of 255.
        sigma: What is slow: the standard deviation of a Gaussian, pixels.
    """
    step = 4 if sigma >= 8 else 1  # so wide a blur needs no more of the picture
    height, width = level.shape
    small = cv2.resize(level, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    slow = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / step), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(level - slow + MIDDLE_GREY, np.float32)


def working_size(size: tuple[int, int], long_side_px: int) -> tuple[int, int]:
    """A whole fraction of the size where one fits, as INTER_AREA is ten times faster then."""
    factor = int(np.ceil(max(size) / long_side_px))
    return reduced_size(size, -(-max(size) // factor))


def make_template(image: FloatImage) -> Template:
    """Chooses pixels of the plate: in every grid cell those of strongest gradient."""
    height, width = image.shape
    gx, gy = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = np.hypot(gx, gy)
    strength[[0, 1, -2, -1], :] = 0
    strength[:, [0, 1, -2, -1]] = 0
    columns = width // CELL_PX
    rows = height // CELL_PX
    tiles = strength[: rows * CELL_PX, : columns * CELL_PX].reshape(rows, CELL_PX, columns, CELL_PX)
    tiles = tiles.transpose(0, 2, 1, 3).reshape(rows * columns, CELL_PX * CELL_PX)
    chosen = np.argsort(-tiles, axis=1, kind="stable")[:, :POINTS_A_CELL]
    cells, place = np.nonzero(np.take_along_axis(tiles, chosen, axis=1) >= _noise_floor(tiles))
    inside = chosen[cells, place]
    x = (cells % columns) * CELL_PX + inside % CELL_PX
    y = (cells // columns) * CELL_PX + inside // CELL_PX
    block = (y * BLOCKS[1] // height) * BLOCKS[0] + x * BLOCKS[0] // width
    order = np.argsort(block, kind="stable")
    x, y, cells, blocks = x[order], y[order], cells[order], block[order]
    points = np.column_stack([x, y]).astype(np.float64)
    values = image[y, x].astype(np.float64)
    gradients = np.column_stack([gx[y, x], gy[y, x]]).astype(np.float64)
    half = max(width, height) / 2
    normal = np.array([[1 / half, 0, -width / 2 / half], [0, 1 / half, -height / 2 / half], [0, 0, 1]])
    return Template(
        size=(width, height),
        points=points,
        values=values,
        gradients=gradients,
        jacobian=jacobian(project(normal, points), gradients * half, values),
        cells=cells,
        blocks=blocks,
        starts=np.flatnonzero(np.diff(blocks, prepend=-1)),
        normal=normal,
    )


def _noise_floor(tiles: FloatImage) -> float:
    """Gradients below are noise, as the plate's smoothest cells show it; painted ones (all but flat) say nothing."""
    means = tiles.mean(axis=1)
    camera = means[means > FLAT]
    return max(LEAST_GRADIENT, NOISE_FACTOR * float(np.quantile(camera, SMOOTHEST))) if len(camera) else LEAST_GRADIENT


def jacobian(units: Points, gradients: NDArray[np.float64], values: Vector) -> NDArray[np.float64]:
    """Grey by each parameter of `increment`, by gain, by offset, 10 x N, from gradients by the unit points."""
    u, v = units.T
    gu, gv = gradients.T
    radial = -(gu * u + gv * v)
    rows = [gu * u, gu * v, gu, gv * u, gv * v, gv, radial * u, radial * v, values, np.ones_like(u)]
    return np.ascontiguousarray(rows)


def sample(frame: FloatImage, points: Points) -> tuple[Vector, NDArray[np.bool_]]:
    """Bilinear samples of a blurred image, and which of them lie inside it."""
    height, width = frame.shape
    places = points.astype(np.float32)
    x, y = places.T
    seen = (x >= 1) & (x <= width - 2) & (y >= 1) & (y <= height - 2)
    if not len(places):
        return np.zeros(0), seen
    values = cv2.remap(frame, places[:, None], None, cv2.INTER_LINEAR)
    return values[:, 0].astype(np.float64), seen
