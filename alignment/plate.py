"""The plate meets a frame: geometry, exposure, sharpness, and how far they can be believed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.appearance import appearance, matched_blur
from alignment.blur import at_plate
from alignment.features import reduced_size
from alignment.fits import Location
from alignment.holes import split
from alignment.homography import Matrix, PlateAlignmentError, covered_fraction
from alignment.locate import PlateLocator
from alignment.photometric import LONG_SIDE_PX as PHOTOMETRIC_LONG_SIDE_PX
from alignment.report import AlignmentReport
from alignment.standing import contradicts
from alignment.template import FINE_LONG_SIDE_PX, working_size
from alignment.warp import Look, PlateImage, PlateView

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from alignment.device import DevicePlate

__all__ = ["AlignedPlate", "AlignmentReport", "PlateAligner", "PlateAlignmentError"]

Image = NDArray[np.uint8] | NDArray[np.uint16]


class AlignedPlate:
    """The plate as the camera would have seen it from where the frame was taken; rendered as far as it is asked for.

    Pictures are float32 RGB in [0, 1], exposure matched, and 0 where the plate is unknown. Nothing beyond 0.15 px
    outside the centres of the plate's outermost pixels is called known, and what lies between is theirs.

    Attributes:
        report: Where this came from.
        size: Width and height of the frame.
    """

    def __init__(
        self,
        plate: PlateImage,
        size: tuple[int, int],
        report: AlignmentReport,
        on_device: DevicePlate | None = None,
    ) -> None:
        self.report, self.size = report, size
        self._plate, self._on_device = plate, on_device
        self._look = report.look(size)

    @cached_property
    def _view(self) -> PlateView:
        return self._plate.view(self._look)

    def part(self, left: int, top: int, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What a part of the frame shows, height x width x 3, and its coverage, height x width, 1 where it is known."""
        if "_whole" in vars(self):
            rows, columns = slice(top, top + height), slice(left, left + width)
            return self.image[rows, columns], self.coverage[rows, columns]
        return self._view.part(left, top, width, height)

    @property
    def device(self) -> torch.device | None:
        """The GPU that renders `strip`; None where there is none."""
        return None if self._on_device is None else self._on_device.device

    def strip(self, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Parts of the frame side by side, rendered on `device` and left there; see `DevicePlate.strip`.

        Raises:
            ValueError: There is no device.
        """
        if self._on_device is None:
            raise ValueError("this plate was aligned without a device")
        return self._on_device.strip(self._look, columns, rows)

    def render_whole(self) -> None:
        """Render all of it at once; parts are cut from that afterwards. Quicker where a good part of it is wanted."""
        _ = self._whole

    @cached_property
    def _whole(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._view.part(0, 0, *self.size)

    @property
    def image(self) -> NDArray[np.float32]:
        """All of it, H x W x 3; kept once it has been asked for."""
        return self._whole[0]

    @property
    def coverage(self) -> NDArray[np.float32]:
        """H x W, 1 where the plate is known, 0 where it is not; kept once it has been asked for."""
        return self._whole[1]

    def reduced(self, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All of the frame at another size, at most its own, anti-aliased; the coverage is the share that is known.

        Raises:
            ValueError: The size is larger than the frame's, or nothing.
        """
        if not (0 < width <= self.size[0] and 0 < height <= self.size[1]):
            raise ValueError(f"size is {width} x {height}, allowed is 1 x 1 to the frame's {self.size}")
        if (width, height) == self.size:
            return self._whole
        return self._plate.reduced(self._look, (width, height))


class PlateAligner:
    """Finds one plate in any number of frames, each on its own.

    What is computed of the plate never changes, so every result is a pure function of the plate and one frame,
    and an aligner may be shared by threads.
    """

    def __init__(self, plate: Image, frame_size: tuple[int, int], device: torch.device | None = None) -> None:
        """Prepares the plate.

        Args:
            plate: H x W x 3 RGB, uint8 or uint16 (spanning all of 0..65535); or H x W x 4, whose last channel is
                below half where the plate is not known.
            frame_size: Width and height of the frames to come, in pixels. The plate's may differ.
            device: Where PyTorch refines and renders, of double precision; None does so on the processor by OpenCV.

        Raises:
            PlateAlignmentError: The plate is black, or transparent everywhere.
        """
        _check_picture(plate, "plate", channels=(3, 4))
        self.frame_size = frame_size
        self.plate_size = (plate.shape[1], plate.shape[0])
        colours, known = split(plate)
        if known is not None and not known.any():
            raise PlateAlignmentError("the plate is transparent everywhere: its alpha says that no place is known")
        self._image = PlateImage(colours, known)
        self._on_device: DevicePlate | None = None
        if device is None:
            self._locator = PlateLocator(_grey(colours), frame_size)
        else:
            from alignment.device import DevicePlate, DeviceTemplate

            self._on_device = DevicePlate(self._image.pixels, self._image.has_holes, device)
            self._locator = PlateLocator(_grey(colours), frame_size, lambda t: DeviceTemplate(t, device).begin)

    def register(self, frame: Image) -> AlignmentReport:
        """Finds where the plate lies in a frame and how the frame is exposed.

        Args:
            frame: H x W x 3 RGB of the size given at the start, uint8 or uint16.

        Raises:
            PlateAlignmentError: The plate was not found; the message says why.
        """
        _check_picture(frame, "frame")
        if (frame.shape[1], frame.shape[0]) != self.frame_size:
            raise ValueError(
                f"frame is {frame.shape[1]} x {frame.shape[0]}, this aligner was made for "
                f"{self.frame_size[0]} x {self.frame_size[1]}"
            )
        frame = self._at_working_size(frame)
        return self._report(self._locator.locate(_grey(frame)), frame)

    def stood_still(self, report: AlignmentReport, frame: Image, plate_to_frame: Matrix) -> AlignmentReport:
        """The plate where the frames around say that it lies, if the frame itself says nothing against that.

        Args:
            report: Of `frame`, from `register`.
            frame: As there.
            plate_to_frame: From `standing.where_others_lie`.

        Returns:
            What that place says of exposure and sharpness; or `report`, where the frame shows the plate less well there
            (the camera was pushed).
        """
        frame = self._at_working_size(frame)
        there, here = (self._locator.as_it_lies(one, _grey(frame)) for one in (plate_to_frame, report.plate_to_frame))
        if contradicts(there.verification, here.verification, self.frame_size):
            return report
        return self._report(there, frame)

    def _at_working_size(self, frame: Image) -> Image:
        size = working_size(self.frame_size, FINE_LONG_SIDE_PX)
        return frame if size == self.frame_size else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))

    def _report(self, found: Location, frame: Image) -> AlignmentReport:
        """What there is to say of where the plate was found in a frame, which may be reduced."""
        exposure, shading, veil, blur = appearance(self._image, frame, self.frame_size, found)
        return AlignmentReport(
            plate_to_frame=found.plate_to_frame,
            residual_px=found.verification.residual_px,
            inliers=found.verification.inliers,
            coverage=self._coverage(found.plate_to_frame),
            gain=exposure.gain,
            offset=exposure.offset,
            status="ok" if found.verification.ok and exposure.found else "weak",
            shading=shading,
            veil=veil,
            bend=found.bend,
            blur=blur,
            exposed=exposure.found,
            burnt=exposure.burnt,
            lost=exposure.lost,
            tone=exposure.tone,
        )

    def softened(self, report: AlignmentReport, frame: Image) -> AlignmentReport:
        """A report that did not come from the frame itself, with the frame's own blur."""
        return replace(report, blur=matched_blur(self._image, frame, report.look(self.frame_size)))

    def warp(self, report: AlignmentReport) -> AlignedPlate:
        """The plate as the frame of a report from `register` sees it."""
        if report.blur is None:
            return AlignedPlate(self._image, self.frame_size, report, self._on_device)
        blur = at_plate(report.blur, report.plate_to_frame, self.frame_size)
        on_device = None if self._on_device is None else self._on_device.blurred(blur)
        return AlignedPlate(self._image.blurred(blur), self.frame_size, report, on_device)

    def align(self, frame: Image) -> AlignedPlate:
        """`register` and `warp`."""
        return self.warp(self.register(frame))

    def _coverage(self, plate_to_frame: Matrix) -> float:
        if not self._image.has_holes:
            return covered_fraction(plate_to_frame, self.plate_size, self.frame_size)
        size = reduced_size(self.frame_size, PHOTOMETRIC_LONG_SIDE_PX)
        return float(self._image.reduced(Look(plate_to_frame, self.frame_size), size)[1].mean())


def _check_picture(picture: Image, name: str, channels: tuple[int, ...] = (3,)) -> None:
    if picture.ndim != 3 or picture.shape[2] not in channels or picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{name} is {picture.shape} of {picture.dtype}, wanted is H x W x 3 of uint8 or uint16")


def _grey(picture: Image) -> Image:
    grey: Image = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return grey
