"""Where the plate lies in a frame: starts from the cheapest on, each refined and verified, until one holds.

Where that one has only a part of the picture for itself, the others are asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.features import Features, Method, detect, match
from alignment.fits import Location, PlateFits, Size, doubted
from alignment.homography import Matrix, PlateAlignmentError, Points, between_sizes, corners, fit, implausible, project
from alignment.refine import Begin, HostFit
from alignment.template import FloatImage, Template, pyramid
from alignment.verify import LEAST_AGREEMENT

Grey = NDArray[np.uint8] | NDArray[np.uint16]
Way = Callable[[Matrix, list[FloatImage]], Location]

FEWEST_KEY_POINTS = 30
DARK = 5  # of 255; a plate with no pixel brighter shows nothing
MOST = 0.75  # of the textured parts: where as many agree, nothing else is in question
DISAGREES = 3  # match thresholds, of a key point's partner
CLOSE = 0.75  # of the better place's agreement
HALF = 0.5  # of the textured parts: with fewer, any other place that was found is a doubt
SURE_PX = 0.04  # of the reduced frame: what is as certain is not looked at again
ELSEWHERE = 3  # times as far as a place is uncertain
NEAR_PX = 0.3  # of the reduced frame
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
        self._threshold_px = max(2.0, max(frame_size) * MATCH_THRESHOLD)
        self._all_bits, self._grey = grey, eight_bits(grey)
        if self._grey.max() <= DARK:
            raise PlateAlignmentError(
                f"the plate is black: its brightest value is {self._grey.max()} of 255. "
                "Check that the file is the picture of the empty place."
            )
        self._fits = PlateFits(grey, frame_size, prepare)
        self._prepare = prepare
        self._orb = detect(self._grey, self.plate_size, "orb")

    @cached_property
    def _evened(self) -> PlateFits:
        return PlateFits(self._all_bits, self.frame_size, self._prepare, even=True)

    @cached_property
    def _sift(self) -> Features:
        return detect(self._grey, self.plate_size, "sift")

    @cached_property
    def _mirrored(self) -> Features:
        return detect(np.ascontiguousarray(self._grey[:, ::-1]), self.plate_size, "sift")

    def locate(self, grey: Grey) -> Location:
        """Finds the plate in a frame, H x W grey, possibly already reduced to its `working_size`.

        Returns:
            The first that was verified all over the frame, or the best of those that were found, unless another
            place has more for it. A bare plate is assumed where it lies if the camera stood still.

        Raises:
            PlateAlignmentError: None was found.
        """
        levels, frame = pyramid(grey), _Frame(eight_bits(grey), self.frame_size)
        reasons: list[str] = []
        if self._fits.bare:
            found = self._fits.as_if_still(levels)
            reasons.append("what edges it has are not where they were: the camera moved, or they are hidden")
        else:
            found = self._search(frame, levels, reasons) or self._fits.by_a_turn(levels)
        if found is None:
            raise PlateAlignmentError(self._explain(frame, reasons))
        return replace(found, slope=self._fits.slope(found.plate_to_frame, levels))

    def as_it_lies(self, plate_to_frame: Matrix, grey: Grey) -> Location:
        """What a frame, as in `locate`, says of a place where the plate may lie, without moving it."""
        levels = pyramid(grey)
        found = self._fits.as_it_lies(plate_to_frame, levels)
        return replace(found, slope=self._fits.slope(plate_to_frame, levels))

    def _search(self, frame: _Frame, levels: list[FloatImage], reasons: list[str]) -> Location | None:
        """By all ways; notes why each failed."""
        weak: Location | None = None
        for way, start in self._ways(frame, reasons):
            try:
                found = way(start, levels)
            except (PlateAlignmentError, np.linalg.LinAlgError) as error:
                reasons.append(str(error))
                continue
            if not found.verification.found:
                reasons.append(found.verification.describe())
            elif found.verification.ok:
                return self._unless_it_moved(found, frame, levels)
            elif weak is None or found.verification.error_px < weak.verification.error_px:
                weak = found
        return weak and self._unless_it_moved(weak, frame, levels)

    def _unless_it_moved(self, found: Location, frame: _Frame, levels: list[FloatImage]) -> Location:
        """What was found, or where more of the plate agrees: a chair may have been moved, or somebody was in the plate.

        Where two places have nearly as much for them, it is not sure which of them moved.
        """
        best = found
        if found.verification.share >= MOST:
            return found
        for start in self._rivals(found, frame, levels):
            try:
                other = self._by_all(start, levels)
            except (PlateAlignmentError, np.linalg.LinAlgError):
                continue
            is_near = self._apart_px(best.plate_to_frame, other.plate_to_frame) < self._threshold_px
            if is_near or not other.verification.found:
                continue
            if other.verification.agreement > best.verification.agreement:
                best, other = other, best
            is_close = other.verification.agreement > CLOSE * best.verification.agreement
            if is_close or best.verification.share < HALF:
                best = replace(best, verification=doubted(best.verification))
        return best

    def _apart_px(self, one: Matrix, other: Matrix) -> float:
        """How far apart two places are where they are farthest, full-size frame pixels."""
        ends = corners(self.plate_size)
        return float(np.hypot(*(project(one, ends) - project(other, ends)).T).max())

    def _rivals(self, found: Location, frame: _Frame, levels: list[FloatImage]) -> Iterator[Matrix]:
        """Where else the plate may lie: by the key points that do not agree, and where a tripod would have left it."""
        plate_points, frame_points = frame.matched(self._orb)
        off = np.hypot(*(project(found.plate_to_frame, plate_points) - frame_points).T)
        others = off > DISAGREES * self._threshold_px
        with suppress(PlateAlignmentError):  # they agree on nothing
            start = fit(plate_points[others], frame_points[others], self._threshold_px).plate_to_frame
            if not implausible(start, self.plate_size, self.frame_size):
                yield start
        still = between_sizes(self.plate_size, self.frame_size)
        if self._apart_px(found.plate_to_frame, still) < self._threshold_px:
            return  # a tripod's, as it was found
        if self._fits.as_it_lies(still, levels).verification.share >= LEAST_AGREEMENT:
            yield still

    def _by_all(self, start: Matrix, levels: list[FloatImage]) -> Location:
        """By all pixels; and again in even light, which stands if it is surer, and elsewhere."""
        found, unit = self._fits.by_all(start, levels), self.frame_size[0] / levels[0].shape[1]
        error_px = found.verification.error_px
        if error_px <= SURE_PX * unit or not found.verification.found:
            return found
        try:
            even = self._evened.by_all(found.plate_to_frame, levels)
        except (PlateAlignmentError, np.linalg.LinAlgError):
            return found
        surer = even.verification.found and even.verification.error_px < error_px
        # Where both are as near as they say, frames would tremble between them.
        apart_px = self._apart_px(found.plate_to_frame, even.plate_to_frame)
        return even if surer and apart_px > max(ELSEWHERE * error_px, NEAR_PX * unit) else found

    def _ways(self, frame: _Frame, reasons: list[str]) -> Iterator[tuple[Way, Matrix]]:
        """How to refine which start: what needs no choice of parts first, and of that the quickest."""
        starts = []
        for start in self._starts(frame, reasons):
            starts.append(start)
            yield self._by_all, start
        for start in starts:
            yield self._fits.by_what_is_alike, start

    def _starts(self, frame: _Frame, reasons: list[str]) -> Iterator[Matrix]:
        """Homographies to refine, the quickest to find first; why one is missing is noted among the reasons."""
        yield from self._matched(self._orb, frame, reasons)
        # A camera on a tripod before a bare wall has no key points to speak of, but nothing moved either.
        yield between_sizes(self.plate_size, self.frame_size)
        yield from self._matched(self._sift, frame, reasons)

    def _matched(self, plate: Features, frame: _Frame, reasons: list[str]) -> Iterator[Matrix]:
        """The homography that key points agree on, if there is one."""
        try:
            start = fit(*frame.matched(plate), self._threshold_px)
        except PlateAlignmentError as error:
            reasons.append(str(error))
            return
        fault = implausible(start.plate_to_frame, self.plate_size, self.frame_size)
        if fault:
            reasons.append(f"where the key points put it is not possible, {fault}")
        else:
            yield start.plate_to_frame

    def _explain(self, frame: _Frame, reasons: list[str]) -> str:
        count = max(len(self._orb), len(self._sift))
        if count < FEWEST_KEY_POINTS:
            return (
                f"the plate shows too little to be found by: {count} key points, at least "
                f"{FEWEST_KEY_POINTS} are needed. Film a place with edges and objects in view, in focus."
            )
        if len(frame.sift) < FEWEST_KEY_POINTS:
            return (
                f"the frame shows too little to find the plate by: {len(frame.sift)} key points, at least "
                f"{FEWEST_KEY_POINTS} are needed. It may be black, out of focus, or hidden by the subject."
            )
        try:
            mirrored = fit(*match(self._mirrored, frame.sift), threshold_px=3.0)
            if mirrored.inliers >= 2 * FEWEST_KEY_POINTS:
                return (
                    f"the plate is mirrored: turned left to right, {mirrored.inliers} of its key points agree with "
                    "the frame. Flip the plate."
                )
        except PlateAlignmentError:
            pass
        return f"the plate does not fit the frame: {reasons[0]}"


class _Frame:
    """A frame by its key points."""

    def __init__(self, grey: NDArray[np.uint8], size: Size) -> None:
        self._grey, self._size = grey, size
        self._matches: dict[Method, tuple[Points, Points]] = {}

    @cached_property
    def orb(self) -> Features:
        return detect(self._grey, self._size, "orb")

    @cached_property
    def sift(self) -> Features:
        return detect(self._grey, self._size, "sift")

    def matched(self, plate: Features) -> tuple[Points, Points]:
        """Key points of the plate, and those of the frame that look like them, N x 2 each; see `match`."""
        if plate.method not in self._matches:
            self._matches[plate.method] = match(plate, self.orb if plate.method == "orb" else self.sift)
        return self._matches[plate.method]


def eight_bits(grey: Grey) -> NDArray[np.uint8]:
    """Grey as uint8."""
    if grey.dtype == np.uint16:
        grey = cv2.convertScaleAbs(grey, alpha=1 / 257)
    return np.asarray(grey, np.uint8)
