"""The subject's colours in a coarse matte whose alpha was raised."""

from __future__ import annotations

import numpy as np
import torch

from models.carrying import carry_colour
from models.coarse import Coarse
from models.part import part_around
from models.refiner import light, stretch
from pipeline.frames import FloatImage

NOTICED = 0.02
"""Share of what was open, by which alpha has to be raised for colours to be asked about."""

RECOLOURED = 0.4
"""Share of what was open, by which alpha was raised, from which on the subject's colour follows from the new alpha
alone; less of it, in part."""

SOLID = 1.5
"""How much that share, times this, is worth as a solid part, which lends its colour to what is around."""

LEAST = 0.3
"""Alpha that a colour is taken out of a mixture with, at least."""

MARGIN_PX = 24
"""How far around what was raised colours are carried anew, coarse pixels."""


def recoloured(before: Coarse, after: Coarse, image: FloatImage, plate: FloatImage) -> Coarse:
    """A coarse result whose alpha was raised, with the subject's colours as the new alpha has them be.

    By a colour that is too dark or too bright the refiner would find the old alpha again. From there on colours are
    carried as from the solid parts.

    Args:
        before: Batch of 1, with colours carried for a refiner.
        after: The same with another alpha.
        image: h x w x 3 RGB in [0, 1].
        plate: h x w x 3, aligned.

    Returns:
        `after` with another foreground, and other carried colours, where alpha was raised.
    """
    raised = ((after.alpha - before.alpha) / (1 - before.alpha).clamp(min=1e-3)).clamp(0, 1)
    part = part_around(raised > NOTICED, MARGIN_PX, 2)
    if part is None:
        return after
    at = part.at()
    known = (raised[at] / RECOLOURED).clamp(max=1)
    seen, place = (
        torch.from_numpy(np.ascontiguousarray(x)).permute(2, 0, 1)[None].to(after.alpha) for x in (image, plate)
    )
    solid, own = stretch(after.alpha).clamp(0, 1), seen.clone()
    change, carried = after.foreground.clone(), after.carried.clone()
    alpha = solid[at].clone()
    colour = ((seen[at] - (1 - alpha) * light(after)[at] * place[at]) / alpha.clamp(min=LEAST)).clamp(0, 1)
    change[at] = torch.lerp(change[at], colour - seen[at], known)
    own[at] = torch.lerp(seen[at], colour, known)
    solid[at] = torch.maximum(alpha, (SOLID * known).clamp(max=1))
    carried[at] = carry_colour(own, solid, part)
    return after._replace(foreground=change, carried=carried)
