"""The bench measures what it says; how long that takes is not for a test to judge."""

import json
import sys

from evaluation import bench


def test_a_small_bench_has_every_stage_and_a_render(samples, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "RENDERED", 4)
    words = [samples / "clip.mp4", "--plate", samples / "plate.png", "--height", 360, "--frames", 2, "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, words), "--json", str(tmp_path / "bench.json")])
    bench.main()
    (result,) = json.loads((tmp_path / "bench.json").read_text())
    assert result["size"] == [640, 360]
    stages = {stage: row["median_ms"] for stage, row in result["stages"].items()}
    together = stages.pop("together")
    assert {"align", "warp", "generator", "refiner", "encode"} <= set(stages)
    assert together >= max(stages.values()) > 0
    assert result["render"]["frames"] == 4
    assert set(result["render"]["busy_ms_a_frame"]) == {"reading and aligning", "matting", "composing and encoding"}
    assert 0.1 < result["gmac_a_frame"] < 20
    assert "whole render of 4 frames" in capsys.readouterr().out
