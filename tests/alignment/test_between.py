"""Where the plate lies between frames in which it was found."""

from dataclasses import replace

import numpy as np
import pytest

from alignment.between import Known, between
from alignment.blur import Blur
from alignment.plate import AlignmentReport


def moved(seconds, curve=(3.0, -40.0, 200.0, 900.0)):
    """A plate that a hand moves by a cubic in time."""
    homography = np.eye(3)
    homography[0, 2] = np.polyval(curve[::-1], seconds)
    homography[2, 0] = 1e-5 * seconds**2
    report = AlignmentReport(homography, 0.1, 500, 0.9, (1.0, 1.1, 1.2), (0.0, 0.01, 0.02), "ok")
    return Known(seconds, report)


def test_a_cubic_is_met_also_where_times_are_uneven():
    before, after = [moved(0.50), moved(0.45)], [moved(0.62), moved(0.66)]
    report = between(before, after, 0.54)
    assert np.abs(report.plate_to_frame - moved(0.54).report.plate_to_frame).max() < 1e-9
    assert (report.status, report.inliers) == ("bridged", 0)


def test_of_three_frames_a_parabola():
    curve = (3.0, -40.0, 200.0)
    report = between([moved(0.5, curve)], [moved(0.6, curve), moved(0.65, curve)], 0.55)
    assert np.abs(report.plate_to_frame - moved(0.55, curve).report.plate_to_frame).max() < 1e-9


def test_light_goes_straight_and_the_worse_residual_counts():
    first, last = moved(0.0), moved(0.4)
    grid = np.full((4, 5, 3), 0.2, np.float32)
    tone = np.full((3, 4), 0.04, np.float32)
    bright = replace(last.report, gain=(2.0, 1.1, 1.2), coverage=0.5, residual_px=0.3, shading=grid, blur=Blur(2, 0, 1))
    bright = replace(bright, tone=tone, veil=-grid)
    report = between([first], [Known(0.4, bright), moved(0.5)], 0.1)
    assert report.gain == pytest.approx((1.25, 1.1, 1.2)) and report.offset == pytest.approx((0.0, 0.01, 0.02))
    assert report.tone == pytest.approx(tone / 4)
    assert report.coverage == pytest.approx(0.8) and report.residual_px == 0.3
    assert report.shading == pytest.approx(np.full((4, 5, 3), 0.05)) and report.bend is None
    assert report.veil == pytest.approx(-report.shading)
    assert report.blur is None  # one frame's shake is not another's


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0), (1, 1)])
def test_too_few_frames_are_refused(before, after):
    with pytest.raises(ValueError, match=f"{before} frames before and {after} after"):
        between([moved(0.5)] * before, [moved(0.6)] * after, 0.55)
