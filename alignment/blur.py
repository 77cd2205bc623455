"""How much less sharp a frame is than the plate: a camera that shakes smears the place, one focused near softens it.

Blurring by a little more adds half its variance times the second derivatives, as heat spreads. So the three numbers of
a blur, variances and covariance, follow from least squares against the derivatives of the plate, block by block, since
blocks that the subject hides do not fit; the plate is blurred by that much, and so on until nothing is left.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, inverted, project

LONG_SIDE_PX = 512
"""Size at which frame and plate are compared; blurs are in pixels of the whole frame all the same."""

LEAST = 0.04
"""Variance, pixels of that size squared, below which a frame counts as sharp: a standard deviation of half a pixel at
720p."""

MOST = 150.0
"""Largest variance, likewise: a smear of a twelfth of the frame."""

GRID = (24, 14)
"""Columns and rows of the blocks."""

SMOOTH_PX = 1.2
"""Standard deviation of what both are smoothed by first: noise has second derivatives, too."""

NOISE = 1.5 / 255
"""What two pictures of the same differ by in any case."""

TEXTURED_BLOCKS = 1.0
"""How many blocks, whose derivatives are of the noise's size, speak for no blur."""

EVIDENCE = (15.0, 30.0)
"""Logarithms of how much better blocks have to fit, in all, for a blur to be believed at all, and wholly: noise fits
better, too."""

RIM_PX = 4
ROUNDS = 20
REWEIGHTINGS = 12
SETTLED = 0.03
FINEST = 0.12
"""Variance of the finest kernel, which is about a pixel's own."""

FloatImage = NDArray[np.float32]


class Blur(NamedTuple):
    """Second moments of a blur along x and y, pixels squared.

    It is Gaussian, as wide as its narrow side, and smeared along the other, as by a camera that moves evenly.
    """

    xx: float
    xy: float
    yy: float

    def seen_by(self, jacobian: NDArray[np.float64]) -> Blur:
        """The same in other coordinates, of which `jacobian`, 2 x 2, says how they change with these."""
        moved = jacobian @ self.matrix @ jacobian.T
        return Blur(float(moved[0, 0]), float(moved[0, 1]), float(moved[1, 1]))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """2 x 2."""
        return np.array([[self.xx, self.xy], [self.xy, self.yy]])

    def kernel(self) -> FloatImage:
        """What to filter with: n x n, n odd, of sum 1."""
        (narrow, wide), axes = np.linalg.eigh(self.matrix)
        narrow = max(float(narrow), FINEST)
        length = float(np.sqrt(12 * max(0.0, wide - narrow)))  # of a box whose variance that is
        reach = int(np.ceil(length / 2 + 3 * np.sqrt(narrow)))
        x, y = np.meshgrid(*(np.arange(-reach, reach + 1),) * 2)
        steps = 1 + 4 * int(np.ceil(length))
        along = length * ((np.arange(steps) + 0.5) / steps - 0.5)
        dx, dy = (place[..., None] - along * axis for place, axis in zip((x, y), axes[:, 1], strict=True))
        kernel = np.exp(-(dx * dx + dy * dy) / (2 * narrow)).sum(axis=2)
        return np.asarray(kernel / kernel.sum(), np.float32)


SHARP = Blur(0.0, 0.0, 0.0)


def blurred(picture: FloatImage, blur: Blur) -> FloatImage:
    """A picture in [0, 1], h x w or h x w x 3 or 4, through a blur.

    What blurs is light, of which a picture's values are about the square root.
    """
    light = cv2.filter2D(picture * picture, -1, blur.kernel(), borderType=cv2.BORDER_REPLICATE)
    return np.sqrt(np.maximum(light, 0), dtype=np.float32)


def estimate_blur(plate: FloatImage, frame: FloatImage, trust: FloatImage) -> Blur | None:
    """Finds the blur that makes a plate as soft as a frame.

    Args:
        plate: h x w grey in [0, 1], warped into the frame and exposure matched, `LONG_SIDE_PX` wide or high.
        frame: The same.
        trust: h x w in [0, 1], 0 where the plate is unknown or known to be hidden.

    Returns:
        Of pixels at this size, no more of it than there is evidence for; None where the frame is as sharp as the plate,
        or sharper.
    """
    compared = _Compared(plate, frame, trust)
    blur, misfit = SHARP, compared.misfit(SHARP)
    for _ in range(ROUNDS):
        before, blur = blur, compared.improved(blur)
        if np.abs(np.subtract(blur, before)).max() < SETTLED * max(10 * LEAST, *blur):
            break
    if max(np.linalg.eigvalsh(blur.matrix)) < LEAST:
        return None
    evidence = float(np.log(misfit / compared.misfit(blur)).sum())
    share = min(1.0, (evidence - EVIDENCE[0]) / (EVIDENCE[1] - EVIDENCE[0]))
    return Blur(*(share * moment for moment in blur)) if share > 0 else None


class _Compared:
    """A plate, whose blur changes, and a frame, by blocks."""

    def __init__(self, plate: FloatImage, frame: FloatImage, trust: FloatImage) -> None:
        self._plate, self._frame = plate, _smoothed(frame)
        self._known = cv2.erode((trust > 0).astype(np.float32), np.ones((2 * RIM_PX + 1,) * 2), borderValue=0)
        self._usable = _means(self._known) > 0.5

    def misfit(self, blur: Blur) -> FloatImage:
        """Mean squared difference of every usable block, the noise's among it."""
        return self._blocks(self._left(self._blurred(blur)) ** 2) + NOISE**2

    def improved(self, blur: Blur) -> Blur:
        """A blur one step nearer to the frame's."""
        own = self._blurred(blur)
        left = self._left(own)
        orders = ((2, 0, 1 / 8), (1, 1, 1 / 4), (0, 2, 1 / 8))
        slopes = [cv2.Sobel(own, cv2.CV_32F, dx, dy, ksize=3, scale=scale) * self._known for dx, dy, scale in orders]
        squares = np.array([[self._blocks(a * b) for b in slopes] for a in slopes], np.float64)
        products = np.array([self._blocks(a * left) for a in slopes], np.float64)
        energy = self._blocks(left * left)
        step = np.zeros(3)
        for _ in range(REWEIGHTINGS):
            misfit = energy - 2 * step @ products + np.einsum("i,ijn,j->n", step, squares, step)
            weights = 1 / (np.maximum(misfit, 0) + NOISE**2)
            step = np.linalg.solve(squares @ weights + TEXTURED_BLOCKS * np.eye(3), products @ weights)
        values, axes = np.linalg.eigh(Blur(*(step + blur)).matrix)
        moments = axes @ np.diag(values.clip(0, MOST)) @ axes.T
        return Blur(float(moments[0, 0]), float(moments[0, 1]), float(moments[1, 1]))

    def _blurred(self, blur: Blur) -> FloatImage:
        return _smoothed(self._plate if blur == SHARP else blurred(self._plate, blur))

    def _left(self, own: FloatImage) -> FloatImage:
        return np.asarray((self._frame - own) * self._known)

    def _blocks(self, picture: FloatImage) -> FloatImage:
        return _means(picture)[self._usable]


def at_plate(blur: Blur, plate_to_frame: Matrix, frame_size: tuple[int, int]) -> Blur:
    """A blur of the frame's pixels in those of the plate, as it is in the middle of the frame."""
    middle = np.array(frame_size) / 2
    places = project(inverted(plate_to_frame), middle + np.array([[0, 0], [1, 0], [0, 1]]))
    return blur.seen_by((places[1:] - places[0]).T)


def _smoothed(picture: FloatImage) -> FloatImage:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), SMOOTH_PX), np.float32)


def _means(picture: FloatImage) -> FloatImage:
    return np.asarray(cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA), np.float32)
