"""The report and the ablation, on two very short made clips with truth."""

import json

import cv2
import numpy as np
import pytest

from evaluation import ablation, bench, report
from pipeline.frames import Settings
from tests.conftest import HEIGHT, WIDTH, shot, textured, write_clip

FRAMES = 3


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for seed in (5, 6):
        place, clip = textured(seed), folder / f"clip_{seed}"
        (clip / "truth").mkdir(parents=True)
        plate = np.clip(place[30 : 30 + HEIGHT, 30 : 30 + WIDTH] * 255, 0, 255).astype(np.uint8)
        cv2.imwrite(str(clip / "plate.png"), plate[:, :, ::-1])
        write_clip(clip / "clip.mp4", [shot(place, i, ball=True) for i in range(FRAMES)])
        write_clip(clip / "truth" / "alpha.mkv", [true_alpha(i) for i in range(FRAMES)])
        red = np.full((HEIGHT, WIDTH, 3), (217, 20, 26), np.uint8)
        write_clip(clip / "truth" / "foreground.mkv", [red] * FRAMES)
    return folder


def true_alpha(index):
    alpha = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(alpha, (180 + 8 * index, 200), 70, (255, 255, 255), -1, cv2.LINE_AA)
    return alpha


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


def test_the_ablation_shows_that_the_plate_is_used(clips):
    rows = ablation.measure(report.find_clips([clips]), Settings(device="cpu"), step=2)
    assert {len(values) for values in rows.values()} == {2}
    assert np.mean(rows["another clip's plate"]) > 5 * np.mean(rows["as it is"])


def test_the_bench_times_every_stage(clips):
    clip = clips / "clip_5"
    result = bench.measure(clip / "clip.mp4", clip / "plate.png", 360, 2, Settings(device="cpu"))
    assert {"align", "warp", "inputs", "generator", "refiner", "composite", "encode", "together"} == set(
        result["stages"]
    )
    assert result["size"] == [640, 360]
    assert 4 < result["gmac_a_frame"] < 8
