"""What mixtures of place and subject say of alpha."""

import numpy as np
import pytest
import torch

from pipeline.mixtures import (
    DENSE,
    DEPTH,
    MOSTLY,
    NOT_MORE,
    SOME,
    THIN,
    UNEXPLAINED,
    Leeway,
    Seen,
    explained,
    in_gap,
    leeway,
    surroundings,
)

HAIR, SKY, LAMP = (
    (torch.tensor(colour)).view(1, 3, 1, 1) for colour in ((0.2, 0.12, 0.05), (0.5, 0.7, 0.9), (1, 1, 0))
)


def test_surroundings_are_a_mean():
    alpha = np.zeros((20, 30), np.float32)
    alpha[:, 15:] = 1
    around = surroundings(alpha)
    assert around[10, 2] == 0 and around[10, 28] == 1
    assert around[10, 15] == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    ("alpha", "around", "expected"),
    [
        (0.3, DENSE[0], 0),
        (0.3, 0.9, 1),
        (0.75, 0.75, 0),
        (0.9, 0.75, 0),
        (0.9 - DEPTH / 3, 0.9, 1 / 3),
        (0.2, 0.6, 0.5),
    ],
)
def test_a_gap_is_what_lets_more_through_than_what_is_dense_around(alpha, around, expected):
    found = in_gap(torch.tensor([alpha]), torch.tensor([around]))
    torch.testing.assert_close(found, torch.tensor([float(expected)]))


@pytest.mark.parametrize(
    ("alpha", "around", "expected"),
    [
        (0.7, 0.9, 1),
        (0.9, 0.9, 1),
        (0.8 + NOT_MORE / 2, 0.8, 0.5),
        (0.95, 0.8, 0),
        (0.7, DENSE[0], 0),
        (THIN[0], 0, 1),
        (sum(THIN) / 2, 0, 0.5),
        (THIN[1], 0, 0),
    ],
)
def test_alpha_may_fall_amid_what_is_dense_and_where_there_is_little(alpha, around, expected):
    found = leeway(torch.tensor([alpha]), torch.tensor([around]))
    torch.testing.assert_close(found.fall, torch.tensor([float(expected)]))


def test_it_may_rise_where_there_is_some():
    alpha = torch.tensor([0, SOME[0], sum(SOME) / 2, SOME[1], 1])
    torch.testing.assert_close(leeway(alpha, 0 * alpha).rise, torch.tensor([0, 0, 0.5, 1, 1]))


def read(image, alpha=0.7, fall=1.0, rise=1.0, known=1.0, carried=HAIR):
    """How alpha is read at one pixel."""
    ones = torch.ones(1, 1, 1, 1)
    seen = Seen(image, SKY, known * ones, carried, carried)
    return float(explained(alpha * ones, Leeway(fall * ones, rise * ones), seen))


def test_sky_between_locks_is_opened():
    assert 0.2 < read(SKY + 0.2 * (HAIR - SKY)) < 0.26


def test_a_strand_before_the_sky_is_as_dense_as_it_looks():
    assert 0.92 < read(HAIR) <= 1
    assert read(HAIR, rise=0.0) == pytest.approx(0.7)


def test_alpha_moves_as_far_as_it_may():
    image = SKY + 0.2 * (HAIR - SKY)
    assert 0.7 - read(image, fall=0.5) == pytest.approx((0.7 - read(image)) / 2)
    assert read(HAIR, rise=0.5) - 0.7 == pytest.approx((read(HAIR) - 0.7) / 2)
    assert read(image, fall=0.0) == pytest.approx(0.7)


@pytest.mark.parametrize(
    "change",
    [{"known": 0.0}, {"image": LAMP}, {"carried": SKY}, {"image": SKY + UNEXPLAINED}],
    ids=["no plate", "something else", "a subject of the sky's colour", "just unexplained"],
)
def test_what_is_not_explained_stays(change):
    assert read(**({"image": SKY} | change)) == pytest.approx(0.7, abs=1e-3)


def test_the_subjects_colour_is_mostly_that_of_its_solid_parts():
    image, ones = SKY + 0.5 * (HAIR - SKY), torch.ones(1, 1, 1, 1)
    paler = HAIR + 0.2 * (SKY - HAIR)

    def of(foreground, carried):
        free = Leeway(ones, ones)
        return float(explained(0.5 * ones, free, Seen(image, SKY, ones, foreground, carried)))

    assert of(HAIR, HAIR) < of(paler, HAIR) < of(HAIR, paler) < of(paler, paler)


def test_a_sleeve_between_cloth_and_wall_in_colour_is_no_mixture_of_them_where_the_refined_foreground_says_so():
    sleeve, ones = SKY + 0.45 * (HAIR - SKY), torch.ones(1, 1, 1, 1)

    def of(foreground, alpha):
        seen = Seen(sleeve, SKY, ones, foreground, HAIR)
        return float(explained(alpha * ones, Leeway(ones, ones), seen))

    assert of(sleeve, MOSTLY[1]) == pytest.approx(MOSTLY[1], abs=1e-3)
    assert of(HAIR, MOSTLY[1]) < 0.65  # nobody disputes it
    assert of(sleeve, MOSTLY[0]) < MOSTLY[0] - 0.02  # nor is it the subject's place, mostly


def test_a_hint_of_another_colour_is_no_dispute():
    image, ones = SKY + 0.6 * (HAIR - SKY), torch.ones(1, 1, 1, 1)
    paler = HAIR + 0.06 * (SKY - HAIR)
    seen = Seen(image, SKY, ones, paler, HAIR)
    assert float(explained(MOSTLY[1] * ones, Leeway(ones, ones), seen)) < 0.66
