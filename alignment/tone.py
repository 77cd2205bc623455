"""Tone: how far a frame's tones are from a gain and an offset of the plate's, where a camera bent them otherwise.

A photo of the place and a film of it have other tone curves, and one curve bends the highlights of two exposures
differently. Seen against each other they are a smooth curve (the comparagram of Mann 2000), here a polynomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Legendre, Polynomial
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from alignment.narrowing import agreement, narrowing, preferred, wanting

FloatImage = NDArray[np.float32]
Vector = NDArray[np.float64]

STIFFNESS = (0, 1e-6, 0.002, 0.003, 0.004, 0.005)
"""Weight that keeps each of a curve's amounts small, of all pixels'; their number is that of the amounts."""

COARSEST, FINEST, SETTLING = 0.16, 4 / 255, 5
"""Tolerance of the first fit and of the last, in [0, 1], and how many more are made with that."""

WITHIN = 12 / 255
EXPLAINED = (0.25, 0.45)
"""See `narrowing.preferred`. Uneven light and shadows leave more than a curve explains of them."""

LEAST_SLOPE = 0.15
"""Of a curve, anywhere that the plate has pixels."""

TABLE = 257
FLATTEST = 0.01
"""Levels of a table, and the slope that it has where its curve falls."""

CONFIRMED, FAR_SHARE = 0.99, 0.15
"""Trust in pixels that tell whether a line will do, as of the others many are the subject's; and see
`narrowing.wanting`: most of the levels may lie on it."""

LEVELS = 12
"""Of the plate, of which medians are taken."""

FEWEST_PIXELS = 200


class Curves(NamedTuple):
    """A channel each: a straight `offset + gain * x`, 3 each, and its `tone`, 3 x n, amounts of Legendre's polynomials.

    These are of the second and the following degrees, on [0, 1]: straight lines have no part in them, so gain and
    offset are those of the line that is nearest to the curve.
    """

    gain: Vector
    offset: Vector
    tone: NDArray[np.floating]

    @property
    def amounts(self) -> Vector:
        """What `_basis` is multiplied with, 3 x 2 + n."""
        return np.column_stack((self.offset, self.gain, self.tone))


def straight(gain: Sequence[float], offset: Sequence[float]) -> Curves:
    """A gain and an offset a channel."""
    return Curves(np.array(gain), np.array(offset), np.zeros((len(gain), len(STIFFNESS) - 2)))


def coefficients(curves: Curves) -> FloatImage:
    """Of the powers of x that are the curves, from the 0th on, n x 3."""
    powers = np.zeros((curves.tone.shape[1] + 2, len(curves.tone)))
    for own, amounts in zip(powers.T, curves.tone, strict=True):
        found = Legendre((0.0, 0.0, *amounts), (0, 1)).convert(kind=Polynomial).coef
        own[: len(found)] = found
    powers[:2] += curves.offset, curves.gain
    return powers.astype(np.float32)


def toned(picture: FloatImage, powers: FloatImage) -> FloatImage:
    """A picture, h x w x 3, by curves, see `coefficients`."""
    height, width = picture.shape[:2]
    flat = picture.reshape(height, -1)
    lowest, *others = np.tile(powers, (1, width))  # a last axis of three is slow
    result: FloatImage = flat * others[-1]
    for power in others[-2::-1]:
        np.add(result, power, out=result)
        np.multiply(result, flat, out=result)
    np.add(result, lowest, out=result)
    return result.reshape(picture.shape)


def tables(powers: FloatImage) -> list[tuple[Vector, Vector]]:
    """Levels and what a channel's curve makes of them, both rising; beyond black and white they go on straight."""
    levels = np.linspace(0, 1, TABLE)
    result = []
    for curve in powers.T.astype(np.float64):
        values = Polynomial(curve)(levels)
        values[1:] = values[0] + np.cumsum(np.maximum(np.diff(values), FLATTEST * levels[1]))
        first, last = (max(LEAST_SLOPE, (values[n + 25] - values[n]) / levels[25]) for n in (0, -26))
        result.append((np.r_[-1, levels, 2], np.r_[values[0] - first, values, values[-1] + last]))
    return result


def fitted_curves(x: FloatImage, y: FloatImage, weights: FloatImage, line: Curves) -> Curves:
    """A line, bent where that explains what pixels are off it.

    Args:
        x: The plate's pixels, 3 x n in [0, 1].
        y: The frame's.
        weights: 3 x n, 0 where clipped.
        line: The robust line.
    """
    if x.shape[1] < FEWEST_PIXELS:
        return line
    basis, most = _basis(x), weights.max(axis=0)
    off_line = _off(basis, y, weights, line)
    sure = most >= CONFIRMED
    told_by = off_line[sure] if np.count_nonzero(sure) >= FEWEST_PIXELS else off_line
    wanted = wanting(told_by, FAR_SHARE)
    if wanted == 0:
        return line

    def agreeing(curves: Curves) -> float:
        left = np.minimum(_off(basis, y, weights, curves) / FINEST, 1)
        return float((most * (1 - left * left)).sum())

    places, values, counts = _medians(x, y, weights)
    starts = (line, _least_squares(_basis(places), values, counts, line))
    curves = max((_narrowed(basis, y, weights, start) for start in starts), key=agreeing)
    if not _rises(x, weights, curves):
        return line
    share = wanted * preferred(off_line, _off(basis, y, weights, curves), most, WITHIN, EXPLAINED)
    return Curves(*(one + share * (other - one) for one, other in zip(line, curves, strict=True))) if share else line


def _narrowed(basis: FloatImage, y: FloatImage, weights: FloatImage, curves: Curves) -> Curves:
    """The curves that most pixels agree with, from some; a pixel counts if all its channels do."""
    for tolerance in narrowing(COARSEST, FINEST, SETTLING):
        agreeing = weights * agreement(_off(basis, y, weights, curves), tolerance)
        curves = _least_squares(basis, y, agreeing, curves)
    return curves


def _medians(x: FloatImage, y: FloatImage, weights: FloatImage) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Of each level of the plate the mean, the median of what the frame shows there, and the weight, 3 x levels."""
    means, medians, totals = (np.zeros((3, LEVELS), np.float32) for _ in range(3))
    for channel, (own, theirs, weight) in enumerate(zip(x, y, weights, strict=True)):
        ordered = np.argsort(theirs)
        own, theirs, weight = own[ordered], theirs[ordered], weight[ordered]
        level = np.minimum(own * LEVELS, LEVELS - 1).astype(int)
        for n in np.unique(level[weight > 0]):
            there = np.flatnonzero(level == n)
            total = np.cumsum(weight[there])
            means[channel, n], totals[channel, n] = np.average(own[there], weights=weight[there]), total[-1]
            medians[channel, n] = theirs[there[np.searchsorted(total, total[-1] / 2)]]
    return means, medians, totals


def _basis(x: FloatImage) -> FloatImage:
    """3 x 2 + n x pixels."""
    polynomials = np.moveaxis(legvander(2 * x - 1, len(STIFFNESS) - 1), -1, 1).astype(np.float32)
    polynomials[:, 1] = x
    return np.ascontiguousarray(polynomials)


def _off(basis: FloatImage, y: FloatImage, weights: FloatImage, curves: Curves) -> FloatImage:
    """How far each pixel is from the curve in its worst channel, n."""
    curve = (curves.amounts.astype(np.float32)[:, None] @ basis)[:, 0]
    return np.asarray((np.abs(y - curve) * (weights > 0)).max(axis=0))


def _least_squares(basis: FloatImage, y: FloatImage, weights: FloatImage, before: Curves) -> Curves:
    """A channel of which next to nothing is seen stays as it was before."""
    totals = weights.sum(axis=1)
    weighted = basis * (weights / np.maximum(totals, 1)[:, None])[:, None]
    normal = (weighted @ np.moveaxis(basis, 1, 2)).astype(np.float64) + np.diag(STIFFNESS)
    right = (weighted @ y[..., None])[..., 0].astype(np.float64)
    found = before.amounts
    for channel in np.flatnonzero(totals >= FEWEST_PIXELS / 10):
        found[channel] = np.linalg.solve(normal[channel], right[channel])
    return Curves(found[:, 1], found[:, 0], found[:, 2:])


def _rises(x: FloatImage, weights: FloatImage, curves: Curves) -> bool:
    """Whether curves rise, and not just so where the plate has pixels."""
    everywhere = np.linspace(0, 1, LEVELS + 1)
    for own, weight, gain, tone in zip(x, weights, curves.gain, curves.tone, strict=True):
        slope = Legendre((0, 0, *tone), (0, 1)).deriv()
        seen = own[weight > 0]
        at = np.percentile(seen, np.linspace(1, 99, 15)) if len(seen) else everywhere
        if gain + slope(at).min() < LEAST_SLOPE or gain + slope(everywhere).min() < 0:
            return False
    return True
