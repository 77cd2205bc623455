"""Frames in which the plate was not found for a moment: bridged, where the frame shows that it is the same place."""

import json
from fractions import Fraction

import cv2
import numpy as np
import pytest

from alignment.blur import Blur, blurred
from alignment.plate import AlignmentReport
from pipeline.frames import Observation
from pipeline.windows import windows
from tests.conftest import HEIGHT, WIDTH, frames, shot, textured, write_clip
from tests.pipeline.test_windows import Numbers


def observer(missing, *, cut=None, elsewhere=(), flash=(), light=1.0, black=()):
    """Observes frames of a place that moves evenly; the plate is not found in some of them."""

    def observe(frame):
        place = textured(77 if frame.index in elsewhere else 5, 64, 36).mean(axis=2)
        if cut is not None and frame.index >= cut:
            place = np.float32(place < place.mean())
        place = light * place * (frame.index not in black)
        grey = np.clip(place + 0.2 * (frame.index in flash), 0, 1).astype(np.float32)
        homography = np.array([[1, 0, 3.0 * frame.index], [0, 1, 0], [0, 0, 1]])
        found = AlignmentReport(homography, 0.05, 900, 1.0, (1.0,) * 3, (0.0,) * 3, "ok")
        lost = frame.index in missing
        return Observation(frame.index, frame.image, grey, None if lost else found, "not found" if lost else "")

    return observe


def bridged(missing, start=0, end=60, rate=24, **scene):
    """The frames that have an alignment although the plate was not found in them."""
    found = windows(Numbers(60, rate), observer(missing, **scene), start, end)
    reports = {w.frame.index: w.observation.alignment for w in found if w.observation.failure}
    for index, report in reports.items():
        if report is not None:
            assert report.status == "bridged"
            assert report.plate_to_frame[0, 2] == pytest.approx(3 * index)
    return [index for index, report in reports.items() if report is not None]


@pytest.mark.parametrize("missing", [[20], [20, 21], [20, 21, 22], [20, 22], [1], [58]])
def test_a_moment_is_bridged(missing):
    assert bridged(missing) == missing


@pytest.mark.parametrize("missing", [[0], [59], [20, 21, 22, 23], [0, 1]])
def test_what_lasts_or_has_one_side_only_is_not(missing):
    assert bridged(missing) == []


def test_what_a_moment_is_goes_by_time():
    assert bridged([20, 21, 22, 23, 24, 25], rate=60) == [20, 21, 22, 23, 24, 25]
    assert bridged([20], rate=10) == []
    assert bridged([20, 21, 22], rate=Fraction(24000, 1001)) == [20, 21, 22]


def test_another_place_another_light_or_another_shot_is_not():
    assert bridged([20], elsewhere=[20]) == []
    assert bridged([20], flash=[20]) == []
    assert bridged([20], light=0.1) == [20]
    assert bridged([20], light=0.1, black=[20]) == []
    assert bridged([20, 30], cut=21) == [30]
    assert bridged([20, 30], cut=20) == [30]


@pytest.mark.parametrize(("start", "end"), [(20, 21), (19, 22), (21, 60), (0, 21)])
def test_a_part_is_bridged_as_the_whole_is(start, end):
    assert bridged([20, 21], start, end) == [index for index in (20, 21) if start <= index < end]


def test_neighbours_stay_as_they_were_seen():
    (window,) = windows(Numbers(60), observer([28]), 20, 21)
    assert [n.index for n in window.neighbours] == [4, 12, 28, 36]
    assert window.neighbours[2].alignment is None


@pytest.fixture(scope="module")
def jerked(tmp_path_factory):
    """A clip with two frames so smeared that no edge is left to find the plate by."""
    jerk = Blur(90**2 / 12, 0, 1)
    images = [shot(textured(5), index, ball=True) for index in range(9)]
    for index in (4, 5):
        images[index] = np.uint8(np.round(255 * blurred(images[index].astype(np.float32) / 255, jerk)))
    return write_clip(tmp_path_factory.mktemp("jerked") / "clip.mkv", images)


def test_a_jerk_is_rendered_through(jerked, scene, run, tmp_path):
    code, said = run("render", jerked, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv")
    assert code == 0
    assert "2 frames: the plate was not found, it lies between where it is before and after: 4-5" in said
    for alpha in frames(tmp_path / "alpha.mkv")[4:6]:
        alpha = alpha.reshape(HEIGHT, WIDTH, -1)[..., 0] / 255
        ball = cv2.circle(np.zeros(alpha.shape), (216, 200), 15, 1, -1) > 0
        assert alpha[ball].mean() > 0.8
        assert alpha[:, 450:].mean() < 0.02


def test_a_jerk_is_told_as_it_will_be_rendered(jerked, scene, run, tmp_path):
    out = tmp_path / "a.json"
    code, said = run("align", jerked, "--plate", scene.plate, "--json", out, "--report", tmp_path / "report")
    rows = json.loads(out.read_text())["frames"]
    assert code == 0 and "7 ok, 0 weak, 2 bridged, 0 failed" in said
    assert "In 2 of 9 frames the plate was not found" in said
    assert [row["index"] for row in rows if row["status"] == "bridged"] == [4, 5]
    assert all("reason" in row and row["plate_to_frame"] for row in rows[4:6])
    assert "Frame 4 (0.17 s): bridged (" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    code, said = run("align", jerked, "--plate", scene.plate, "--start", 4, "--end", 5)
    assert code == 0 and "1 bridged, 0 failed" in said
    code, said = run("align", jerked, "--plate", scene.plate, "--sample", 3)
    assert code == 4 and "1 failed" in said
