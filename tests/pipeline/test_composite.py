"""Code values of composites, which are not computed where nobody is."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.composite import composite, composite_codes, quantise
from pipeline.frames import FrameStatus, Matte


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (37, 4001)], ids=str)
def test_codes_are_those_of_the_composite(size: tuple[int, int], bits: int) -> None:
    random = np.random.default_rng(bits)
    foreground, photo = random.random((2, *size, 3), np.float32)
    colour = np.broadcast_to(np.float32([0.1, 0.5, 0.9]), foreground.shape)
    somewhere = np.clip(random.normal(0.2, 0.6, size), 0, 1).astype(np.float32)
    somewhere[: size[0] // 2] = somewhere[:, : size[1] // 3] = 0
    for alpha in (somewhere, np.zeros_like(somewhere), np.ones_like(somewhere)):
        matte = Matte(alpha, foreground, FrameStatus.OK, None)
        for background in (photo, colour):
            behind = quantise(background, bits)
            codes = composite_codes(matte, background, behind)
            assert codes.dtype == behind.dtype
            assert np.array_equal(codes, quantise(composite(matte, background), bits))
            assert np.array_equal(behind, quantise(background, bits))  # it may be needed again
