"""The shipped samples are whole and small, and their script makes the same files every time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = ("clip.mp4", "plate.png", "background.jpg", "alpha.mkv", "plant.mp4", "plant_alpha.mkv")
LIMIT_BYTES = 5_000_000


def grey_frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def alphas() -> list[np.ndarray]:
    return grey_frames(SAMPLES / "alpha.mkv")


def test_the_files_are_there_and_small() -> None:
    assert sum((SAMPLES / name).stat().st_size for name in FILES) <= LIMIT_BYTES


def test_clip_alpha_and_plate_belong_together(alphas: list[np.ndarray]) -> None:
    with av.open(str(SAMPLES / "clip.mp4")) as clip:
        stream = clip.streams.video[0]
        size = (stream.height, stream.width)
        times = [frame.pts * frame.time_base for frame in clip.decode(stream)]
    assert len(times) == len(alphas)
    assert 3 <= times[-1] <= 5
    assert all(alpha.shape == size for alpha in alphas)
    assert cv2.imread(str(SAMPLES / "plate.png")).shape[:2] == size
    assert cv2.imread(str(SAMPLES / "background.jpg")) is not None


def test_the_clip_has_sound_to_its_end() -> None:
    with av.open(str(SAMPLES / "clip.mp4")) as clip:
        blocks = [frame.to_ndarray() for frame in clip.decode(audio=0)]
        rate = clip.streams.audio[0].rate
    sound = np.concatenate(blocks, axis=1)
    assert 3.9 <= sound.shape[1] / rate <= 4.1
    assert np.abs(sound).max() > 0.05


def test_alpha_has_background_figure_and_hair(alphas: list[np.ndarray]) -> None:
    for alpha in alphas:
        assert (alpha == 0).mean() > 0.5
        assert (alpha == 255).mean() > 0.03
        assert 0.001 < ((alpha > 0) & (alpha < 255)).mean() < 0.05


def test_the_subject_moves(alphas: list[np.ndarray]) -> None:
    def middle(alpha: np.ndarray) -> float:
        return float(np.average(np.arange(alpha.shape[1]), weights=alpha.sum(axis=0)))

    assert middle(alphas[-1]) - middle(alphas[0]) > 0.1 * alphas[0].shape[1]


def test_the_plant_is_thin_all_over_and_moves() -> None:
    frames, alphas = (grey_frames(SAMPLES / name) for name in ("plant.mp4", "plant_alpha.mkv"))
    assert len(frames) == len(alphas) == 50 and frames[0].shape == alphas[0].shape
    for alpha in alphas:
        seen = alpha > 0
        assert 0.02 < seen.mean() < 0.2
        assert ((alpha > 0) & (alpha < 255)).sum() > 0.25 * seen.sum()
    moved = np.abs(alphas[0].astype(float) - alphas[25]).mean() / alphas[0].mean()
    assert moved > 0.2


def test_making_it_twice_gives_the_same_files(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        out = tmp_path / name
        command = [sys.executable, SAMPLES / "make.py", "--out", out, "--frames", "2", "--width", "192"]
        subprocess.run(command, check=True)
        assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
        digests.append([hashlib.sha256((out / file).read_bytes()).hexdigest() for file in FILES])
        assert len(grey_frames(out / "alpha.mkv")) == 2
    assert digests[0] == digests[1]
