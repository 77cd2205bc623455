"""What a user should know of how a clip was taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.colour import BT601, BT709, BT2020
from pipeline.conversion import SDR
from pipeline.frames import ClipInfo, Image
from pipeline.light import CHROMATICITIES, HLG, PQ, WHITE_NITS, curve_of, differs, named, primaries_of

_DISPLAY_P3 = 12

MUCH_LOST = 0.05
"""`AlignmentReport.lost` from which on the plate should be photographed anew."""

BLACK = 0.05
"""Code values, as a share of the highest, up to which a bar at the picture's border is black."""

BAR = 0.02
"""Share of the picture's height or width from which on what is black on both sides is bars, and is not equally wide."""

COLOUR_ROWS, GREY, COLOURED = 90, 0.04, 0.02
"""Rows of a picture that are looked at; difference of channels from which on a pixel has a colour; share of such pixels
from which on the picture has."""

WIDEST = 0.5
"""Share of it up to which both together are bars: else somebody stands before black."""


def notes_on(info: ClipInfo, *, sdr: bool = False) -> list[str]:
    """What there is to say of a clip.

    Args:
        info: The clip.
        sdr: Whether its colours are converted to BT.709 first.
    """
    notes = []
    if info.assumed_rate:
        notes.append(f"{info.path}: the pictures tell no times; taken for {info.rate} a second, or say --fps")
    if info.colour.assumed:
        name = {BT709: "BT.709", BT601: "BT.601"}[info.colour.matrix]
        notes.append(f"{info.path} is not tagged; its colours were taken for {name}, as players do at its size")
    if sdr and differs(info.colour, SDR):
        notes.append(
            f"{info.path} is {named(info.colour)} and was converted to {named(SDR)}; what is brighter than "
            f"{WHITE_NITS:.0f} cd/m2 or outside its gamut is clipped"
        )
    elif sdr:
        notes.append(f"{info.path} is {named(info.colour)} already, so that --sdr changes nothing")
    elif (unusual := _unusual(info)) is not None:
        notes.append(
            f"{info.path} is {unusual}: the code values are kept and tagged, and the networks saw them as they are; "
            "they were trained on SDR of BT.709, so look at the edges"
        )
    if info.pixel_aspect != 1:
        notes.append(
            f"{info.path} has pixels that are {info.pixel_aspect} as wide as high; of pictures, OpenEXR says so"
        )
    if info.unfit_timecode:
        notes.append(
            f"{info.path} has the timecode {info.unfit_timecode}, which does not go with {float(info.rate):.5g} frames "
            "a second, and is left out"
        )
    if info.has_alpha:
        notes.append(f"{info.path} has an alpha channel of its own, which is left out: only its colours were used")
    return notes


def note_on_plate(clip: Path, plate: Path) -> list[str]:
    """What there is to say of a plate that is the clip itself."""
    if not (clip.exists() and plate.exists() and clip.samefile(plate)):
        return []
    return [f"{plate} is the clip itself: who does not move away in it is taken for the place"]


def note_on_bars(clip: Path, frame: Image) -> list[str]:
    """What there is to say of a clip with black bars, of which H x W x 3 is a frame."""
    lit = frame.max(axis=2) > BLACK * np.iinfo(frame.dtype).max
    return [
        f"{clip} has black bars, {share:.0%} of its {side}: crop clip and plate, or they may pass for the subject"
        for side, share in (("height", _bars(lit.any(axis=1))), ("width", _bars(lit.any(axis=0))))
        if share > 0
    ]


def note_on_grey(clip: Path, frame: Image, plate: Image) -> list[str]:
    """What there is to say of a grey clip whose plate has colours; H x W x 3, or 4 of the plate.

    A grey plate may be of a grey place.
    """
    if _coloured(frame) is not False or not _coloured(plate):
        return []
    return [f"{clip} is grey and its plate is not: make the plate grey, too, or its colours pass for the subject's"]


def _coloured(picture: Image) -> bool | None:
    """Whether a picture has colours; None where it is dark all over, and could have any."""
    small = picture[:: max(1, len(picture) // COLOUR_ROWS), :, :3].astype(np.float32) / np.iinfo(picture.dtype).max
    if small.mean() < BLACK:
        return None
    return bool((np.ptp(small, axis=2) > GREY).mean() > COLOURED)


def _bars(lit: NDArray[np.bool_]) -> float:
    """Share of bars of about equal width on both sides of what is lit; 0 without any."""
    if not lit.any():
        return 0.0
    before, after = int(np.argmax(lit)), int(np.argmax(lit[::-1]))
    alike = abs(before - after) <= BAR * len(lit) <= min(before, after)
    share = (before + after) / len(lit)
    return share if alike and share <= WIDEST else 0.0


def _unusual(info: ClipInfo) -> str | None:
    """What the networks do not know of a clip's colours; None where they are the usual ones."""
    hdr = {PQ: "PQ", HLG: "HLG"}.get(info.colour.transfer)
    if hdr is not None:
        return f"HDR ({hdr})"
    primaries = primaries_of(info.colour)
    is_wide = primaries in (BT2020, _DISPLAY_P3) or primaries not in CHROMATICITIES
    return named(info.colour) if is_wide or curve_of(info.colour.transfer) is None else None
