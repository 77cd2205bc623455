"""What several tests need: the project's root, its sample, and the measured clips beside it."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Colour

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="module")
def as_many_threads_as_before():
    """Trainings set the number of threads; others are to find it as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def samples():
    return ROOT / "samples"


@pytest.fixture(scope="session")
def data():
    """The folder of measured clips. Not there on a user's machine; in CI it must be."""
    if not DATA.is_dir() and not os.environ.get("CI"):
        pytest.skip(f"{DATA} is not there")
    return DATA


@dataclass(frozen=True)
class Scene:
    """A made clip: a place full of texture, a hand that shakes, a red ball that crosses it."""

    clip: Path
    plate: Path
    empty: Path
    folder: Path


WIDTH, HEIGHT, FRAMES = 640, 360, 24


def textured(seed, width=WIDTH + 60, height=HEIGHT + 60):
    """A picture with detail at every size, here much and there little, H x W x 3 in [0, 1]."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells, gain in ((8, 1.0), (24, 0.7), (80, 0.5), (170, 0.5)):
        coarse = random.random((cells, cells, 3), np.float32)
        total += gain * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    busy = cv2.resize(random.random((6, 6), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    calm = cv2.GaussianBlur(total, (0, 0), 12)
    return np.clip((calm + np.clip(1.6 * busy - 0.3, 0, 1)[..., None] * (total - calm)) / total.max(), 0, 1)


def shot(place, index, ball):
    """Frame `index`: the place a few pixels off, and the ball in it."""
    left, top = 30 + round(4 * np.sin(index / 3)), 30 + round(3 * np.cos(index / 4))
    frame = place[top : top + HEIGHT, left : left + WIDTH].copy()
    if ball:
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.circle(alpha, (180 + 8 * index, 200), 70, 1, -1, cv2.LINE_AA)
        frame += alpha[..., None] * (np.float32((0.85, 0.08, 0.1)) - frame)
    noise = np.random.default_rng(1000 + index).normal(0, 0.006, frame.shape)
    return np.clip((frame + noise) * 255 + 0.5, 0, 255).astype(np.uint8)


def write_clip(path, images, rate=24):
    count, base = len(images), Fraction(1, rate)
    info = ClipInfo(path.with_name("none"), WIDTH, HEIGHT, tuple(range(count)), base, 1 / base, 8, Colour(), 0, count)
    with open_writer(path, info, channels=3) as writer:
        for index, image in enumerate(images):
            writer.write(image, index)
    return path


def frames(path):
    """All pictures of a clip."""
    with open_clip(path) as clip:
        return [frame.image for frame in clip.frames()]


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    place = textured(5)
    plate = np.clip(place[30 : 30 + HEIGHT, 30 : 30 + WIDTH] * 255, 0, 255).astype(np.uint8)
    cv2.imwrite(str(folder / "plate.png"), plate[:, :, ::-1])
    clip = write_clip(folder / "clip.mkv", [shot(place, i, ball=True) for i in range(FRAMES)])
    empty = write_clip(folder / "empty.mkv", [shot(place, i, ball=False) for i in range(6)])
    return Scene(clip, folder / "plate.png", empty, folder)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program as a user does; gives its exit code and what it said."""
    from pipeline import cli

    def call(*words):
        monkeypatch.setattr("sys.argv", ["cleanplate", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, " ".join((said.out + said.err).split())

    return call
