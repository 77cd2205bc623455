"""The report and the ablation, on two very short made clips with truth."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from evaluation import ablation, bench, calibration, report, robustness, shake, short_runs
from evaluation.metrics import Scores
from pipeline.frames import Settings


def test_the_report_scores_every_clip(clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["report", str(clips), "-o", str(tmp_path)])
    report.main()
    said = capsys.readouterr().out
    scores = json.loads((tmp_path / "report.json").read_text())
    assert set(scores) == {"mean", "clip_5", "clip_6"}
    assert scores["mean"]["mad"] == pytest.approx((scores["clip_5"]["mad"] + scores["clip_6"]["mad"]) / 2)
    assert 0 < scores["mean"]["mad"] < 10
    assert f"{scores['mean']['mad']:.2f}" in said
    errors = [frame["mad"] for frame in scores["clip_5"]["frames"]]
    assert len(errors) == 3 and scores["clip_5"]["mad"] == pytest.approx(np.mean(errors))
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img") == 4 and "width=device-width" in page and "pre{overflow-x:auto}" in page
    assert f"Frame 1, the middle one: MAD {errors[1]:.2f}" in page
    assert f"Frame {np.argmax(errors)}, the worst: MAD {max(errors):.2f}" in page


def test_a_clip_that_cannot_be_reported_is_named_and_the_others_are(clips, tmp_path, monkeypatch, capsys):
    shutil.copytree(clips / "clip_5", tmp_path / "in" / "good")
    shutil.copytree(clips / "clip_5", tmp_path / "in" / "bad")
    (tmp_path / "in" / "bad" / "plate.png").write_bytes(b"no picture")
    (tmp_path / "in" / "other").mkdir()
    (tmp_path / "in" / "other" / "clip.mp4").touch()
    monkeypatch.setattr("sys.argv", ["report", str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        report.main()
    said = capsys.readouterr()
    assert ended.value.code == 4 and "| good |" in said.out
    assert "note: other has no truth/alpha.mkv" in said.err and "error: bad is not in the report: " in said.err
    assert set(json.loads((tmp_path / "out" / "report.json").read_text())) == {"mean", "good"}


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_rendered(clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "render", None)
    (tmp_path / "a.txt").touch()
    monkeypatch.setattr("sys.argv", ["report", str(clips), "-o", str(tmp_path / "a.txt" / "out")])
    with pytest.raises(SystemExit) as ended:
        report.main()
    said = capsys.readouterr().err
    assert ended.value.code == 3 and "a.txt" in said and said.count("\n") == 1


@pytest.mark.parametrize("program", [ablation, calibration, robustness, shake, short_runs])
def test_a_missing_folder_is_named_in_one_line(clips, tmp_path, monkeypatch, capsys, program):
    out = [str(tmp_path / "out")] if program is short_runs else []
    for words in (
        [str(tmp_path / "none")],
        [str(clips), *(["--config"] if out else ["--weights"]), str(tmp_path / "none")],
    ):
        monkeypatch.setattr("sys.argv", ["program", *out, *words])
        with pytest.raises(SystemExit) as ended:
            program.main()
        said = capsys.readouterr().err
        assert ended.value.code == 2 and "none" in said and said.count("\n") == 1


def test_what_cannot_be_reported_is_said_before_anything_is_rendered(clips, tmp_path, monkeypatch, capsys):
    def refused(*words):
        monkeypatch.setattr("sys.argv", ["report", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            report.main()
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.count("\n") == 1
        return said

    monkeypatch.setattr(report, "render", None)
    (tmp_path / "a.txt").touch()
    for name in ("other/clip_5", "short", "mean"):
        (tmp_path / name / "truth").mkdir(parents=True)
        (tmp_path / name / "truth" / "alpha.mkv").touch()
    (tmp_path / "other" / "clip_5").rename(tmp_path / "clip_5")
    for name in ("clip_5", "mean"):
        for part in ("clip.mp4", "plate.png", "truth/foreground.mkv"):
            (tmp_path / name / part).touch()
    assert "there is no folder" in refused(tmp_path / "none")
    assert "holds no clip" in refused(clips, tmp_path / "other")
    assert "short has no clip.mp4" in refused(clips, tmp_path / "short")
    assert "clips of one name" in refused(clips, tmp_path / "clip_5")
    assert "mean has the name under which" in refused(clips, tmp_path / "mean")
    assert "a.txt is a file" in refused(clips, "-o", tmp_path / "a.txt")
    monkeypatch.chdir(clips / "clip_5")
    assert [clip.name for clip in report.find_clips([Path()])] == ["clip_5"]
    assert [clip.name for clip in report.find_clips([clips, clips / "clip_5"])].count("clip_5") == 1
    (tmp_path / "link").symlink_to(clips / "clip_5")
    assert [clip.name for clip in report.find_clips([tmp_path / "link"])] == ["link"]


def test_what_no_frame_has_is_left_out_of_the_means():
    def result(dtssd, foreground):
        return report.Result("clip", Scores(1.0, 2.0, 3.0, 4.0, dtssd, foreground, ()), {})

    results = [result(None, None), result(6.0, None)]
    assert report.means(results) == dict(zip(report.METRICS, (1.0, 2.0, 3.0, 4.0, 6.0, None), strict=True))
    assert report.table(results).endswith("| **mean** | 1.00 | 2.00 | 3.00 | 4.00 | 6.00 | - |")


def test_the_ablation_shows_that_the_plate_is_used(clips):
    rows = ablation.measure(report.find_clips([clips]), Settings(device="cpu"), step=2)
    assert {len(values) for values in rows.values()} == {2}
    assert np.mean(rows["another clip's plate"]) > 5 * np.mean(rows["as it is"])


def test_a_plate_of_other_tones_or_with_a_frame_costs_next_to_nothing_nor_do_clips_before_grading(
    clips, monkeypatch, capsys
):
    wanted = ("as it is", "gamma 0.8", "a white frame", "light from the side, 30 %")
    monkeypatch.setattr(robustness, "CHANGES", {name: robustness.CHANGES[name] for name in wanted})
    monkeypatch.setattr("sys.argv", ["robustness", str(clips), "--step", "2"])
    robustness.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0].strip() for row in rows] == [*wanted, "all of it dark", "all of it flat"]
    usual, *others = (float(row[-1]) for row in rows)
    assert all(other < usual + 2 for other in others)


@pytest.mark.parametrize("name", [name for name in robustness.CHANGES if name != "as it is"])
def test_every_change_changes_a_plate(name):
    plate = np.random.default_rng(0).integers(0, 1 << 16, (90, 160, 3)).astype(np.uint16)
    changed = robustness.altered(robustness.CHANGES[name])(plate)
    assert changed.shape == plate.shape and changed.dtype == np.uint16
    assert np.abs(changed.astype(int) - plate).max() > 1000


def test_the_bench_times_every_stage(clips):
    clip = clips / "clip_5"
    result = bench.measure(clip / "clip.mp4", clip / "plate.png", 360, 2, Settings(device="cpu"))
    stages = {"align", "inputs", "generator", "steadying", "refiner", "composite", "encode", "together"}
    assert stages == set(result["stages"])
    assert result["size"] == [640, 360]
    assert 4 < result["gmac_a_frame"] < 8
