"""The square around the subject that imported networks are shown."""

import cv2
import numpy as np
import pytest

from models.importing import import_state
from models.weights import save_weights
from pipeline.crop import CROP, subject_square
from pipeline.frames import Settings
from pipeline.matting import Matter
from pipeline.render import RenderJob, render
from tests.models.original import TINY, random_state


def box(height, width, top, left, bottom, right):
    mask = np.zeros((height, width), np.float32)
    mask[top:bottom, left:right] = 0.5
    return mask


@pytest.mark.parametrize(
    ("mask", "rows", "columns"),
    [
        (box(200, 300, 80, 100, 120, 120), slice(76, 124), slice(86, 134)),  # 40 + 2 x 4 pixels around (100, 110)
        (box(200, 300, 0, 250, 40, 300), slice(0, 60), slice(240, 300)),  # moved in at the top and at the right
        (box(200, 300, 160, 0, 200, 10), slice(152, 200), slice(0, 48)),  # at the bottom and at the left
        (box(200, 300, 10, 20, 190, 40), slice(0, 200), slice(0, 216)),  # higher than the picture: cut off
        (box(200, 300, 50, 60, 51, 61), slice(50, 51), slice(60, 61)),
    ],
)
def test_the_square_has_a_tenth_of_room_and_lies_in_the_picture(mask, rows, columns):
    assert subject_square(mask) == (rows, columns)


def test_no_subject_has_no_square():
    assert subject_square(np.full((20, 30), 0.49, np.float32)) is None


def test_an_imported_network_sees_the_square_and_leaves_the_rest_alone(scene, tmp_path, monkeypatch):
    state = random_state()
    for part in ("weight", "bias"):
        state[f"model_al_out.9.{part}"].fill_(0 if part == "weight" else 3)  # alpha 0.9975 in all the square
    save_weights(import_state(state, TINY), tmp_path / "theirs.safetensors", {})
    seen = []
    generate = Matter.generate
    monkeypatch.setattr(Matter, "generate", lambda self, given: seen.append(given) or generate(self, given))
    job = RenderJob(
        scene.clip, scene.plate, "none", None, alpha=tmp_path / "a_%05d.png", end="1",
        settings=Settings(model="paper", weights=tmp_path / "theirs.safetensors"),
    )  # fmt: skip
    render(job)
    alpha = cv2.imread(str(next(tmp_path.glob("a_*.png"))), cv2.IMREAD_GRAYSCALE)
    # The ball: 140 pixels wide around (180, 200), and 14 of room.
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    assert np.abs(np.array([rows[0], rows[-1], columns[0], columns[-1]]) - [116, 283, 96, 263]).max() <= 6
    assert (alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 254).all()
    assert [x.shape[:2] for x in seen[0].maps] == [CROP] * 5
    red = seen[0].image[..., 0] - seen[0].image[..., 2] > 0.5
    assert red.mean() == pytest.approx(np.pi / 4 / 1.2**2, abs=0.03)  # a disc in a square 1.2 times as wide
