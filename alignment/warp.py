"""Renders the plate into a frame: parts of it at the frame's size, or the whole at a smaller one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.blur import Blur, blurred
from alignment.homography import Matrix, between_sizes, displaced, inverted, known_spans, project
from alignment.photometric import Exposure, burnt_out
from alignment.shading import Shade
from alignment.tone import coefficients, toned

SUPERSAMPLING = 2
BORDER_PX = 0.15  # beyond the centres of the plate's outermost pixels it still counts as known
STRIP_PIXELS = 1 << 16
NODE_PX = 16
WHOLLY = 0.999  # known, up to rounding
TOO_FINE = 1.7  # plate pixels a frame pixel from where on bilinear samples skip detail: the plate is halved first
UNEXPOSED = Exposure((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))

FloatImage = NDArray[np.float32]
Size = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """How a frame sees a plate.

    Attributes:
        plate_to_frame: 3 x 3.
        frame_size: Width and height of the whole frame.
        exposure: Gain and offset, and what is burnt out.
        shading: An `AlignmentReport`'s.
        veil: Likewise.
        bend: An `AlignmentReport`'s.
        continued: Whether the picture goes on beyond what is known, as its border does; else it is 0 there.
    """

    plate_to_frame: Matrix
    frame_size: Size
    exposure: Exposure = UNEXPOSED
    shading: FloatImage | None = None
    veil: FloatImage | None = None
    bend: FloatImage | None = None
    continued: bool = False

    def of_reduced(self, plate_size: Size, size: Size) -> Look:
        """The same of a plate that was reduced from one size to another."""
        bend = None if self.bend is None else self.bend * np.divide(size, plate_size).astype(np.float32)
        return replace(self, plate_to_frame=self.plate_to_frame @ between_sizes(size, plate_size), bend=bend)

    def fitting(self, plate_size: Size) -> Size:
        """The size of the plate, halved as often as its pixels are too fine for the frame's."""
        to_plate, (x, y) = inverted(self.plate_to_frame), np.divide(self.frame_size, 2)
        depth = abs(to_plate[2] @ (x, y, 1))
        step = np.sqrt(abs(np.linalg.det(to_plate)) / depth**3)
        halved = 2 ** max(0, int(np.floor(np.log2(step / TOO_FINE))) + 1)
        return max(1, round(plate_size[0] / halved)), max(1, round(plate_size[1] / halved))


class PlateImage:
    """A plate's pixels, and its reductions, which are made when first asked for and kept: they are few.

    Attributes:
        size: Width and height.
        has_holes: Whether any pixel is not known.
    """

    def __init__(self, plate: NDArray[np.uint8] | NDArray[np.uint16], known: NDArray[np.bool_] | None = None) -> None:
        """Takes H x W x 3 uint8 or uint16, and where it is known, H x W, if not everywhere."""
        self.size: Size = (plate.shape[1], plate.shape[0])
        self.has_holes = known is not None
        pixels: FloatImage = np.ones((*plate.shape[:2], 4), np.float32)
        pixels[..., :3] = plate
        pixels[..., :3] /= np.float32(np.iinfo(plate.dtype).max)
        if known is not None:
            pixels[..., 3] = known
        self._reduced: dict[Size, FloatImage] = {self.size: pixels}

    @property
    def pixels(self) -> FloatImage:
        """H x W x 4 float32: red, green, blue in [0, 1], known; a warp of four channels is quicker than of three."""
        return self._at(self.size)

    def blurred(self, blur: Blur) -> PlateImage:
        """The same plate less sharp, by a blur of its pixels; what is known stays so."""
        return _BlurredPlate(self, blur)

    def view(self, look: Look) -> PlateView:
        """The plate as a frame sees it, at full size."""
        size = look.fitting(self.size)
        return PlateView(self._at(size), self.has_holes, look.of_reduced(self.size, size))

    def reduced(self, look: Look, size: Size) -> tuple[FloatImage, FloatImage]:
        """The whole of a view at a smaller width and height.

        Rendered at twice the size wanted and averaged, so that no detail is skipped.

        Returns:
            The picture in [0, 1], and the share of each pixel that is known. The unknown share counts as black, or as
            what goes on from the border.
        """
        whole = look.frame_size
        fine = min(whole[0], size[0] * SUPERSAMPLING), min(whole[1], size[1] * SUPERSAMPLING)
        fitting = look.fitting(self.size)
        plate_size = (
            max(1, round(fitting[0] * fine[0] / whole[0])),
            max(1, round(fitting[1] * fine[1] / whole[1])),
        )
        smaller = look.of_reduced(self.size, plate_size)
        homography = between_sizes(whole, fine) @ smaller.plate_to_frame
        smaller = replace(smaller, plate_to_frame=homography, frame_size=fine)
        view = PlateView(self._at(plate_size), self.has_holes, smaller)
        image, coverage = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in view.part(0, 0, *fine))
        return np.asarray(image, np.float32), np.asarray(coverage, np.float32)

    def _at(self, size: Size) -> FloatImage:
        """The plate at its own or a smaller size, by area averaging."""
        if size not in self._reduced:
            self._reduced[size] = np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.float32)
        return self._reduced[size]


class _BlurredPlate(PlateImage):
    """Another plate through a blur, at whatever size it is asked for."""

    def __init__(self, sharp: PlateImage, blur: Blur) -> None:
        self.size, self.has_holes = sharp.size, sharp.has_holes
        self._sharp, self._blur = sharp, blur
        self._reduced = {}

    def _at(self, size: Size) -> FloatImage:
        if size not in self._reduced:
            sharp = self._sharp._at(size)
            soft = blurred(sharp, self._blur.seen_by(np.diag(np.divide(size, self.size))))
            soft[..., 3] = sharp[..., 3]
            self._reduced[size] = soft
        return self._reduced[size]


class PlateView:
    """The plate as one frame sees it; `part` renders what is wanted of it."""

    def __init__(self, plate: FloatImage, has_holes: bool, look: Look) -> None:
        """Takes the plate, H x W x 4 with what is known of it, at the size that the look is for."""
        self._plate, self._has_holes, self._look = plate, has_holes, look
        self._size: Size = (plate.shape[1], plate.shape[0])
        self._exposure = np.column_stack([np.diag(look.exposure.gain), look.exposure.offset])
        self._powers = None if look.exposure.tone is None else coefficients(look.exposure.curves)
        self._lift = None if look.exposure.lift is None else np.array(look.exposure.lift, np.float32)
        self._shade, self._veil = (
            None if field is None else Shade(field, look.frame_size) for field in (look.shading, look.veil)
        )
        self._nodes = None if look.bend is None else warp_nodes(self._size, look, look.bend)
        self._spans = known_spans(look.plate_to_frame, self._size, look.frame_size, BORDER_PX)

    def part(self, left: int, top: int, width: int, height: int) -> tuple[FloatImage, FloatImage]:
        """The picture in [0, 1], height x width x 3, and the coverage, 0 or 1, of a part that lies in the frame.

        Bilinear: against real and synthetic frames it leaves no more residual than bicubic or Lanczos do, since it
        passes less of the plate's noise, and takes half the time. All is done in strips that stay in the cache.
        """
        image, coverage = np.empty((height, width, 3), np.float32), np.ones((height, width), np.float32)
        rows = max(1, STRIP_PIXELS // width)
        for first in range(0, height, rows):
            self._render(left, top + first, image[first : first + rows], coverage[first : first + rows])
        return image, coverage

    def _render(self, left: int, top: int, image: FloatImage, coverage: FloatImage) -> None:
        """Fills a strip's picture, and clears the coverage where it is not known."""
        height, width = coverage.shape
        if self._nodes is not None:
            places = _places(self._nodes, left, top, width, height)
            warped = cv2.remap(self._plate, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            clear_outside_plate(coverage, places, self._size)
        else:
            to_part = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ self._look.plate_to_frame
            flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
            warped = cv2.warpPerspective(self._plate, to_part, (width, height), flags=flags, borderMode=border)
            clear_outside(coverage, np.clip(self._spans[top : top + height] - left, 0, width))
        cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB, dst=image)
        burnt = None if self._lift is None else burnt_out(image) * self._lift
        if self._powers is None:
            cv2.transform(image, self._exposure, dst=image)
        else:
            image[:] = toned(image, self._powers)
        if burnt is not None:
            image += burnt
        if self._shade is not None:
            self._shade.multiply(image, left, top)
        if self._veil is not None:
            self._veil.add_light(image, left, top)
        np.clip(image, 0.0, 1.0, out=image)
        if self._has_holes:  # the rims of reduced holes are mixed with what the holes were filled with
            coverage *= warped[..., 3] > WHOLLY
        if not self._look.continued and (self._has_holes or not coverage.all()):
            image *= coverage[..., None]


def warp_nodes(plate_size: Size, look: Look, bend: FloatImage) -> FloatImage:
    """Which place of the plate every NODE_PX-th pixel shows, rows x columns x 2, from half a node before the first."""
    columns, rows = (-(-length // NODE_PX) + 2 for length in look.frame_size)
    x, y = ((np.arange(count) - 0.5) * NODE_PX - 0.5 for count in (columns, rows))
    nodes = np.column_stack([np.tile(x, rows), np.repeat(y, columns)])
    straight = project(inverted(look.plate_to_frame), nodes)
    places = straight
    for _ in range(2):  # where displaced(places) is straight
        places = places + straight - displaced(places, bend, plate_size)
    return places.reshape(rows, columns, 2).astype(np.float32)


def _places(nodes: FloatImage, left: int, top: int, width: int, height: int) -> FloatImage:
    """Which place of the plate every pixel of a part shows, height x width x 2; between nodes a plane is as good."""
    # In the enlarged nodes the frame begins at NODE_PX; half a node before a pixel lies the first node it depends on.
    column, row = (left + NODE_PX // 2) // NODE_PX, (top + NODE_PX // 2) // NODE_PX
    columns, rows = (-(-(length + NODE_PX) // NODE_PX) + 2 for length in (width, height))
    near = nodes[row : row + rows, column : column + columns]
    fine = cv2.resize(near, (near.shape[1] * NODE_PX, near.shape[0] * NODE_PX), interpolation=cv2.INTER_LINEAR)
    x, y = left + NODE_PX - column * NODE_PX, top + NODE_PX - row * NODE_PX
    return np.ascontiguousarray(fine[y : y + height, x : x + width])


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
