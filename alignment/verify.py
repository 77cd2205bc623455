"""Whether a refined homography can be believed, judged from what the pixels of each block say about it.

A block of the plate is confirmed if the frame shows the same structure there (normalised correlation). How far
the fit may be off is estimated from the confirmed blocks' disagreement, with a covariance that does not suppose
pixels of one block to be independent (Liang and Zeger 1986), and carried to all of the frame: a fit that stands
on one corner is uncertain in the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, Points, between_sizes, grid, inverted, project
from alignment.refine import FEWEST_PIXELS, LOCAL_PRIOR, Refinement, block_shifts, correlations, with_exposure
from alignment.template import BLOCKS, FloatImage, Template, jacobian, sample

LEAST_CORRELATION = 0.6
FEWEST_BLOCKS = 4
LEAST_AGREEMENT = 0.12  # of the textured blocks in view; the subject may hide the others
OK_BLOCKS = 8
OK_ERROR_PX = 0.3  # one standard deviation, where it is largest
WEAK_ERROR_PX = 1.5
RESPONSE_STEP = 4  # an average over thousands of pixels does not need them all


@dataclass(frozen=True)
class Verification:
    """How well a refinement stands up.

    Attributes:
        confirmed: BLOCKS rows x columns, where the frame shows the plate's structure.
        refuted: The same shape, where it shows another.
        residual_px: Median displacement of the confirmed blocks, full-size frame pixels; inf without any.
        error_px: Standard deviation of the fit where it is largest in the frame, full-size frame pixels.
        inliers: Template pixels that agree.
        agreement: By how much the confirmed blocks' correlations exceed the least that is asked, added up.
    """

    confirmed: NDArray[np.bool_]
    refuted: NDArray[np.bool_]
    residual_px: float
    error_px: float
    inliers: int
    agreement: float = 0.0

    @property
    def share(self) -> float:
        """Of the textured parts in view, those that are confirmed, in [0, 1]."""
        confirmed, refuted = int(np.count_nonzero(self.confirmed)), int(np.count_nonzero(self.refuted))
        return confirmed / max(1, confirmed + refuted)

    @property
    def found(self) -> bool:
        """Whether the plate was found at all."""
        agrees = np.count_nonzero(self.confirmed) >= FEWEST_BLOCKS and self.share >= LEAST_AGREEMENT
        return bool(agrees and self.error_px <= WEAK_ERROR_PX)

    @property
    def ok(self) -> bool:
        """Whether the fit is good everywhere in the frame."""
        enough = np.count_nonzero(self.confirmed) >= OK_BLOCKS
        return bool(self.found and enough and self.error_px <= OK_ERROR_PX)

    def describe(self) -> str:
        """What was measured, for people."""
        confirmed = np.count_nonzero(self.confirmed)
        textured = confirmed + np.count_nonzero(self.refuted)
        if confirmed >= FEWEST_BLOCKS and confirmed >= LEAST_AGREEMENT * textured:
            held = f"within {self.error_px:.1f} px only, at most {WEAK_ERROR_PX} is allowed"
            if not np.isfinite(self.error_px):
                held = "nowhere"
            return f"the parts that agree hold it in place {held}. Let more of the background's edges stay in view"
        return f"{confirmed} of {textured} textured parts of the plate agree with the frame"


def verify(
    template: Template,
    refinement: Refinement,
    frame: FloatImage,
    full_scale: float,
    free: NDArray[np.float64] | None = None,
) -> Verification:
    """Judges a refinement.

    Args:
        template: Of the plate, finest size.
        refinement: Its place in the frame.
        frame: The reduced frame that it was refined in.
        full_scale: Full-size frame pixels a reduced one.
        free: 8 x k, the parameters of `increment` that the refinement was free to change; None is all of them.
    """
    block = template.blocks
    seen = sample(frame, project(refinement.template_to_frame, template.points))[1]
    correlation, judged = correlations(template, refinement.samples, seen)
    confirmed = judged & (correlation >= LEAST_CORRELATION)
    shape = BLOCKS[::-1]
    inliers = int(np.count_nonzero(refinement.weights * confirmed[block] > 0.3))
    if np.count_nonzero(confirmed) < FEWEST_BLOCKS:
        nothing = np.inf
        return Verification(confirmed.reshape(shape), (judged & ~confirmed).reshape(shape), nothing, nothing, inliers)
    local_scale = full_scale * np.sqrt(abs(np.linalg.det(refinement.template_to_frame)))
    shifts = block_shifts(template, refinement)[confirmed] * local_scale
    error = _largest_error(template, refinement, confirmed, frame, np.eye(8) if free is None else free) * local_scale
    return Verification(
        confirmed.reshape(shape),
        (judged & ~confirmed).reshape(shape),
        float(np.median(np.hypot(*shifts.T))),
        float(error),
        inliers,
        float((correlation[confirmed] - LEAST_CORRELATION).sum()),
    )


def _largest_error(
    template: Template,
    refinement: Refinement,
    confirmed: NDArray[np.bool_],
    frame: FloatImage,
    free: NDArray[np.float64],
) -> float:
    """Standard deviation of the fit at the worst point of the frame, template pixels; inf where nothing holds it.

    How sharply the residuals answer to a shift is the product of the plate's and the frame's gradients: the
    plate's squared would take its own noise for structure that holds the fit in place.
    """
    used = np.flatnonzero(refinement.weights * confirmed[template.blocks])
    if len(used) < FEWEST_PIXELS:
        return np.inf
    weights, blocks = refinement.weights[used], template.blocks[used]
    span = with_exposure(free, 1)
    weighted = span.T @ template.jacobian[:9, used] * weights
    residuals = refinement.residuals(template)[used]
    scores = np.stack([np.bincount(blocks, row * residuals, len(confirmed)) for row in weighted])
    some = used[::RESPONSE_STEP]
    response = jacobian(
        project(template.normal, template.points[some]),
        _frame_gradients(template.points[some], refinement, frame) / template.normal[0, 0],
        template.values[some],
    )[:9]
    response = _about_means(span.T @ response, weights[::RESPONSE_STEP], blocks[::RESPONSE_STEP])
    information = weighted[:, ::RESPONSE_STEP] @ response.T * RESPONSE_STEP
    diagonal = np.diag_indices(len(information))
    information[diagonal] += 1e-9 * np.abs(information[diagonal]) + 1e-9
    inverse = np.linalg.inv(information)
    count = int(np.count_nonzero(confirmed))
    covariance = inverse @ (scores @ scores.T) @ inverse.T * (count / max(1, count - free.shape[1] // 2))
    covariance = free @ covariance[:-1, :-1] @ free.T / refinement.gain**2
    plate_points = project(inverted(refinement.template_to_frame), grid((frame.shape[1], frame.shape[0])))
    u, v = project(template.normal, plate_points).T
    zero, one = np.zeros_like(u), np.ones_like(u)
    dx = np.stack([u, v, one, zero, zero, zero, -u * u, -u * v], axis=1)
    dy = np.stack([zero, zero, zero, u, v, one, -u * v, -v * v], axis=1)
    variance = ((dx @ covariance) * dx).sum(axis=1) + ((dy @ covariance) * dy).sum(axis=1)
    return float(np.sqrt(max(0.0, variance.max())) / template.normal[0, 0])


def _about_means(
    rows: NDArray[np.float64], weights: NDArray[np.float64], blocks: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Rows less their weighted means in every block, which the block's own brightness takes up."""
    totals = np.bincount(blocks, weights) + LOCAL_PRIOR / RESPONSE_STEP
    return np.stack([row - (np.bincount(blocks, weights * row) / totals)[blocks] for row in rows])


def _frame_gradients(points: Points, refinement: Refinement, frame: FloatImage) -> Points:
    """Of the frame, by the plate's x and y, and without the exposure's gain; N x 2."""
    differences = []
    for direction in np.eye(2):
        ahead, _ = sample(frame, project(refinement.template_to_frame, points + direction))
        behind, _ = sample(frame, project(refinement.template_to_frame, points - direction))
        differences.append((ahead - behind) / (2 * refinement.gain))
    return np.column_stack(differences)


def full_size(
    refinement: Refinement,
    template: Template,
    plate_size: tuple[int, int],
    frame_size: tuple[int, int],
    working_frame_size: tuple[int, int],
) -> Matrix:
    """A refinement's homography between pictures at full size."""
    enlarged = (
        between_sizes(working_frame_size, frame_size)
        @ refinement.template_to_frame
        @ between_sizes(plate_size, template.size)
    )
    return np.asarray(enlarged / enlarged[2, 2])
