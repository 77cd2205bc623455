"""`cleanplate align`: a page to look at, a sample of frames, and advice that follows from the numbers."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from alignment.plate import AlignmentReport
from pipeline.alignment_report import advice
from pipeline.registration import FrameAlignment
from tests.conftest import shot, textured, write_clip

GOOD = AlignmentReport(np.eye(3), 0.05, 900, 1.0, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), "ok")


def rows(*reports):
    return [FrameAlignment(i, i / 24, report, "" if report else "too dark") for i, report in enumerate(reports)]


def test_a_good_plate_will_do():
    assert advice(rows(GOOD, GOOD)) == ["This plate will do."]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(GOOD, gain=(1.3, 1.3, 1.3)), r"exposure changes by 30 %.*lock it"),
        (replace(GOOD, coverage=0.7), r"misses up to 30 %.*a little more of the place"),
        (replace(GOOD, residual_px=1.4), r"still move by 0\.7 px.*from where the clip was filmed"),
        (replace(GOOD, status="weak", exposed=False), r"1 of 2 frames the exposure could not be matched.*: 1\. Film"),
        (replace(GOOD, status="bridged"), r"1 of 2 frames the plate was not found.*before and after"),
        (None, r"1 of 2 frames could not be aligned\. Mostly: too dark"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(other, said):
    (sentence,) = advice(rows(GOOD, other))
    assert re.search(said, sentence)


def test_frames_that_cannot_be_checked_are_named():
    weak = replace(GOOD, status="weak")
    (sentence,) = advice(rows(GOOD, weak, weak, GOOD, GOOD, weak, GOOD))
    assert re.fullmatch(r"In 3 of 7 frames .* checked all over .* hidden\): 1-2, 5\.", sentence)


def test_the_page_has_curve_pictures_and_reasons(scene, run, tmp_path):
    place, other = textured(5), textured(77)
    images = [shot(other if i == 2 else place, i, ball=True) for i in range(4)]
    clip = write_clip(tmp_path / "clip.mkv", images)
    code, said = run("align", clip, "--plate", scene.plate, "--report", tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert code == 4 and "index.html" in said and "1 of 4 frames could not be aligned" in said
    assert page.count("<circle") == 4
    assert "Frame 2 (0.08 s): failed" in page
    for name in re.findall(r"src='([^']+)'", page):
        assert (tmp_path / "report" / name).stat().st_size > 1000
    assert {"frame_000000.jpg", "plate_000000.jpg", "difference_000000.jpg"} <= set(re.findall(r"src='([^']+)'", page))


def test_a_sample_of_frames_is_spread_over_the_clip(scene, run, tmp_path):
    code, said = run(
        "align", scene.clip, "--plate", scene.plate, "--sample", 3, "--start", 2, "--json", tmp_path / "a.json"
    )
    assert code == 0 and "3 ok" in said
    assert [row["index"] for row in json.loads((tmp_path / "a.json").read_text())["frames"]] == [2, 12, 23]
