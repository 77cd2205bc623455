"""What a user should know of how a clip was taken."""

from __future__ import annotations

from pathlib import Path

from pipeline.colour import BT601, BT709, BT2020
from pipeline.conversion import SDR
from pipeline.frames import ClipInfo
from pipeline.light import CHROMATICITIES, HLG, PQ, WHITE_NITS, curve_of, differs, named, primaries_of

_DISPLAY_P3 = 12


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


def _unusual(info: ClipInfo) -> str | None:
    """What the networks do not know of a clip's colours; None where they are the usual ones."""
    hdr = {PQ: "PQ", HLG: "HLG"}.get(info.colour.transfer)
    if hdr is not None:
        return f"HDR ({hdr})"
    primaries = primaries_of(info.colour)
    is_wide = primaries in (BT2020, _DISPLAY_P3) or primaries not in CHROMATICITIES
    return named(info.colour) if is_wide or curve_of(info.colour.transfer) is None else None
