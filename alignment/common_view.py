"""One view for many pictures: where each lies in it, in which light it was taken, and how it looks from there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.holes import split
from alignment.homography import Matrix, between_sizes, corners, inverted, known_spans, project
from alignment.photometric import Exposure
from alignment.plate import AlignmentReport, Image
from alignment.shading import veiled
from alignment.tone import coefficients, tables
from alignment.warp import BORDER_PX, clear_outside

HARDLY_MOVED = 0.01  # of the long side; a view is not widened for less
MOST_AREA = 1.5  # of the view, in areas of a picture
SEEN_BY = 3  # pictures that must reach beyond a border for it to be moved
HALF = 0.5  # of a pixel; where less shows anything, nothing does

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]
Size = tuple[int, int]


@dataclass(frozen=True)
class Placed:
    """A picture that was found to show the reference.

    Attributes:
        index: Which one.
        size: Width and height that `to_reference` is meant for; the picture may be larger.
        to_reference: 3 x 3, its pixels to the reference's.
        report: Where the reference lies in it, and in which light.
    """

    index: int
    size: Size
    to_reference: Matrix
    report: AlignmentReport


@dataclass(frozen=True)
class View:
    """What of the reference's plane is looked at: `size` pixels, 3 x 3 `from_reference` pixels to its own."""

    size: Size
    from_reference: Matrix


def place(index: int, size: Size, report: AlignmentReport) -> Placed:
    """Turns a report on a picture of a width and height around."""
    return Placed(index, size, inverted(report.plate_to_frame), report)


def rebased(placed: list[Placed], index: int) -> list[Placed]:
    """Takes the place of one of the pictures for the reference's; their lights stay as they are."""
    base = next(one for one in placed if one.index == index)
    back = inverted(base.to_reference)
    return [replace(one, to_reference=back @ one.to_reference) for one in placed]


def choose_view(reference: Size, placed: list[Placed]) -> View:
    """The reference's own view where the camera hardly moves; else wide enough for what several pictures show."""
    outlines = np.array([project(one.to_reference, corners(one.size)) for one in placed])
    rank = min(SEEN_BY, len(placed)) - 1
    low = np.sort(outlines.min(axis=1), axis=0)[rank]
    high = np.sort(outlines.max(axis=1), axis=0)[::-1][rank]
    before = np.maximum(0, -low)
    after = np.maximum(0, high - (np.array(reference) - 1))
    if max(*before, *after) <= HARDLY_MOVED * max(reference):
        return View(reference, np.eye(3))
    share = _allowed(reference, before + after, max(MOST_AREA * _area(placed), reference[0] * reference[1]))
    left, top = (int(value) for value in np.floor(share * before))
    right, bottom = (int(value) for value in np.floor(share * after))
    size = (reference[0] + left + right, reference[1] + top + bottom)
    return View(size, np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]]))


def _area(placed: list[Placed]) -> float:
    """A typical picture's, in the reference's pixels."""
    scales = [
        abs(np.linalg.det(one.to_reference / one.to_reference[2, 2])) * one.size[0] * one.size[1] for one in placed
    ]
    return float(np.median(scales))


def _allowed(reference: Size, margins: NDArray[np.float64], most_area: float) -> float:
    """The share of the margins, 0 to 1, with which a view has the largest area allowed."""
    width, height = reference
    a, b, c = margins[0] * margins[1], margins[0] * height + margins[1] * width, width * height - most_area
    if a + b + c <= 0:
        return 1.0
    return float((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)) if a > 1e-9 else float(-c / b)


def look(picture: Image, one: Placed, view: View, size: Size) -> tuple[FloatImage, Mask]:
    """Renders a picture into the view, in the light of the reference.

    Args:
        picture: H x W x 3, or H x W x 4 as `holes.split` takes it, of any size with the proportions of `one.size`.
        one: Where it lies.
        view: The view.
        size: Width and height of the result.

    Returns:
        h x w x 3, which may reach beyond 0 and 1 as the reference's light may be another; and where it shows
        anything.
    """
    full = np.float32(np.iinfo(picture.dtype).max)
    picture, known = split(picture)
    factor = size[0] / view.size[0] * one.size[0] / picture.shape[1]
    if factor < 0.75:  # or detail would be skipped
        reduced = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
        picture = np.asarray(cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA))
    own = (picture.shape[1], picture.shape[0])
    image = picture.astype(np.float32)
    image /= full
    if one.report.veil is not None:
        image = veiled(image, -cv2.resize(one.report.veil, own, interpolation=cv2.INTER_LINEAR))
    if one.report.shading is not None:
        image /= 1 + cv2.resize(one.report.shading, own, interpolation=cv2.INTER_LINEAR)
    _unexpose(image, one.report.exposure)
    matrix = between_sizes(view.size, size) @ view.from_reference @ one.to_reference @ between_sizes(own, one.size)
    covered = np.ones((size[1], size[0]), np.bool_)
    clear_outside(covered, known_spans(matrix / matrix[2, 2], own, size, BORDER_PX))
    if known is not None:
        share = cv2.resize(known.astype(np.float32), own, interpolation=cv2.INTER_AREA)
        covered &= _warped(share, matrix, size) > HALF
    return _warped(image, matrix, size), covered


def relight(image: FloatImage, one: Placed, view: View) -> None:
    """Puts a picture of the view, in place, from the light of the reference into that of one of the pictures."""
    _expose(image, one.report.exposure)
    size = (image.shape[1], image.shape[0])
    matrix = between_sizes(view.size, size) @ view.from_reference @ one.to_reference

    def spread(field: FloatImage) -> FloatImage:
        return _warped(cv2.resize(field, one.size, interpolation=cv2.INTER_LINEAR), matrix, size)

    if one.report.shading is not None:
        image *= 1 + spread(one.report.shading)
    if one.report.veil is not None:
        image[:] = veiled(image, spread(one.report.veil))


def _unexpose(image: FloatImage, exposure: Exposure) -> None:
    """Puts a picture, in place, into the light of the reference; it may reach beyond 0 and 1, as in `_expose`."""
    if exposure.tone is None:
        image -= np.array(exposure.offset, np.float32)
        image /= np.array(exposure.gain, np.float32)
        return
    for channel, (levels, values) in enumerate(tables(coefficients(exposure.curves))):
        image[..., channel] = np.interp(image[..., channel], values, levels)


def _expose(image: FloatImage, exposure: Exposure) -> None:
    """Puts a picture, in place, from the light of the reference into another."""
    if exposure.tone is None:
        image *= np.array(exposure.gain, np.float32)
        image += np.array(exposure.offset, np.float32)
        return
    for channel, (levels, values) in enumerate(tables(coefficients(exposure.curves))):
        image[..., channel] = np.interp(image[..., channel], levels, values)


def _warped(image: FloatImage, matrix: Matrix, size: Size) -> FloatImage:
    """Bicubic: what is averaged of many pictures has little noise, and would lose its edges to bilinear."""
    if np.allclose(matrix, np.eye(3)) and image.shape[1::-1] == size:
        return image
    return cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
