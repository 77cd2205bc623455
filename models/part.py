"""A part of the coarse frame: what is far from all that is uncertain needs no colours and no second look."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Index = tuple[slice, slice, slice, slice]
"""Of a part, in B x C x h x w."""


@dataclass(frozen=True)
class Part:
    """Rows `top` to `bottom` and columns `left` to `right`, coarse pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def at(self, reduced: int = 1) -> Index:
        """Where it lies in a map that is smaller by a whole number, a divisor of its top and left."""
        rows, columns = ((self.top, self.bottom), (self.left, self.right))
        below, beside = (slice(first // reduced, -(-last // reduced)) for first, last in (rows, columns))
        return slice(None), slice(None), below, beside


def part_around(wanted: Tensor, reach: int, grid: int = 1) -> Part | None:
    """The smallest part that holds all that is not 0, and `reach` pixels around it.

    Args:
        wanted: B x 1 x h x w.
        reach: Pixels.
        grid: What its borders are multiples of, but for the frame's own.

    Returns:
        None where all is 0.
    """
    borders: list[int] = []
    for axis, length in ((3, wanted.shape[2]), (2, wanted.shape[3])):
        found = wanted.amax((0, 1, axis)).nonzero()
        if len(found) == 0:
            return None
        borders.append(max(0, int(found[0]) - reach) // grid * grid)
        borders.append(min(length, -(-(int(found[-1]) + 1 + reach) // grid) * grid))
    return Part(*borders)
