"""The report and the ablation, on two very short made clips with truth."""

import json

import numpy as np
import pytest

from evaluation import ablation, bench, report
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
    assert (tmp_path / "report.html").read_text().count("<img") == 2


def test_what_no_frame_has_is_left_out_of_the_means():
    def result(dtssd, foreground):
        return report.Result("clip", Scores(1.0, 2.0, 3.0, 4.0, dtssd, foreground, ()), np.zeros((1, 1, 3), np.uint8))

    results = [result(None, None), result(6.0, None)]
    assert report.means(results) == dict(zip(report.METRICS, (1.0, 2.0, 3.0, 4.0, 6.0, None), strict=True))
    assert report.table(results).endswith("| **mean** | 1.00 | 2.00 | 3.00 | 4.00 | 6.00 | - |")


def test_the_ablation_shows_that_the_plate_is_used(clips):
    rows = ablation.measure(report.find_clips([clips]), Settings(device="cpu"), step=2)
    assert {len(values) for values in rows.values()} == {2}
    assert np.mean(rows["another clip's plate"]) > 5 * np.mean(rows["as it is"])


def test_the_bench_times_every_stage(clips):
    clip = clips / "clip_5"
    result = bench.measure(clip / "clip.mp4", clip / "plate.png", 360, 2, Settings(device="cpu"))
    stages = {"align", "inputs", "generator", "steadying", "refiner", "composite", "encode", "together"}
    assert stages == set(result["stages"])
    assert result["size"] == [640, 360]
    assert 4 < result["gmac_a_frame"] < 8
