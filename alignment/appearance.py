"""How a frame sees the plate, once it is known where: exposure, uneven light, and sharpness."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.blur import LONG_SIDE_PX as BLUR_LONG_SIDE_PX
from alignment.blur import Blur, at_plate, estimate_blur
from alignment.broad_light import BroadLight, broad_light
from alignment.features import reduced_size
from alignment.fits import Location
from alignment.homography import PlateAlignmentError, between_sizes
from alignment.photometric import LONG_SIDE_PX as PHOTOMETRIC_LONG_SIDE_PX
from alignment.photometric import Exposure, match_exposure, smoothed, steepness
from alignment.shading import smooth_shading
from alignment.template import BLOCKS
from alignment.verify import LEAST_AGREEMENT
from alignment.warp import WHOLLY, Look, PlateImage, Size

Image = NDArray[np.uint8] | NDArray[np.uint16]
FloatImage = NDArray[np.float32]

REFUTED_TRUST = 0.02  # a pixel's say in the exposure where the frame shows another structure than the plate
UNKNOWN_TRUST = 0.3  # where the plate has none to compare
BARE_TOLERANCE = 0.12  # of a bare plate's colours, before exposures are matched
BARE_STEEPNESS = 12 / 255  # a wall's noise is less steep, the edges of a place are steeper
BARE_WINDOW_PX = 15  # side of the window, at the size at which exposures are matched, in which a pixel is bare
BARE_EDGES = 0.3  # if fewer of the pixels are edges
SHARP = 0.82  # from this share of the plate's slopes on, a frame is as sharp; it is not worth measuring by how much
FADING = 0.07  # below, a blur fades in, so that a clip at the threshold does not flicker


class Appearance(NamedTuple):
    """What an `AlignmentReport` says of light and sharpness."""

    exposure: Exposure
    shading: FloatImage | None
    veil: FloatImage | None
    blur: Blur | None = None

    def look(self, frame_size: Size, found: Location) -> Look:
        """How a frame of this width and height sees the plate, but for the blur."""
        return Look(found.plate_to_frame, frame_size, self.exposure, self.shading, self.veil, found.bend)


def appearance(plate: PlateImage, frame: Image, frame_size: Size, found: Location) -> Appearance:
    """Compares a frame with the plate where it was found.

    Args:
        plate: The plate.
        frame: H x W x 3 RGB, possibly reduced.
        frame_size: The whole frame's width and height.
        found: Where the plate lies in it.

    Raises:
        PlateAlignmentError: The plate's place was assumed, and the frame does not have its colours.
    """
    light = _light(plate, frame, frame_size, found)
    share = min(1.0, (SHARP - found.slope / float(np.mean(light.exposure.gain))) / FADING)
    if share <= 0:
        return light
    blur = matched_blur(plate, frame, light.look(frame_size, found), found)
    if blur is None:
        return light
    # What is blurred has less contrast, which passed for exposure.
    soft = plate.blurred(at_plate(blur, found.plate_to_frame, frame_size))
    light = _light(soft, frame, frame_size, found)
    blur = matched_blur(plate, frame, light.look(frame_size, found), found)
    return light if blur is None else light._replace(blur=Blur(*(share * moment for moment in blur)))


def matched_blur(plate: PlateImage, frame: Image, look: Look, found: Location | None = None) -> Blur | None:
    """How much less sharp a frame is than the plate, pixels of the whole frame; None where it is as sharp.

    Args:
        plate: The plate.
        frame: H x W x 3 RGB, possibly reduced.
        look: How the frame sees the plate, but for the blur.
        found: What is known of which parts of the plate are in view.
    """
    size = reduced_size(look.frame_size, BLUR_LONG_SIDE_PX)
    seen, known = plate.reduced(replace(look, continued=True), size)
    trust = (known > WHOLLY).astype(np.float32)
    if found is not None:
        trust *= _trust(found, look.frame_size, plate.size, size) > REFUTED_TRUST
    own, other = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (seen, _reduced(frame, size)))
    blur = estimate_blur(own, other, trust)
    return None if blur is None else blur.seen_by(np.diag(np.divide(look.frame_size, size)))


def _light(plate_image: PlateImage, frame: Image, frame_size: Size, found: Location) -> Appearance:
    size = reduced_size(frame_size, PHOTOMETRIC_LONG_SIDE_PX)
    small = _reduced(frame, size)
    plate, known = plate_image.reduced(Look(found.plate_to_frame, frame_size, bend=found.bend, continued=True), size)
    trust = _trust(found, frame_size, plate_image.size, size)
    trust *= known > WHOLLY
    if found.assumed:
        trust *= _resembles(plate, small)
    exposure = match_exposure(plate, small, trust)
    exposed = exposure.applied(plate)
    broad = broad_light(exposed, small, trust)
    if broad is None:
        return Appearance(exposure, smooth_shading(exposed, small, trust), None)
    exposure, shading = _shared(exposure, broad)
    fine = smooth_shading(broad.on(exposed), small, trust)
    veil = broad.veil if broad.veil.any() else None
    if fine is None:
        return Appearance(exposure, shading, veil)
    return Appearance(exposure, (1 + shading) * (1 + fine) - 1, None if veil is None else veil * (1 + fine) ** 2)


def _shared(exposure: Exposure, broad: BroadLight) -> tuple[Exposure, FloatImage]:
    """The exposure with what is so on average over the frame, and the factor that is left, a grid as a shading."""
    factor = 1 + broad.factor.mean(axis=(0, 1), dtype=np.float64)
    gain, offset, burnt = (
        (float(r), float(g), float(b))
        for r, g, b in (factor * exposure.gain, factor * exposure.offset + broad.offset, factor * exposure.burnt)
    )
    tone = None if exposure.tone is None else (exposure.tone * factor[:, None]).astype(np.float32)
    rest = ((1 + broad.factor) / factor - 1).astype(np.float32)
    return replace(exposure, gain=gain, offset=offset, burnt=burnt, tone=tone), rest


def _reduced(frame: Image, size: Size) -> FloatImage:
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small /= np.float32(np.iinfo(frame.dtype).max)
    return small


def _trust(found: Location, frame_size: Size, plate_size: Size, size: Size) -> FloatImage:
    """How far each part of the frame, at some size, is known to show the plate."""
    trust = np.full(BLOCKS[::-1], UNKNOWN_TRUST, np.float32)
    trust[found.verification.refuted] = REFUTED_TRUST
    trust[found.verification.confirmed] = 1.0
    to_frame = between_sizes(frame_size, size) @ found.plate_to_frame @ between_sizes(BLOCKS, plate_size)
    flags, border = cv2.INTER_NEAREST, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpPerspective(trust, to_frame, size, flags=flags, borderMode=border))


def _resembles(plate: NDArray[np.float32], frame: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a frame is bare and has a bare plate's colours, h x w.

    Else a shirt that fills it would pass for the wall, dimmed, and any place for the wall, hidden by a subject.

    Raises:
        PlateAlignmentError: It is next to nowhere.
    """
    edges = steepness(smoothed(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))) >= BARE_STEEPNESS
    bare = cv2.blur(edges.astype(np.float32), (BARE_WINDOW_PX, BARE_WINDOW_PX)) < BARE_EDGES
    alike = bare & (np.abs(frame - plate).max(axis=2) < BARE_TOLERANCE)
    # A shirt in the plate's colours does not reach all around the picture.
    share = min(float(part.mean()) for part in (alike, np.concatenate((alike[0], alike[:, 0], alike[:, -1]))))
    if share < LEAST_AGREEMENT:
        raise PlateAlignmentError(
            f"the plate shows no edges to be found by, and {share:.0%} of the frame is as bare and of its "
            f"colours, at least {LEAST_AGREEMENT:.0%} are needed. Use a plate of the same place in the same light, "
            "with the camera's exposure locked."
        )
    return alike
