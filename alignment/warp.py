"""Renders the plate into a frame, at the frame's size or below."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, between_sizes, displaced, inverted, known_spans, project
from alignment.photometric import Exposure
from alignment.shading import Shade

SUPERSAMPLING = 2
BORDER_PX = 0.15  # beyond the centres of the plate's outermost pixels it still counts as known
STRIP_ROWS = 32
NODE_PX = 16
WHOLLY = 0.999  # known, up to rounding
UNEXPOSED = Exposure((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))

FloatImage = NDArray[np.float32]
Size = tuple[int, int]


class PlateImage:
    """A plate's pixels, and its reductions, which are made when first asked for and kept: they are few."""

    def __init__(self, plate: NDArray[np.uint8] | NDArray[np.uint16], known: NDArray[np.bool_] | None = None) -> None:
        """Takes H x W x 3 uint8 or uint16, and where it is known, H x W, if not everywhere."""
        self.size: Size = (plate.shape[1], plate.shape[0])
        self.has_holes = known is not None
        # Red, green, blue, known: with four channels a warp is quicker than with three.
        self._image: FloatImage = np.ones((*plate.shape[:2], 4), np.float32)
        self._image[..., :3] = plate
        self._image[..., :3] /= np.float32(np.iinfo(plate.dtype).max)
        if known is not None:
            self._image[..., 3] = known
        self._reduced: dict[Size, FloatImage] = {self.size: self._image}

    def render(
        self,
        plate_to_frame: Matrix,
        frame_size: Size,
        size: Size | None = None,
        exposure: Exposure = UNEXPOSED,
        shading: FloatImage | None = None,
        bend: FloatImage | None = None,
        *,
        continued: bool = False,
    ) -> tuple[FloatImage, FloatImage]:
        """Warps and exposes the plate.

        Args:
            plate_to_frame: 3 x 3, full-size pixels.
            frame_size: Width and height of the whole frame.
            size: Those of the picture wanted, at most the frame's.
            exposure: Gain and offset.
            shading: From `smooth_shading`.
            bend: An `AlignmentReport`'s.
            continued: Whether the picture goes on beyond what is known, as its border does; else it is 0 there.

        Returns:
            The picture in [0, 1], and the coverage, 0 or 1.
        """
        if size is None or size == frame_size:
            return self._warp(self.size, plate_to_frame, frame_size, exposure, shading, bend, continued)
        # At twice the size wanted and averaged, so that no detail is skipped.
        fine = min(frame_size[0], size[0] * SUPERSAMPLING), min(frame_size[1], size[1] * SUPERSAMPLING)
        plate_size = (
            max(1, round(self.size[0] * fine[0] / frame_size[0])),
            max(1, round(self.size[1] * fine[1] / frame_size[1])),
        )
        homography = between_sizes(frame_size, fine) @ plate_to_frame @ between_sizes(plate_size, self.size)
        whole = self._warp(plate_size, homography, fine, exposure, shading, bend, continued=True)
        image, coverage = (np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32) for x in whole)
        coverage = (coverage > WHOLLY).astype(np.float32)
        if not continued:
            image *= coverage[..., None]
        return image, coverage

    def _warp(
        self,
        plate_size: Size,
        plate_to_frame: Matrix,
        size: Size,
        exposure: Exposure,
        shading: FloatImage | None,
        bend: FloatImage | None,
        continued: bool,
    ) -> tuple[FloatImage, FloatImage]:
        """The plate at one of its sizes in a frame of a size.

        Bilinear: against real and synthetic frames it leaves no more residual than bicubic or Lanczos do, since it
        passes less of the plate's noise, and takes half the time. All is done in strips that stay in the cache.
        """
        width, height = size
        plate = self._at(plate_size)
        image = np.empty((height, width, 3), np.float32)
        coverage = np.ones((height, width), np.float32)
        places = None if bend is None else self._places(plate_size, plate_to_frame, size, bend)
        matrix = np.column_stack([np.diag(exposure.gain), exposure.offset])
        shade = Shade(shading, size) if shading is not None else None
        for top in range(0, height, STRIP_ROWS):
            strip, known = image[top : top + STRIP_ROWS], coverage[top : top + STRIP_ROWS]
            if places is not None:
                here = places[top : top + STRIP_ROWS]
                warped = cv2.remap(plate, here, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            else:
                to_strip = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]]) @ plate_to_frame
                warped = cv2.warpPerspective(
                    plate, to_strip, (width, len(strip)), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
                )
            cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB, dst=strip)
            cv2.transform(strip, matrix, dst=strip)
            if shade is not None:
                shade.apply(strip, top)
            np.clip(strip, 0.0, 1.0, out=strip)
            if self.has_holes:  # the rims of reduced holes are mixed with what the holes were filled with
                np.greater(warped[..., 3], WHOLLY, out=known)
                if not continued:
                    strip *= known[..., None]
        if places is not None:
            clear_outside_plate(coverage, places, plate_size)
            if not continued:
                image *= coverage[..., None]
            return image, coverage
        spans = known_spans(plate_to_frame, plate_size, size, BORDER_PX)
        clear_outside(coverage, spans)
        if not continued:
            clear_outside(image, spans)
        return image, coverage

    def _places(self, plate_size: Size, plate_to_frame: Matrix, size: Size, bend: FloatImage) -> FloatImage:
        """Which place of the plate every pixel of the frame shows, height x width x 2.

        Worked out for every NODE_PX-th pixel; between them a plane is as good.
        """
        columns, rows = (-(-length // NODE_PX) + 2 for length in size)
        x, y = ((np.arange(count) - 0.5) * NODE_PX - 0.5 for count in (columns, rows))
        nodes = np.column_stack([np.tile(x, rows), np.repeat(y, columns)])
        straight = project(inverted(plate_to_frame), nodes)
        field = bend * np.array([a / b for a, b in zip(plate_size, self.size, strict=True)], np.float32)
        places = straight
        for _ in range(2):  # where displaced(places) is straight
            places = places + straight - displaced(places, field, plate_size)
        coarse = places.reshape(rows, columns, 2).astype(np.float32)
        fine = cv2.resize(coarse, (columns * NODE_PX, rows * NODE_PX), interpolation=cv2.INTER_LINEAR)
        return np.asarray(fine[NODE_PX : NODE_PX + size[1], NODE_PX : NODE_PX + size[0]])

    def _at(self, size: Size) -> FloatImage:
        """The plate at its own or a smaller size, by area averaging."""
        if size not in self._reduced:
            self._reduced[size] = np.asarray(cv2.resize(self._image, size, interpolation=cv2.INTER_AREA), np.float32)
        return self._reduced[size]


def clear_outside_plate(coverage: FloatImage, places: FloatImage, plate_size: Size) -> None:
    """Sets the coverage to 0 where a place, h x w x 2, lies outside the plate, in place."""
    x, y = places[..., 0], places[..., 1]
    right, bottom = plate_size[0] - 1 + BORDER_PX, plate_size[1] - 1 + BORDER_PX
    coverage[(x < -BORDER_PX) | (x > right) | (y < -BORDER_PX) | (y > bottom)] = 0


def clear_outside(picture: FloatImage | NDArray[np.bool_], spans: NDArray[np.intp]) -> None:
    """Sets every row of a picture to 0 outside its span, in place."""
    for row in np.flatnonzero((spans[:, 0] > 0) | (spans[:, 1] < picture.shape[1])):
        picture[row, : spans[row, 0]] = 0
        picture[row, spans[row, 1] :] = 0
