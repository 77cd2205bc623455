"""Lapses: what two of the drafts around have, and the draft has lost, is there again; holes and hair stay."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.frames import Draft
from pipeline.lapses import without_lapses
from pipeline.matting import agreed_with_those_around
from pipeline.steadying import found_again, places_in
from pipeline.windows import Drafts
from tests.pipeline.drafts import HEIGHT, WIDTH, alpha_of, disc, draft, moved, noise

SHIFTS = ((-12, 5), (-6, 2), (0, 0), (5, -3), (11, -5))
"""Where the subject is in five frames in a row; the one in the middle is asked about."""

PART = np.s_[76:81, 100:121]
"""What is lost, a bar amid the subject."""


def lost(shift=(0, 0), alpha=0.45):
    """Alpha of the subject with a part that is open, where it is then."""
    bar = np.zeros((HEIGHT, WIDTH), np.float32)
    bar[PART] = 1
    return disc(45, shift) - (1 - alpha) * moved(bar, shift)


def five(lapsed=(), **made):
    """Drafts of five frames, in some of which a part is lost."""
    return [draft(i, lost(s) if i in lapsed else disc(45, s), s, **made) for i, s in enumerate(SHIFTS)]


def closed(drafts, further=(0, 4)):
    """The coarse matte of the one in the middle by those around it."""
    first, before, own, after, last = (each if 0 < i < 4 or i in further else None for i, each in enumerate(drafts))
    near = [found_again(own, each, places_in(own, each)) for each in (before, after)]
    return without_lapses(own.coarse, Drafts(own, (before, after), (first, last)), near)


@pytest.mark.parametrize("lapsed", [(2,), (1, 2), (2, 3), (1, 2, 3), (2, 3, 4), (0, 1, 2), (0, 2, 4)])
def test_what_two_drafts_have_is_there_again(lapsed):
    alpha = alpha_of(closed(five(lapsed)))
    assert alpha[PART].min() > 0.9
    assert np.abs(alpha - disc(45)).mean() < 1e-3


@pytest.mark.parametrize("lapsed", [(0, 1, 2, 3), (1, 2, 3, 4), (0, 1, 2, 3, 4)])
def test_one_draft_alone_is_not_believed_and_a_hole_that_goes_along_stays(lapsed):
    drafts = five(lapsed)
    assert closed(drafts) is drafts[2].coarse


def test_the_expected_error_goes_with_it():
    result = closed(five((2, 3), error=0.3)).hidden[0, 0].numpy()
    assert result[PART].max() < 0.04
    assert (result[disc(16) == 0] == np.float32(0.3)).all()


def test_it_takes_drafts_on_one_side_only_at_the_ends_of_a_shot():
    assert alpha_of(closed(five((2, 3)), further=(0,)))[PART].min() > 0.9
    drafts = five((2, 3))
    assert closed(drafts, further=(4,)) is not drafts[2].coarse  # the one before and the second after
    assert closed(drafts, further=()) is drafts[2].coarse


def test_it_leaves_to_the_steadying_what_the_two_beside_have():
    drafts = five((2,))
    assert closed(drafts, further=()) is drafts[2].coarse


def test_what_looks_different_says_nothing():
    drafts = five((2, 3))
    for i in (0, 4):
        drafts[i] = draft(i, disc(45, SHIFTS[i]), grey=np.zeros((HEIGHT, WIDTH)))
    assert np.abs(alpha_of(closed(drafts)) - lost())[PART].mean() < 0.01


@pytest.mark.parametrize(("alpha", "after"), [(0.1, 0.1), (0.2, 0.2), (0.3, 0.65), (0.4, 1.0)])
def test_only_what_is_in_doubt_comes_back(alpha, after):
    drafts = five()
    drafts[2] = draft(2, lost(alpha=alpha))
    assert np.abs(alpha_of(closed(drafts))[PART] - after).mean() < 0.03


@pytest.mark.parametrize("width", [2, 3, 4, 6, 10])
@pytest.mark.parametrize(("apart", "shown"), [(0.08, 1), (0.12, 1), (0.2, 1), (0.5, 1), (0.2, 0.55), (0.5, 0.55)])
def test_a_gap_that_opens_just_then_is_open(width, apart, shown):
    """Two halves of the subject part, and the place is seen between them from this frame on, sharp or smeared."""
    gap = np.zeros((HEIGHT, WIDTH), np.float32)
    gap[60:100, 108 : 108 + width] = 1
    whole = 0.2 + 0.4 * noise(1)
    opened = [draft(i, disc(45) * (1 - shown * gap), grey=whole + apart * gap) for i in (2, 3, 4)]
    drafts = [*(draft(i, disc(45), grey=whole) for i in (0, 1)), *opened]
    middle = np.s_[60:100, 108 + width // 2]
    assert np.abs(alpha_of(closed(drafts)) - alpha_of(drafts[2].coarse))[middle].max() < 0.03


@pytest.mark.parametrize(("width", "comes_back"), [(3, False), (9, True)])
def test_what_is_not_amid_the_subject_stays(width, comes_back):
    """Loose strands are no lapses; an arm is."""
    bar = np.zeros((HEIGHT, WIDTH), np.float32)
    bar[40:120, 110 : 110 + width] = 1
    drafts = [draft(i, bar * (0.5 if i == 2 else 1), grey=0.3 + 0.4 * noise(2)) for i in range(5)]
    alpha = alpha_of(closed(drafts))[60:100, 110 : 110 + width]
    assert alpha[:, width // 2].min() > 0.95 if comes_back else np.all(alpha == np.float32(0.5))


def test_what_they_have_half_is_not_believed():
    drafts = [draft(i, lost(s, 0.65 if i != 2 else 0.45), s) for i, s in enumerate(SHIFTS)]
    assert closed(drafts) is drafts[2].coarse


def test_another_lapse_elsewhere_changes_nothing():
    both = disc(45) - 0.55 * disc(3, centre=(110, 115))
    both[PART] = 0.45
    drafts = five()
    drafts[2] = draft(2, lost())
    one = alpha_of(closed(drafts))
    drafts[2] = draft(2, both)
    two = alpha_of(closed(drafts))
    assert two[115, 110] > 0.9
    assert np.array_equal(one[:100], two[:100])


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("left", range(100, 112))
def test_gaps_as_narrow_as_those_in_hair_stay(left, beside):
    """Wherever they lie in the part that is looked at because of another lapse."""
    alpha = disc(45)
    if beside:
        alpha[PART[0], 118:127] = 0.45
    alpha[74:84, left : left + 2] = 0.45
    drafts = five()
    drafts[2] = draft(2, alpha)
    result = alpha_of(closed(drafts))
    assert np.array_equal(result[:, : left + 2], alpha[:, : left + 2])
    assert not beside or result[78, 122] > 0.95


def test_colours_come_with_it_where_they_are_carried():
    """A part of the subject that was thought to be the place's colour in part is what is seen."""
    drafts = five((1, 2))
    seen, place = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32), np.full((HEIGHT, WIDTH, 3), 0.8, np.float32)
    coarse = drafts[2].coarse
    dark = torch.full_like(coarse.foreground, -0.3)
    coarse = coarse._replace(foreground=dark, carried=torch.full_like(coarse.foreground, 0.1))
    known = np.ones((HEIGHT, WIDTH), np.float32)
    drafts[2] = replace(drafts[2], coarse=coarse, image=seen, plate=place, coverage=known)
    result = closed(drafts)
    assert result.foreground[0][:, *PART].abs().max() < 0.05
    assert (result.carried[0][:, *PART] - 0.4).abs().max() < 0.05
    outside = torch.from_numpy(disc(80) == 0)
    assert torch.equal(result.foreground[0][:, outside], dark[0][:, outside])


def test_where_the_plate_is_not_known_the_colours_are_what_is_seen():
    drafts = [draft(i, lost(s, 0.9 if i != 2 else 0.45), s) for i, s in enumerate(SHIFTS)]
    black, coarse = np.zeros((HEIGHT, WIDTH, 3), np.float32), drafts[2].coarse
    coarse = coarse._replace(carried=torch.full_like(coarse.foreground, 0.1))
    drafts[2] = replace(drafts[2], coarse=coarse, image=black + 0.4, plate=black, coverage=black[..., 0])
    result = closed(drafts)
    assert (result.foreground[0][:, *PART]).abs().max() < 0.01
    assert (result.carried[0][:, *PART] - 0.4).abs().max() < 0.05


def test_a_frames_matte_is_agreed_with_those_around_by_as_many_as_there_are():
    drafts = five((1, 2, 3))
    own, beside, further = drafts[2], (drafts[1], drafts[3]), (drafts[0], drafts[4])
    assert alpha_of(agreed_with_those_around(Drafts(own, beside, further)))[PART].min() > 0.9
    unknown = Draft(further[0].window, None)
    for fewer in ((None, None), (further[0], None), (unknown, further[1]), (unknown, None)):
        assert alpha_of(agreed_with_those_around(Drafts(own, beside, fewer)))[PART].mean() < 0.55
    assert agreed_with_those_around(Drafts(own)) is own.coarse
    assert agreed_with_those_around(Drafts(own, (unknown, beside[1]), further)) is own.coarse
    with pytest.raises(ValueError, match="frame 0 has no coarse matte"):
        agreed_with_those_around(Drafts(unknown))
