"""Where the plate lies in a frame: starts from the cheapest on, each refined and verified, until one holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.features import Features, Method, detect, match
from alignment.fits import Location, PlateFits, Size
from alignment.homography import Matrix, PlateAlignmentError, between_sizes, fit, implausible
from alignment.refine import Begin, HostFit
from alignment.template import FloatImage, Template, pyramid

Grey = NDArray[np.uint8] | NDArray[np.uint16]
Way = Callable[[Matrix, list[FloatImage]], Location]

FEWEST_KEY_POINTS = 30
DARK = 5  # of 255; a plate with no pixel brighter shows nothing
MATCH_THRESHOLD = 1 / 400  # of the frame's long side: 3 px at 720p


class PlateLocator:
    """Knows a plate by its key points and its edges."""

    def __init__(self, grey: Grey, frame_size: Size, prepare: Callable[[Template], Begin] = lambda _: HostFit) -> None:
        """Prepares a plate.

        Args:
            grey: H x W.
            frame_size: Width and height of the frames to come.
            prepare: Makes of a template what fits it to frames; the processor does, if nothing is said.

        Raises:
            PlateAlignmentError: The plate is black.
        """
        self.frame_size = frame_size
        self.plate_size = (grey.shape[1], grey.shape[0])
        self._grey = eight_bits(grey)
        if self._grey.max() <= DARK:
            raise PlateAlignmentError(
                f"the plate is black: its brightest value is {self._grey.max()} of 255. "
                "Check that the file is the picture of the empty place."
            )
        self._fits = PlateFits(grey, frame_size, prepare)
        self._orb = detect(self._grey, self.plate_size, "orb")

    @cached_property
    def _sift(self) -> Features:
        return detect(self._grey, self.plate_size, "sift")

    @cached_property
    def _mirrored(self) -> Features:
        return detect(np.ascontiguousarray(self._grey[:, ::-1]), self.plate_size, "sift")

    def locate(self, grey: Grey) -> Location:
        """Finds the plate in a frame, H x W grey, possibly already reduced to its `working_size`.

        Returns:
            The first that was verified all over the frame, or the best of those that were found. A bare plate is
            assumed where it lies if the camera stood still.

        Raises:
            PlateAlignmentError: None was found.
        """
        levels = pyramid(grey)
        reasons: list[str] = []
        if self._fits.bare:
            found = self._fits.as_if_still(levels)
            reasons.append("what edges it has are not where they were: the camera moved, or they are hidden")
        else:
            found = self._search(eight_bits(grey), levels, reasons) or self._fits.by_a_turn(levels)
        if found is None:
            raise PlateAlignmentError(self._explain(eight_bits(grey), reasons))
        return replace(found, slope=self._fits.slope(found.plate_to_frame, levels))

    def as_it_lies(self, plate_to_frame: Matrix, grey: Grey) -> Location:
        """What a frame, as in `locate`, says of a place where the plate may lie, without moving it."""
        levels = pyramid(grey)
        found = self._fits.as_it_lies(plate_to_frame, levels)
        return replace(found, slope=self._fits.slope(plate_to_frame, levels))

    def _search(self, grey: NDArray[np.uint8], levels: list[FloatImage], reasons: list[str]) -> Location | None:
        """By all ways; notes why each failed."""
        weak: Location | None = None
        for way, start in self._ways(grey, reasons):
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
        return weak

    def _ways(self, grey: NDArray[np.uint8], reasons: list[str]) -> Iterator[tuple[Way, Matrix]]:
        """How to refine which start: what needs no choice of parts first, and of that the quickest."""
        starts = []
        for start in self._starts(grey, reasons):
            starts.append(start)
            yield self._fits.by_all, start
        for start in starts:
            yield self._fits.by_what_is_alike, start

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

    def _explain(self, grey: NDArray[np.uint8], reasons: list[str]) -> str:
        if len(self._orb) < FEWEST_KEY_POINTS and len(self._sift) < FEWEST_KEY_POINTS:
            return (
                f"the plate shows too little to be found by: {len(self._sift)} key points, at least "
                f"{FEWEST_KEY_POINTS} are needed. Film a place with edges and objects in view, in focus."
            )
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
