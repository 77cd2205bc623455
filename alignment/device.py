"""Refinement and warp on a GPU, by PyTorch: what `alignment.refine` and `alignment.warp` do on the processor.

Sums over groups of pixels go by an index of each group's members, not by atomic additions, whose order, and with it
the last bit, would change from run to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from alignment.blur import Blur
from alignment.homography import Matrix, inverted, project
from alignment.photometric import BURNT, Exposure
from alignment.refine import (
    FEWEST_LIKELY,
    FEWEST_PIXELS,
    GAIN_RANGE,
    LEAST_SCALE,
    LIKELY,
    LOCAL_PRIOR,
    SCALE_QUANTILE,
    TUKEY,
    Refinement,
    damped_solution,
)
from alignment.template import BLOCKS, FloatImage, Template, Vector
from alignment.tone import coefficients
from alignment.warp import BORDER_PX, NODE_PX, WHOLLY, Look, Size, warp_nodes

PRECISE = torch.float64


class DeviceTemplate:
    """A template on a device; its `begin` is an `alignment.refine.Begin`."""

    def __init__(self, template: Template, device: torch.device) -> None:
        self.device = device
        self.units = self.put(project(template.normal, template.points))
        self.points = self.put(template.points)
        self.values, self.jacobian = self.put(template.values), self.put(template.jacobian)
        self.blocks = _Groups(template.blocks, BLOCKS[0] * BLOCKS[1], device)
        self.cells = _Groups(template.cells, int(template.cells.max(initial=0)) + 1, device)

    def begin(
        self, template: Template, frame: FloatImage, template_to_frame: Matrix, previous: Refinement | None
    ) -> DeviceFit:
        """Begin to fit this template; arguments as in `refine`."""
        del template  # it is here already
        return DeviceFit(self, self.put(frame), template_to_frame, previous)

    def put(self, array: NDArray[np.float64] | FloatImage) -> Tensor:
        """An array on the device, float64."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device, PRECISE)


class DeviceFit:
    """An `alignment.refine.Fit` on a device, of a frame's level, h x w."""

    def __init__(
        self, template: DeviceTemplate, frame: Tensor, template_to_frame: Matrix, previous: Refinement | None
    ) -> None:
        self._template, self._frame = template, frame
        samples, seen = self._sample(template_to_frame, template.points)
        self._likely = _likely(template, samples, seen)
        if previous is None:
            usable = seen & self._likely
            difference = (samples - template.values)[usable]
            self.gain, self._offset = 1.0, float(_median(difference)) if len(difference) else 0.0
            self._offsets = torch.full((template.blocks.count,), self._offset, dtype=PRECISE, device=template.device)
        else:
            self.gain, self._offset = previous.gain, previous.offset
            self._offsets = template.put(previous.offsets)
        self._samples, self._weights = samples, torch.zeros_like(samples)

    def look(self, homography: Matrix, step: Vector) -> None:
        """See `alignment.refine.look`."""
        template = self._template
        samples, seen = self._sample(homography, template.units)
        seen = seen & self._likely
        self.gain = float(np.clip(self.gain + step[8], *GAIN_RANGE))
        self._offset += float(step[9])
        difference = samples - self.gain * template.values
        residuals = (difference - template.blocks.spread(self._offsets + float(step[9]))).abs()
        ratio = (residuals / (TUKEY * _robust_scale(residuals, seen))).clamp(max=1)
        weights = torch.where(seen, (1 - ratio * ratio) ** 2, 0.0)
        weights = weights * template.cells.spread(template.cells.total(weights) / (template.cells.sizes + 1e-9))
        total, sums = template.blocks.total(weights), template.blocks.total(weights * difference)
        self._offsets = (sums + LOCAL_PRIOR * self._offset) / (total + LOCAL_PRIOR)
        self._samples, self._weights = samples, weights

    def solve(self) -> Vector:
        """See `alignment.refine.Fit`; ten equations are solved by the processor."""
        template = self._template
        residuals = self._samples - self.gain * template.values - template.blocks.spread(self._offsets)
        weighted = template.jacobian * self._weights
        totals, sums = template.blocks.total(self._weights), template.blocks.total(weighted)
        normal = weighted @ template.jacobian.T - (sums / (totals + LOCAL_PRIOR)) @ sums.T
        equations = torch.cat((normal, (weighted @ residuals)[:, None]), dim=1).cpu().numpy()
        return damped_solution(np.ascontiguousarray(equations[:, :10]), equations[:, 10])

    def result(self, template_to_frame: Matrix) -> Refinement:
        """See `alignment.refine.Fit`."""
        samples, weights, offsets = (x.cpu().numpy() for x in (self._samples, self._weights, self._offsets))
        return Refinement(template_to_frame, samples, weights, self.gain, self._offset, offsets)

    def _sample(self, homography: Matrix, points: Tensor) -> tuple[Tensor, Tensor]:
        """Bilinear samples of the frame, N, and which of them lie inside it."""
        height, width = self._frame.shape
        x, y = _projected(self._template.put(homography), *points.T)
        seen = (x >= 1) & (x <= width - 2) & (y >= 1) & (y <= height - 2)
        places = torch.stack((2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1), dim=1)
        places = torch.where(seen[:, None], places, 0.0)
        found = F.grid_sample(self._frame[None, None], places[None, None], align_corners=True)
        return found[0, 0, 0], seen


class _Groups:
    """Groups of pixels, by their labels from 0 to `count` - 1."""

    def __init__(self, labels: NDArray[np.intp], count: int, device: torch.device) -> None:
        sizes = np.bincount(labels, minlength=count)
        order = np.argsort(labels, kind="stable")
        place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        members = np.full((count, max(1, int(sizes.max()))), len(labels))  # where there is none, the 0 after the last
        members[labels[order], place] = order
        self.count = count
        self.sizes = torch.from_numpy(sizes).to(device, PRECISE)
        self._labels, self._members = torch.from_numpy(labels).to(device), torch.from_numpy(members).to(device)

    def total(self, values: Tensor) -> Tensor:
        """Sums of values, ... x N, in every group, ... x count."""
        return F.pad(values, (0, 1))[..., self._members].sum(-1)

    def spread(self, values: Tensor) -> Tensor:
        """Every group's value, count, for each of its members, N."""
        return values[self._labels]


def _likely(template: DeviceTemplate, samples: Tensor, seen: Tensor) -> Tensor:
    """As `alignment.refine` has it: pixels of blocks that already resemble the frame."""
    blocks, weights = template.blocks, seen.to(PRECISE)
    members = blocks.total(weights)

    def mean(values: Tensor) -> Tensor:
        return blocks.total(weights * values) / members.clamp(min=1)

    p = template.values - blocks.spread(mean(template.values))
    f = samples - blocks.spread(mean(samples))
    correlation = mean(p * f) / (mean(p * p) * mean(f * f) + 1e-9).sqrt()
    likely = (members >= FEWEST_PIXELS) & (correlation >= LIKELY)
    if int(likely.sum()) < FEWEST_LIKELY:
        return torch.ones_like(seen)
    return blocks.spread(likely)


def _robust_scale(residuals: Tensor, seen: Tensor) -> Tensor:
    """As `alignment.refine.robust_scale`, of the residuals that were seen."""
    if not len(residuals):
        return residuals.new_tensor(LEAST_SCALE)
    ordered = torch.where(seen, residuals, torch.inf).sort().values
    count = seen.sum()
    scale = ordered[(SCALE_QUANTILE * (count - 1).clamp(min=0)).long()] / 0.3186
    return torch.where(count > 0, scale, LEAST_SCALE).clamp(min=LEAST_SCALE)


def _median(values: Tensor) -> Tensor:
    """The mean of both middle values where their number is even."""
    ordered = values.sort().values
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _projected(homography: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where points lie after a homography, 3 x 3."""
    across, down, depth = (row[0] * x + row[1] * y + row[2] for row in homography)
    return across / depth, down / depth


class DevicePlate:
    """A plate's pixels on a device, 1 x 4 x H x W: red, green, blue in [0, 1], known."""

    def __init__(self, pixels: FloatImage, has_holes: bool, device: torch.device) -> None:
        """Takes H x W x 4 in [0, 1]."""
        self.device, self.has_holes = device, has_holes
        self.size: Size = (pixels.shape[1], pixels.shape[0])
        self._host = pixels
        self._sharp: tuple[DevicePlate, Blur] | None = None
        self._reduced: dict[Size, Tensor] = {}

    def blurred(self, blur: Blur) -> DevicePlate:
        """See `alignment.warp.PlateImage.blurred`."""
        other = copy(self)
        other._sharp, other._reduced = (self, blur), {}
        return other

    def _at(self, size: Size) -> Tensor:
        """The plate at its own or a smaller size, 1 x 4 x h x w; kept once it has been asked for."""
        if size not in self._reduced:
            self._reduced[size] = self._made(size)
        return self._reduced[size]

    def _made(self, size: Size) -> Tensor:
        if self._sharp is None:
            pixels = self._host
            if size != self.size:
                pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
            return torch.from_numpy(pixels).to(self.device).permute(2, 0, 1)[None]
        sharp, blur = self._sharp[0]._at(size), self._sharp[1].seen_by(np.diag(np.divide(size, self.size)))
        kernel = torch.from_numpy(blur.kernel()).to(self.device).expand(3, 1, -1, -1)
        light = F.pad(sharp[:, :3].square(), (kernel.shape[2] // 2,) * 4, mode="replicate")
        colours = F.conv2d(light, kernel, groups=3).clamp(min=0).sqrt()
        return torch.cat((colours, sharp[:, 3:]), dim=1)

    def strip(self, look: Look, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """What parts of the frame show that lie side by side in a strip; see `alignment.warp.PlateView.part`.

        Args:
            look: How the frame sees the plate.
            columns: Which column of the frame each column of the strip shows, W. Beyond the frame its border goes on.
            rows: Which row each pixel of the strip shows, H x W, likewise.

        Returns:
            The picture 1 x 3 x H x W in [0, 1], and coverage, 1 x 1 x H x W, 0 or 1; float32.
        """
        x, y = (
            torch.from_numpy(np.clip(places, 0, length - 1)).to(self.device, PRECISE)
            for places, length in zip((columns, rows), look.frame_size, strict=True)
        )
        x, y = x.expand(y.shape)[None], y[None]
        size = look.fitting(self.size)
        look = look.of_reduced(self.size, size)
        u, v = self._places(look, size, x, y)
        right, bottom = (length - 1 + BORDER_PX for length in size)
        known = ((u >= -BORDER_PX) & (u <= right) & (v >= -BORDER_PX) & (v <= bottom))[:, None]
        warped = _sampled(self._at(size), (2 * u + 1) / size[0] - 1, (2 * v + 1) / size[1] - 1)
        picture = self._exposed(warped[:, :3], look.exposure)
        if (lift := look.exposure.lift) is not None:
            low, high = BURNT
            picture += ((warped[:, :3] - low) / (high - low)).clamp(0, 1) * self._colour(lift)
        across, down = (2 * (a + 0.5) / n - 1 for a, n in zip((x, y), look.frame_size, strict=True))
        if look.shading is not None:
            picture *= 1 + _sampled(self._field(look.shading), across, down)
        if look.veil is not None:
            veil = _sampled(self._field(look.veil), across, down)
            picture = (picture.clamp(min=0).square() + veil).clamp(min=0).sqrt()
        if self.has_holes:
            known = known & (warped[:, 3:] > WHOLLY)
        coverage = known.float()
        picture = picture.clamp(0, 1)
        return (picture if look.continued else picture * coverage), coverage

    def _places(self, look: Look, size: Size, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Which place of a plate of that size pixels of the frame show."""
        if look.bend is None:
            return _projected(torch.from_numpy(inverted(look.plate_to_frame)).to(self.device), x, y)
        nodes = torch.from_numpy(warp_nodes(size, look, look.bend)).to(self.device).permute(2, 0, 1)[None]
        rows, columns = nodes.shape[2:]
        column, row = ((a + 0.5) / NODE_PX + 0.5 for a in (x, y))
        places = _sampled(nodes, (2 * column + 1) / columns - 1, (2 * row + 1) / rows - 1)
        return places[:, 0].to(PRECISE), places[:, 1].to(PRECISE)

    def _exposed(self, plate: Tensor, exposure: Exposure) -> Tensor:
        """See `alignment.photometric.Exposure.applied`; what is burnt out apart."""
        if exposure.tone is None:
            return plate * self._colour(exposure.gain) + self._colour(exposure.offset)
        lowest, *others = (self._colour(power) for power in coefficients(exposure.curves).tolist())
        result = plate * others[-1]
        for power in others[-2::-1]:
            result = (result + power) * plate
        return result + lowest

    def _field(self, grid: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(grid).to(self.device).permute(2, 0, 1)[None]

    def _colour(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)


def _sampled(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear, of 1 x C x H x W at places 1 x h x w, -1 and 1 the outer edges of its pixels; the border goes on."""
    places = torch.stack((x, y), dim=3).to(picture.dtype)
    return F.grid_sample(picture, places, padding_mode="border", align_corners=False)
