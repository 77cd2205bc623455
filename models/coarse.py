"""What the generator hands on, and how sure it is of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CERTAIN = 0.04
"""Distance of coarse alpha from 0 and 1 up to which there is nothing to refine."""

EXPECTED_ERROR = 0.1
"""Error that the generator expects of its alpha, up to which there is nothing to refine; the estimate itself is
uncertain by 0.03."""


class Coarse(NamedTuple):
    """What the generator says, at its own size.

    Attributes:
        alpha: B x 1 x h x w in [0, 1]; after a second look it may reach beyond by a little.
        foreground: B x 3 x h x w; a colour, or what to add to the image where `models.generator.Generator.corrects`.
            See its `forward` for where it may be left out.
        hidden: B x hidden x h x w for a refiner; channel 0 is the expected |error| of alpha, channel 1 what to add to
            1 for the light that is left on the place. The paper's generator has none.
        carried: B x 3 x h x w for a refiner (else without channels): the colour of the solid parts of the subject
            nearest by, which is what hair in front of the place is likely to have.
    """

    alpha: Tensor
    foreground: Tensor
    hidden: Tensor
    carried: Tensor


def uncertain(alpha: Tensor, hidden: Tensor) -> Tensor:
    """Where a coarse alpha is not plainly 0 or 1, B x 1 x h x w, 0 or 1; see `Coarse`."""
    feared = (hidden[:, :1] > EXPECTED_ERROR).any(1, keepdim=True)  # nowhere by a generator that hides nothing
    return ((torch.minimum(alpha, 1 - alpha) > CERTAIN) | feared).float()


def decided(coarse: Coarse, kept: Tensor, alpha: float) -> Coarse:
    """The coarse result with another alpha, of which the generator is as sure as can be: there is nothing to refine.

    `kept` is the share of the old alpha and of its expected error that stays, h x w in [0, 1] on the result's device.
    """
    hidden = torch.cat((coarse.hidden[:, :1] * kept, coarse.hidden[:, 1:]), dim=1)
    return coarse._replace(alpha=coarse.alpha * kept + alpha * (1 - kept), hidden=hidden)
