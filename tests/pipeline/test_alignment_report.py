"""`cleanplate align`: a page to look at, a sample of frames, and advice that follows from the numbers."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from alignment.plate import AlignmentReport
from pipeline.alignment_report import advice, measured, write_report
from pipeline.frames import MachineError
from pipeline.notes import note_on_bars, note_on_grey
from pipeline.registration import FrameAlignment
from tests.conftest import HEIGHT, WIDTH, shot, textured, write_clip

GOOD = AlignmentReport(np.eye(3), 0.05, 900, 1.0, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), "ok")


def rows(*reports):
    return [FrameAlignment(i, i / 24, report, "" if report else "too dark") for i, report in enumerate(reports)]


def test_of_a_good_plate_it_is_said_what_was_checked():
    (sentence,) = advice(rows(GOOD, GOOD))
    assert sentence.startswith("The plate lies well in every frame that was looked at. Whether it shows the same")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(GOOD, gain=(1.3, 1.3, 1.3)), r"exposure changes by 30 %.*lock it"),
        (replace(GOOD, coverage=0.7), r"misses up to 30 %.*a little more of the place"),
        (replace(GOOD, residual_px=1.4), r"still move by 0\.7 px.*from where the clip was filmed"),
        (replace(GOOD, status="weak", exposed=False), r"1 of 2 frames the exposure could not be matched.*: 1\. Film"),
        (replace(GOOD, lost=0.3), r"burnt out in 15 % of a frame where the clip is not: photograph it darker"),
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
    assert re.fullmatch(r"In 3 of 7 frames .* checked all over .* hidden, .*\): 1-2, 5\.", sentence)


@pytest.mark.parametrize("elsewhere", [{"bend": np.full((3, 4, 2), 5.0)}, {"residual_px": 0.8}])
def test_a_plate_from_elsewhere_will_probably_not_do(elsewhere):
    weak, far = replace(GOOD, status="weak"), replace(GOOD, status="weak", **elsewhere)
    *_, why, verdict = advice(rows(far, far, GOOD))
    assert re.fullmatch(r"In 2 of 3 frames much of the place lies elsewhere .* another lens .*: 0-1\.", why)
    assert "will probably not do" in verdict
    # What ends well is no matter of where the plate was taken, and what is weak for no known reason may do.
    assert not any("another lens" in said for said in advice(rows(replace(GOOD, bend=far.bend), GOOD)))
    *_, verdict = advice(rows(weak, weak, GOOD))
    assert "not sure that this plate will do" in verdict and "another lens" not in verdict


def test_the_page_has_curve_pictures_and_reasons(scene, run, tmp_path):
    place, other = textured(5), textured(77)
    images = [shot(other if i == 2 else place, i, ball=True) for i in range(4)]
    clip = write_clip(tmp_path / "clip.mkv", images)
    code, said = run("align", clip, "--plate", scene.plate, "--report", tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert code == 4 and "index.html" in said and "1 of 4 frames could not be aligned" in said
    assert page.count("<circle") == 4 and "viewBox" in page and "width=device-width" in page
    assert "prefers-reduced-motion" in page and page.count("<button class=blink") == 3 and "&#9679;</span> weak" in page
    assert "Frame 2 (0.08 s): failed" in page
    for name in re.findall(r"src='([^']+)'", page):
        assert (tmp_path / "report" / name).stat().st_size > 1000
    assert {"frame_000000.jpg", "plate_000000.jpg", "difference_000000.jpg"} <= set(re.findall(r"src='([^']+)'", page))


def test_of_many_failed_frames_the_first_are_shown(scene, tmp_path):
    failed = [replace(row, report=None, reason="too dark") for row in rows(*[GOOD] * 8)]
    write_report(tmp_path, scene.clip, scene.plate, failed)
    assert "first 6 of 8 failed frames" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_bend_that_rounds_to_nothing_is_not_said():
    slightly = np.zeros((3, 4, 2)) + 0.02
    assert not any("0.0 px in" in said for said in measured(rows(replace(GOOD, bend=slightly))))
    assert any("bent by up to 0.3 px in 1 frames" in said for said in measured(rows(replace(GOOD, bend=10 * slightly))))


@pytest.mark.skipif(os.name == "nt", reason="there a name is text")
def test_a_name_that_is_no_text_costs_nothing(scene, run, tmp_path):
    clip = tmp_path / os.fsdecode(b"cl\xffp.mkv")
    clip.write_bytes(scene.clip.read_bytes())
    assert run("align", clip, "--plate", scene.plate, "--end", 1, "--report", tmp_path / "report")[0] == 0
    assert "cl?p.mkv" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_a_page_that_fails_loses_nothing(scene, run, tmp_path, monkeypatch):
    def fail(*_):
        raise MachineError("no room")

    monkeypatch.setattr("pipeline.alignment_report.write_report", fail)
    words = ("align", scene.clip, "--plate", scene.plate, "--end", 1)
    code, said = run(*words, "--json", tmp_path / "a.json", "--report", tmp_path / "report")
    assert code == 3 and "1 ok" in said and "The plate lies well" in said
    assert len(json.loads((tmp_path / "a.json").read_text())["frames"]) == 1


@pytest.mark.parametrize("name", ["index.html", "frame_000001.jpg", "difference_000000.jpg"])
def test_no_page_or_picture_of_the_users_is_replaced(scene, run, tmp_path, name):
    words = ("align", scene.clip, "--plate", scene.plate, "--end", 1, "--report", tmp_path)
    (tmp_path / name).write_text("<title>mine")
    code, said = run(*words)
    assert code == 2 and f"{name} lies there" in said
    assert [*tmp_path.iterdir()] == [tmp_path / name] and (tmp_path / name).read_text() == "<title>mine"
    (tmp_path / name).unlink()
    assert run(*words)[0] == run(*words)[0] == 0  # the last report is replaced


def test_a_sample_of_frames_is_spread_over_the_clip(scene, run, tmp_path):
    code, said = run(
        "align", scene.clip, "--plate", scene.plate, "--sample", 3, "--start", 2, "--json", tmp_path / "a.json"
    )
    assert code == 0 and "3 ok" in said
    assert [row["index"] for row in json.loads((tmp_path / "a.json").read_text())["frames"]] == [2, 12, 23]


def test_a_plate_that_is_burnt_out_where_the_clip_is_not_is_named(run, tmp_path):
    place = textured(5)
    clip = write_clip(tmp_path / "clip.mkv", [shot(place, i, ball=True) for i in range(3)])
    plate = np.clip(place[30 : 30 + HEIGHT, 30 : 30 + WIDTH] * 2 * 255, 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "plate.png"), plate[:, :, ::-1])
    _, said = run("align", clip, "--plate", tmp_path / "plate.png")
    assert re.search(r"burnt out in \d+ % of a frame where the clip is not", said)
    _, said = run("render", clip, "--plate", tmp_path / "plate.png", "--alpha", tmp_path / "alpha.mkv")
    assert "3 frames: the plate is burnt out where the clip is not: photograph it darker: 0-2" in said


@pytest.mark.parametrize("axis", [0, 1], ids=["letterbox", "pillarbox"])
def test_black_bars_are_named(run, tmp_path, scene, axis):
    place, bar = textured(5), (HEIGHT, WIDTH)[axis] // 10
    images = [np.moveaxis(shot(place, i, ball=True), axis, 0).copy() for i in range(2)]
    for image in images:
        image[:bar] = image[-bar:] = 0
    clip = write_clip(tmp_path / "clip.mkv", [np.moveaxis(image, 0, axis) for image in images])
    _, said = run("align", clip, "--plate", scene.plate)
    assert f"has black bars, 20% of its {('height', 'width')[axis]}: crop" in said
    _, said = run("render", clip, "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv")
    assert f"has black bars, 20% of its {('height', 'width')[axis]}: crop" in said


def test_a_dark_edge_or_a_black_frame_is_no_bar():
    frame = np.full((90, 160, 3), 120, np.uint8)
    frame[:12] = 0
    frame[-3:] = 0
    assert note_on_bars(Path("a.mp4"), frame) == note_on_bars(Path("a.mp4"), 0 * frame) == []


def test_somebody_before_black_is_between_no_bars():
    frame = np.full((90, 160, 3), 3, np.uint8)
    frame[:, 60:100] = 120
    assert note_on_bars(Path("a.mp4"), frame) == []


def test_a_grey_clip_with_a_plate_in_colour_is_named():
    colour = np.random.default_rng(0).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    grey = colour[..., :1].repeat(3, axis=2)
    (note,) = note_on_grey(Path("a.mp4"), grey, np.dstack((colour, colour[..., :1])))
    assert "a.mp4 is grey" in note
    for frame, plate in ((colour, grey), (colour, colour), (grey, grey), (0 * grey, colour)):
        assert note_on_grey(Path("a.mp4"), frame, plate) == []
