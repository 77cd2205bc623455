"""What one frame tells the mattes of the frames around it: where the plate lies in it, and a small copy."""

from __future__ import annotations

from dataclasses import replace

import cv2

from alignment.plate import PlateAligner, PlateAlignmentError
from pipeline.composite import unit
from pipeline.frames import Frame, FrameWindow, Image, Observation


def observe(frame: Frame, aligner: PlateAligner, size: tuple[int, int]) -> Observation:
    """Align the plate to a frame and keep a copy of width and height `size`; a pure function of the frame."""
    small: Image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(unit(small), cv2.COLOR_RGB2GRAY)
    try:
        return Observation(frame.index, small, grey, aligner.register(frame.image))
    except PlateAlignmentError as error:
        return Observation(frame.index, small, grey, None, str(error))


def looked_at_again(window: FrameWindow, aligner: PlateAligner) -> FrameWindow:
    """A window whose alignment the frames around had a say in, with what only the frame itself can say of that."""
    report, image = window.observation.alignment, window.frame.image
    if report is None:
        return window
    if report.status == "bridged":
        report = aligner.softened(report, image)
    elif window.standing is not None:
        report = aligner.stood_still(report, image, window.standing)
    return replace(window, observation=replace(window.observation, alignment=report))


def coarse_size(frame_size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Width and height a frame is reduced to for the generator; never enlarged.

    Multiples of four where the frame has as much: then the generator's maps, of a half and a quarter, lie exactly.
    """
    scale = min(1.0, long_side / max(frame_size))
    width, height = (min(max(4, 4 * round(side * scale / 4)), side - side % 4 or side) for side in frame_size)
    return width, height
