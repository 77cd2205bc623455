"""Curves and primaries against the numbers of the standards."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.frames import Colour
from pipeline.light import (
    CHROMATICITIES,
    HLG,
    LINEAR,
    PQ,
    SRGB,
    WHITE_NITS,
    converted,
    differs,
    gamut_matrix,
    is_known,
    named,
    to_codes,
    to_light,
)

SDR, PQ2020, HLG2020, P3 = Colour(1, 1, 1), Colour(9, 9, 16), Colour(9, 9, 18), Colour(1, 12, 13)


def grey(value: float) -> np.ndarray:
    return np.full((1, 1, 3), value, np.float32)


@pytest.mark.parametrize(
    ("nits", "code"), [(0.0, 0.0), (1.0, 0.1499), (100.0, 0.5081), (203.0, 0.5807), (1000.0, 0.7518), (10000.0, 1.0)]
)
def test_pq_is_that_of_bt2100(nits: float, code: float) -> None:
    """The codes of BT.2408, annex 1, and SMPTE ST 2084."""
    assert to_codes(grey(nits / WHITE_NITS), PQ) == pytest.approx(code, abs=1e-4)
    assert to_light(grey(code), PQ) * WHITE_NITS == pytest.approx(nits, rel=2e-3, abs=1e-3)


@pytest.mark.parametrize(("code", "nits"), [(0.0, 0.0), (0.38, 26.2), (0.5, 50.7), (0.75, 203.2), (1.0, 1000.0)])
def test_hlg_is_that_of_bt2100_on_a_screen_of_1000(code: float, nits: float) -> None:
    """75 % is the white of graphics (BT.2408, table 1), 38 % an 18 % grey card."""
    assert to_light(grey(code), HLG) * WHITE_NITS == pytest.approx(nits, rel=5e-3, abs=1e-3)
    assert to_codes(grey(nits / WHITE_NITS), HLG) == pytest.approx(code, abs=1e-3)


def test_hlg_of_a_colour_by_hand() -> None:
    """Scene light is (1, 0.25 / 3, 0): Ys = 0.2627 + 0.6780 / 12 = 0.3192, and Ys ** 0.2 = 0.7958."""
    light = to_light(np.float32([[[1, 0.5, 0]]]), HLG) * WHITE_NITS
    assert light[0, 0] == pytest.approx([795.8, 66.3, 0], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("transfer", [1, SRGB, LINEAR, PQ, HLG])
def test_every_curve_turns_back(transfer: int) -> None:
    codes = np.random.default_rng(0).random((20, 20, 3)).astype(np.float32)
    assert to_codes(to_light(codes, transfer), transfer) == pytest.approx(codes, abs=2e-4)


def test_primaries_are_those_of_bt2087_and_bt709_keeps_its_white() -> None:
    wanted = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    assert gamut_matrix(1, 9) == pytest.approx(np.array(wanted), abs=1e-4)
    assert gamut_matrix(12, 1)[0] == pytest.approx([1.2249, -0.2249, 0.0], abs=2e-4)
    for source, target in itertools.product(CHROMATICITIES, repeat=2):
        assert gamut_matrix(source, target) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-9)


def test_white_of_a_title_in_hdr_and_back() -> None:
    assert converted(grey(1), SDR, PQ2020) == pytest.approx(0.5807, abs=1e-4)
    assert converted(grey(1), SDR, HLG2020) == pytest.approx(0.75, abs=1e-3)
    assert converted(grey(0.5807), PQ2020, SDR) == pytest.approx(1.0, abs=1e-3)
    assert converted(grey(0.9), PQ2020, SDR) == pytest.approx(1.0)  # brighter than white is clipped
    assert converted(grey(0.5807), PQ2020, HLG2020) == pytest.approx(0.75, abs=1e-3)


def test_red_of_bt709_in_hdr() -> None:
    """0.6274, 0.0691 and 0.0164 of 203 cd/m2 are 127.4, 14.03 and 3.33: by ST 2084 0.5325, 0.3270 and 0.2201."""
    assert converted(np.float32([[[1, 0, 0]]]), SDR, PQ2020)[0, 0] == pytest.approx([0.5325, 0.3270, 0.2201], abs=1e-4)


def test_colours_that_bt709_cannot_hold_are_clipped() -> None:
    assert converted(np.float32([[[0, 1, 0]]]), P3, SDR)[0, 0] == pytest.approx([0, 1, 0], abs=1e-6)


@pytest.mark.parametrize(
    "other", [Colour(), Colour(0, 1, 13), Colour(6, 2, 6), Colour(6, 6, 6), Colour(1, 1, 1, full_range=True)]
)
def test_what_editors_show_alike_is_left_alone(other: Colour) -> None:
    image = np.random.default_rng(0).random((4, 4, 3)).astype(np.float32)
    assert not differs(other, SDR) and converted(image, other, SDR) is image


def test_a_camera_s_own_curve_is_left_alone_and_named() -> None:
    odd = Colour(1, 1, 17)
    image = grey(0.5)
    assert differs(odd, SDR) and not is_known(odd) and converted(image, odd, SDR) is image
    assert (named(odd), named(PQ2020), named(P3)) == ("BT.709 transfer 17", "BT.2020 PQ", "Display P3 SDR")


def test_primaries_that_are_not_tagged_go_with_the_matrix() -> None:
    assert not differs(Colour(9, 2, 16), PQ2020)
