"""The subject's colours in a coarse matte whose alpha was raised."""

from __future__ import annotations

import numpy as np
import torch

from models.carrying import carry_colour
from models.coarse import Coarse
from models.part import Part
from models.refiner import light, stretch
from pipeline.frames import FloatImage

RECOLOURED = 0.4
"""How far alpha was raised, as a share of what was open, from which on the subject's colour follows from the new alpha
alone; less of it, in part."""

SOLID = 1.5
"""How much that share, times this, is worth as a solid part, which lends its colour to what is around."""

LEAST = 0.3
"""Alpha that a colour is taken out of a mixture with, at least."""


def with_own_colours(coarse: Coarse, part: Part, image: FloatImage, plate: FloatImage, raised: FloatImage) -> Coarse:
    """The coarse result with the subject's colours in a part as its alpha, where it was raised, has them be.

    By a colour that is too dark or too bright the refiner would find the old alpha again. From there on colours are
    carried as from the solid parts.

    Args:
        coarse: Batch of 1, with colours carried for a refiner.
        part: Outside of it, colours stay as they are.
        image: h x w x 3 RGB in [0, 1], whole.
        plate: h x w x 3, whole.
        raised: The part's height x width in [0, 1]: the share of what was open that is not any more.

    Returns:
        The same with another foreground, and other carried colours.
    """
    seen, place, known = (
        torch.from_numpy(np.atleast_3d(x)).permute(2, 0, 1)[None].to(coarse.alpha)
        for x in (image, plate[part.at()[2:]], np.clip(raised / np.float32(RECOLOURED), 0, 1))
    )
    at, solid, own = part.at(), stretch(coarse.alpha).clamp(0, 1), seen.clone()
    alpha, change, carried = solid[at].clone(), coarse.foreground.clone(), coarse.carried.clone()
    place = place * light(coarse)[at]
    colour = ((seen[at] - (1 - alpha) * place) / alpha.clamp(min=LEAST)).clamp(0, 1)
    change[at] = torch.lerp(change[at], colour - seen[at], known)
    own[at] = torch.lerp(seen[at], colour, known)
    solid[at] = torch.maximum(alpha, (SOLID * known).clamp(max=1))
    carried[at] = carry_colour(own, solid, part)
    return coarse._replace(foreground=change, carried=carried)
