"""Where the plate lies in a frame: starts from the cheapest on, each refined and verified, until one holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.bend import bend, worth_bending
from alignment.features import Features, Method, detect, match
from alignment.homography import Matrix, PlateAlignmentError, between_sizes, fit, implausible, inverted, project
from alignment.refine import Begin, HostFit, Refinement, correlations, refine
from alignment.template import FloatImage, Template, make_template, pyramid, sample
from alignment.verify import OK_ERROR_PX, WEAK_ERROR_PX, Verification, full_size, verify

Grey = NDArray[np.uint8] | NDArray[np.uint16]
Way = Callable[[Matrix, list[FloatImage]], "Location"]
Size = tuple[int, int]

FEWEST_KEY_POINTS = 30
FEWEST_TEMPLATE_PIXELS = 300
DARK = 5  # of 255; a plate with no pixel brighter shows nothing
BEND_DOUBT = 0.5  # of what is uncertain without the bend: it may hide a homography that goes wrong behind the subject
ALIKE = 0.7  # correlation of a part that shows the plate, from a start that is right within a pixel
FEWEST_ALIKE = 6
DISTRUST = 2  # times what is uncertain, where the parts that were asked had been chosen
MATCH_THRESHOLD = 1 / 400  # of the frame's long side: 3 px at 720p


@dataclass(frozen=True)
class Location:
    """Where the plate was found, full-size pixels, how well that stands up, and the `AlignmentReport`'s bend."""

    plate_to_frame: Matrix
    verification: Verification
    bend: FloatImage | None = None


class PlateLocator:
    """Knows a plate by its key points and its edges."""

    def __init__(self, grey: Grey, frame_size: Size, prepare: Callable[[Template], Begin] = lambda _: HostFit) -> None:
        """Prepares a plate.

        Args:
            grey: H x W.
            frame_size: Width and height of the frames to come.
            prepare: Makes of a template what fits it to frames; the processor does, if nothing is said.

        Raises:
            PlateAlignmentError: The plate is black or shows too little structure to be found in anything.
        """
        self.frame_size = frame_size
        self.plate_size = (grey.shape[1], grey.shape[0])
        self._grey = eight_bits(grey)
        if self._grey.max() <= DARK:
            raise PlateAlignmentError(
                f"the plate is black: its brightest value is {self._grey.max()} of 255. "
                "Check that the file is the picture of the empty place."
            )
        self._templates = [make_template(level) for level in pyramid(grey)]
        self._begins = [prepare(template) for template in self._templates]
        self._orb = detect(self._grey, self.plate_size, "orb")
        pixels = len(self._templates[0])
        few = len(self._orb) < FEWEST_KEY_POINTS and len(self._sift) < FEWEST_KEY_POINTS
        if few or pixels < FEWEST_TEMPLATE_PIXELS:
            raise PlateAlignmentError(
                f"the plate has too little texture: {len(self._sift)} key points ({FEWEST_KEY_POINTS} are needed), "
                f"{pixels} pixels on edges ({FEWEST_TEMPLATE_PIXELS} are needed). "
                "Film a place with edges and objects in view, in focus."
            )

    @cached_property
    def _sift(self) -> Features:
        return detect(self._grey, self.plate_size, "sift")

    @cached_property
    def _mirrored(self) -> Features:
        return detect(np.ascontiguousarray(self._grey[:, ::-1]), self.plate_size, "sift")

    def locate(self, grey: Grey) -> Location:
        """Finds the plate in a frame, H x W grey, possibly already reduced to its `working_size`.

        Returns:
            The first that was verified all over the frame, or the best of those that were found.

        Raises:
            PlateAlignmentError: None was found.
        """
        levels = pyramid(grey)
        weak: Location | None = None
        reasons: list[str] = []
        for way, start in self._ways(eight_bits(grey), reasons):
            try:
                found = way(start, levels)
            except (PlateAlignmentError, np.linalg.LinAlgError) as error:
                reasons.append(str(error))
                continue
            if not found.verification.found:
                reasons.append(found.verification.describe())
            elif found.verification.ok:
                return found
            elif weak is None or found.verification.error_px < weak.verification.error_px:
                weak = found
        if weak is None:
            raise PlateAlignmentError(self._explain(eight_bits(grey), reasons))
        return weak

    def _ways(self, grey: NDArray[np.uint8], reasons: list[str]) -> Iterator[tuple[Way, Matrix]]:
        """How to refine which start: what needs no choice of parts first, and of that the quickest."""
        starts = []
        for start in self._starts(grey, reasons):
            starts.append(start)
            yield self._refine, start
        for start in starts:
            yield self._refine_where_alike, start

    def _starts(self, grey: NDArray[np.uint8], reasons: list[str]) -> Iterator[Matrix]:
        """Homographies to refine, the quickest to find first; why one is missing is noted among the reasons."""
        yield from self._matched(grey, "orb", reasons)
        # A camera on a tripod before a bare wall has no key points to speak of, but nothing moved either.
        yield between_sizes(self.plate_size, self.frame_size)
        yield from self._matched(grey, "sift", reasons)

    def _matched(self, grey: NDArray[np.uint8], method: Method, reasons: list[str]) -> Iterator[Matrix]:
        """The homography that key points agree on, if there is one."""
        threshold_px = max(2.0, max(self.frame_size) * MATCH_THRESHOLD)
        plate = self._orb if method == "orb" else self._sift
        try:
            start = fit(*match(plate, detect(grey, self.frame_size, method)), threshold_px)
        except PlateAlignmentError as error:
            reasons.append(str(error))
            return
        fault = implausible(start.plate_to_frame, self.plate_size, self.frame_size)
        if fault:
            reasons.append(f"where the key points put it is not possible, {fault}")
        else:
            yield start.plate_to_frame

    def _refine(self, start: Matrix, levels: list[FloatImage]) -> Location:
        """By all pixels, those of the subject told from the plate's by and by, at one size after the other."""
        plate_to_frame, result = start, None
        for template, level, begin in reversed(list(zip(self._templates, levels, self._begins, strict=True))):
            result = refine(template, level, self._reduced(plate_to_frame, template, level), result, begin)
            plate_to_frame = self._enlarged(result, template, level)
        if result is None:
            raise ValueError("a pyramid has no level")
        return self._judged(result, levels)

    def _refine_where_alike(self, start: Matrix, levels: list[FloatImage]) -> Location:
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
        whole = HostFit(template, level, found.template_to_frame, found)
        whole.look(found.template_to_frame @ inverted(template.normal), np.zeros(10))
        result = whole.result(found.template_to_frame)
        location = self._judged(result, levels)
        # They were chosen because they agree, which says little of how far off they may be: so it is never `ok`.
        doubt = max(DISTRUST * location.verification.error_px, float(np.nextafter(OK_ERROR_PX, np.inf)))
        return replace(location, verification=replace(location.verification, error_px=doubt))

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

    def _explain(self, grey: NDArray[np.uint8], reasons: list[str]) -> str:
        frame = detect(grey, self.frame_size, "sift")
        if len(frame) < FEWEST_KEY_POINTS:
            return (
                f"the frame shows too little to find the plate by: {len(frame)} key points, at least "
                f"{FEWEST_KEY_POINTS} are needed. It may be black, out of focus, or hidden by the subject."
            )
        try:
            mirrored = fit(*match(self._mirrored, frame), threshold_px=3.0)
            if mirrored.inliers >= 2 * FEWEST_KEY_POINTS:
                return (
                    f"the plate is mirrored: turned left to right, {mirrored.inliers} of its key points agree with "
                    "the frame. Flip the plate."
                )
        except PlateAlignmentError:
            pass
        return f"the plate does not fit the frame: {reasons[0]}"


def eight_bits(grey: Grey) -> NDArray[np.uint8]:
    """Grey as uint8."""
    if grey.dtype == np.uint16:
        grey = cv2.convertScaleAbs(grey, alpha=1 / 257)
    return np.asarray(grey, np.uint8)
