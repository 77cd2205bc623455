"""What code values are as light, and the same colours in other tags: curves and primaries of ITU-T H.273.

Light is counted in the white of graphics, 203 cd/m2 (ITU-R BT.2408), which is the white of all that is not HDR. All
curves that are not HDR are taken for that of sRGB, as editors treat them: BT.709's own describes cameras, not screens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.colour import BT2020, UNKNOWN
from pipeline.frames import Colour, FloatImage

_D65 = (0.3127, 0.3290)
_D50 = np.array((0.9642, 1.0, 0.8249))  # XYZ

CHROMATICITIES = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
"""Red, green, blue and white, x and y each, by H.273's number; BT.709, BT.601 (625, 525), BT.2020, Display P3."""

_STANDARD = frozenset((1, 5, 6, 7))
"""Primaries that programs do not convert between: a still of an SD clip has the clip's own numbers."""

_NAMES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 7: "BT.601", 9: "BT.2020", 12: "Display P3"}

SRGB, LINEAR, PQ, HLG = 13, 8, 16, 18
_DISPLAYED = frozenset((1, UNKNOWN, 4, 5, 6, 7, 11, 12, SRGB, 14, 15))
"""Gamma 2.2 and 2.8, and the curves of SD, HD, wide and 10-bit or 12-bit cameras."""

WHITE_NITS = 203.0

# BT.2100, tables 4 and 5; HLG as on its nominal screen of 1000 cd/m2.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_HLG_NITS, _HLG_GAMMA = 1000.0, 1.2
_BT2020_LUMA = np.array((0.2627, 0.6780, 0.0593), np.float32)


def to_linear(codes: FloatImage) -> FloatImage:
    """Display-referred values in [0, 1] to linear light, by the curve of sRGB (IEC 61966-2-1)."""
    return np.where(codes <= 0.04045, codes / np.float32(12.92), ((codes + np.float32(0.055)) / 1.055) ** 2.4)


def to_display(light: FloatImage) -> FloatImage:
    """Linear light to display-referred values in [0, 1], by the curve of sRGB; brighter than white is clipped."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * np.float32(12.92), 1.055 * light ** np.float32(1 / 2.4) - 0.055)


def curve_of(transfer: int) -> int | None:
    """SRGB, LINEAR, PQ or HLG for H.273's number of a transfer characteristic; None for one not known here."""
    return SRGB if transfer in _DISPLAYED else transfer if transfer in (LINEAR, PQ, HLG) else None


def primaries_of(colour: Colour) -> int:
    """H.273's number of the primaries; where there is none, those that go with the matrix."""
    if colour.primaries != UNKNOWN:
        return colour.primaries
    return BT2020 if colour.matrix in (BT2020, 10) else 1


def to_light(codes: FloatImage, transfer: int) -> FloatImage:
    """Code values H x W x 3 in [0, 1] to the light of a screen, 1 at the white of graphics; HLG's in BT.2020."""
    curve = curve_of(transfer)
    if curve == PQ:
        root = np.power(codes, np.float32(1 / _M2))
        nits = 10000 * np.power(np.maximum(root - _C1, 0) / (_C2 - _C3 * root), np.float32(1 / _M1))
        return (nits / WHITE_NITS).astype(np.float32)
    if curve == HLG:
        scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _C) / _A) + _B) / 12)
        luminance = np.maximum(scene @ _BT2020_LUMA, 0)[..., None]
        return (_HLG_NITS / WHITE_NITS * luminance ** (_HLG_GAMMA - 1) * scene).astype(np.float32)
    return codes if curve == LINEAR else to_linear(codes)


def to_codes(light: FloatImage, transfer: int) -> FloatImage:
    """The way back from `to_light`; what the curve cannot hold is clipped."""
    curve = curve_of(transfer)
    if curve == PQ:
        power = np.power(np.clip(light * np.float32(WHITE_NITS / 10000), 0, 1), np.float32(_M1))
        return np.power((_C1 + _C2 * power) / (1 + _C3 * power), np.float32(_M2)).astype(np.float32)
    if curve == HLG:
        shown = np.maximum(light * np.float32(WHITE_NITS / _HLG_NITS), 0)
        luminance = np.maximum(shown @ _BT2020_LUMA, np.float32(1e-9))[..., None]
        scene = np.clip(shown * luminance ** np.float32(1 / _HLG_GAMMA - 1), 0, 1)
        upper = _A * np.log(np.maximum(12 * scene - _B, 1e-6)) + _C
        return np.clip(np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper), 0, 1).astype(np.float32)
    return np.clip(light, 0, 1) if curve == LINEAR else to_display(light)


def gamut_matrix(source: int, target: int) -> NDArray[np.float64]:
    """3 x 3, by which linear RGB of some primaries becomes that of others; both have the same white."""
    return np.linalg.inv(_to_xyz(target)) @ _to_xyz(source)


def _to_xyz(primaries: int) -> NDArray[np.float64]:
    xy = np.reshape(CHROMATICITIES[primaries], (4, 2))
    xyz = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def to_d50(primaries: int) -> NDArray[np.float64]:
    """3 x 3, by which linear RGB becomes XYZ under D50, as profiles have it (ICC.1, annex E: Bradford)."""
    cones = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
    xyz = _to_xyz(primaries)
    scale = (cones @ _D50) / (cones @ xyz.sum(axis=1))
    return np.linalg.inv(cones) @ (scale[:, None] * (cones @ xyz))


def differs(source: Colour, target: Colour) -> bool:
    """Whether the same code values are other colours, in light or hue; matrix and range are no matter of RGB."""
    same_curve = (curve_of(source.transfer) or source.transfer) == (curve_of(target.transfer) or target.transfer)
    primaries = {primaries_of(source), primaries_of(target)}
    return not same_curve or (len(primaries) > 1 and not primaries <= _STANDARD)


def is_known(colour: Colour) -> bool:
    """Whether curve and primaries are known here."""
    return curve_of(colour.transfer) is not None and primaries_of(colour) in CHROMATICITIES


def converted(image: FloatImage, source: Colour, target: Colour) -> FloatImage:
    """The same colours in other tags, H x W x 3 in [0, 1]; what they cannot hold is clipped.

    Tags that are not known leave the image as it is.
    """
    if not differs(source, target) or not (is_known(source) and is_known(target)):
        return image
    light = to_light(image, source.transfer)
    if primaries_of(source) != primaries_of(target):
        light = light @ gamut_matrix(primaries_of(source), primaries_of(target)).T.astype(np.float32)
    return to_codes(light, target.transfer)


def named(colour: Colour) -> str:
    """Primaries and curve in words, such as `BT.2020 PQ`."""
    curve = {SRGB: "SDR", LINEAR: "linear", PQ: "PQ", HLG: "HLG"}.get(curve_of(colour.transfer) or 0)
    primaries = primaries_of(colour)
    return f"{_NAMES.get(primaries, f'primaries {primaries}')} {curve or f'transfer {colour.transfer}'}"
