"""A clean plate from pictures of a place in which somebody is about: what recurs, in one view and one light."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from alignment.common_view import FloatImage, Mask, Placed, Size, View, choose_view, look, place, rebased, relight
from alignment.decide import FEWEST_FOR_EPISODES, Decision, decide
from alignment.features import reduced_size
from alignment.holes import at_border, known_in, split
from alignment.plate import Image, PlateAligner, PlateAlignmentError

WORKING_LONG_SIDE_PX = 1280  # the aligner looks no closer
DECIDING_LONG_SIDE_PX = 480
DRAFT_PICTURES = 40
REFERENCE_AT = (0.5, 0.25, 0.75, 0.0, 1.0)
MOST_FOUND = 0.6  # of the pictures, for a reference that will do
AS_EMPTY = 0.02  # of the view: hidden shares no farther apart are alike
SHADOWS = 0.02  # of the view that may be hidden before a picture's shadows count against it
SELDOM = 0.25  # of the pictures; what no more of them show is the rim of what a camera looked at
LAST_RESORT = 1e-4  # weight of pixels at the rim of what shows the place

Progress = Callable[[int, int], None]
Step = Callable[[int], None]


def _silent(*_: int) -> None:
    """Progress that nobody watches."""


class Pictures(Protocol):
    """Pictures that can be gone through more than once, uint8 or uint16.

    Each is H x W x 3, or H x W x 4 whose last channel is below half where it shows nothing.
    """

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Image]:
        """Begins anew."""


@dataclass(frozen=True)
class BuiltPlate:
    """A plate, and what is known of it.

    Attributes:
        image: H x W x 3, of the pictures' depth; 0 where it is not known.
        known: H x W.
        rim: H x W, what is not known at the plate's border, where few pictures show anything.
        used: Pictures it was made from, by their place.
        failed: Pictures that could not be laid over the others.
    """

    image: Image
    known: Mask
    rim: Mask
    used: tuple[int, ...]
    failed: tuple[int, ...]


@dataclass(frozen=True)
class _Copies:
    """Reduced copies of the pictures, and what they were like whole."""

    small: list[NDArray[np.uint8]]
    sizes: list[Size]
    dtype: np.dtype[np.uint8] | np.dtype[np.uint16]


def build_plate(pictures: Pictures, *, empty: bool = False, progress: Progress = _silent) -> BuiltPlate:
    """Makes a plate.

    Args:
        pictures: In order of time; or, if fewer than FEWEST_FOR_EPISODES, such as photos, in any. They are gone
            through twice; copies of 1280 pixels are held, no more. Their sizes may differ, their depths may not.
        empty: Nobody is in them: all that they show is the place.
        progress: Called with steps done and in all.

    Raises:
        PlateAlignmentError: No two of them could be laid over one another, or they show too little structure.
        ValueError: There are none.
    """
    count = len(pictures)
    if not count:
        raise ValueError("a plate is made of at least one picture")

    def step(done: int) -> None:
        progress(done, 3 * count)

    copies = _copy(pictures, step)
    if count == 1 and empty:
        only = next(iter(pictures))
        known = known_in(only)
        if not known.any():
            raise PlateAlignmentError("the picture is transparent everywhere")
        return BuiltPlate(only[..., :3] * known[..., None], known, np.zeros_like(known), (0,), ())
    draft, emptiest = _draft(copies.small, empty=empty)
    placed = _place(copies.small, range(count), draft, lambda done: step(count + done))
    _require_two(placed, count)
    if emptiest not in {one.index for one in placed}:
        emptiest = placed[0].index
    placed = rebased(placed, emptiest)
    own, whole = _size(copies.small[emptiest]), copies.sizes[emptiest]
    view = choose_view(own, placed)
    decision = _decide(copies.small, placed, view, empty=empty)
    copies.small.clear()
    wanted = {one.index: order for order, one in enumerate(placed)}
    found = ((picture, wanted[index]) for index, picture in enumerate(pictures) if index in wanted)
    size = (round(view.size[0] * whole[0] / own[0]), round(view.size[1] * whole[1] / own[1]))
    image, known = _compose(found, placed, view, size, decision, lambda done: step(2 * count + done))
    step(3 * count)
    failed = tuple(index for index in range(count) if index not in wanted)
    seldom = (decision.seen <= SELDOM * len(placed)).astype(np.float32)
    rim = at_border(~known & (cv2.resize(seldom, size, interpolation=cv2.INTER_LINEAR) > 0))
    return BuiltPlate(_quantised(image, known, copies.dtype), known, rim, tuple(wanted), failed)


def _copy(pictures: Pictures, step: Step) -> _Copies:
    small, sizes = [], []
    for whole in pictures:
        picture = _with_filled_holes(whole)  # or what lies hidden in them would mix with what is beside them
        sizes.append(_size(picture))
        copy = cv2.resize(picture, reduced_size(sizes[-1], WORKING_LONG_SIDE_PX), interpolation=cv2.INTER_AREA)
        small.append(copy if copy.dtype == np.uint8 else cv2.convertScaleAbs(copy, alpha=1 / 257))
        dtype = picture.dtype
        step(len(small))
    return _Copies(small, sizes, dtype)


def _with_filled_holes(picture: Image) -> Image:
    colours, known = split(picture)
    if known is None:
        return colours
    return np.asarray(np.dstack([colours, known * np.array(np.iinfo(colours.dtype).max, colours.dtype)]))


def _draft(small: list[NDArray[np.uint8]], *, empty: bool) -> tuple[Image, int]:
    """A first plate from a few pictures, H x W x 4, to compare all others with; and the emptiest of the few.

    Where somebody hides some of the picture that others are compared with, so does it some of their light and
    place. The draft has nobody.
    """
    count = len(small)
    few = min(count, DRAFT_PICTURES, max(FEWEST_FOR_EPISODES, count // 2))
    chosen = np.linspace(0, count - 1, few).round().astype(int).tolist()
    best: list[Placed] = []
    reference = 0
    problem: PlateAlignmentError | None = None
    for candidate in dict.fromkeys(chosen[round(at * (len(chosen) - 1))] for at in REFERENCE_AT):
        try:
            placed = _place(small, chosen, small[candidate])
        except PlateAlignmentError as error:
            problem = error
            continue
        if len(placed) > len(best):
            best, reference = placed, candidate
        if len(best) >= MOST_FOUND * len(chosen):
            break
    if not best and problem is not None:
        raise problem
    _require_two(best, len(chosen))
    view = choose_view(_size(small[reference]), best)
    decision = _decide(small, best, view, empty=empty)
    found = ((small[one.index], order) for order, one in enumerate(best))
    image, known = _compose(found, best, view, view.size, decision)
    draft = np.dstack([_quantised(image, known, np.dtype(np.uint8)), known.astype(np.uint8) * 255])
    return np.asarray(draft, np.uint8), best[_emptiest(decision.hidden)].index


def _place(small: list[NDArray[np.uint8]], chosen: Iterable[int], plate: Image, step: Step = _silent) -> list[Placed]:
    """Finds the plate in pictures; those in which it is not found are left out."""
    aligners: dict[Size, PlateAligner] = {}
    placed = []
    for done, index in enumerate(chosen, 1):
        size = _size(small[index])
        if size not in aligners:
            aligners[size] = PlateAligner(plate, size)
        with suppress(PlateAlignmentError):
            placed.append(place(index, size, aligners[size].register(split(small[index])[0])))
        step(done)
    return placed


def _decide(small: list[NDArray[np.uint8]], placed: list[Placed], view: View, *, empty: bool) -> Decision:
    size = reduced_size(view.size, DECIDING_LONG_SIDE_PX)
    stack = np.empty((len(placed), 3, size[1], size[0]), np.uint8)
    covered = np.empty((len(placed), size[1], size[0]), np.bool_)
    for order, one in enumerate(placed):
        image, covered[order] = look(small[one.index], one, view, size)
        stack[order] = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return decide(stack, covered, empty=empty)


def _compose(
    found: Iterable[tuple[Image, int]],
    placed: list[Placed],
    view: View,
    size: Size,
    decision: Decision,
    step: Step = _silent,
) -> tuple[FloatImage, Mask]:
    """Averages what shows the place, and puts it into the light in which it is when nobody is there."""
    total = np.zeros((size[1], size[0], 3), np.float32)
    weights = np.zeros((size[1], size[0], 1), np.float32)
    # Who is there throws shadows, too faint to be told apart from the place, so emptier pictures count more.
    trust = (SHADOWS / (SHADOWS + decision.hidden - decision.hidden.min())) ** 2
    for picture, order in found:
        image, covered = look(picture, placed[order], view, size)
        shows = decision.shows[order].astype(np.float32)
        inside = cv2.erode(shows, np.ones((3, 3)))  # the rim is mixed with who stands before it
        weight = cv2.resize(np.maximum(inside, LAST_RESORT * shows), size, interpolation=cv2.INTER_LINEAR)
        weight *= covered * np.float32(trust[order])
        total += weight[..., None] * image
        weights[..., 0] += weight
        step(order + 1)
    known = cv2.resize(decision.known.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    known &= weights[..., 0] > 0
    total /= np.maximum(weights, 1e-12)
    relight(total, placed[_emptiest(decision.hidden)], view)
    return total, np.asarray(known)


def _emptiest(hidden: NDArray[np.float64]) -> int:
    """The picture in which nobody has been there for longest: a camera's own exposure takes time to settle."""
    empty = hidden <= hidden.min() + AS_EMPTY
    run, runs = 0, []
    for is_empty in empty:
        run = run + 1 if is_empty else 0
        runs.append(run)
    return int(np.argmax(runs))


def _require_two(placed: list[Placed], count: int) -> None:
    if len(placed) < 2:
        raise PlateAlignmentError(
            f"of {count} pictures, no two could be laid over one another. Film or photograph one place from one "
            "spot, with edges and objects in view, in focus."
        )


def _quantised(image: FloatImage, known: Mask, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Image:
    full = np.iinfo(dtype).max
    whole = np.rint(np.clip(image, 0, 1) * np.float32(full))
    whole[~known] = 0
    return whole.astype(dtype)


def _size(picture: Image) -> Size:
    return picture.shape[1], picture.shape[0]
