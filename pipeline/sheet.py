"""A contact sheet: a few frames of a render, each with what it was made from and what came out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from alignment.plate import PlateAligner
from pipeline.composite import quantise, unit
from pipeline.frames import FloatImage, Frame, Matte
from pipeline.places import write_whole

ROWS = 4
WIDTH_PX = 480
GAP_PX = 4
TITLES = ("frame", "aligned plate", "alpha", "composite")
CHECKER_PX = 12


class ContactSheet:
    """Collects rows while a render goes on: frame, aligned plate, alpha, composite."""

    def __init__(self, path: Path, start: int, end: int, aligner: PlateAligner) -> None:
        """Chooses the frames: the indices in `wanted`.

        Args:
            path: PNG to write; replaced if it exists, so that is to be asked before.
            start: First frame of the render.
            end: Frame it stops before.
            aligner: Gives the aligned plate.
        """
        self.path, self.aligner = path, aligner
        self.wanted = set(np.linspace(start, end - 1, min(ROWS, end - start)).round().astype(int).tolist())
        self._rows: list[FloatImage] = []

    def add(self, frame: Frame, matte: Matte, composite: FloatImage) -> None:
        """Add one of the frames wanted. `composite` is H x W x 3, or 4 with alpha."""
        tall, wide = frame.image.shape[:2]
        height = round(WIDTH_PX * tall / wide)
        size = (WIDTH_PX, height)
        plate = np.zeros((height, WIDTH_PX, 3), np.float32)
        if matte.alignment is not None:
            plate = self.aligner.warp(matte.alignment).reduced(min(WIDTH_PX, wide), min(height, tall))[0]
        pictures = (
            unit(frame.image),
            plate,
            np.repeat(matte.alpha[..., None], 3, axis=2),
            _opaque(composite),
        )
        row = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
        self._rows.append(np.hstack([np.pad(cell, ((0, GAP_PX), (0, GAP_PX), (0, 0))) for cell in row]))

    def save(self) -> None:
        """Write the PNG.

        Raises:
            MachineError: It could not be written.
        """
        header = np.zeros((28, self._rows[0].shape[1], 3), np.uint8)
        for column, title in enumerate(TITLES):
            at = (column * (WIDTH_PX + GAP_PX) + 6, 20)
            cv2.putText(header, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
        sheet = np.vstack((header, *(quantise(row, 8) for row in self._rows)))
        data = cv2.imencode(".png", np.ascontiguousarray(sheet[:, :, ::-1]))[1].tobytes()
        write_whole(self.path, data)


def _opaque(image: FloatImage) -> FloatImage:
    """H x W x 4 over a checkerboard; H x W x 3 as it is."""
    if image.shape[2] == 3:
        return image
    yy, xx = np.mgrid[: image.shape[0], : image.shape[1]] // (CHECKER_PX * max(1, image.shape[1] // WIDTH_PX))
    board = np.where((yy + xx) % 2 == 0, 0.45, 0.65).astype(np.float32)[..., None]
    result: FloatImage = board + image[..., 3:] * (image[..., :3] - board)
    return result
