"""Renders the plate into a frame, at the frame's size or below."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, between_sizes, known_spans
from alignment.photometric import Exposure
from alignment.shading import shade

SUPERSAMPLING = 2
BORDER_PX = 0.15  # beyond the centres of the plate's outermost pixels it still counts as known
STRIP_ROWS = 64
WHOLLY = 0.999  # known, up to rounding
UNEXPOSED = Exposure((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))

FloatImage = NDArray[np.float32]
Size = tuple[int, int]


class PlateImage:
    """A plate's pixels, and its reductions, which are made when first asked for and kept: they are few."""

    def __init__(self, plate: NDArray[np.uint8] | NDArray[np.uint16], known: NDArray[np.bool_] | None = None) -> None:
        """Takes H x W x 3 uint8 or uint16, and where it is known, H x W, if not everywhere."""
        full = np.float32(1 / np.iinfo(plate.dtype).max)
        self.image: FloatImage = np.multiply(plate, full, dtype=np.float32)
        self.size: Size = (plate.shape[1], plate.shape[0])
        self.known: FloatImage | None = None if known is None else known.astype(np.float32)
        self._reduced: dict[Size, FloatImage] = {}

    def reduced(self, size: Size) -> FloatImage:
        """The plate at a smaller width and height, by area averaging."""
        if size not in self._reduced:
            self._reduced[size] = np.asarray(cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), np.float32)
        return self._reduced[size]

    def render(
        self,
        plate_to_frame: Matrix,
        frame_size: Size,
        size: Size | None = None,
        exposure: Exposure = UNEXPOSED,
        shading: FloatImage | None = None,
    ) -> tuple[FloatImage, FloatImage]:
        """Warps and exposes the plate.

        Args:
            plate_to_frame: 3 x 3, full-size pixels.
            frame_size: Width and height of the whole frame.
            size: Those of the picture wanted, at most the frame's.
            exposure: Gain and offset.
            shading: From `smooth_shading`.

        Returns:
            The picture in [0, 1], whose border is continued where the plate is not known, and the coverage, 0
            or 1.
        """
        if size is None or size == frame_size:
            image = warp(self.image, plate_to_frame, frame_size, exposure)
            coverage = self._cover(plate_to_frame, self.size, frame_size)
        else:
            image, coverage = self._render_reduced(plate_to_frame, frame_size, size, exposure)
        if shading is not None:
            shade(image, shading)
            np.clip(image, 0.0, 1.0, out=image)
        return image, coverage

    def _render_reduced(
        self, plate_to_frame: Matrix, frame_size: Size, size: Size, exposure: Exposure
    ) -> tuple[FloatImage, FloatImage]:
        """At twice the size wanted and averaged, so that no detail is skipped."""
        fine = (
            min(frame_size[0], size[0] * SUPERSAMPLING),
            min(frame_size[1], size[1] * SUPERSAMPLING),
        )
        plate_size = (
            max(1, round(self.size[0] * fine[0] / frame_size[0])),
            max(1, round(self.size[1] * fine[1] / frame_size[1])),
        )
        homography = between_sizes(frame_size, fine) @ plate_to_frame @ between_sizes(plate_size, self.size)
        image = warp(self.reduced(plate_size), homography, fine, exposure)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        known = cv2.resize(self._cover(homography, plate_size, fine), size, interpolation=cv2.INTER_AREA)
        return np.asarray(image, np.float32), (known > WHOLLY).astype(np.float32)

    def _cover(self, plate_to_frame: Matrix, plate_size: Size, size: Size) -> FloatImage:
        """Where the plate at a size is known in the frame, 0 or 1: not beyond its border, nor in its holes."""
        coverage = cover(plate_to_frame, plate_size, size)
        if self.known is not None:
            # Area averages of the holes' rims are mixed with what the holes were filled with.
            known = self.known
            if plate_size != self.size:
                known = np.asarray(cv2.resize(known, plate_size, interpolation=cv2.INTER_AREA), np.float32)
            known = cv2.warpPerspective(known, plate_to_frame, size, borderMode=cv2.BORDER_REPLICATE)
            coverage *= known > WHOLLY
        return coverage


def warp(plate: FloatImage, plate_to_frame: Matrix, size: Size, exposure: Exposure) -> FloatImage:
    """Warps a picture of the plate, its border continued, and exposes it, within [0, 1].

    Bilinear: against real and synthetic frames it leaves no more residual than bicubic or Lanczos do, since it
    passes less of the plate's noise, and takes half the time. In strips that stay in the cache: a third faster.
    """
    width, height = size
    image = np.empty((height, width, 3), np.float32)
    matrix = np.column_stack([np.diag(exposure.gain), exposure.offset])
    for top in range(0, height, STRIP_ROWS):
        strip = image[top : top + STRIP_ROWS]
        to_strip = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]]) @ plate_to_frame
        warped = cv2.warpPerspective(
            plate, to_strip, (width, len(strip)), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        cv2.transform(warped, matrix, dst=strip)
        np.clip(strip, 0.0, 1.0, out=strip)
    return image


def cover(plate_to_frame: Matrix, plate_size: Size, size: Size) -> FloatImage:
    """Where the plate is known (1) and where it is not (0), height x width."""
    coverage = np.zeros((size[1], size[0]), np.float32)
    for row, (left, right) in enumerate(known_spans(plate_to_frame, plate_size, size, BORDER_PX)):
        coverage[row, left:right] = 1.0
    return coverage


def clear_unknown(image: FloatImage, coverage: FloatImage) -> None:
    """Sets what is not covered to 0, in place.

    By the two ends of every row, as the plate is convex: a mask over all of the picture takes three times as long.
    """
    known = coverage > 0
    first = np.where(known.any(axis=1), known.argmax(axis=1), known.shape[1])
    end = known.shape[1] - known[:, ::-1].argmax(axis=1)
    for row in np.flatnonzero((first > 0) | (end < known.shape[1])):
        image[row, : first[row]] = 0.0
        image[row, end[row] :] = 0.0
