"""What a compositor does to a matte by taste: edges drawn in or softened, linear light, light that wraps around."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.colour import UNKNOWN
from pipeline.composite import composite
from pipeline.frames import CleanplateError, FloatImage, Matte
from pipeline.light import to_codes, to_light

WRAP_STRENGTH = 0.5
"""Share of the background's light that reaches the very edge of the subject."""


@dataclass(frozen=True)
class Finish:
    """Options of taste; the defaults do nothing.

    Attributes:
        erode_px: By how much the edge is drawn in, full-size pixels.
        feather_px: Over how many the edge is softened, inwards: outside, the subject has no colour of its own.
        light_wrap_px: Over how many the light of the background wraps around the subject, in the composite only.
        linear: Whether alpha mixes light rather than code values, in the composite only.
    """

    erode_px: int = 0
    feather_px: int = 0
    light_wrap_px: int = 0
    linear: bool = False

    def __post_init__(self) -> None:
        for name in ("erode", "feather", "light-wrap"):
            value = getattr(self, f"{name.replace('-', '_')}_px")
            if not 0 <= value <= 200:
                raise CleanplateError(f"--{name} {value}: give 0 to 200 pixels")


def finished(matte: Matte, finish: Finish) -> Matte:
    """The matte with its edge drawn in and softened."""
    alpha = matte.alpha
    if finish.erode_px:
        alpha = _eroded(alpha, finish.erode_px)
    if finish.feather_px:
        inner = cv2.GaussianBlur(_eroded(alpha, finish.feather_px), (0, 0), finish.feather_px / 2)
        alpha = np.minimum(alpha, inner)
    return matte if alpha is matte.alpha else replace(matte, alpha=alpha, hides=matte.alpha)


def composed(matte: Matte, background: FloatImage, finish: Finish, transfer: int = UNKNOWN) -> FloatImage:
    """The composite, H x W x 3 in [0, 1], of a matte that is `finished`; light by the curve of `transfer` (H.273)."""
    if finish.light_wrap_px:
        matte = replace(matte, foreground=_wrapped(matte, background, finish.light_wrap_px))
    if not finish.linear:
        return composite(matte, background)
    lit = replace(matte, foreground=to_light(matte.foreground, transfer))
    light = composite(lit, to_light(background, transfer))
    # Where nothing is mixed, no rounding of the curve may show.
    alpha = matte.alpha[..., None]
    return np.where(alpha == 0, background, np.where(alpha == 1, matte.foreground, to_codes(light, transfer)))


def _eroded(alpha: FloatImage, radius_px: int) -> FloatImage:
    """The lowest alpha within a radius; beyond the picture's border the subject goes on."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.asarray(cv2.erode(alpha, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)


def _wrapped(matte: Matte, background: FloatImage, reach_px: int) -> FloatImage:
    """The foreground with the background's light screened over its edge."""
    around = cv2.GaussianBlur(1 - matte.alpha, (0, 0), reach_px / 2)[..., None]
    light = cv2.GaussianBlur(background, (0, 0), reach_px / 2)
    wrapped: FloatImage = 1 - (1 - matte.foreground) * (1 - np.float32(WRAP_STRENGTH) * around * light)
    return wrapped
