"""Specks: pieces of the coarse matte that the soft mask knows nothing of, such as a leaf that moved or a shadow."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from models.coarse import Coarse
from pipeline.frames import FloatImage
from pipeline.refinement import EXPECTED_ERROR

FAINT = 0.05
"""Coarse alpha from which pixels hang together; those that the generator is not sure of do, too."""

LARGEST = 1 / 500
"""Of the picture; what is larger stays if it is opaque somewhere, whatever the soft mask says."""

OPAQUE = 0.7
"""Coarse alpha that a large piece has to reach somewhere."""


def without_specks(coarse: Coarse, mask: FloatImage) -> Coarse:
    """The coarse result without pieces that nowhere meet the soft mask and are small, or nowhere opaque.

    Args:
        coarse: The generator's result, batch of 1.
        mask: h x w in [0, 1], the soft mask that the generator was shown.

    Returns:
        The same with alpha and its expected error set to 0 there, so that nothing is refined.
    """
    alpha = coarse.alpha[0, 0].cpu().numpy()
    doubtful = (coarse.hidden[0, :1] > EXPECTED_ERROR).any(0).cpu().numpy()  # an imported network has none
    count, labels, stats, _ = cv2.connectedComponentsWithStats(((alpha > FAINT) | doubtful).astype(np.uint8))
    known = np.zeros(count, bool)
    known[np.unique(labels[mask > 0.5])] = True
    opaque = np.zeros(count, bool)
    opaque[np.unique(labels[alpha > OPAQUE])] = True
    speck = ~known & ~(opaque & (stats[:, cv2.CC_STAT_AREA] >= LARGEST * alpha.size))
    speck[0] = False
    if not speck.any():
        return coarse
    around = cv2.dilate(speck[labels].astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    kept = torch.from_numpy(~(around & (speck[labels] | (labels == 0)))).to(coarse.alpha)
    hidden = torch.cat((coarse.hidden[:, :1] * kept, coarse.hidden[:, 1:]), dim=1)
    return coarse._replace(alpha=coarse.alpha * kept, hidden=hidden)
