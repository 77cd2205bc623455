"""What stage 1 minimises: both networks run on a batch of samples, and the losses of what they say."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.coarse import Coarse
from models.weights import MattingNet
from training.data import Batch
from training.losses import (
    alpha_loss,
    error_loss,
    foreground_loss,
    gap_loss,
    laplacian_loss,
    light_loss,
    recomposition_loss,
    translucent_loss,
)

GAP_PX = 15
"""Side of the square, coarse pixels, that a gap is a small part of; at full size it is about twice as many."""


class Objective(nn.Module):
    """Generator and refiner with their losses, as one module, so that several processes can share its gradients."""

    def __init__(self, net: MattingNet, precision: str) -> None:
        super().__init__()
        self.net, self.low_precision = net, precision == "bfloat16"

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of the loss, whose sum is minimised, of a batch on the networks' device."""
        coarse, refined = self.predict(batch)
        terms = _coarse_terms(coarse, batch, self.net.generator.corrects)
        if refined is not None and self.net.refiner is not None:
            terms |= _full_terms(*refined, batch, self.net.refiner.margin)
        return terms

    def predict(self, batch: Batch) -> tuple[Coarse, tuple[Tensor, Tensor] | None]:
        """The coarse result, and the refiner's alpha and foreground where the model has a refiner; all float32."""
        device = batch["image"].device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.low_precision):
            coarse = _generate(self.net, batch)
        coarse = Coarse(*(x.float() for x in coarse))
        if self.net.refiner is None:
            return coarse, None
        with torch.autocast(device, torch.bfloat16, enabled=self.low_precision):
            alpha, foreground = _refine(self.net, coarse, batch)
        return coarse, (alpha.float(), foreground.float())


def _generate(net: MattingNet, batch: Batch) -> Coarse:
    inputs = (batch[name].contiguous(memory_format=torch.channels_last) for name in
              ("image", "plate", "coverage", "mask", "motion"))  # fmt: skip
    coarse: Coarse = net.generator(*inputs)
    return coarse


def _refine(net: MattingNet, coarse: Coarse, batch: Batch) -> tuple[Tensor, Tensor]:
    """The refiner on the full-size crop, with the coarse result cut and enlarged as rendering does it."""
    crop = batch["full_image"].shape[2]
    enlarged = Coarse(*(enlarge_crops(x, batch["box"], crop) for x in coarse))
    assert net.refiner is not None
    result: tuple[Tensor, Tensor] = net.refiner(
        batch["full_image"], batch["full_plate"], batch["full_coverage"], enlarged
    )
    return result


def enlarge_crops(coarse: Tensor, boxes: Tensor, crop: int) -> Tensor:
    """Bilinear enlargement of B x C x n x n to full size, of which only each sample's crop is made.

    Args:
        coarse: B x C x n x n.
        boxes: B x 3: a crop's left and top in full-size pixels, and the full size.
        crop: Side of the crops, pixels.

    Returns:
        B x C x crop x crop.
    """
    grids = []
    offsets = torch.arange(crop, device=coarse.device)
    for left, top, size in boxes.tolist():
        x = (2 * (left + offsets) + 1) / size - 1
        y = (2 * (top + offsets) + 1) / size - 1
        grids.append(torch.stack((x[None].expand(crop, crop), y[:, None].expand(crop, crop)), dim=2))
    return F.grid_sample(coarse, torch.stack(grids), padding_mode="border", align_corners=False)


def _coarse_terms(coarse: Coarse, batch: Batch, corrects: bool) -> dict[str, Tensor]:
    """PAPER's loss at the generator's size; `corrects` as of `models.generator.Generator`."""
    foreground = coarse.foreground + batch["image"] if corrects else coarse.foreground
    terms = {
        "coarse_alpha": alpha_loss(coarse.alpha, batch["alpha"]),
        "coarse_thin": 0.25 * translucent_loss(coarse.alpha, batch["alpha"], batch["alpha"]),
        "coarse_gaps": 0.1 * gap_loss(coarse.alpha, batch["alpha"], GAP_PX),
        "coarse_foreground": 2 * foreground_loss(foreground, batch["foreground"], batch["alpha"]),
        "coarse_translucent": translucent_loss(foreground, batch["foreground"], batch["alpha"]),
        "coarse_recomposition": recomposition_loss(batch["image"], coarse.alpha, foreground, batch["background"]),
    }
    if coarse.hidden.shape[1] > 1:
        terms["error"] = error_loss(coarse, batch["alpha"])
        terms["light"] = light_loss(coarse, batch["light"], (1 - batch["alpha"]) * batch["coverage"])
    return terms


def _full_terms(alpha: Tensor, foreground: Tensor, batch: Batch, margin: int) -> dict[str, Tensor]:
    def inner(name: str) -> Tensor:
        return batch[f"full_{name}"][:, :, margin:-margin, margin:-margin]

    true = inner("alpha")
    return {
        "alpha": alpha_loss(alpha, true),
        "thin": 0.25 * translucent_loss(alpha, true, true),
        "gaps": 0.1 * gap_loss(alpha, true, 2 * GAP_PX - 1),
        "laplacian": laplacian_loss(alpha, true),
        "foreground": 2 * foreground_loss(foreground, inner("foreground"), true),
        "translucent": translucent_loss(foreground, inner("foreground"), true),
        "recomposition": recomposition_loss(inner("image"), alpha, foreground, inner("background")),
    }
