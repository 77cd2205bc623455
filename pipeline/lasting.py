"""What differs from the plate in every frame, at one place of it, while the subject moves: the plate is wrong there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frames import FloatImage, Matte
from pipeline.motion import scaling

LONG_SIDE = 96
"""Cells along the longer side of frame and plate, as they are looked at."""

SAMPLES = 4
"""Pixels along each side of a cell, at least, by which a frame's is known: to average all of them takes too long."""

FRAMES = 8
"""Frames with a matte from which on there is something to say: in fewer, a subject has hardly moved."""

NEARLY_ALL = 0.9
"""Share of the frames that have to show a place."""

DIFFERS = 0.5
"""Alpha from which on a frame differs from the plate, and by which it changes where something moves."""

SMALLEST = 0.004
"""Share of what nearly all frames show from which on an island counts; smaller ones are often a subject's own."""

APART = np.ones((5, 5), np.uint8)
"""Pieces that touch once they have grown by this are one island; the cells that come to it then are its rim."""

STILL = 0.15
"""Share of an island's rim, in which alpha hardly changes, from which on it keeps still: a thing has nearly 1, one that
a subject crosses 0.2, and what a subject that moves never quite leaves, which differs in every frame, too, up to 0.1.
"""

OUTSIDE, BEYOND = 0.5, 0.25
"""Share of alpha outside the islands, and beyond their rims, from which on either says that the subject is none of
them: else it is one that keeps still."""

NAMED = 3
"""Places that are named, largest first."""


class Lasting:
    """Watches the mattes of a render go by, in any order; its memory does not grow with them."""

    def __init__(self, plate_size: tuple[int, int], frame_size: tuple[int, int], frames: int) -> None:
        """Begins with nothing.

        Args:
            plate_size: Width and height of the plate, pixels.
            frame_size: Width and height of the frames, pixels.
            frames: How many are to come; of fewer than FRAMES nothing is looked at.
        """
        self._enough = frames >= FRAMES
        self._cells, self._small = _reduced(plate_size), _reduced(frame_size)
        self._step = max(1, min(frame_size[0] // self._small[0], frame_size[1] // self._small[1]) // SAMPLES)
        self._plate_to_cells = scaling(plate_size, self._cells)
        self._frame_to_small = scaling(frame_size, self._small)
        self._frames = 0
        shape = self._cells[::-1]
        self._least: FloatImage = np.ones(shape, np.float32)
        self._most: FloatImage = np.zeros(shape, np.float32)
        self._sum: FloatImage = np.zeros(shape, np.float32)
        self._shown: NDArray[np.int32] = np.zeros(shape, np.int32)

    def add(self, matte: Matte) -> None:
        """Look at one frame; one without an alignment is left out."""
        if matte.alignment is None or not self._enough:
            return
        alpha = matte.alpha if matte.hides is None else matte.hides
        small = cv2.resize(alpha[:: self._step, :: self._step], self._small, interpolation=cv2.INTER_AREA)
        to_small = self._frame_to_small @ matte.alignment.plate_to_frame @ np.linalg.inv(self._plate_to_cells)
        nearest, linear = (kind | cv2.WARP_INVERSE_MAP for kind in (cv2.INTER_NEAREST, cv2.INTER_LINEAR))
        shown = cv2.warpPerspective(np.ones_like(small), to_small, self._cells, flags=nearest) > 0
        there = cv2.warpPerspective(small, to_small, self._cells, flags=linear, borderMode=cv2.BORDER_REPLICATE)
        self._frames += 1
        self._shown += shown
        self._sum += np.where(shown, there, 0)
        np.minimum(self._least, there, out=self._least, where=shown)
        np.maximum(self._most, there, out=self._most, where=shown)

    def notes(self) -> list[str]:
        """What there is to say of the plate, with places in pixels of it."""
        known = self._shown >= max(1, NEARLY_ALL * self._frames)
        wrong = self._wrong(known) if self._frames >= FRAMES else []
        if not wrong:
            return []
        places = [self._middle(island) for island in wrong[:NAMED]]
        where = " and ".join(places) + " px of the plate" + (" and elsewhere" if len(wrong) > NAMED else "")
        share = 100 * np.count_nonzero(np.any(wrong, axis=0)) / np.count_nonzero(known)
        return [
            f"every frame differs from the plate in the same place, around {where} ({share:.1f} % of what is seen of "
            "it): unless somebody keeps still there, a thing was moved, brought or taken away, or is lit otherwise; "
            "look at alpha there, and where it is wrong make the plate transparent"
        ]

    def _wrong(self, known: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Where the plate is wrong, largest first, of what nearly all frames show."""
        always = known & (self._least > DIFFERS)
        mostly = known & (self._sum > DIFFERS * self._shown)
        islands = _islands(always, SMALLEST * np.count_nonzero(known))
        if not islands:
            return []
        rims = [_grown(island) & known & ~always for island in islands]
        changes = self._most - self._least >= DIFFERS
        stillness = [1 - float(changes[rim].mean()) if rim.any() else 0.0 for rim in rims]
        bodies = _joined_to(np.any(islands, axis=0), mostly)
        if not self._is_elsewhere(bodies):
            stillness[int(np.argmin(stillness))] = 0.0  # the subject
        return [island for island, still in zip(islands, stillness, strict=True) if still >= STILL]

    def _is_elsewhere(self, islands: NDArray[np.bool_]) -> bool:
        """Whether the subject is none of the islands."""
        whole, outside, beyond = (float(self._sum[area].sum()) for area in (..., ~islands, ~_grown(islands)))
        return outside >= OUTSIDE * whole or beyond >= BEYOND * whole

    def _middle(self, island: NDArray[np.bool_]) -> str:
        """A cell of an island near its middle, as `x, y` in pixels of the plate."""
        rows, columns = np.nonzero(island)
        nearest = np.argmin((columns - columns.mean()) ** 2 + (rows - rows.mean()) ** 2)
        x, y, _ = np.linalg.inv(self._plate_to_cells) @ (columns[nearest], rows[nearest], 1)
        return f"{x:.0f}, {y:.0f}"


def _joined_to(area: NDArray[np.bool_], around: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """An area with what hangs together with it, as leaves that sway do with their pot."""
    _, labels = cv2.connectedComponents(np.uint8(area | around), connectivity=8)
    return np.asarray(np.isin(labels, np.unique(labels[area])))


def _islands(area: NDArray[np.bool_], smallest: float) -> list[NDArray[np.bool_]]:
    """The connected pieces of an area of `smallest` cells and more, largest first; near ones are one."""
    count, labels = cv2.connectedComponents(np.uint8(_grown(area)), connectivity=8)
    pieces = [area & (labels == label) for label in range(1, count)]
    large = [piece for piece in pieces if np.count_nonzero(piece) >= smallest]
    return sorted(large, key=np.count_nonzero, reverse=True)


def _grown(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(np.uint8(area), APART) > 0


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, LONG_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
