"""The losses of the paper's second stage: least squares against a discriminator, and L1 to a teacher's pseudo truth."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from training.losses import foreground_loss, recomposition_loss, sobel


class Layers(NamedTuple):
    """What a frame is taken apart into.

    Attributes:
        alpha: B x 1 x h x w in [0, 1].
        foreground: B x 3 x h x w, a colour.
        hidden: B x hidden x h x w, what a refiner is handed beside.
    """

    alpha: Tensor
    foreground: Tensor
    hidden: Tensor


def generator_loss(response: Tensor) -> Tensor:
    """E[(D(composite) - 1)^2], of a discriminator's response of any shape."""
    return ((response - 1) ** 2).mean()


def discriminator_loss(composite_response: Tensor, image_response: Tensor) -> Tensor:
    """E[D(composite)^2 + (D(I) - 1)^2], of responses of any shape."""
    return (composite_response**2).mean() + ((image_response - 1) ** 2).mean()


def pseudo_terms(own: Layers, pseudo: Layers, image: Tensor, place: Tensor) -> dict[str, Tensor]:
    """The terms that lambda weighs: 2 |a - a~| + 4 |grad a - grad a~| + |F - F~| + |I - a F - (1 - a) B|.

    Conventions as in stage 1: means over pixels and channels, Sobel divided by 8, F only where a~ > 0.

    Args:
        own: The student's.
        pseudo: The teacher's, a~ and F~.
        image: I, B x 3 x h x w in [0, 1].
        place: B, the same: what stands behind the subject.

    Returns:
        The four terms with their factors, by name.
    """
    shown = image_where_opaque(own, image)
    return {
        "alpha": 2 * F.l1_loss(own.alpha, pseudo.alpha),
        "gradient": 4 * F.l1_loss(sobel(own.alpha), sobel(pseudo.alpha)),
        "foreground": foreground_loss(own.foreground, pseudo.foreground, pseudo.alpha),
        "recomposition": recomposition_loss(image, own.alpha, shown, place),
    }


def image_where_opaque(own: Layers, image: Tensor) -> Tensor:
    """The foreground, B x 3 x h x w, faded over to the image where alpha is nearly 1, as rendering does it.

    Decision (c) of the paper's specification. Alpha learns nothing from the fading itself.
    """
    weight = ((own.alpha.detach() - 0.95) / 0.045).clamp(0, 1)
    return own.foreground + weight * (image - own.foreground)


def composite(own: Layers, image: Tensor, background: Tensor, shifts: Tensor) -> Tensor:
    """The subject before a new background: alpha F + (1 - alpha) B-bar, B x 3 x h x w.

    Args:
        own: The student's.
        image: I, for the colour where the subject is opaque.
        background: B-bar, B x 3 x h x w in [0, 1].
        shifts: B integers: pixels by which each subject goes to the right, around the border.
    """
    subject = torch.cat((own.alpha, image_where_opaque(own, image)), dim=1)
    moved = torch.stack([one.roll(int(by), dims=2) for one, by in zip(subject, shifts, strict=True)])
    alpha, foreground = moved[:, :1], moved[:, 1:]
    return alpha * foreground + (1 - alpha) * background
