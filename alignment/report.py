"""What the aligner says of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alignment.blur import Blur
from alignment.photometric import Exposure
from alignment.warp import Look, Size


@dataclass(frozen=True)
class AlignmentReport:
    """Where the plate lies in a frame, how it is exposed there, and how sure that is.

    Attributes:
        plate_to_frame: 3 x 3 float64, maps plate pixels to frame pixels, both full size, x right, y down, the
            centre of the first pixel at 0, 0; the last element is 1.
        residual_px: Displacement, in frame pixels, that parts of the background still show after the fit (the
            median of the parts that were confirmed).
        inliers: Pixels used by the refinement that agree with the fit.
        coverage: Fraction of the frame that the plate knows, in [0, 1].
        gain: Per channel, R, G, B. The aligned plate is `gain * plate + offset`.
        offset: Per channel, for pictures in [0, 1].
        status: `ok` where the fit was verified all over the frame. `weak` where it was found but could not be, where
            another place has nearly as much for it, or where its exposure was not found; a bare plate, which shows no
            edges to be found by, is taken as it lies, and that is `weak`. `bridged` where it was not found and lies as
            the frames around say (`alignment.between`).
        shading: rows x columns x 3 float32, a coarse grid over the frame, where light changed unevenly: the aligned
            plate is `(gain * plate + offset) * (1 + shading)`. None where gain and offset say it all.
        veil: The same size, light that the lens scatters, of a lamp or the sun near by: it is added to the square of
            that, and the root taken, since light is about the square of what is stored. None where there is none.
        bend: rows x columns x 2 float32, a coarse grid over the plate, plate pixels, where parallax or a rolling
            shutter leave more than a homography can say: what the plate shows at p lies in the frame where
            `plate_to_frame` takes p + bend. None where the homography says it all.
        blur: How much less sharp the frame is than the plate, frame pixels squared; the aligned plate is blurred as
            much. None where it is as sharp.
        exposed: Whether gain and offset could be found.
        burnt: What the frame shows where the plate is burnt out, per channel, if that is more than gain and offset say.
        lost: Fraction of the frame in which a channel is burnt out in the plate only; 0 where more is in both.
        tone: 3 x n float32, amounts of Legendre's polynomials on [0, 1], from the second degree on, a channel each,
            which are added to `gain * plate + offset` where the camera bent its tones otherwise (a photo and a film
            of one place); None where gain and offset say it all.
    """

    plate_to_frame: NDArray[np.float64]
    residual_px: float
    inliers: int
    coverage: float
    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    status: Literal["ok", "weak", "bridged"]
    shading: NDArray[np.float32] | None = None
    veil: NDArray[np.float32] | None = None
    bend: NDArray[np.float32] | None = None
    blur: Blur | None = None
    exposed: bool = True
    burnt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lost: float = 0.0
    tone: NDArray[np.float32] | None = None

    @property
    def blur_px(self) -> float:
        """The standard deviation of `blur` where it is widest, frame pixels; 0 without one."""
        return 0.0 if self.blur is None else float(np.sqrt(np.linalg.eigvalsh(self.blur.matrix)[1]))

    @property
    def bend_px(self) -> float:
        """The longest displacement of `bend`, plate pixels; 0 without one."""
        return 0.0 if self.bend is None else float(np.hypot(self.bend[..., 0], self.bend[..., 1]).max())

    @property
    def exposure(self) -> Exposure:
        """What `match_exposure` found."""
        return Exposure(self.gain, self.offset, self.exposed, self.burnt, self.lost, self.tone)

    def look(self, frame_size: Size) -> Look:
        """How a frame of this width and height sees the plate, but for the blur."""
        return Look(self.plate_to_frame, frame_size, self.exposure, self.shading, self.veil, self.bend)
