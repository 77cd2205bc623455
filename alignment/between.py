"""Where the plate lies in a frame in which it was not found: between where it lies in the frames before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment.plate import AlignmentReport

Colour = tuple[float, float, float]


class Known(NamedTuple):
    """A frame in which the plate was found."""

    seconds: float
    report: AlignmentReport


def between(before: Sequence[Known], after: Sequence[Known], seconds: float) -> AlignmentReport:
    """The alignment of a frame, from those of frames around it.

    The homography goes through those of two frames on either side (one at least on one of them) by a polynomial in
    time, as a hand moves in curves: of a frame that is missing at 24 a second, a straight line is eight times as far
    off. What is slow, exposure, light and bend, goes straight from the last frame before to the first one after.

    Args:
        before: Frames before it, nearest first; no more than two are used.
        after: Frames after it, nearest first; no more than two are used.
        seconds: The frame's own time.

    Returns:
        A report whose status is `bridged`: nobody looked whether the plate fits there. How sharp the frame is, only
        itself can tell (`PlateAligner.softened`).

    Raises:
        ValueError: There are fewer than three frames, or none on one side.
    """
    known = [*before[:2], *after[:2]]
    if not before or not after or len(known) < 3:
        raise ValueError(f"{len(before)} frames before and {len(after)} after are too few")
    weights = _lagrange([each.seconds for each in known], seconds)
    homography = np.tensordot(weights, [each.report.plate_to_frame for each in known], 1)
    last, first = before[0], after[0]
    share = (seconds - last.seconds) / (first.seconds - last.seconds)
    one, other = last.report, first.report
    return replace(
        one,
        plate_to_frame=homography / homography[2, 2],
        residual_px=max(one.residual_px, other.residual_px),
        inliers=0,
        coverage=_straight(one.coverage, other.coverage, share),
        gain=_straight_colour(one.gain, other.gain, share),
        offset=_straight_colour(one.offset, other.offset, share),
        burnt=_straight_colour(one.burnt, other.burnt, share),
        tone=_straight_grid(one.tone, other.tone, share),
        status="bridged",
        blur=None,
        shading=_straight_grid(one.shading, other.shading, share),
        veil=_straight_grid(one.veil, other.veil, share),
        bend=_straight_grid(one.bend, other.bend, share),
    )


def _lagrange(times: Sequence[float], at: float) -> list[float]:
    """What values at some times weigh in the polynomial through all of them, at another time."""
    return [
        float(np.prod([(at - other) / (time - other) for k, other in enumerate(times) if k != j]))
        for j, time in enumerate(times)
    ]


def _straight(one: float, other: float, share: float) -> float:
    return (1 - share) * one + share * other


def _straight_colour(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (_straight(a, b, share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _straight_grid(
    one: NDArray[np.float32] | None, other: NDArray[np.float32] | None, share: float
) -> NDArray[np.float32] | None:
    """The same for grids, where None is a grid of zeros."""
    if one is None and other is None:
        return None
    parts = [weight * grid for weight, grid in ((1 - share, one), (share, other)) if grid is not None]
    return np.sum(parts, axis=0, dtype=np.float32)
