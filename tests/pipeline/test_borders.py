"""Borders of one colour are no part of a plate; what only looks like one is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.borders import within_border
from pipeline.frames import Image
from pipeline.plates import read_plate

WIDTH, HEIGHT = 480, 270


def room(seed: int = 0) -> Image:
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    for _ in range(200):
        at, extent = random.integers(0, [WIDTH, HEIGHT]), random.integers(6, 70, 2)
        cv2.rectangle(picture, at.tolist(), (at + extent).tolist(), random.uniform(0.1, 0.9, 3).tolist(), -1)
    noisy = cv2.GaussianBlur(picture, (0, 0), 0.7) + random.normal(0, 0.01, picture.shape)
    return np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)


def letterbox(picture: Image) -> Image:
    return np.where(np.arange(HEIGHT)[:, None, None] % (HEIGHT - 32) < 32, 0, picture).astype(np.uint8)


def pillars(picture: Image) -> Image:
    return np.where(np.arange(WIDTH)[None, :, None] % (WIDTH - 60) < 60, 16, picture).astype(np.uint8)


def framed(picture: Image) -> Image:
    return np.asarray(cv2.copyMakeBorder(picture, *(20,) * 4, cv2.BORDER_CONSTANT, value=(255,) * 3), np.uint8)


def turned(picture: Image) -> Image:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 12, 1)
    return np.asarray(cv2.warpAffine(picture, turn, (WIDTH, HEIGHT)), np.uint8)


def coded(picture: Image) -> Image:
    """As a JPEG has it: edges ring."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1), np.uint8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bordered", [letterbox, pillars, framed, turned])
def test_what_lies_within_a_border_is_found(bordered, seed):
    true = bordered(np.ones((HEIGHT, WIDTH, 3), np.uint8)).reshape(-1, 3)[:, 0] == 1
    within = within_border(coded(bordered(room(seed))))
    assert within is not None
    assert (within.ravel() & ~true).sum() <= 0.001 * true.sum()
    missing = (true & ~within.ravel()).sum() / true.sum()
    assert missing < 0.1  # the rim is mixed with the border


def test_a_white_sky_is_not_taken_for_the_white_frame_around_it():
    picture = room()
    picture[:80, 200:] = 255
    within = within_border(coded(framed(picture)))
    assert within is not None
    assert within[30:-30, 30:-30].all() and not within[:20].any() and not within[:, -20:].any()


def test_a_deep_pictures_border_is_found():
    deep = letterbox(room()).astype(np.uint16) * 257
    within, eight = within_border(deep), within_border(letterbox(room()))
    assert within is not None and eight is not None and np.array_equal(within, eight)


def dark(picture: Image) -> Image:
    """A lamp in the dark: black corners without an edge."""
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    return np.rint(picture * np.clip(1.3 - np.hypot(x, y), 0, 1)[..., None]).astype(np.uint8)


def sky(picture: Image) -> Image:
    picture = picture.copy()
    picture[:90] = 255
    return picture


def wall(picture: Image) -> Image:
    """Things on a plain wall, which has noise."""
    noise = np.random.default_rng(1).normal(0, 2.5, picture.shape)
    plain = np.rint(200 + noise).astype(np.uint8)
    plain[60:200, 100:400] = picture[60:200, 100:400]
    return plain


@pytest.mark.parametrize(
    "picture",
    [
        room(),
        dark(room()),
        sky(room()),
        wall(room()),
        np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        np.full((HEIGHT, WIDTH, 3), 140, np.uint8),
        np.zeros((6, 9, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=["room", "dark corners", "sky", "wall", "black", "grey", "small", "one pixel"],
)
def test_what_has_none_is_left_alone(picture):
    assert within_border(picture) is None


def test_a_plate_with_bars_knows_nothing_there_and_says_so(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "plate.png"), letterbox(room())[..., ::-1])
    notes: list[str] = []
    plate = read_plate(tmp_path / "plate.png", notes=notes)
    assert plate.shape == (HEIGHT, WIDTH, 4)
    assert not plate[:32, :, 3].any() and (plate[40:-40, :, 3] == 255).all() and not plate[-32:, :, 3].any()
    (note,) = notes
    assert "has a border" in note and "28%" in note
