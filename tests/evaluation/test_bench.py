"""The bench measures what it says; how long that takes is not for a test to judge."""

import json
import sys
from dataclasses import replace

import pytest

from evaluation import bench
from evaluation.whole_runs import run_timed
from pipeline.decode import open_clip
from pipeline.encode import open_writer


def test_a_small_bench_has_every_stage_and_a_render(samples, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "RENDERED", 4)
    words = [samples / "clip.mp4", "--plate", samples / "plate.png", "--height", 360, "--frames", 2, "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, words), "--json", str(tmp_path / "bench.json")])
    bench.main()
    (result,) = json.loads((tmp_path / "bench.json").read_text())
    assert result["size"] == [640, 360]
    stages = {stage: row["median_ms"] for stage, row in result["stages"].items()}
    together = stages.pop("together")
    assert {"align", "inputs", "generator", "refiner", "encode"} <= set(stages)
    assert together >= max(stages.values()) > 0
    assert 0 < result["networks_side_by_side"]["low_ms"] <= result["networks_side_by_side"]["high_ms"]
    assert result["render"]["frames"] == 4
    assert set(result["render"]["busy_ms_a_frame"]) == {"reading and aligning", "matting", "composing and encoding"}
    assert 0.1 < result["gmac_a_frame"] < 20
    assert "whole render of 4 frames" in capsys.readouterr().out


OTHER = """
import pathlib, sys, time
time.sleep(0.3)
pathlib.Path(sys.argv[2], "seen").write_text(sys.argv[1])
"""


def test_another_program_runs_in_turn_with_this_one(samples, monkeypatch, tmp_path, capsys):
    clip, script = tmp_path / "short.mp4", tmp_path / "other.py"
    script.write_text(OTHER)
    film(samples / "clip.mp4", clip, 3)
    words = [clip, "--plate", samples / "plate.png", "--rounds", 2, "--json", tmp_path / "a.json"]
    other = f"{sys.executable} {script} {{clip}} {tmp_path}"
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, words), "--against", other])
    bench.main()
    ours, theirs = json.loads((tmp_path / "a.json").read_text())
    assert (ours["program"], theirs["program"]) == ("cleanplate", "other")
    assert ours["seconds"] > theirs["seconds"] >= 0.3
    assert ours["peak_memory_gb"] > theirs["peak_memory_gb"] > 0
    assert (tmp_path / "seen").read_text() == str(clip)
    assert "times as long" in capsys.readouterr().out


def test_a_program_that_fails_ends_the_bench_with_its_last_words():
    with pytest.raises(SystemExit, match="ended with 3: no such model"):
        run_timed([sys.executable, "-c", "import sys; sys.stderr.write('no such model'); sys.exit(3)"])


def test_growth_renders_every_length(samples, monkeypatch, tmp_path):
    words = ["bench", samples / "clip.mp4", "--plate", samples / "plate.png", "--height", 270, "--frames", 4]
    monkeypatch.setattr(sys, "argv", [*map(str, words), "--growth", "2", "9", "--json", str(tmp_path / "g.json")])
    bench.main()
    rows = json.loads((tmp_path / "g.json").read_text())
    assert [(row["size"], row["frames"]) for row in rows] == [([480, 270], 2), ([480, 270], 9)]
    assert all(row["ms_a_frame"] > 0 and row["peak_memory_gb"] > 0.1 for row in rows)


def film(source, target, count):
    """The first frames of a clip as a clip of their own."""
    with open_clip(source) as clip:
        info = replace(clip.info, pts=clip.info.pts[:count], end_pts=clip.info.pts[count], audio_streams=0)
        with open_writer(target, info, channels=3) as writer:
            for frame in clip.frames(0, count):
                writer.write(frame.image, frame.pts)
