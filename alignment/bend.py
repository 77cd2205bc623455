"""What a homography leaves: a smooth displacement. Parallax of a camera that stepped aside, rolling shutter, lens.

Every block of the plate that was confirmed says by how much it would still like to move; between them, and where the
subject hides the place, the displacement is as smooth as it can be. Half of the cells fit it and the other half say
whether it helps: noise does not look like depth to both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.homography import between_sizes, displaced, project
from alignment.refine import Refinement, block_shifts, correlations, look, robust_scale
from alignment.template import BLOCKS, FloatImage, Template, Vector, sample

LEAST_CORRELATION = 0.6
LEAST_SHIFT_PX = 0.1  # of a tenth of the blocks, template pixels, before a bend is worth trying
STEPS = 4
NODES = (BLOCKS[0] + 1, BLOCKS[1] + 1)  # the corners of the blocks
CURVE_PX = 0.3  # by how much a node's displacement differs from its neighbours' line, one standard deviation
SUREST_PX = 0.05  # no block's displacement is known better, whatever its pixels say
REST_PX = 5.0  # holds what nothing else does
MOST_RESIDUAL = 20.0  # of 255; a pixel that is further off costs no more
USED_SAVING = (0.04, 0.12)  # of the held-out pixels' cost: a bend that saves less is left, one that saves more is taken


@dataclass(frozen=True)
class Bend:
    """A displacement of the plate.

    Attributes:
        field: rows x columns x 2 float32, from corner to corner of the plate, pixels of the finest template: what the
            plate shows at p lies in the frame at `project(template_to_frame, displaced(p, field))`.
        refinement: The refinement, with the frame sampled through the bend.
    """

    field: FloatImage
    refinement: Refinement


def worth_bending(template: Template, refinement: Refinement, confirmed: NDArray[np.bool_]) -> bool:
    """Whether a tenth of the confirmed blocks would still like to move by more than a trifle."""
    moves = block_shifts(template, refinement)[confirmed.ravel()]
    return len(moves) > 0 and bool(np.percentile(np.hypot(*moves.T), 90) > LEAST_SHIFT_PX)


def bend(templates: list[Template], levels: list[FloatImage], refinement: Refinement) -> Bend | None:
    """Finds a smooth displacement by which the frame meets the plate better than by the homography alone.

    Args:
        templates: Of the plate, the finest size first.
        levels: The frame at the same sizes, h x w, blurred grey of 255.
        refinement: The plate's place in the frame, at the finest size.

    Returns:
        None where there is none worth the name.
    """
    low, high = USED_SAVING
    pyramid = _pyramid(templates, levels, refinement)
    trial = _fit(pyramid, parity=0, steps=1)
    if _saving(*pyramid[0], trial) < low / 2:  # what comes to nothing shows it after a step already
        return None
    trial = _improve(*pyramid[0], trial, parity=0)
    share = float(np.clip((_saving(*pyramid[0], trial) - low) / (high - low), 0, 1))
    if share == 0:
        return None
    field = _fit(pyramid) * np.float32(share)
    return Bend(field, _look(*pyramid[0], field)[0])


Level = tuple[Template, Refinement, FloatImage]
"""The plate at one size, its place in the frame, the frame, h x w."""


def _pyramid(templates: list[Template], levels: list[FloatImage], refinement: Refinement) -> list[Level]:
    """A refinement at the finest size as one of each size."""
    found = []
    for template, frame in zip(templates, levels, strict=True):
        here = (
            between_sizes(levels[0].shape[::-1], frame.shape[::-1])
            @ refinement.template_to_frame
            @ between_sizes(template.size, templates[0].size)
        )
        found.append((template, replace(refinement, template_to_frame=here / here[2, 2]), frame))
    return found


def _saving(template: Template, refinement: Refinement, frame: FloatImage, field: FloatImage) -> float:
    """By which share a displacement lowers the cost of the pixels that `_fit` held out, those of odd cells."""
    straight, _ = _look(template, refinement, frame, np.zeros_like(field))
    tried, likely = _look(template, refinement, frame, field)
    held_out = likely & (template.cells % 2 == 1)
    before, after = (_cost(one.residuals(template)[held_out]) for one in (straight, tried))
    return 1 - after / max(before, 1e-9)


def _fit(pyramid: list[Level], parity: int | None = None, steps: int = STEPS) -> FloatImage:
    """The smoothest displacement that the pixels agree on, all of them or those of even cells, in steps a size."""
    field: FloatImage = np.zeros((*NODES[::-1], 2), np.float32)
    finest = pyramid[0][0].size
    for template, refinement, frame in reversed(pyramid):
        to_finest = np.divide(finest, template.size).astype(np.float32)
        field = _improve(template, refinement, frame, field / to_finest, parity, steps) * to_finest
    return field


def _improve(
    template: Template,
    refinement: Refinement,
    frame: FloatImage,
    field: FloatImage,
    parity: int | None,
    steps: int = STEPS,
) -> FloatImage:
    """Gauss-Newton at one size, in its template's pixels."""
    used = np.ones(len(template)) if parity is None else template.cells % 2 == parity
    basis = _basis(template)
    for _ in range(steps):
        seen, _ = _look(template, refinement, frame, field)
        residuals = seen.residuals(template)
        noise = robust_scale(np.abs(residuals[seen.weights > 0]))
        normal, right = _equations(template, seen.gain * basis, seen.weights * used, residuals, noise)
        step = _solved(normal + STIFFNESS, right - STIFFNESS @ field.ravel())
        field = field + step.reshape(field.shape).astype(np.float32)
    return field


def _solved(matrix: NDArray[np.float64], right: Vector) -> Vector:
    """Of a positive definite system. NumPy's own spreads these few unknowns over threads, which wait for each other."""
    found, solution = cv2.solve(matrix, right[:, None], flags=cv2.DECOMP_CHOLESKY)
    if not found:
        raise np.linalg.LinAlgError("the equations of a bend have no solution")
    return np.asarray(solution[:, 0], np.float64)


def _basis(template: Template) -> NDArray[np.float64]:
    """Grey by the displacements, x and y, of a pixel's four nodes, 8 x N."""
    size = np.array(template.size)
    block = np.stack([template.blocks % BLOCKS[0], template.blocks // BLOCKS[0]], axis=1)
    right, down = ((template.points + 0.5) * BLOCKS / size - block).T
    shares = [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]
    return np.stack([share * gradient for share in shares for gradient in template.gradients.T])


def _equations(
    template: Template, basis: NDArray[np.float64], weights: Vector, residuals: Vector, noise: float
) -> tuple[NDArray[np.float64], Vector]:
    """Normal matrix and right side of the step that all nodes would like, in units of their variance."""
    column, row = BLOCK % BLOCKS[0], BLOCK // BLOCKS[0]
    first = row * NODES[0] + column
    nodes = np.stack([first, first + 1, first + NODES[0], first + NODES[0] + 1], axis=1)
    unknowns = (2 * nodes[:, :, None] + np.arange(2)).reshape(-1, 8)
    weighted = basis * weights
    products = np.add.reduceat(weighted[:, None] * basis, template.starts, axis=2)
    sums = np.add.reduceat(weighted * residuals, template.starts, axis=1)
    variance = noise**2 + SUREST_PX**2 * np.trace(products)
    there = template.blocks[template.starts]
    normal: NDArray[np.float64] = np.zeros(STIFFNESS.shape)
    right: Vector = np.zeros(len(STIFFNESS))
    np.add.at(normal, (unknowns[there][:, :, None], unknowns[there][:, None]), (products / variance).transpose(2, 0, 1))
    np.add.at(right, unknowns[there], -(sums / variance).T)
    return normal, right


def _stiffness() -> NDArray[np.float64]:
    """What holds the nodes together: second differences along rows, columns and across are small."""
    index = np.arange(NODES[0] * NODES[1]).reshape(NODES[::-1])
    bends = [
        ((1.0, -2.0, 1.0), (index[:, :-2], index[:, 1:-1], index[:, 2:])),
        ((1.0, -2.0, 1.0), (index[:-2], index[1:-1], index[2:])),
        ((1.0, -1.0, -1.0, 1.0), (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:])),
    ]
    rows = [np.eye(index.size) / REST_PX]
    for factors, nodes in bends:
        equations = np.zeros((nodes[0].size, index.size))
        for factor, node in zip(factors, nodes, strict=True):
            equations[np.arange(node.size), node.ravel()] = factor / CURVE_PX
        rows.append(equations)
    whole = np.concatenate(rows)
    return np.asarray(np.kron(whole.T @ whole, np.eye(2)), np.float64)


BLOCK = np.arange(BLOCKS[0] * BLOCKS[1])
STIFFNESS = _stiffness()


def _look(
    template: Template, refinement: Refinement, frame: FloatImage, field: FloatImage
) -> tuple[Refinement, NDArray[np.bool_]]:
    """Samples the frame through a bend. Blocks that do not resemble it there have no weight; which pixels have."""
    points = displaced(template.points, field, template.size)
    samples, seen = sample(frame, project(refinement.template_to_frame, points))
    correlation, judged = correlations(template, samples, seen)
    likely = (judged & (correlation >= LEAST_CORRELATION))[template.blocks] & seen
    units = project(template.normal, points)
    homography = refinement.template_to_frame @ np.linalg.inv(template.normal)
    bent = look(template, frame, homography, units, likely, refinement, np.zeros(10))
    return replace(bent, template_to_frame=refinement.template_to_frame), likely


def _cost(residuals: NDArray[np.float64]) -> float:
    return float(np.minimum(np.square(residuals), MOST_RESIDUAL**2).sum())
