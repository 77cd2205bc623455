"""Smeared frames: a plate as soft as they are saves most of the matte."""

from evaluation.ablation import given
from evaluation.metrics import mad
from evaluation.shake import shaken
from pipeline.frames import Settings


def test_a_plate_as_soft_as_the_frame_is_far_better(data):
    own = next(given(data / "dev" / "plush_shaky", Settings(), 60))
    sharp, soft, truth = shaken(own, 20, 30)
    assert mad(soft, truth) < 0.3 * mad(sharp, truth)
    assert mad(soft, truth) < 12


def test_a_frame_that_is_not_smeared_stays_as_it_is(data):
    own = next(given(data / "dev" / "figure_room", Settings(), 60))
    sharp, soft, truth = shaken(own, 0, 30)
    assert (sharp == soft).all() and (truth == own.true).all()
