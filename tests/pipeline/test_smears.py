"""Smears: what a codec left dark for a moment where the place has its colour goes; subjects and shadows stay."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from alignment.plate import AlignmentReport
from models.coarse import Coarse
from pipeline.frames import Draft, Frame, FrameWindow, Observation
from pipeline.smears import without_smears
from pipeline.steadying import found_again, places_in
from pipeline.windows import Drafts

HEIGHT, WIDTH = 216, 384
WOOD = (0.60, 0.36, 0.18)
SMEARED = (0.33, 0.17, 0.02)  # a third of the light is gone, and nearly none of the colour
SHADOW = (0.30, 0.18, 0.09)
SUEDE = (0.34, 0.17, 0.04)
BLACK = (0.02, 0.02, 0.03)
SHOE, LEFT_BEHIND = (20, 40, 20, 56), (40, 54, 26, 50)  # top, bottom, left, right


def filled(*areas, over=WOOD, channels=3):
    picture = np.empty((HEIGHT, WIDTH, channels), np.float32)
    picture[:] = over
    for (top, bottom, left, right), colour in areas:
        picture[top:bottom, left:right] = colour
    return picture


def draft(index, picture, alpha, carried=BLACK, place=WOOD, shift=0):
    """The camera has moved by `shift` pixels to the left."""
    report = AlignmentReport(
        np.float64([[1, 0, shift], [0, 1, 0], [0, 0, 1]]), 0.1, 900, 1.0, (1.0,) * 3, (0.0,) * 3, "ok"
    )
    small = np.uint8(255 * picture + 0.5)
    seen = Observation(index, small, np.float32(picture.mean(axis=2)), report)
    hidden = np.full((2, HEIGHT, WIDTH), 0.2, np.float32)
    colours = filled(over=carried).transpose(2, 0, 1)
    parts = (alpha.transpose(2, 0, 1), np.zeros_like(colours), hidden, colours)
    coarse = Coarse(*(torch.from_numpy(np.ascontiguousarray(part))[None] for part in parts))
    window = FrameWindow(Frame(small, index, index, Fraction(1, 24)), seen, ())
    shown = np.float32(small) / 255, filled(over=place), np.ones((HEIGHT, WIDTH), np.float32)
    return Draft(window, coarse, *shown)


def matte(*areas):
    return filled(*((area, 1.0) for area in areas), over=0.0, channels=1)


def without(own, before, after, coarse=None):
    near = [found_again(own, each, places_in(own, each)) for each in (before, after)]
    return without_smears(coarse or own.coarse, Drafts(own, (before, after)), near)


def cleaned(own, before, after):
    result = without(own, before, after)
    return result.alpha[0, 0].numpy(), result.hidden[0, 0].numpy()


def scene(colour=SMEARED, place=WOOD, carried=BLACK, stays=False):
    """A shoe on a floor, and beside it, in the middle frame or in all, what the network takes for it."""
    left = (LEFT_BEHIND,) if stays else ()
    other = draft(0, filled((SHOE, BLACK), over=place), matte(SHOE, *left), carried, place)
    own = draft(1, filled((SHOE, BLACK), (LEFT_BEHIND, colour), over=place), matte(SHOE, LEFT_BEHIND), carried, place)
    return own, other, other


def inside(picture, area, rim=0):
    top, bottom, left, right = area
    return picture[top + rim : bottom - rim, left + rim : right - rim]


def test_a_smear_goes_and_the_shoe_stays():
    alpha, error = cleaned(*scene())
    assert inside(alpha, LEFT_BEHIND, 2).max() < 0.02 and inside(error, LEFT_BEHIND, 2).max() < 0.01
    assert inside(alpha, SHOE).min() > 0.98
    np.testing.assert_allclose(inside(error, SHOE, 6), 0.2)


def test_what_is_left_of_its_edge_goes_along():
    own, before, after = scene()
    edge = (54, 57, 28, 48)
    own.coarse.alpha[0, 0, edge[0] : edge[1], edge[2] : edge[3]] = 0.3
    assert inside(cleaned(own, before, after)[0], edge)[:2].max() < 0.1


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("a shadow dims colour as it dims light", {"colour": SHADOW}),
        ("the subject has that colour near by", {"carried": SUEDE, "colour": SUEDE}),
        ("it is there before and after", {"stays": True}),
        ("the place has too little colour to tell by", {"place": (0.50, 0.47, 0.42), "colour": (0.27, 0.25, 0.20)}),
        ("it has a hue of its own", {"colour": (0.32, 0.24, 0.01)}),
        ("it has more colour than the place", {"colour": (0.66, 0.29, 0.01)}),
        ("it has little of the place's colour", {"colour": (0.14, 0.06, 0.01)}),
        ("it is brighter than the place", {"colour": (0.85, 0.6, 0.4)}),
    ],
)  # fmt: skip
def test_everything_else_stays(what, arguments):
    own, before, after = scene(**arguments)
    result = without(own, before, after)
    assert result.alpha.equal(own.coarse.alpha) and result.hidden.equal(own.coarse.hidden), what


def test_a_place_is_the_same_one_though_the_camera_moves():
    """The smear lies where, in the picture, the shoe is before and after: not where it is on the floor."""
    moved = 40
    elsewhere = (SHOE[0], SHOE[1], SHOE[2] + moved, SHOE[3] + moved)
    here = (LEFT_BEHIND[0], LEFT_BEHIND[1], LEFT_BEHIND[2] + moved, LEFT_BEHIND[3] + moved)
    own = draft(1, filled((SHOE, BLACK), (LEFT_BEHIND, SMEARED)), matte(SHOE, LEFT_BEHIND))
    stays = draft(0, filled((elsewhere, BLACK), (here, SMEARED)), matte(elsewhere, here), shift=moved)
    goes = draft(2, filled((elsewhere, BLACK)), matte(elsewhere, LEFT_BEHIND), shift=moved)
    assert inside(cleaned(own, stays, stays)[0], LEFT_BEHIND).min() == 1
    assert inside(cleaned(own, goes, goes)[0], LEFT_BEHIND, 2).max() < 0.02


def test_a_crumb_that_is_left_in_the_frame_after_does_not_keep_a_smear():
    own, _, _ = scene()
    before = draft(0, filled((SHOE, BLACK), (LEFT_BEHIND, BLACK)), matte(SHOE, LEFT_BEHIND))
    top, _, left, _ = LEFT_BEHIND
    for width, stays in ((6, False), (12, True)):
        part = (top + 4, top + 4 + width, left + 4, left + 4 + width)
        after = draft(2, filled((SHOE, BLACK), (part, SMEARED)), matte(SHOE, part))
        alpha, _ = cleaned(own, before, after)
        assert inside(alpha, part).max() == (1 if stays else 0)


def test_where_a_neighbour_shows_nothing_nothing_is_known():
    own, before, _ = scene()
    away = draft(0, filled((SHOE, BLACK)), matte(SHOE), shift=WIDTH)
    assert cleaned(own, away, away)[0].min() == 0 and inside(cleaned(own, away, away)[0], LEFT_BEHIND).min() == 1
    assert inside(cleaned(own, away, before)[0], LEFT_BEHIND, 2).max() < 0.02


def test_a_network_that_carries_no_colours_is_left_alone():
    own, before, after = scene()
    coarse = own.coarse._replace(carried=own.coarse.carried[:, :0])
    assert without(own, before, after, coarse) is coarse


def test_what_was_not_aligned_is_refused():
    own, before, after = scene()
    lost = Draft(
        FrameWindow(
            before.window.frame, Observation(0, own.window.observation.small, own.window.observation.grey, None), ()
        ),
        before.coarse,
    )
    with pytest.raises(ValueError, match="frames 1 and 0 are not both aligned, with a matte"):
        without(own, lost, after)


def test_what_is_found_elsewhere_before_or_later_stays():
    """A shoe of suede that walks on beneath trousers, told by its seams."""
    seams = np.random.default_rng(3).uniform(0.8, 1.2, (14, 24, 1)).astype(np.float32)

    def walks(index, step):
        trousers, shoe = (4, 40, 20 + step, 56 + step), (40, 54, 26 + step, 50 + step)
        picture = filled((trousers, BLACK), (shoe, SUEDE))
        picture[shoe[0] : shoe[1], shoe[2] : shoe[3]] *= seams
        return draft(index, picture, matte(trousers, shoe))

    own, near, far = walks(1, 28), walks(0, 0), walks(2, 56)
    result = without(own, near, far)
    assert result.alpha.equal(own.coarse.alpha)
    stood = draft(0, filled((SHOE, BLACK)), matte(SHOE))
    gone = without(own, stood, stood)
    assert not gone.alpha.equal(own.coarse.alpha)  # where nobody walks it is nobody's


def test_where_nobody_was_before_nothing_is_left_behind():
    own, before, after = scene()
    empty = draft(0, filled(), matte())
    assert inside(cleaned(own, empty, after)[0], LEFT_BEHIND).min() == 1
    assert inside(cleaned(own, before, empty)[0], LEFT_BEHIND, 2).max() < 0.02


def test_what_the_user_s_mask_has_stays():
    own, before, after = scene()
    for name, mask in (("the shoe's", matte(SHOE)), ("all", matte(SHOE, LEFT_BEHIND))):
        masked = replace(own, window=replace(own.window, mask=mask[..., 0]))
        alpha = cleaned(masked, before, after)[0]
        assert (inside(alpha, LEFT_BEHIND, 2) == 1).all() == (name == "all")
