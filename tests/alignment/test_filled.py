"""Frames that the subject nearly fills: found by what is left of the place, and never taken for sure."""

from __future__ import annotations

import numpy as np
import pytest

from alignment.fits import PlateFits
from alignment.homography import between_sizes
from alignment.plate import PlateAligner, PlateAlignmentError
from alignment.refine import HostFit, Refinement
from alignment.template import make_template, pyramid
from alignment.verify import verify


@pytest.mark.parametrize(
    ("texture", "seed", "hidden", "size"),
    [("boxes", 0, 0.75, (640, 360)), ("boxes", 2, 0.75, (1280, 720)), ("bricks", 4, 0.85, (640, 360))],
)
def test_a_subject_as_rich_as_the_place_does_not_pull_the_plate_away(make_scene, texture, seed, hidden, size):
    scene = make_scene(seed=seed, texture=texture, subject="boxes", hidden=hidden, size=size)
    plate, frame = scene.make()
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.status == "weak"
    assert scene.error_px(report.plate_to_frame) < 0.3


def test_what_agrees_because_it_was_chosen_is_never_ok(make_scene):
    scene = make_scene(seed=1, texture="boxes", subject="boxes", hidden=0.75)  # a plain scene but for what hides it
    plate, frame = scene.make()
    report = PlateAligner(plate, scene.size).register(frame)
    assert scene.error_px(report.plate_to_frame) > 1  # most of its corners are hidden
    assert report.status == "weak"


def test_another_place_is_not_found_by_the_parts_that_resemble_it_by_chance(make_scene):
    plate, _ = make_scene(seed=3, texture="bricks").make()
    for seed in range(4):
        _, frame = make_scene(seed=20 + seed, texture="bricks", hidden=0.0).make()
        with pytest.raises(PlateAlignmentError):
            PlateAligner(plate, (640, 360)).register(frame)


def test_the_parts_that_resemble_the_frame_are_counted(make_scene):
    plate, _ = make_scene(seed=3).make()
    _, frame = make_scene(seed=4).make()
    fits = PlateFits(plate[..., 1], (640, 360), lambda _: HostFit)
    with pytest.raises(PlateAlignmentError, match=r"\d of \d+ textured parts of the plate resemble .*, at least 6"):
        fits.by_what_is_alike(between_sizes((640, 360), (640, 360)), pyramid(frame[..., 1]))


def test_where_no_pixel_agrees_nothing_holds_the_plate(make_scene):
    plate, _ = make_scene(seed=3).make()
    level = pyramid(plate[..., 1])[0]
    template = make_template(level)
    nothing = Refinement(np.eye(3), template.values, np.zeros(len(template)), 1.0, 0.0, np.zeros(12 * 8))
    verification = verify(template, nothing, level, 1.0)
    assert np.count_nonzero(verification.confirmed) > 50
    assert verification.error_px == np.inf
    assert not verification.found
    assert "hold it in place nowhere. Let more of the background" in verification.describe()
