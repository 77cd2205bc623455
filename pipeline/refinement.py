"""From the coarse result to full size: the refiner on the tiles that are not certain, enlargement elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from alignment.plate import AlignedPlate
from models.coarse import Coarse, uncertain
from models.part import part_around
from models.refiner import Refiner, light, stretch
from models.weights import MattingNet
from pipeline.calibration import calibrated
from pipeline.composite import unit
from pipeline.frames import FloatImage, Image, Settings
from pipeline.gaps import Seen, in_gap, opened, surroundings

MANY_TILES = 0.35
"""Share of the frame, from which on the plate is rendered at once rather than tile by tile."""

EXTENDED_PX, FADING_PX = 12, 4
"""How far from what is uncertain the subject's colours have half faded from the foreground, and how long before and
after that they fade; coarse pixels."""

SETTLED = 0.015
"""Refined alpha this near to 0 or 1 becomes 0 or 1: a subject is not to let one part in a hundred of the place through,
nor a place to keep one of the subject."""


@dataclass(frozen=True)
class Tile:
    """A square of the full-size frame, pixels; it may reach over the right and the lower border."""

    left: int
    top: int


def refine_tiles(
    net: MattingNet, coarse: Coarse, image: Image, aligned: AlignedPlate, settings: Settings
) -> tuple[FloatImage, FloatImage]:
    """Alpha and foreground of a frame at full size.

    Args:
        net: The networks.
        coarse: The generator's result for this frame, batch of 1.
        image: H x W x 3, uint8 or uint16.
        aligned: The plate for this frame.
        settings: Tile size and batch; part of what decides the last bit.

    Returns:
        Alpha H x W in [0, 1] and straight foreground H x W x 3 in [0, 1], float32. Where alpha is nearly 1, and far
        from the subject, the foreground is the image.
    """
    height, width = image.shape[:2]
    if net.refiner is None:
        return _enlarged(net, coarse, image)
    alpha = cv2.resize(stretch(coarse.alpha)[0, 0].cpu().numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
    alpha = np.clip(alpha, 0, 1)
    foreground = unit(image)
    doubtful = uncertain(coarse.alpha, coarse.hidden)
    _extend(foreground, coarse, doubtful)
    wanted = list(uncertain_tiles(doubtful, (width, height), settings.tile_px))
    if aligned.device is None and len(wanted) * settings.tile_px**2 > MANY_TILES * width * height:
        aligned.render_whole()
    tiles = iter(wanted)
    plan = _Tiles(net.refiner, coarse, doubtful, image, aligned, settings.tile_px)
    while batch := list(islice(tiles, settings.tile_batch or 1)):
        for tile, a, f in plan.refined(batch):
            rows = slice(tile.top, min(tile.top + settings.tile_px, height))
            columns = slice(tile.left, min(tile.left + settings.tile_px, width))
            size = (rows.stop - rows.start, columns.stop - columns.start)
            alpha[rows, columns] = a[: size[0], : size[1]]
            foreground[rows, columns] = f[: size[0], : size[1]]
    return alpha, foreground


def _extend(foreground: FloatImage, coarse: Coarse, doubtful: Tensor) -> None:
    """Let the subject's colours go on beyond its edges and fade, H x W x 3 in place.

    Whoever filters or scales foreground and alpha apart would else mix in the place.
    """
    part = part_around(doubtful, EXTENDED_PX + FADING_PX + 1)  # in the last pixel there is nothing left
    if part is None:
        return
    (height, width), (rows, columns) = coarse.alpha.shape[2:], foreground.shape[:2]
    top, bottom = (n * rows // height for n in (part.top, part.bottom))
    left, right = (n * columns // width for n in (part.left, part.right))
    near, alpha, change = (x[part.at()][0].permute(1, 2, 0).cpu().numpy() for x in (doubtful, *coarse[:2]))
    near = cv2.dilate(near, np.ones((2 * EXTENDED_PX + 1,) * 2, np.uint8))
    near = cv2.blur(near, (2 * FADING_PX + 1,) * 2) * (alpha[..., 0] < 0.5)
    change = cv2.resize(change * near[..., None], (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    box = foreground[top:bottom, left:right]
    np.clip(np.add(box, change, out=change), 0, 1, out=box)


def uncertain_tiles(doubtful: Tensor, size: tuple[int, int], tile_px: int) -> Iterator[Tile]:
    """Tiles that hold all of the coarse result that is not plainly 0 or 1, row by row; each begins where it is needed.

    That takes a fifth less tiles than a grid. Tiles do not overlap.

    Args:
        doubtful: 1 x 1 x h x w, 1 where it is not plainly 0 or 1, see `models.coarse.uncertain`.
        size: Full width and height, pixels.
        tile_px: Side of a tile, even.
    """
    # Enlarged, uncertainty reaches one pixel further; no tile that it reaches may be left out, or it would end there.
    needed = cv2.dilate(doubtful[0, 0].cpu().numpy(), np.ones((3, 3), np.uint8)) > 0
    scale = needed.shape[0] / size[1]
    for top in _beginnings(needed.any(axis=1), size[1], tile_px):
        seen = needed[int(top * scale) : int(np.ceil((top + tile_px) * scale))].any(axis=0)
        for left in _beginnings(seen, size[0], tile_px):
            yield Tile(left, top)


def _beginnings(needed: NDArray[np.bool_], length: int, step: int) -> Iterator[int]:
    """Where stretches of `step` pixels begin, on even ones, to hold the parts of `length` pixels that are needed."""
    scale, end = length / len(needed), 0
    for place in np.flatnonzero(needed):
        first, last = int(place * scale), min(length, int(np.ceil((place + 1) * scale)))
        while end < last:
            begin = max(end, first - first % 2)
            yield begin
            end = begin + step


def image_where_opaque(alpha: Tensor, foreground: Tensor, image: Tensor) -> Tensor:
    """Fade B x 3 x H x W foreground over to the image itself where alpha is nearly 1 (PAPER, decision c)."""
    return foreground + ((alpha - 0.95) / 0.045).clamp(0, 1) * (image - foreground)


@dataclass(frozen=True)
class _Square:
    """The part of a tile with its surroundings that lies in the frame; rows and columns missing before and after."""

    left: int
    top: int
    width: int
    height: int
    missing: tuple[int, int, int, int]

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.width)

    def padded(self, part: NDArray[Any]) -> NDArray[Any]:
        """The part with the frame's border repeated where it ends."""
        return cv2.copyMakeBorder(part, *self.missing, cv2.BORDER_REPLICATE) if any(self.missing) else part


def _stacked(parts: list[NDArray[Any]], device: torch.device) -> Tensor:
    """H x W (x C) arrays as B x C x H x W float32 in [0, 1]."""
    stack = np.stack(parts)
    if stack.dtype != np.float32:
        stack = stack.astype(np.float32) / np.float32(np.iinfo(stack.dtype).max)
    if stack.ndim == 3:
        stack = stack[..., None]
    # Planes, as the enlarged maps are: mixed layouts cost the refiner half its time.
    return torch.from_numpy(stack).permute(0, 3, 1, 2).to(device).contiguous()


class _Tiles:
    """A frame and its plate, of which tiles with surroundings are refined; beyond the frame its border goes on."""

    def __init__(
        self, refiner: Refiner, coarse: Coarse, doubtful: Tensor, image: Image, aligned: AlignedPlate, tile_px: int
    ) -> None:
        self.refiner, self.coarse, self.tile_px = refiner, coarse, tile_px
        self.height, self.width = image.shape[:2]
        self.image, self.aligned = image, aligned
        around = torch.from_numpy(surroundings(coarse.alpha[0, 0].cpu().numpy()))[None, None].to(coarse.alpha.device)
        self.maps = torch.cat((*coarse, doubtful, around), dim=1)

    def refined(self, tiles: list[Tile]) -> Iterator[tuple[Tile, FloatImage, FloatImage]]:
        """Alpha and foreground of each tile, tile_px x tile_px."""
        device = self.coarse.alpha.device
        squares = [self._square(tile) for tile in tiles]
        image = _stacked([square.padded(self.image[square.rows, square.columns]) for square in squares], device)
        plate, coverage = self._plate_in(tiles, squares)
        enlarged, say, around = self._enlarge(tiles)
        alpha, foreground = self.refiner(image, plate, coverage, enlarged)
        m = self.refiner.margin
        certain, say, around, lit, image, plate, coverage, carried = (
            x[:, :, m:-m, m:-m]
            for x in (stretch(enlarged.alpha), say, around, light(enlarged), image, plate, coverage, enlarged.carried)
        )
        alpha = stretch(alpha, SETTLED)
        gap = in_gap(alpha, around)
        alpha = opened(calibrated(alpha, gap), gap, Seen(image, plate * lit, coverage, carried))
        # A tile may hold floor or wall of which the generator is sure: there the refiner has no say.
        alpha = certain + say * (alpha - certain)
        foreground = image_where_opaque(alpha, foreground, image)
        alphas = alpha.clamp(0, 1)[:, 0].cpu().numpy()
        foregrounds = foreground.clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        yield from zip(tiles, alphas, foregrounds, strict=True)

    def _plate_in(self, tiles: list[Tile], squares: list[_Square]) -> tuple[Tensor, Tensor]:
        """The plate as tiles with their surroundings show it, B x 3 x side x side, and its coverage, B x 1."""
        side, m = self.tile_px + 2 * self.refiner.margin, self.refiner.margin
        if self.aligned.device is not None:
            return self.aligned.parts([(tile.left - m, tile.top - m) for tile in tiles], side, side)
        seen = [self.aligned.part(square.left, square.top, square.width, square.height) for square in squares]
        plate, coverage = (
            _stacked([square.padded(x) for square, x in zip(squares, part, strict=True)], self.coarse.alpha.device)
            for part in zip(*seen, strict=True)
        )
        return plate, coverage

    def _square(self, tile: Tile) -> _Square:
        """A tile with its surroundings, and where it reaches over the frame's borders."""
        side, m = self.tile_px + 2 * self.refiner.margin, self.refiner.margin
        left, top = max(0, tile.left - m), max(0, tile.top - m)
        right, bottom = (min(n, at - m + side) for n, at in ((self.width, tile.left), (self.height, tile.top)))
        before = (top - tile.top + m, left - tile.left + m)
        after = (side - (bottom - top) - before[0], side - (right - left) - before[1])
        return _Square(left, top, right - left, bottom - top, (before[0], after[0], before[1], after[1]))

    def _enlarge(self, tiles: list[Tile]) -> tuple[Coarse, Tensor, Tensor]:
        """Bilinear enlargement of the coarse result, of where it is uncertain, and of the mean alpha around.

        Only the tiles are made.
        """
        side, m = self.tile_px + 2 * self.refiner.margin, self.refiner.margin
        offsets = np.arange(side) - m
        x, y = (
            (2 * (np.array(first)[:, None] + offsets) + 1) / length - 1
            for first, length in (([t.left for t in tiles], self.width), ([t.top for t in tiles], self.height))
        )
        grid = np.empty((len(tiles), side, side, 2), np.float32)
        grid[..., 0], grid[..., 1] = x[:, None], y[:, :, None]
        maps = self.maps.expand(len(tiles), -1, -1, -1)
        places = torch.from_numpy(grid).to(maps)
        enlarged = F.grid_sample(maps, places, padding_mode="border", align_corners=False)
        *parts, say, around = torch.split(enlarged, [*(part.shape[1] for part in self.coarse), 1, 1], dim=1)
        return Coarse(*parts), say, around


def _enlarged(net: MattingNet, coarse: Coarse, image: Image) -> tuple[FloatImage, FloatImage]:
    """A model without a refiner: plain enlargement."""
    size = image.shape[:2]
    alpha, foreground = (F.interpolate(x, size, mode="bilinear", align_corners=False) for x in coarse[:2])
    seen = torch.from_numpy(unit(image)).permute(2, 0, 1)[None].to(alpha.device)
    if net.generator.config.foreground_residual:
        foreground = foreground + seen
    foreground = image_where_opaque(alpha, foreground, seen).clamp(0, 1)
    result = np.ascontiguousarray(foreground[0].permute(1, 2, 0).cpu().numpy())
    return alpha.clamp(0, 1)[0, 0].cpu().numpy(), result
