"""The metrics against published conventions (golden values), cases small enough to do by hand, and misuse."""

from __future__ import annotations

import json
import math
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.evaluate import evaluate_clips
from evaluation.metrics import (
    FrameScores,
    ScoreAccumulator,
    Scores,
    conn,
    dtssd,
    foreground_mse,
    grad,
    mad,
    mse,
)
from pipeline.frames import CleanplateError

GOLDEN = Path(__file__).parents[2].parent / "shared" / "data" / "metrics"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir() and "CI" not in os.environ, reason="the shared test data is not on this machine"
)


@needs_golden
def test_golden_values() -> None:
    golden = json.loads((GOLDEN / "scores.json").read_text())
    scores = evaluate_clips(GOLDEN / "predicted.mkv", GOLDEN / "true.mkv")
    assert len(scores.frames) == len(golden["frames"])
    for got, want in zip(scores.frames, golden["frames"], strict=True):
        for name, value in want.items():
            assert getattr(got, name) == pytest.approx(value, rel=1e-5), name
    assert scores.frames[0].dtssd is None
    assert [f.dtssd for f in scores.frames[1:]] == pytest.approx(golden["dtssd_from_second_frame"], rel=1e-5)
    assert scores.mad == pytest.approx(np.mean([frame["mad"] for frame in golden["frames"]]), rel=1e-5)
    assert scores.dtssd == pytest.approx(np.mean(golden["dtssd_from_second_frame"]), rel=1e-5)


def test_mad_and_mse_by_hand() -> None:
    pred, true = np.array([[0.5, 1.0], [0.0, 0.25]]), np.array([[0.0, 1.0], [0.0, 0.5]])
    assert mad(pred, true) == pytest.approx(0.75 / 4 * 1e3)
    assert mse(pred, true) == pytest.approx(0.3125 / 4 * 1e3)


def test_dtssd_counts_flicker_not_a_constant_error() -> None:
    true = np.zeros((2, 2))
    assert dtssd(true + 0.5, true + 0.5, true, true) == 0
    assert dtssd(true + 0.3, true + 0.1, true, true) == pytest.approx(20)
    one_of_four = np.array([[0.4, 0.0], [0.0, 0.0]])
    assert dtssd(one_of_four, true, true, true) == pytest.approx(math.sqrt(0.16 / 4) * 100)


def test_grad_of_a_vertical_edge_is_the_same_on_every_row() -> None:
    flat, edge = np.zeros((30, 40)), np.zeros((30, 40))
    edge[:, 20:] = 1
    full = grad(flat, edge)
    assert full > 0
    assert grad(flat[:15], edge[:15]) == pytest.approx(full / 2, rel=1e-5)
    assert grad(flat.T, edge.T) == pytest.approx(full, rel=1e-5)


def test_grad_of_an_edge_by_the_formula() -> None:
    x = np.arange(-4, 5)
    smooth = np.exp(-(x**2) / (2 * 1.4**2))
    slope = -x * smooth
    smooth, slope = smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)
    across = [smooth.sum() * slope[4 - k :].sum() for k in range(-4, 5)]
    edge = np.zeros((10, 40))
    edge[:, 20:] = 1
    assert grad(np.zeros_like(edge), edge) == pytest.approx(10 * np.square(across).sum() / 1e3, rel=1e-5)


def test_grad_stretches_each_alpha_first() -> None:
    edge = np.zeros((20, 20))
    edge[:, 10:] = 1
    assert grad(0.2 + 0.5 * edge, edge) == pytest.approx(0, abs=1e-9)


def test_conn_of_an_island_by_hand() -> None:
    true = np.zeros((5, 9))
    true[1:4, 1:4] = 1
    pred = true.copy()
    pred[2, 6] = 1  # not joined to the figure, so its level is 0 and it is wholly disconnected
    assert conn(pred, true) == pytest.approx(1 / 1e3)
    pred[2, 6] = 0.14
    assert conn(pred, true) == 0


def test_conn_of_a_faded_figure_by_hand() -> None:
    true = np.ones((4, 4))
    # Both reach 0.5 and no higher, so 0.5 of the truth is above the level: sixteen pixels off by a half.
    assert conn(np.full((4, 4), 0.5), true) == pytest.approx(16 * 0.5 / 1e3)


def test_conn_joins_by_sides_not_by_corners() -> None:
    true = np.zeros((4, 4))
    true[:2, :2] = 1
    true[2, 2] = 1
    pred = true.copy()
    pred[2, 2] = 0.5
    assert conn(pred, true) == pytest.approx(0.5 / 1e3)


@pytest.mark.parametrize("code", range(0, 256, 51))
def test_conn_counts_a_tie_with_a_threshold_as_inside(code: int) -> None:
    alpha = np.full((3, 3), np.float32(code) / np.float32(255))
    island = np.zeros((3, 6), np.float32)
    island[:, :3] = alpha
    # Were the tie outside, the level would be a step lower; with the truth 0.15 above it would then show.
    true = np.minimum(island + np.float32(0.149) * (island > 0), 1)
    assert conn(island, true) == 0


def test_foreground_mse_looks_where_the_subject_is() -> None:
    alpha = np.array([[0.0, 0.02, 0.03, 1.0]])
    true = np.zeros((1, 4, 3))
    pred = true.copy()
    pred[0, :2] = 1
    assert foreground_mse(pred, true, alpha) == 0
    pred[0, 3, 0] = 0.6
    assert foreground_mse(pred, true, alpha) == pytest.approx(0.36 / 6 * 1e3)
    assert foreground_mse(pred, true, np.zeros((1, 4))) is None


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_equal_and_flat_alphas_score_zero(level: float) -> None:
    alpha = np.full((6, 7), level)
    assert [measure(alpha, alpha) for measure in (mad, mse, grad, conn)] == [0, 0, 0, 0]


def test_accumulator_agrees_with_the_functions() -> None:
    rng = np.random.default_rng(3)
    pred, true = rng.random((3, 24, 32)), rng.random((3, 24, 32))
    scores = ScoreAccumulator()
    returned = [scores.add(p, t) for p, t in zip(pred, true, strict=True)]
    result = scores.result()
    assert list(result.frames) == returned
    assert result.grad == pytest.approx(np.mean([grad(p, t) for p, t in zip(pred, true, strict=True)]))
    assert returned[2].dtssd == pytest.approx(dtssd(pred[2], pred[1], true[2], true[1]))
    assert result.dtssd == pytest.approx((returned[1].dtssd + returned[2].dtssd) / 2)


def test_result_is_plain_json() -> None:
    frame = FrameScores(mad=1, mse=2, grad=3, conn=4)
    data = json.loads(json.dumps(Scores.of([frame]).to_dict()))
    assert data["mad"] == 1 and data["dtssd"] is None
    assert data["frames"] == [{"mad": 1, "mse": 2, "grad": 3, "conn": 4, "dtssd": None, "foreground_mse": None}]


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 2\)"):
        mad(np.zeros((2, 3)), np.zeros((3, 2)))
    scores = ScoreAccumulator()
    with pytest.raises(ValueError, match="no frames"):
        scores.result()
    scores.add(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="frame 1 is"):
        scores.add(np.zeros((4, 4)), np.zeros((4, 4)))


def write_clip(path: Path, frames: list[NDArray[np.uint8]], pix_fmt: str = "gray") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="gray" if image.ndim == 2 else "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def grey(*levels: int, size: tuple[int, int] = (32, 48)) -> list[NDArray[np.uint8]]:
    return [np.full(size, level, np.uint8) for level in levels]


def test_clips_by_hand(tmp_path: Path) -> None:
    scores = evaluate_clips(write_clip(tmp_path / "p.mkv", grey(51, 102)), write_clip(tmp_path / "t.mkv", grey(0, 0)))
    assert [frame.mad for frame in scores.frames] == pytest.approx([200, 400])
    assert scores.mad == pytest.approx(300)
    assert scores.dtssd == pytest.approx(20)
    assert scores.foreground_mse is None


def test_clips_with_foreground(tmp_path: Path) -> None:
    alpha = write_clip(tmp_path / "a.mkv", grey(255, 255))
    dark = write_clip(tmp_path / "d.mkv", [np.zeros((32, 48, 3), np.uint8)] * 2, "bgr0")
    light = write_clip(tmp_path / "l.mkv", [np.full((32, 48, 3), 51, np.uint8)] * 2, "bgr0")
    assert evaluate_clips(alpha, alpha, (light, dark)).foreground_mse == pytest.approx(40)


def test_clips_of_different_length_say_both(tmp_path: Path) -> None:
    short, long = write_clip(tmp_path / "p.mkv", grey(0, 0)), write_clip(tmp_path / "t.mkv", grey(0, 0, 0))
    with pytest.raises(CleanplateError, match=r"p\.mkv has 2 frames.*t\.mkv has 3"):
        evaluate_clips(short, long)


def test_clips_of_different_size_say_both(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "p.mkv", grey(0, size=(32, 48)))
    large = write_clip(tmp_path / "t.mkv", grey(0, size=(64, 48)))
    with pytest.raises(CleanplateError, match=r"p\.mkv is 48 x 32.*t\.mkv is 48 x 64"):
        evaluate_clips(small, large)


def test_a_picture_in_colour_is_no_alpha(tmp_path: Path) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[..., 2] = 200
    colour = write_clip(tmp_path / "p.mkv", [picture], "bgr0")
    true = write_clip(tmp_path / "t.mkv", grey(0))
    with pytest.raises(CleanplateError, match=r"p\.mkv is in colour at frame 0"):
        evaluate_clips(colour, true)


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match=r"absent\.mkv"):
        evaluate_clips(tmp_path / "absent.mkv", tmp_path / "absent.mkv")
