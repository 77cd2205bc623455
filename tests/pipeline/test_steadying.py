"""Steadying: what one draft says alone goes, what came, went or moved stays."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.frames import Draft
from pipeline.levels import Levels
from pipeline.steadying import EVERYWHERE, flow, found_again, places_in, steadied
from tests.pipeline.drafts import HEIGHT, WIDTH, alpha_of, disc, draft, moved, noise

SHIFTS = ((-6, 2), (0, 0), (5, -3))


def steadied_by(own, before, after):
    return steadied(own, *(found_again(own, each, places_in(own, each)) for each in (before, after)))


HOLE = np.s_[152:160, 100:120]


def rising(index, shown, hole=1.0):
    """Texture that has come into the picture from below by `shown` pixels; alpha is `hole` in one place."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[HEIGHT - shown :] = 1
    alpha[HOLE] *= hole
    texture = np.roll(noise(1), HEIGHT - shown, axis=0)
    return draft(index, alpha, grey=np.where(np.arange(HEIGHT)[:, None] >= HEIGHT - shown, texture, 0.2))


def test_a_hole_in_what_has_just_come_in_is_closed_by_the_one_draft_that_knows():
    before, own, after = rising(0, 90), rising(1, 100, hole=0.3), rising(2, 110)
    for one, other in ((before, after), (after, before)):
        assert (alpha_of(steadied_by(own, one, other))[HOLE] > 0.95).mean() > 0.9  # a corner is not found again


def test_in_a_dark_clip_what_is_as_unlike_for_its_levels_is_not_found_again():
    """A hole that neither neighbour has stays where what is there differs from theirs by a quarter of that."""
    before, own, after = (draft(index, disc(45), shift) for index, shift in enumerate(SHIFTS))
    alpha = disc(45)
    alpha[70:80, 95:105] = 0.4
    changed = 1.0 * own.window.observation.grey
    changed[60:90, 85:115] += 0.06
    own = draft(1, alpha, grey=changed)
    assert alpha_of(steadied_by(own, before, after))[75, 100] > 0.9
    dark = replace(own, levels=Levels(0, 4))
    assert alpha_of(steadied_by(dark, before, after))[75, 100] == np.float32(0.4)


def test_what_has_just_come_in_is_not_taken_away_by_the_one_draft_that_knows():
    before, own = rising(0, 90), rising(1, 100)
    after = draft(2, np.zeros((HEIGHT, WIDTH)), grey=rising(2, 110).window.observation.grey)
    for one, other in ((before, after), (after, before)):
        assert np.array_equal(alpha_of(steadied_by(own, one, other))[HOLE], alpha_of(own.coarse)[HOLE])


def test_what_neither_draft_reaches_stays():
    own, beside = rising(1, 100, hole=0.3), rising(0, 90)
    assert alpha_of(steadied_by(own, beside, beside))[HOLE].max() < 0.31


def test_a_hole_that_one_draft_has_is_closed():
    hole = disc(7)
    before, own, after = (draft(i, disc(45, shift), shift) for i, shift in enumerate(SHIFTS))
    own = draft(1, disc(45) - hole)
    result = alpha_of(steadied_by(own, before, after))
    assert result[disc(6) == 1].min() > 0.97 and result[hole > 0].min() > 0.8
    assert np.abs(result - disc(45)).max() < 0.35  # of the edge's pixels
    assert result.min() >= 0 and result.max() <= 1
    assert np.abs(result - disc(45)).mean() < 2e-3


def test_a_hole_that_goes_along_is_a_hole():
    drafts = [draft(i, disc(45, s) - disc(7, s), s) for i, s in enumerate(SHIFTS)]
    result = alpha_of(steadied_by(drafts[1], drafts[0], drafts[2]))
    assert result[disc(6) == 1].max() < 0.03


def test_a_patch_of_floor_that_one_draft_has_is_gone_and_not_refined_anew():
    patch = disc(9, centre=(200, 120))
    before, after = (draft(i, disc(45, s), s, error=0.01) for i, s in ((0, SHIFTS[0]), (2, SHIFTS[2])))
    own = draft(1, np.maximum(disc(45), patch), error=0.01 + 0.5 * patch)
    result = steadied_by(own, before, after)
    core = disc(8, centre=(200, 120)) == 1
    assert alpha_of(result)[core].max() < 0.03 and alpha_of(result)[patch > 0].max() < 0.15
    assert result.hidden[0, 0].numpy()[core].max() < 0.05


@pytest.mark.parametrize("sees", [(0, 1), (1, 2)])
def test_what_came_or_went_in_between_stays(sees):
    thing = disc(9, centre=(200, 120))
    there = [index in sees for index in range(3)]
    drafts = []
    for index, shift in enumerate(SHIFTS):
        cover = disc(45, shift)
        grey = cover * moved(noise(1), shift) + (1 - cover) * (0.3 + 0.4 * noise(2))
        grey, alpha = (np.where(there[index] * thing > 0, x, y) for x, y in ((0.95, grey), (thing, cover)))
        drafts.append(draft(index, np.maximum(alpha, cover), shift, grey=grey))
    result = alpha_of(steadied_by(drafts[1], drafts[0], drafts[2]))
    assert result[disc(8, centre=(200, 120)) == 1].min() > 0.97


def test_what_the_flow_does_not_find_again_stays():
    own = draft(1, disc(45) - disc(7))
    others = [draft(i, disc(45), grey=1 - noise(3 + i)) for i in (0, 2)]
    unlike = np.abs(others[0].window.observation.grey - own.window.observation.grey)
    assert unlike.mean() > 0.1
    assert alpha_of(steadied_by(own, *others))[disc(6) == 1].mean() < 0.3


def test_a_strand_no_wider_than_a_pixel_stays():
    alpha = disc(45)
    alpha[30:60, 200] = 0.4
    before, after = (draft(i, disc(45, s), s) for i, s in ((0, SHIFTS[0]), (2, SHIFTS[2])))
    result = alpha_of(steadied_by(draft(1, alpha), before, after))
    assert np.all(result[32:58, 200] == np.float32(0.4))


def test_the_expected_error_stays_where_alpha_does():
    own, (before, after) = draft(1, disc(45), error=0.3), (draft(i, disc(45), error=0.1) for i in (0, 2))
    assert (steadied_by(own, before, after).hidden[0, 0] == np.float32(0.3)).all()


def test_what_has_gone_beyond_the_border_is_not_found_there():
    """A hole at the left border, where the pictures before and after have moved on to the left."""
    picture, hole = 0.3 + 0.4 * noise(2), disc(8, centre=(4, 80))
    own = draft(1, 1 - hole, grey=picture)
    others = [draft(i, np.ones((HEIGHT, WIDTH)), grey=moved(picture, (-12, 0))) for i in (0, 2)]
    columns = alpha_of(steadied_by(own, *others))[76:85]
    assert columns[:, :3].max() < 0.3


def stepwise(own, near, far, box=EVERYWHERE):
    """What the far one says, found by way of the near one."""
    return found_again(own, far, places_in(own, near).within(box).onward(near, far), box)


def test_what_moves_by_much_is_found_step_by_step():
    near, far, own = (draft(i, disc(45, shift), shift) for i, shift in enumerate(((10, 0), (20, 0), (0, 0))))
    inside = disc(40) == 1
    at_once, stepped = found_again(own, far, places_in(own, far)), stepwise(own, near, far)
    assert stepped.alpha[inside].mean() > 0.99 > 0.9 > at_once.alpha[inside].mean()
    assert stepped.apart[inside].mean() < 0.02 < 0.1 < at_once.apart[inside].mean()


def test_a_part_of_a_frame_is_found_as_in_the_whole():
    near, far, own = (draft(i, disc(45, shift), shift) for i, shift in enumerate(((-4, 2), (-9, 5), (0, 0))))
    box = np.s_[20:100, 60:140]
    part, whole = stepwise(own, near, far, box), stepwise(own, near, far).within(box)
    for one, other in zip((*part[:3], *part.places), (*whole[:3], *whole.places), strict=True):
        assert np.array_equal(one[3:-3, 3:-3], other[3:-3, 3:-3])  # at its rim colours are not compared with all around


def test_what_left_the_picture_on_the_way_is_not_found():
    picture = 0.3 + 0.4 * noise(2)
    own = draft(1, np.ones((HEIGHT, WIDTH)), grey=picture)
    away, back = draft(2, disc(45), grey=moved(picture, (-12, 0))), draft(3, disc(45), grey=picture)
    found = stepwise(own, away, back)
    assert found.places.outside[40:120, :8].all() and (found.unlike(3)[40:120, :8] == 1).all()
    assert not found.apart[found.places.outside].any()  # or it would count for what is beside
    assert not found.places.outside[40:120, 40:200].any()


def test_networks_without_a_refiner_are_steadied_too():
    drafts = [draft(i, disc(45, s), s) for i, s in enumerate(SHIFTS)]
    drafts[1] = draft(1, disc(45) - disc(7))
    bare = [Draft(each.window, each.coarse._replace(hidden=each.coarse.hidden[:, :0])) for each in drafts]
    result = steadied_by(bare[1], bare[0], bare[2])
    assert result.hidden.shape[1] == 0
    assert np.array_equal(alpha_of(result), alpha_of(steadied_by(drafts[1], drafts[0], drafts[2])))


def test_a_draft_without_a_coarse_matte_steadies_nothing():
    own = draft(1, disc(45))
    with pytest.raises(ValueError, match="frame 0 has no coarse matte"):
        steadied_by(own, Draft(draft(0, disc(45)).window, None), own)
    with pytest.raises(ValueError, match="frame 0 has no coarse matte"):
        steadied_by(Draft(draft(0, disc(45)).window, None), own, own)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 512), (20, 512), (512, 24), (90, 160)])
def test_pictures_of_any_size_have_a_flow(size):
    picture = np.random.default_rng(0).random(size, np.float32)
    found = flow(picture, picture)
    assert found.shape == (*size, 2)
    assert np.abs(found).max() < 0.5


def test_flow_says_where_things_went():
    found = flow(noise(1), moved(noise(1), (4, -3)))
    assert np.abs(np.median(found, axis=(0, 1)) - (4, -3)).max() < 0.1


@pytest.mark.parametrize("texture", [0, 0.15])
def test_a_fast_hand_of_about_the_walls_colour_stays(texture):
    """The flow finds the wall in both drafts, which is like the hand, but not that like; here and there it may be."""
    wall, skin = 0.45 + 0.02 * noise(2), 0.12 + texture * np.random.default_rng(0).uniform(-1, 1, (HEIGHT, WIDTH))
    drafts = []
    for index, x in enumerate((60, 110, 160)):
        hand = disc(8, centre=(x, 80))
        drafts.append(draft(index, hand, grey=wall + skin * hand))
    result = alpha_of(steadied_by(drafts[1], drafts[0], drafts[2]))
    assert result[disc(7, centre=(110, 80)) == 1].min() > 0.97
