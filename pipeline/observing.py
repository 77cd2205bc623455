"""What one frame tells the mattes of the frames around it: where the plate lies in it, and a small copy."""

from __future__ import annotations

from dataclasses import replace

import cv2

from alignment.plate import PlateAligner, PlateAlignmentError
from models.generator_config import GeneratorConfig
from pipeline.composite import unit
from pipeline.frames import Frame, FrameWindow, Image, Observation

SMALL = 2.5
"""Long side of a small frame, in terms of what the generator sees of others: 720p is one, where that is 512 pixels."""

REDUCED = 0.75
"""Of a small frame, the share of its own long side that the generator sees at most: what codecs do to single pixels was
reduced in all that it has learned from."""


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


def coarse_size(frame_size: tuple[int, int], config: GeneratorConfig) -> tuple[int, int]:
    """Width and height a frame is reduced to for a generator; never enlarged.

    Its long side becomes `config.long_side`, or up to `config.enlarged` times that in a small frame, as far as there
    are no more pixels then than in one of 16:9: what is wide is not to get too wide for the generator to see as a
    whole. Multiples of four where the frame has as much: then the maps, of a half and a quarter, lie exactly.
    """
    longest, shortest = max(frame_size), min(frame_size)
    long_side = config.long_side
    if longest <= SMALL * long_side:
        larger = config.enlarged * long_side
        long_side = max(long_side, int(min(larger, larger * (9 / 16 * longest / shortest) ** 0.5, REDUCED * longest)))
    scale = min(1.0, long_side / longest)
    width, height = (min(max(4, 4 * round(side * scale / 4)), side - side % 4 or side) for side in frame_size)
    return width, height
