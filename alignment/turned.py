"""A camera that a hand turned: how the plate lies where too little is seen of it to tell all that a homography may do.

A bare wall behind a head that fills the frame shows a few edges: enough for a shift, a roll and a zoom, but not for
eight parameters. A hand that stays where it is turns the camera, which is a homography of that few, if the focal
length is known; any usual one is near enough for the little that a hand turns.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix
from alignment.refine import FEWEST_PIXELS
from alignment.template import BLOCKS, FloatImage, Template

FOCAL_LENGTHS = (0.75, 1.2, 4.0)
"""Of the frame's long side: wide, usual, long."""

REACH = 0.06  # of the long side: farther no hand turns that means to stay
RESEMBLES = 0.5  # normalised correlation from which on a part says that the plate may lie there
PEAK_PX = 8  # around the best shift, what is nearly as good is the same
DISTINCT = 1.1  # times as many votes as the next best: tiles repeat


def turning(focal: float) -> NDArray[np.float64]:
    """What a camera's turns and zoom are in the parameters of `alignment.refine.increment`.

    Args:
        focal: Length, of the frame's long side.

    Returns:
        8 x 4: pan, tilt, roll and zoom, the former two in half long sides that the middle moves by.
    """
    bent = 1 / (2 * focal) ** 2
    pan, tilt = (0, 0, 1, 0, 0, 0, -bent, 0), (0, 0, 0, 0, 0, 1, 0, -bent)
    roll, zoom = (0, -1, 0, 1, 0, 0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0)
    return np.array([pan, tilt, roll, zoom], np.float64).T


def turned(shift_px: tuple[float, float], size: tuple[int, int], focal: float) -> Matrix:
    """The homography of a turn that carries the middle of a picture by a shift.

    Args:
        shift_px: In x and y.
        size: Width and height of the picture.
        focal: Length, of the long side.
    """
    length = focal * max(size)
    camera = np.array([[length, 0, (size[0] - 1) / 2], [0, length, (size[1] - 1) / 2], [0, 0, 1]])
    axis = np.array([-np.arctan(shift_px[1] / length), np.arctan(shift_px[0] / length), 0.0])
    found = camera @ cv2.Rodrigues(axis)[0] @ np.linalg.inv(camera)
    return np.asarray(found / found[2, 2])


def likeliest_shift(template: Template, plate: FloatImage, frame: FloatImage) -> tuple[int, int] | None:
    """By how much most parts of a plate would like to be shifted to resemble the frame.

    A single part on a straight edge cannot say, nor can one behind the subject; what all of them find is added up.

    Args:
        template: Of the plate; its parts with edges are asked.
        plate: h x w, blurred grey.
        frame: h x w, the same.

    Returns:
        Pixels in x and y, from plate to frame; None if too few parts show anything, or another shift is as good, as
        where tiles repeat.
    """
    reach = round(REACH * max(plate.shape))
    votes = _votes(template, plate, frame, reach)
    y, x = np.unravel_index(int(votes.argmax()), votes.shape)
    rows, columns = np.ogrid[: len(votes), : len(votes)]
    elsewhere = (rows - y) ** 2 + (columns - x) ** 2 > PEAK_PX**2
    if not elsewhere.any() or votes[y, x] <= DISTINCT * votes[elsewhere].max():
        return None
    return int(x) - reach, int(y) - reach


def _votes(template: Template, plate: FloatImage, frame: FloatImage, reach: int) -> FloatImage:
    """How much of what stays in the picture resembles the frame at every shift of up to `reach` pixels."""
    height, width = plate.shape
    around = cv2.copyMakeBorder(frame, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    shifts = np.arange(-reach, reach + 1)
    votes = np.zeros((len(shifts), len(shifts)), np.float32)
    parts = np.flatnonzero(np.bincount(template.blocks) >= FEWEST_PIXELS)
    for row, column in zip(*np.divmod(parts, BLOCKS[0]), strict=True):
        top, bottom = (int(n) * height // BLOCKS[1] for n in (row, row + 1))
        left, right = (int(n) * width // BLOCKS[0] for n in (column, column + 1))
        window = around[top : bottom + 2 * reach, left : right + 2 * reach]
        alike = cv2.matchTemplate(window, plate[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
        rows = (top + shifts >= 0) & (bottom + shifts <= height)
        columns = (left + shifts >= 0) & (right + shifts <= width)
        votes += np.maximum(alike - RESEMBLES, 0) * np.outer(rows, columns)
    return np.asarray(cv2.GaussianBlur(votes, (0, 0), 1), np.float32)
