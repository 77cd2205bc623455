"""A plate at its working sizes, and the ways to refine where it may lie in a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.bend import bend, worth_bending
from alignment.homography import Matrix, PlateAlignmentError, between_sizes, implausible, inverted, project
from alignment.refine import FEWEST_PIXELS, Begin, HostFit, Refinement, correlations, refine
from alignment.template import (
    BLOCKS,
    LEAST_LONG_SIDE_PX,
    SLOW,
    FloatImage,
    Template,
    Vector,
    evened,
    make_template,
    pyramid,
    sample,
)
from alignment.turned import FOCAL_LENGTHS, likeliest_shift, turned, turning
from alignment.verify import FEWEST_BLOCKS, OK_ERROR_PX, WEAK_ERROR_PX, Verification, full_size, verify

BEND_DOUBT = 0.5  # of what is uncertain without the bend: it may hide a homography that goes wrong behind the subject
ALIKE = 0.7  # correlation of a part that shows the plate, from a start that is right within a pixel
FEWEST_ALIKE = 6
DISTRUST = 2  # times what is uncertain, where the parts that were asked had been chosen
IN_PLACE = 0.9  # correlation of edges that are not moved by more than a pixel
DIRECTIONS = 4  # of edges
FEWEST_EDGES = 50  # pixels of one direction, by which to say how steep they are
LARGEST_SCALE = 4  # of a plate in a frame, or of a frame in a plate, for which brightness is made even
FEWEST_SIDE_PX = 24  # of the smallest size, for its parts to be compared

Size = tuple[int, int]


@dataclass(frozen=True)
class Location:
    """Where the plate was found, or is `assumed`, full-size pixels; how well that stands up; the report's bend.

    `slope` is from `PlateFits.slope`.
    """

    plate_to_frame: Matrix
    verification: Verification
    bend: FloatImage | None = None
    assumed: bool = False
    slope: float = 1.0


class PlateFits:
    """Knows a plate by its edges, and finds where exactly it lies from where it may lie about.

    Levels are a frame's `pyramid`; starts are homographies from plate to frame at full size.
    """

    def __init__(
        self,
        grey: NDArray[np.uint8] | NDArray[np.uint16],
        frame_size: Size,
        prepare: Callable[[Template], Begin],
        even: bool = False,
    ) -> None:
        """Arguments as of `PlateLocator`; `even` compares what is left without slow changes of brightness."""
        self._even = even
        self.frame_size = frame_size
        self.plate_size = (grey.shape[1], grey.shape[0])
        levels = pyramid(_as_coarse(grey, frame_size))
        if even:
            levels = [evened(level, SLOW * max(level.shape)) for level in levels]
        self._smallest = levels[-1]
        self._templates = [make_template(level) for level in levels]
        self._begins = [prepare(template) for template in self._templates]
        self._rise = _rise(self._templates[0], levels[0], np.eye(3))

    @cached_property
    def bare(self) -> bool:
        """Whether so few parts of the plate show edges that it could never be found: then little is out of place."""
        return int(np.count_nonzero(np.bincount(self._templates[0].blocks) >= FEWEST_PIXELS)) < FEWEST_BLOCKS

    def by_all(self, start: Matrix, levels: list[FloatImage]) -> Location:
        """By all pixels, those of the subject told from the plate's by and by, at one size after the other."""
        if self._even:
            levels = [self._as_even(start, *pair) for pair in zip(self._templates, levels, strict=True)]
        return self._judged(self._refine_all(start, levels, self._begins)[1], levels)

    def by_what_is_alike(self, start: Matrix, levels: list[FloatImage]) -> Location:
        """By the parts that show the plate already: where a subject nearly fills the frame, its pixels would win."""
        template, level = self._templates[0], levels[0]
        reduced = self._reduced(start, template, level)
        correlation, judged = correlations(template, *sample(level, project(reduced, template.points)))
        alike = judged & (correlation >= ALIKE)
        if np.count_nonzero(alike) < FEWEST_ALIKE:
            raise PlateAlignmentError(
                f"{np.count_nonzero(alike)} of {np.count_nonzero(judged)} textured parts of the plate resemble the "
                f"frame where it may lie, at least {FEWEST_ALIKE} are needed"
            )
        found = refine(template.only(alike), level, reduced)
        location = self._judged(_seen(template, level, found.template_to_frame, found), levels)
        # They were chosen because they agree, which says little of how far off they may be.
        return replace(location, verification=doubted(location.verification, DISTRUST))

    def by_a_turn(self, levels: list[FloatImage]) -> Location | None:
        """By what a hand turns a camera, where too little of the plate is seen for more; never `ok`."""
        size = (levels[-1].shape[1], levels[-1].shape[0])
        if min(size) < FEWEST_SIDE_PX:
            return None
        shift = likeliest_shift(self._templates[-1], cv2.resize(self._smallest, size), levels[-1])
        if shift is None:
            return None
        to_frame, from_plate = between_sizes(size, self.frame_size), between_sizes(self.plate_size, size)
        found = [
            location
            for focal in FOCAL_LENGTHS
            if (location := self._refine_turn(to_frame @ turned(shift, size, focal) @ from_plate, focal, levels))
        ]
        return max(found, key=lambda one: one.verification.agreement) if found else None

    def as_it_lies(self, plate_to_frame: Matrix, levels: list[FloatImage]) -> Location:
        """Without moving it: what the frame says of a place that others found."""
        template, level = self._templates[0], levels[0]
        start = _seen(template, level, self._reduced(plate_to_frame, template, level))
        result = _seen(template, level, start.template_to_frame, start)
        verification = verify(template, result, level, self.frame_size[0] / level.shape[1])
        return Location(plate_to_frame, verification)

    def as_if_still(self, levels: list[FloatImage]) -> Location | None:
        """Where a bare plate lies if the camera stood still, unless all its edges are elsewhere; never `ok`."""
        still, template, level = between_sizes(self.plate_size, self.frame_size), self._templates[0], levels[0]
        samples, seen = sample(level, project(self._reduced(still, template, level), template.points))
        correlation, judged = correlations(template, samples, seen)
        confirmed = judged & (correlation >= IN_PLACE)
        if judged.any() and not confirmed.any():
            return None
        shape = BLOCKS[::-1]
        refuted = judged & ~confirmed
        unknown = Verification(confirmed.reshape(shape), refuted.reshape(shape), 0.0, np.inf, 0)
        return Location(still, unknown, assumed=True)

    def slope(self, plate_to_frame: Matrix, levels: list[FloatImage]) -> float:
        """How steep the plate's edges are in the frame, as a share, in the direction in which they are least so."""
        template, level = self._templates[0], levels[0]
        rise, seen = _rise(template, level, self._reduced(plate_to_frame, template, level))
        own, known = self._rise
        usable = seen & known & (own > 0)
        share = rise / np.where(usable, own, 1)
        x, y = template.gradients.T
        direction = np.round(np.arctan2(y, x) * DIRECTIONS / np.pi).astype(int) % DIRECTIONS
        groups = [share[usable & (direction == one)] for one in range(DIRECTIONS)]
        return min((float(np.median(group)) for group in groups if len(group) >= FEWEST_EDGES), default=1.0)

    def _refine_all(
        self, start: Matrix, levels: list[FloatImage], begins: Sequence[Begin]
    ) -> tuple[Matrix, Refinement]:
        """One size after the other, the finest last."""
        plate_to_frame, result = start, None
        for template, level, begin in reversed(list(zip(self._templates, levels, begins, strict=True))):
            result = refine(template, level, self._reduced(plate_to_frame, template, level), result, begin)
            plate_to_frame = self._enlarged(result, template, level)
        if result is None:
            raise ValueError("a pyramid has no level")
        return plate_to_frame, result

    def _refine_turn(self, start: Matrix, focal: float, levels: list[FloatImage]) -> Location | None:
        """By all pixels, as far as turns and zoom go; None if that does not stand up."""
        free = turning(focal)
        try:
            plate_to_frame, result = self._refine_all(start, levels, [partial(HostFit, free=free)] * len(levels))
        except (PlateAlignmentError, np.linalg.LinAlgError):
            return None
        verification = verify(self._templates[0], result, levels[0], self.frame_size[0] / levels[0].shape[1], free)
        return Location(plate_to_frame, doubted(verification)) if verification.found else None

    def _as_even(self, start: Matrix, template: Template, level: FloatImage) -> FloatImage:
        """A frame's level without what is slow in the plate, as large as the frame shows it."""
        to_level = self._reduced(start, template, level)
        depth = float(to_level[2] @ (template.size[0] / 2, template.size[1] / 2, 1))
        scale = float(np.sqrt(abs(np.linalg.det(to_level) / depth**3)))
        return evened(level, SLOW * max(template.size) * min(max(scale, 1 / LARGEST_SCALE), LARGEST_SCALE))

    def _reduced(self, plate_to_frame: Matrix, template: Template, level: FloatImage) -> Matrix:
        """From the template's pixels to those of a frame of the same reduction."""
        size = (level.shape[1], level.shape[0])
        to_level, to_plate = between_sizes(self.frame_size, size), between_sizes(template.size, self.plate_size)
        return to_level @ plate_to_frame @ to_plate

    def _enlarged(self, result: Refinement, template: Template, level: FloatImage) -> Matrix:
        """From the plate's full-size pixels to the frame's; raises PlateAlignmentError where that cannot be."""
        size = (level.shape[1], level.shape[0])
        plate_to_frame = full_size(result, template, self.plate_size, self.frame_size, size)
        fault = implausible(plate_to_frame, self.plate_size, self.frame_size)
        if fault:
            raise PlateAlignmentError(f"where its pixels put it is not possible, {fault}")
        return plate_to_frame

    def _judged(self, result: Refinement, levels: list[FloatImage]) -> Location:
        """A refinement at the finest size with its verification, bent where that is worth it."""
        template, level = self._templates[0], levels[0]
        plate_to_frame = self._enlarged(result, template, level)
        full_scale = self.frame_size[0] / level.shape[1]
        verification = verify(template, result, level, full_scale)
        if worth_bending(template, result, verification.confirmed):
            bent = bend(self._templates, levels, result)
            if bent is not None:
                bent_verification = verify(template, bent.refinement, level, full_scale)
                if bent_verification.error_px <= verification.error_px:  # it leaves the fit no less certain
                    least = min(BEND_DOUBT * verification.error_px, WEAK_ERROR_PX)
                    bent_verification = replace(bent_verification, error_px=max(bent_verification.error_px, least))
                    to_plate = np.divide(self.plate_size, template.size).astype(np.float32)
                    return Location(plate_to_frame, bent_verification, bent.field * to_plate)
        return Location(plate_to_frame, verification)


def _as_coarse(
    grey: NDArray[np.uint8] | NDArray[np.uint16], frame_size: Size
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A plate for frames that `pyramid` enlarges: reduced to their size, so that both end up as sharp.

    That is so where both show as much of the place; a plate that shows twice as much costs such frames 0.05 px.
    """
    share = max(frame_size) / max(grey.shape)
    if max(frame_size) >= LEAST_LONG_SIDE_PX or share >= 1:
        return grey
    size = max(1, round(share * grey.shape[1])), max(1, round(share * grey.shape[0]))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _rise(template: Template, level: FloatImage, to_level: Matrix) -> tuple[Vector, NDArray[np.bool_]]:
    """By how much grey rises across the template's edges in a picture, N, and which of them lie inside it."""
    step = template.gradients / np.hypot(*template.gradients.T)[:, None]
    (above, seen), (below, also) = (sample(level, project(to_level, template.points + s * step)) for s in (1, -1))
    return above - below, seen & also


def _seen(
    template: Template, level: FloatImage, template_to_frame: Matrix, previous: Refinement | None = None
) -> Refinement:
    """What all of a template's pixels say of a place, without moving it."""
    fit = HostFit(template, level, template_to_frame, previous)
    fit.look(template_to_frame @ inverted(template.normal), np.zeros(10))
    return fit.result(template_to_frame)


def doubted(verification: Verification, factor: float = 1.0) -> Verification:
    """The same, that many times as uncertain, and never `ok`."""
    doubt = max(factor * verification.error_px, float(np.nextafter(OK_ERROR_PX, np.inf)))
    return replace(verification, error_px=doubt)
