"""The part of a frame that a network trained on crops is shown: a square around the subject."""

from __future__ import annotations

import numpy as np

from pipeline.frames import FloatImage

CROP = (512, 512)
"""Width and height of the crops that the 2020 authors trained on, pixels."""

ROOM = 0.1
"""What is added on every side, of the longer side of the subject's box."""


def subject_square(mask: FloatImage) -> tuple[slice, slice] | None:
    """The square around all of a soft mask with some room.

    It is moved into the picture where it reaches beyond the border, and cut off where it is larger than that.

    Args:
        mask: H x W in [0, 1]; from one half on it counts.

    Returns:
        Rows and columns of the picture; None where there is no subject.
    """
    subject = mask >= 0.5
    if not subject.any():
        return None
    spans = [np.flatnonzero(subject.any(axis=axis)) for axis in (1, 0)]
    side = round((1 + 2 * ROOM) * max(int(span[-1] - span[0]) + 1 for span in spans))
    rows, columns = (
        _placed((int(span[0]) + int(span[-1]) + 1 - side) // 2, side, length)
        for span, length in zip(spans, mask.shape, strict=True)
    )
    return rows, columns


def _placed(start: int, side: int, length: int) -> slice:
    """`side` pixels from `start` on, moved into 0 to `length`."""
    start = max(0, min(start, length - side))
    return slice(start, min(start + side, length))
