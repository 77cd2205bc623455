"""Specks: parts of the coarse matte that the soft mask knows nothing of, such as a leaf that moved or a shadow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.coarse import CERTAIN, EXPECTED_ERROR, Coarse, decided
from pipeline.frames import FloatImage

FAINT = 0.05
"""Coarse alpha from which pixels hang together; those that the generator is not sure of do, too."""

LARGEST = 1 / 500
"""Of the picture; what is larger stays if it is opaque somewhere, whatever the soft mask says."""

OPAQUE = 0.7
"""Coarse alpha that a piece has to reach somewhere to be believed without the soft mask."""

SOLID = 0.3
"""Coarse alpha from which pixels hang together with opaque ones."""

RIM_PX = 3
"""Width of the rim around a piece that goes with it, coarse pixels."""

REACH = 12 / 512
"""Of the picture's long side: what is faint is believed so far from the soft mask, or from what is opaque."""

FINE_PX = 1.5
"""Standard deviation of the smoothing that leaves nothing fine, coarse pixels."""

STRANDS = 0.25
"""Share of what differs from the plate, from which on strands make it: fine, and neither the plate's nor noise."""

OVER_NOISE = 3.5
"""Times the noise of one channel that strands are above in all three together."""

LEAST_NOISE = 0.002
"""Standard deviation of a noise, in [0, 1], below which none is believed."""

NOISE_STEP = 3
"""Of all columns and rows, every so many tell of the noise."""

CLEAR = 0.02
"""Coarse alpha and soft mask up to which the place is seen, with the noise of the frame."""

FEWEST_PX, FEWEST_ALONE_PX = 6, 150
"""Pixels that are not quite clear, of a part in which strands can be told from noise, and of one that nothing joins to
the subject: a leaf that moved may be as fine, but it is smaller."""

OVER_PLATE = 2.5
"""Times the plate's own detail that strands are above where nothing joins them to the subject: what stands near may not
lie where the plate has it, and shows its edges."""


def without_specks(
    coarse: Coarse, mask: FloatImage, image: FloatImage, plate: FloatImage, coverage: FloatImage
) -> Coarse:
    """The coarse result without what the soft mask speaks against.

    That are pieces that nowhere meet the soft mask and are small, or nowhere opaque; and of the others what hangs
    together with nothing opaque and is further from it and from the soft mask than most hair is long. What strands make
    stays: a shadow is smooth, or shows the plate's own detail.

    Args:
        coarse: The generator's result, batch of 1.
        mask: h x w in [0, 1], the soft mask that the generator was shown.
        image: h x w x 3 RGB in [0, 1], the frame that it was shown.
        plate: h x w x 3, aligned.
        coverage: h x w, 1 where the plate is known.

    Returns:
        The same with alpha and its expected error set to 0 there, so that nothing is refined.
    """
    whole = coarse.alpha[0, 0].cpu().numpy()
    unsure = (coarse.hidden[0, :1] > EXPECTED_ERROR).any(0).cpu().numpy()  # an imported network has none
    reach = REACH * max(whole.shape)
    left, top, width, height = cv2.boundingRect(((whole > CERTAIN) | unsure).astype(np.uint8))
    if not width:
        return coarse
    margin = max(RIM_PX, int(reach / 0.95) + 1)  # what is further away has no say, by the distances that OpenCV has
    box = np.s_[max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin]
    alpha, doubtful, mask = whole[box], unsure[box], mask[box]
    pieces = _pieces((alpha > FAINT) | doubtful, alpha, mask, LARGEST * whole.size)
    far = ((alpha > CERTAIN) | doubtful) & _far(alpha, mask, reach)
    gone = pieces | far
    if not gone.any():
        return coarse
    clear = (alpha <= CLEAR) & (mask <= CLEAR) & (coverage[box] > 0.5)
    detail = _Detail.of(image[box], plate[box], clear)
    gone = pieces & ~_strands(pieces, alpha, detail, FEWEST_ALONE_PX, OVER_PLATE)
    gone |= far & ~_strands(far, alpha, detail, FEWEST_PX)
    if not gone.any():
        return coarse
    kept = np.ones(whole.shape, np.bool_)
    kept[box] = ~gone
    return decided(coarse, torch.from_numpy(kept).to(coarse.alpha), 0)


def _pieces(there: NDArray[np.bool_], alpha: FloatImage, mask: FloatImage, large: float) -> NDArray[np.bool_]:
    """Pieces that do not meet the soft mask and are not `large`, or nowhere opaque, with their rims; h x w."""
    count, labels = cv2.connectedComponents(there.astype(np.uint8))  # with statistics it takes eight times as long
    speck = ~_reaching(labels, count, mask > 0.5)
    speck[0] = False
    if not speck.any():
        return speck[labels]
    sizes = np.bincount(labels.ravel(), minlength=count)
    speck &= ~(_reaching(labels, count, alpha > OPAQUE) & (sizes >= large))
    around = cv2.dilate(speck[labels].astype(np.uint8), np.ones((2 * RIM_PX + 1,) * 2, np.uint8)) > 0
    found: NDArray[np.bool_] = around & (speck[labels] | (labels == 0))
    return found


def _far(alpha: FloatImage, mask: FloatImage, reach: float) -> NDArray[np.bool_]:
    """What is further than `reach`, in pixels, from the soft mask and from opaque parts; h x w."""
    count, labels = cv2.connectedComponents((alpha > SOLID).astype(np.uint8))
    opaque = _reaching(labels, count, alpha > OPAQUE)
    opaque[0] = False
    known = (mask > 0.5) | opaque[labels]
    if not known.any():
        return np.ones(mask.shape, np.bool_)
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(distance > reach)


class _Detail(NamedTuple):
    """What is fine in frame and plate, all that differs, each h x w x 3, and the noise; see `FINE_PX`."""

    ours: FloatImage
    theirs: FloatImage
    difference: FloatImage
    noise: float

    @staticmethod
    def of(image: FloatImage, plate: FloatImage, clear: NDArray[np.bool_]) -> _Detail:
        """Of h x w x 3 twice; `clear`, h x w, is where the place is seen with the noise of the frame."""
        ours, theirs = (cv2.subtract(x, cv2.GaussianBlur(x, (0, 0), FINE_PX)) for x in (image, plate))
        some = np.s_[::NOISE_STEP, ::NOISE_STEP]
        noise = np.abs(ours[some] - theirs[some])[clear[some]]
        return _Detail(ours, theirs, cv2.subtract(image, plate), max(LEAST_NOISE, _deviation(noise)))


def _deviation(noise: FloatImage) -> float:
    """Standard deviation of what is Gaussian but for a few."""
    return 1.48 * float(np.median(noise)) if noise.size else 0.0


def _strands(
    parts: NDArray[np.bool_], alpha: FloatImage, detail: _Detail, fewest: int, over_plate: float = 0
) -> NDArray[np.bool_]:
    """Of `parts` those of at least so many pixels that strands make, see `STRANDS` and `OVER_PLATE`; h x w."""
    count, labels = cv2.connectedComponents(parts.astype(np.uint8))
    places = np.flatnonzero(parts)
    at, weight = labels.ravel()[places], np.maximum(alpha.ravel()[places], 1e-4)
    ours, theirs, difference = (x.reshape(-1, 3)[places] for x in detail[:3])

    def power(x: FloatImage, y: FloatImage) -> NDArray[np.float64]:
        return np.bincount(at, weight * np.einsum("ij,ij->i", x, y), count).astype(np.float64)

    shared, other = power(ours, theirs), power(theirs, theirs)
    seen = np.clip(shared / np.maximum(other, 1e-9), 0, 1)  # the plate's detail, in some light
    own = power(ours, ours) - 2 * seen * shared + seen**2 * other
    strands = own > STRANDS**2 * power(difference, difference)
    strands &= own > (OVER_NOISE * detail.noise) ** 2 * np.bincount(at, weight, count)
    strands &= (own > over_plate**2 * other) & (np.bincount(at, alpha.ravel()[places] > FAINT, count) >= fewest)
    found: NDArray[np.bool_] = strands[labels]
    return found


def _reaching(labels: NDArray[np.int32], count: int, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which labels are found somewhere, by label."""
    found = np.zeros(count, np.bool_)
    found[labels[where]] = True
    return found
