"""Colours of the solid parts of the subject, carried on to where it is see-through."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.part import Part

SOLID = (0.97, 0.99)
"""Coarse alpha from which on a pixel is somewhat, and may wholly be, solid: with one step, the last bits of alpha would
decide on the colour of all that is around."""

REACH = 9
"""Side of the square, coarse pixels, that has to be solid around a pixel whose colour is carried on."""

SCARCE = 0.03
"""Weight of pixels that are solid with their neighbours only: thin parts count where there is nothing thicker."""

LEAST = 1e-20
"""Weight that colours are divided by at least: a pixel that is just about solid has hardly any, ten levels up."""

LEVELS = 10
"""Of the pyramid, each half the one above: what is 1024 pixels wide ends in one; a fixed number can be exported."""


def carry_colour(image: Tensor, alpha: Tensor, part: Part | None = None) -> Tensor:
    """What colour the subject has near by, from its solid parts, by pull and push through a pyramid.

    Args:
        image: B x 3 x h x w in [0, 1].
        alpha: B x 1 x h x w in [0, 1]; no gradient goes through it.
        part: The part that is asked for, with even top and left; None for all of it.

    Returns:
        B x 3 x h x w in [0, 1], or of the part's size, float32: the image itself where the subject is solid, smooth
        elsewhere; grey where there is no solid part at all.
    """
    image = image.detach().float().contiguous()
    somewhat, wholly = SOLID
    hollow = ((wholly - alpha.detach().float().contiguous()) / (wholly - somewhat)).clamp(0, 1)
    weight = 1 - _dilated(hollow, REACH) + SCARCE * (1 - _dilated(hollow, 3))
    weight = weight.clamp(max=1)
    pyramid = [torch.cat((weight * image, weight), dim=1)]
    for _ in range(LEVELS):
        pyramid.append(_pooled(pyramid[-1]))
    colour, weight = torch.split(pyramid.pop(), [3, 1], dim=1)
    found = torch.where(weight > 0, colour / weight.clamp(min=LEAST), 0.5)
    full, *reduced = pyramid
    for level in reversed(reduced):
        found = _pushed(found, level)
    if part is None:
        return _pushed(found, full)
    return _pushed(found[part.at(2)], full[part.at()])  # half of the work is in the last step


def _pushed(coarser: Tensor, level: Tensor) -> Tensor:
    """The colour found so far at the size of the next level, and that level's own where it has one."""
    colour, weight = torch.split(level, [3, 1], dim=1)
    coarser = F.interpolate(coarser, weight.shape[2:], mode="bilinear", align_corners=False)
    own = colour / weight.clamp(min=LEAST)
    return torch.lerp(coarser, own, (4 * weight).clamp(max=1))


def _pooled(x: Tensor) -> Tensor:
    """Means of 2 x 2 pixels, of those that there are at an odd border."""
    if torch.compiler.is_exporting():  # which does not follow the sizes of the other way
        return F.avg_pool2d(x, 2, ceil_mode=True)
    # The same, in a tenth of the time.
    if x.shape[2] % 2 or x.shape[3] % 2:
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return 0.25 * (rows[..., ::2] + rows[..., 1::2])


def _dilated(mask: Tensor, side: int) -> Tensor:
    """The largest value in a square of odd `side` around each pixel, of what is 0 or more."""
    return _largest_along(_largest_along(mask, side, 3), side, 2)


def _largest_along(mask: Tensor, side: int, axis: int) -> Tensor:
    """The same along one axis, by doubling: the largest of 2, of 4, of 8 neighbours; pooling is ten times slower."""
    half, length = side // 2, mask.shape[axis]
    largest = F.pad(mask, (half, half) if axis == 3 else (0, 0, half, half))
    reach = 1
    while reach < side:
        step = min(reach, side - reach)
        kept = largest.shape[axis] - step
        largest = torch.maximum(largest.narrow(axis, 0, kept), largest.narrow(axis, step, kept))
        reach += step
    return largest.narrow(axis, 0, length)
