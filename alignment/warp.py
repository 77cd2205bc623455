"""Renders the plate into a frame, at the frame's size or below."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, between_sizes, known_spans
from alignment.shading import shade

SUPERSAMPLING = 2
BORDER_PX = 0.15  # beyond the centres of the plate's outermost pixels it still counts as known

FloatImage = NDArray[np.float32]
Size = tuple[int, int]


class PlateImage:
    """A plate's pixels, and its reductions, which are made when first asked for and kept: they are few."""

    def __init__(self, plate: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Takes H x W x 3 uint8 or uint16."""
        full = np.float32(1 / np.iinfo(plate.dtype).max)
        self.image: FloatImage = np.multiply(plate, full, dtype=np.float32)
        self.size: Size = (plate.shape[1], plate.shape[0])
        self._reduced: dict[Size, FloatImage] = {}

    def reduced(self, size: Size) -> FloatImage:
        """The plate at a smaller width and height, by area averaging."""
        if size not in self._reduced:
            self._reduced[size] = np.asarray(cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), np.float32)
        return self._reduced[size]

    def render(
        self, plate_to_frame: Matrix, frame_size: Size, size: Size | None = None
    ) -> tuple[FloatImage, FloatImage]:
        """Warps the plate as it is exposed.

        Bilinear: against real and synthetic frames it leaves no more residual than bicubic or Lanczos do, since
        it passes less of the plate's noise, and takes half the time.

        Args:
            plate_to_frame: 3 x 3, full-size pixels.
            frame_size: Width and height of the whole frame.
            size: Those of the picture wanted, at most the frame's.

        Returns:
            The picture, whose border is continued where the plate is not known, and the coverage, 0 or 1.
        """
        if size is None or size == frame_size:
            return warp(self.image, plate_to_frame, frame_size)
        # At twice the size wanted and averaged, so that no detail is skipped.
        fine = (
            min(frame_size[0], size[0] * SUPERSAMPLING),
            min(frame_size[1], size[1] * SUPERSAMPLING),
        )
        plate_size = (
            max(1, round(self.size[0] * fine[0] / frame_size[0])),
            max(1, round(self.size[1] * fine[1] / frame_size[1])),
        )
        homography = between_sizes(frame_size, fine) @ plate_to_frame @ between_sizes(plate_size, self.size)
        image, coverage = warp(self.reduced(plate_size), homography, fine)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        known = cv2.resize(coverage, size, interpolation=cv2.INTER_AREA)
        return np.asarray(image, np.float32), (known > 0.999).astype(np.float32)


def warp(plate: FloatImage, plate_to_frame: Matrix, size: Size) -> tuple[FloatImage, FloatImage]:
    """Warps a picture of the plate, and says where (1) it is known; elsewhere (0) its border is continued."""
    image = cv2.warpPerspective(plate, plate_to_frame, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coverage = np.zeros((size[1], size[0]), np.float32)
    spans = known_spans(plate_to_frame, (plate.shape[1], plate.shape[0]), size, BORDER_PX)
    for row, (left, right) in enumerate(spans):
        coverage[row, left:right] = 1.0
    return np.asarray(image, np.float32), coverage


def expose(
    image: FloatImage,
    gain: tuple[float, float, float],
    offset: tuple[float, float, float],
    shading: FloatImage | None,
) -> FloatImage:
    """Applies an exposure: `(gain * image + offset) * (1 + shading)`, within [0, 1]."""
    # Not in place: that is three times slower.
    exposed = np.asarray(cv2.transform(image, np.column_stack([np.diag(gain), offset])), np.float32)
    if shading is not None:
        shade(exposed, shading)
    return np.clip(exposed, 0.0, 1.0, out=exposed)


def clear_unknown(image: FloatImage, coverage: FloatImage) -> None:
    """Sets what is not covered to 0. Row by row, as a mask over all of the picture takes four times as long."""
    for row, known in enumerate(coverage):
        if known[0] == 1 and known[-1] == 1:  # the plate is convex
            continue
        left = int(known.argmax())
        right = len(known) - int(known[::-1].argmax())
        image[row, : left if known[left] else len(known)] = 0.0
        image[row, right:] = 0.0
