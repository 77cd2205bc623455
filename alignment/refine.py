"""Sub-pixel refinement: Gauss-Newton on the pixels themselves, exposure and subject taken into account.

Inverse compositional (Baker and Matthews 2004), so that all that depends on the plate is computed once. Tukey
weights let pixels drop out that the subject hides. Every block of the plate has a brightness of its own, or a
shadow's slope would pass for a shift of the edges it lies on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alignment.homography import Matrix, PlateAlignmentError, Points, grid, project
from alignment.template import BLOCKS, FloatImage, Template, Vector, sample

FEWEST_PIXELS = 24  # a block with fewer has no say
LIKELY = 0.4  # correlation of a block that is probably not hidden, before the refinement
FEWEST_LIKELY = 4
TUKEY = 4.685  # 95 % efficient under Gaussian noise
SCALE_QUANTILE = 0.25  # of the residuals: still among the background's where the subject covers 60 %
LEAST_SCALE = 0.7  # of 255; below lies the rounding to 8 bits
GAIN_RANGE = (0.3, 3.0)
LOCAL_PRIOR = 10.0  # pixels that a block's brightness must outweigh to leave that of the others
STEPS = 10
ENOUGH_PX = 0.006


@dataclass(frozen=True)
class Refinement:
    """How the template lies in the frame.

    Attributes:
        template_to_frame: 3 x 3, pixels at the template's and the reduced frame's size.
        samples: N, the frame's grey at the template's pixels.
        weights: N, in [0, 1]; 0 outside the frame and where the subject is.
        gain: Of grey.
        offset: Of grey, of 255.
        offsets: The same for every block, drawn towards `offset` where the block shows little.
    """

    template_to_frame: Matrix
    samples: Vector
    weights: Vector
    gain: float
    offset: float
    offsets: Vector

    def residuals(self, template: Template) -> Vector:
        """Frame minus exposed plate, N, grey of 255."""
        return np.asarray(self.samples - self.gain * template.values - self.offsets[template.blocks])


def increment(parameters: Vector) -> Matrix:
    """The homography of eight parameters, the identity where they are 0."""
    return np.eye(3) + np.append(parameters, 0.0).reshape(3, 3)


class Fit(Protocol):
    """One template in one frame, on its way to where it lies."""

    @property
    def gain(self) -> float:
        """The exposure's, as far as it is known."""
        ...

    def look(self, homography: Matrix, step: Vector) -> None:
        """Sample the frame where a homography, from the template's unit square, puts the template; see `look`."""
        ...

    def solve(self) -> Vector:
        """The ten changes that lower what was seen last the most."""
        ...

    def result(self, template_to_frame: Matrix) -> Refinement:
        """What was seen last, as that of a homography from pixel to pixel."""
        ...


Begin = Callable[[Template, FloatImage, Matrix, "Refinement | None"], Fit]
"""Makes a fit of a template, a frame, a start and what a coarser size came to."""


class HostFit:
    """A `Fit` by the processor; arguments as in `refine`."""

    def __init__(
        self,
        template: Template,
        frame: FloatImage,
        template_to_frame: Matrix,
        previous: Refinement | None,
        free: NDArray[np.float64] | None = None,
    ) -> None:
        """Begin; `free`, 8 x k, spans the parameters of `increment` that may change, where not all of them may."""
        self._template, self._frame, self._free = template, frame, free
        self._units = project(template.normal, template.points)
        self._likely = _likely(template, frame, template_to_frame)
        self._state = previous or _guess(template, frame, template_to_frame, self._likely)

    @property
    def gain(self) -> float:
        """See `Fit`."""
        return self._state.gain

    def look(self, homography: Matrix, step: Vector) -> None:
        """See `Fit`."""
        self._state = look(self._template, self._frame, homography, self._units, self._likely, self._state, step)

    def solve(self) -> Vector:
        """See `Fit`."""
        return _solve(self._template, self._state, self._free)

    def result(self, template_to_frame: Matrix) -> Refinement:
        """See `Fit`."""
        return replace(self._state, template_to_frame=template_to_frame)


def refine(
    template: Template,
    frame: FloatImage,
    template_to_frame: Matrix,
    previous: Refinement | None = None,
    begin: Begin = HostFit,
) -> Refinement:
    """Improves a homography that is right within a few pixels.

    Args:
        template: Of the plate.
        frame: h x w, blurred grey of 255 at its working size.
        template_to_frame: The start.
        previous: Of a coarser size, to start its exposure from; guessed where there is none.
        begin: What looks at the pixels; `alignment.device` has one for GPUs.

    Returns:
        Where the iteration ended. Whether that is right is for `verify` to say.

    Raises:
        PlateAlignmentError: It ran away.
    """
    homography = template_to_frame @ np.linalg.inv(template.normal)
    corners = project(template.normal, grid(template.size, 4, 3))
    fit = begin(template, frame, template_to_frame, previous)
    fit.look(homography, np.zeros(10))
    for _ in range(STEPS):
        step = fit.solve()
        change = np.linalg.inv(increment(step[:8] / fit.gain))
        moved = project(homography @ change, corners) - project(homography, corners)
        if not np.abs(moved).max() < max(template.size):
            raise PlateAlignmentError("its pixels pull it out of the picture")
        homography = homography @ change
        homography /= homography[2, 2]
        fit.look(homography, step)
        if np.abs(moved).max() < ENOUGH_PX:
            break
    final = homography @ template.normal
    return fit.result(final / final[2, 2])


def correlations(template: Template, samples: Vector, seen: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.bool_]]:
    """Normalised correlation of plate and frame in every block, and whether it has pixels enough to say."""
    weights = seen.astype(np.float64)
    count = BLOCKS[0] * BLOCKS[1]
    members = np.bincount(template.blocks, weights, count)

    def mean(values: Vector) -> Vector:
        return np.asarray(np.bincount(template.blocks, weights * values, count) / np.maximum(members, 1))

    p = template.values - mean(template.values)[template.blocks]
    f = samples - mean(samples)[template.blocks]
    return np.asarray(mean(p * f) / np.sqrt(mean(p * p) * mean(f * f) + 1e-9)), members >= FEWEST_PIXELS


def _likely(template: Template, frame: FloatImage, template_to_frame: Matrix) -> NDArray[np.bool_]:
    """Pixels of blocks that already resemble the frame; all of them if next to none does."""
    samples, seen = sample(frame, project(template_to_frame, template.points))
    correlation, judged = correlations(template, samples, seen)
    likely = judged & (correlation >= LIKELY)
    if np.count_nonzero(likely) < FEWEST_LIKELY:
        return np.ones(len(template), np.bool_)
    return np.asarray(likely[template.blocks])


def _guess(template: Template, frame: FloatImage, template_to_frame: Matrix, likely: NDArray[np.bool_]) -> Refinement:
    """An exposure to start from: the median difference."""
    samples, seen = sample(frame, project(template_to_frame, template.points))
    seen &= likely
    offset = float(np.median((samples - template.values)[seen])) if seen.any() else 0.0
    offsets = np.full(BLOCKS[0] * BLOCKS[1], offset)
    return Refinement(template_to_frame, samples, seen.astype(np.float64), 1.0, offset, offsets)


def look(
    template: Template,
    frame: FloatImage,
    homography: Matrix,
    units: Points,
    likely: NDArray[np.bool_],
    previous: Refinement,
    step: Vector,
) -> Refinement:
    """Samples the frame and weighs every pixel by how well it and its cell agree.

    Args:
        template: Of the plate.
        frame: h x w, blurred grey of 255.
        homography: 3 x 3, from `units` to the frame.
        units: N x 2, where the template's points lie.
        likely: N, False where a pixel is to have no say.
        previous: Whose exposure to start from.
        step: Ten changes, of which the last two are those of gain and offset.
    """
    samples, seen = sample(frame, project(homography, units))
    seen &= likely
    gain = float(np.clip(previous.gain + step[8], *GAIN_RANGE))
    offset = previous.offset + float(step[9])
    difference = samples - gain * template.values
    residuals = np.abs(difference - (previous.offsets + step[9])[template.blocks])
    ratio = np.minimum(residuals / (TUKEY * robust_scale(residuals[seen])), 1.0)
    weights = np.where(seen, (1 - ratio * ratio) ** 2, 0.0)
    # A pixel of the subject agrees by chance, its neighbours do not.
    members = np.bincount(template.cells) + 1e-9
    support = np.bincount(template.cells, weights) / members
    weights *= support[template.cells]
    total = np.bincount(template.blocks, weights, len(previous.offsets))
    sums = np.bincount(template.blocks, weights * difference, len(previous.offsets))
    offsets = (sums + LOCAL_PRIOR * offset) / (total + LOCAL_PRIOR)
    return Refinement(homography, samples, weights, gain, offset, offsets)


def block_equations(template: Template, state: Refinement) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By how much every block would still like to move, template pixels: normal equations and right sides.

    Returns:
        blocks x 2 x 2 and blocks x 2.
    """
    gx, gy = state.gain * template.gradients.T
    residuals = state.residuals(template)

    def total(values: Vector) -> Vector:
        return np.asarray(np.bincount(template.blocks, state.weights * values, BLOCKS[0] * BLOCKS[1]))

    xx, xy, yy = total(gx * gx), total(gx * gy), total(gy * gy)
    normal = np.stack([xx, xy, xy, yy], axis=1).reshape(-1, 2, 2)
    return normal, np.stack([total(gx * residuals), total(gy * residuals)], axis=1)


def block_shifts(template: Template, state: Refinement) -> Points:
    """The shift that every block would like best, blocks x 2, template pixels; none where it shows nothing."""
    normal, right = block_equations(template, state)
    strength = np.trace(normal, axis1=1, axis2=2)
    ridge = (1e-3 * strength + 1e-6)[:, None, None] * np.eye(2)
    return np.asarray(np.linalg.solve(normal + ridge, right[..., None])[..., 0])


def _solve(template: Template, state: Refinement, free: NDArray[np.float64] | None) -> Vector:
    """One weighted least-squares step, the blocks' brightnesses eliminated."""
    weighted = template.jacobian * state.weights
    totals = np.add.reduceat(state.weights, template.starts)
    sums = np.add.reduceat(weighted, template.starts, axis=1)
    normal = weighted @ template.jacobian.T - (sums / (totals + LOCAL_PRIOR)) @ sums.T
    right = weighted @ state.residuals(template)
    if free is None:
        return damped_solution(normal, right)
    span = with_exposure(free, 2)
    return np.asarray(span @ damped_solution(span.T @ normal @ span, span.T @ right))


def with_exposure(free: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """A span of parameters, 8 x k, to which the first `count` of gain and offset are added: 8 + count x k + count."""
    span = np.zeros((8 + count, free.shape[1] + count))
    span[:8, : free.shape[1]] = free
    span[8:, free.shape[1] :] = np.eye(count)
    return span


def damped_solution(normal: NDArray[np.float64], right: Vector) -> Vector:
    """Of normal equations, n x n and n; very slightly damped, so that an empty side cannot explode."""
    diagonal = np.diag_indices(len(normal))
    normal[diagonal] *= 1 + 1e-6
    normal[diagonal] += 1e-6
    return np.asarray(np.linalg.solve(normal, right), np.float64)


def robust_scale(residuals: Vector) -> float:
    """Standard deviation of the majority's noise from a low quantile of absolute residuals, of 255."""
    if not len(residuals):
        return LEAST_SCALE
    place = int(SCALE_QUANTILE * (len(residuals) - 1))
    return max(LEAST_SCALE, float(np.partition(residuals, place)[place]) / 0.3186)
