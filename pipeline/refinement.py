"""From the coarse result to full size: the refiner on the tiles that are not certain, enlargement elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

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
from pipeline.levels import AS_IT_IS, Levels
from pipeline.mixtures import Seen, explained, in_gap, leeway, surroundings

STRIP_PX = 64
"""What the width of a strip is a multiple of: a convolution is set up anew for every new size, and its memory kept."""

MANY_TILES = 0.35
"""Share of the frame, from which on the plate is rendered at once rather than tile by tile."""

EXTENDED_PX, FADING_PX = 12, 4
"""How far from what is uncertain the subject's colours have half faded from the foreground, and how long before and
after that they fade; coarse pixels."""

SETTLED = 0.015
"""Refined alpha this near to 0 or 1 becomes 0 or 1: a subject is not to let one part in a hundred of the place through,
nor a place to keep one of the subject."""


class Tile(NamedTuple):
    """A part of the full-size frame, pixels, as high as all tiles; it may reach over the right and the lower border."""

    left: int
    top: int
    width: int


def refine_tiles(
    net: MattingNet, coarse: Coarse, image: Image, aligned: AlignedPlate, settings: Settings, levels: Levels = AS_IT_IS
) -> tuple[FloatImage, FloatImage]:
    """Alpha and foreground of a frame at full size.

    Args:
        net: The networks.
        coarse: The generator's result for this frame, batch of 1.
        image: H x W x 3, uint8 or uint16.
        aligned: The plate for this frame.
        settings: Tile size and batch; part of what decides the last bit.
        levels: In which the coarse result was made.

    Returns:
        Alpha H x W in [0, 1] and straight foreground H x W x 3 in [0, 1], float32. Where alpha is nearly 1, and far
        from the subject, the foreground is the image.
    """
    height, width = image.shape[:2]
    if net.refiner is None:
        return _enlarged(net, coarse, image, levels)
    alpha = cv2.resize(stretch(coarse.alpha)[0, 0].cpu().numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
    alpha = np.clip(alpha, 0, 1)
    foreground = unit(image)
    doubtful = uncertain(coarse.alpha, coarse.hidden)
    _extend(foreground, coarse, doubtful, levels)
    px, batch = settings.tile_px, settings.tile_batch or 1
    plan = _Tiles(net.refiner, coarse, doubtful, image, aligned, px, levels)
    wanted = list(uncertain_tiles(doubtful, (width, height), px, batch * px, 2 * plan.margin))
    if aligned.device is None and sum(tile.width for tile in wanted) * px > MANY_TILES * width * height:
        aligned.render_whole()
    for tiles in _batches(wanted, batch * px):
        for tile, a, f in plan.refined(tiles):
            at = np.s_[tile.top : tile.top + px, tile.left : tile.left + tile.width]
            size = alpha[at].shape
            alpha[at], foreground[at] = a[: size[0], : size[1]], f[: size[0], : size[1]]
    return alpha, foreground


def _extend(foreground: FloatImage, coarse: Coarse, doubtful: Tensor, levels: Levels) -> None:
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
    change = cv2.resize(
        change * near[..., None] / levels.gain, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR
    )
    box = foreground[top:bottom, left:right]
    np.clip(np.add(box, change, out=change), 0, 1, out=box)


def uncertain_tiles(
    doubtful: Tensor, size: tuple[int, int], height: int, widest: int, apart: int = 0
) -> Iterator[Tile]:
    """Tiles that hold all of the coarse result that is not plainly 0 or 1, in bands, each as wide as it needs to be.

    That is half as much to refine as squares of a grid hold. Tiles do not overlap.

    Args:
        doubtful: 1 x 1 x h x w, 1 where it is not plainly 0 or 1, see `models.coarse.uncertain`.
        size: Full width and height, pixels.
        height: Of a tile, pixels, even.
        widest: Width of the widest tile, pixels, even.
        apart: What is not further apart goes into one tile, pixels.
    """
    needed = doubtful[0, 0].cpu().numpy() > 0
    scale, end = needed.shape[0] / size[1], 0
    for first, last in _stretches(needed.max(axis=1), size[1]):
        for top in range(max(first, end), last, height):
            end = top + height
            rows = slice(max(0, int(np.ceil(top * scale - 0.5)) - 1), int(np.ceil(end * scale + 0.5)))
            for left, right in _stretches(needed[rows].max(axis=0), size[0], apart):
                for begin in range(left, right, widest):
                    yield Tile(begin, top, min(widest, right - begin))


def _stretches(needed: NDArray[np.bool_], length: int, apart: int = 0) -> Iterator[tuple[int, int]]:
    """Where on `length` pixels what is needed begins and ends, even numbers; what is hardly apart is one stretch.

    Enlarged, a pixel reaches half a pixel beyond its borders.
    """
    places, scale = np.flatnonzero(needed), length / len(needed)
    if not len(places):
        return
    firsts = np.maximum(0, (places - 0.5) * scale).astype(int) // 2 * 2
    lasts = -(-np.minimum(length, np.ceil((places + 1.5) * scale)).astype(int) // 2) * 2
    breaks = np.flatnonzero(firsts[1:] - lasts[:-1] > apart)
    yield from zip(firsts[[0, *breaks + 1]].tolist(), lasts[[*breaks, -1]].tolist(), strict=True)


def _batches(tiles: Iterable[Tile], widest: int) -> Iterator[list[Tile]]:
    """Tiles that are refined at once: together, surroundings apart, no wider than one may be."""
    batch: list[Tile] = []
    for tile in tiles:
        if batch and sum(other.width for other in batch) + tile.width > widest:
            yield batch
            batch = []
        batch.append(tile)
    if batch:
        yield batch


def image_where_opaque(alpha: Tensor, foreground: Tensor, image: Tensor) -> Tensor:
    """Fade B x 3 x H x W foreground over to the image itself where alpha is nearly 1 (PAPER, decision c)."""
    return foreground + ((alpha - 0.95) / 0.045).clamp(0, 1) * (image - foreground)


@dataclass(frozen=True)
class _Piece:
    """The part of a tile with its surroundings that lies in the frame; rows and columns missing before and after."""

    left: int
    top: int
    width: int
    height: int
    missing: tuple[int, int, int, int]

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """This part of the whole frame's picture."""
        return self.padded(picture[self.top : self.top + self.height, self.left : self.left + self.width])

    def padded(self, part: NDArray[Any]) -> NDArray[Any]:
        """The part with the frame's border repeated where it ends."""
        return cv2.copyMakeBorder(part, *self.missing, cv2.BORDER_REPLICATE) if any(self.missing) else part


def _strip(parts: list[NDArray[Any]], device: torch.device) -> Tensor:
    """H x W (x C) arrays of one height, side by side, as 1 x C x H x W float32 in [0, 1]."""
    strip = np.concatenate(parts, axis=1)
    if strip.dtype != np.float32:
        strip = strip.astype(np.float32) / np.float32(np.iinfo(strip.dtype).max)
    if strip.ndim == 2:
        strip = strip[..., None]
    # Planes, as the enlarged maps are: mixed layouts cost the refiner half its time.
    return torch.from_numpy(strip).permute(2, 0, 1)[None].to(device).contiguous()


class _Tiles:
    """A frame and its plate, of which tiles with surroundings are refined; beyond the frame its border goes on.

    The tiles of a batch lie side by side in one long strip, each with its own surroundings: what the refiner makes of
    the seams belongs to none of them.
    """

    def __init__(
        self,
        refiner: Refiner,
        coarse: Coarse,
        doubtful: Tensor,
        image: Image,
        aligned: AlignedPlate,
        tile_px: int,
        levels: Levels,
    ) -> None:
        self.refiner, self.coarse, self.margin, self.levels = refiner, coarse, refiner.margin, levels
        self.side = tile_px + 2 * self.margin
        self.image, self.aligned = image, aligned
        self.height, self.width = image.shape[:2]
        around = torch.from_numpy(surroundings(coarse.alpha[0, 0].cpu().numpy()))[None, None].to(coarse.alpha.device)
        self.maps = torch.cat((*coarse, doubtful, around), dim=1)

    def refined(self, tiles: list[Tile]) -> Iterator[tuple[Tile, FloatImage, FloatImage]]:
        """Alpha and foreground of each tile."""
        m = self.margin
        spare = -sum(tile.width + 2 * m for tile in tiles) % STRIP_PX
        shown = [*tiles[:-1], tiles[-1]._replace(width=tiles[-1].width + spare)]
        pieces = [self._piece(tile) for tile in shown]
        image = _strip([piece.of(self.image) for piece in pieces], self.coarse.alpha.device)
        plate, coverage = self._plate_in(shown, pieces)
        image, plate = self.levels.stretch(image), self.levels.stretch(plate).clamp(min=0)
        enlarged, say, around = self._enlarge(shown)
        alpha, foreground = self.refiner(image, plate, coverage, enlarged)
        certain, say, around, lit, image, plate, coverage, carried = (
            x[:, :, m:-m, m:-m]
            for x in (stretch(enlarged.alpha), say, around, light(enlarged), image, plate, coverage, enlarged.carried)
        )
        alpha = stretch(alpha, SETTLED)
        free = leeway(alpha, around)
        alpha = calibrated(alpha, in_gap(alpha, around))
        alpha = explained(alpha, free, Seen(image, plate * lit, coverage, foreground, carried))
        # A tile may hold floor or wall of which the generator is sure: there the refiner has no say.
        alpha = certain + say * (alpha - certain)
        foreground = self.levels.squeeze(image_where_opaque(alpha, foreground, image))
        alphas = alpha.clamp(0, 1)[0, 0].cpu().numpy()
        foregrounds = foreground.clamp(0, 1)[0].permute(1, 2, 0).cpu().numpy()
        begin = 0
        for tile in tiles:
            own = np.s_[:, begin : begin + tile.width]
            yield tile, alphas[own], foregrounds[own]
            begin += tile.width + 2 * m

    def _plate_in(self, tiles: list[Tile], pieces: list[_Piece]) -> tuple[Tensor, Tensor]:
        """The plate as the strip shows it, 1 x 3 x side x W, and its coverage, 1 x 1 x side x W."""
        if self.aligned.device is not None:
            return self.aligned.strip(*self._places(tiles))
        seen = [self.aligned.part(piece.left, piece.top, piece.width, piece.height) for piece in pieces]
        plate, coverage = (
            _strip([piece.padded(x) for piece, x in zip(pieces, part, strict=True)], self.coarse.alpha.device)
            for part in zip(*seen, strict=True)
        )
        return plate, coverage

    def _places(self, tiles: list[Tile]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Which column of the frame each of the strip's shows, W, and which row each of its pixels, side x W."""
        widths = [tile.width + 2 * self.margin for tile in tiles]
        x = np.concatenate([tile.left - self.margin + np.arange(n) for tile, n in zip(tiles, widths, strict=True)])
        tops = np.repeat([tile.top - self.margin for tile in tiles], widths)
        return x, tops + np.arange(self.side)[:, None]

    def _piece(self, tile: Tile) -> _Piece:
        """A tile with its surroundings, and where it reaches over the frame's borders."""
        m = self.margin
        left, top = max(0, tile.left - m), max(0, tile.top - m)
        right, bottom = min(self.width, tile.left + tile.width + m), min(self.height, tile.top - m + self.side)
        before = (top - tile.top + m, left - tile.left + m)
        after = (self.side - (bottom - top) - before[0], tile.width + 2 * m - (right - left) - before[1])
        return _Piece(left, top, right - left, bottom - top, (before[0], after[0], before[1], after[1]))

    def _enlarge(self, tiles: list[Tile]) -> tuple[Coarse, Tensor, Tensor]:
        """Bilinear enlargement of the coarse result, of where it is uncertain, and of the mean alpha around.

        Only the strip is made.
        """
        x, y = self._places(tiles)
        grid = np.empty((1, *y.shape, 2), np.float32)
        grid[..., 0], grid[..., 1] = (2 * x + 1) / self.width - 1, (2 * y + 1) / self.height - 1
        places = torch.from_numpy(grid).to(self.maps)
        enlarged = F.grid_sample(self.maps, places, padding_mode="border", align_corners=False)
        *parts, say, around = torch.split(enlarged, [*(part.shape[1] for part in self.coarse), 1, 1], dim=1)
        return Coarse(*parts), say, around


def _enlarged(net: MattingNet, coarse: Coarse, image: Image, levels: Levels) -> tuple[FloatImage, FloatImage]:
    """A model without a refiner: plain enlargement."""
    size = image.shape[:2]
    alpha, foreground = (F.interpolate(x, size, mode="bilinear", align_corners=False) for x in coarse[:2])
    seen = levels.stretch(torch.from_numpy(unit(image)).permute(2, 0, 1)[None].to(alpha.device))
    if net.generator.corrects:
        foreground = foreground + seen
    foreground = levels.squeeze(image_where_opaque(alpha, foreground, seen)).clamp(0, 1)
    result = np.ascontiguousarray(foreground[0].permute(1, 2, 0).cpu().numpy())
    return alpha.clamp(0, 1)[0, 0].cpu().numpy(), result
