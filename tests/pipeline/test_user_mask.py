"""The user's own soft masks."""

import cv2
import numpy as np

from pipeline.matting import Matter
from pipeline.render import RenderJob, render
from tests.conftest import HEIGHT, WIDTH, frames


def test_the_users_own_mask_replaces_the_segmenters(scene, tmp_path, monkeypatch):
    black, white = (tmp_path / name for name in ("black.png", "white.png"))
    cv2.imwrite(str(black), np.zeros((HEIGHT, WIDTH), np.uint8))
    cv2.imwrite(str(white), np.full((HEIGHT, WIDTH), 255, np.uint8))
    seen, generate = [], Matter.generate
    monkeypatch.setattr(Matter, "generate", lambda self, given: seen.append(given.mask) or generate(self, given))
    mattes = []
    for mask in (black, white):
        alpha = tmp_path / f"{mask.stem}.mkv"
        render(RenderJob(scene.clip, scene.plate, "none", None, alpha, mask=mask, start="5", end="6"))
        mattes.append(frames(alpha)[0])
    # What the networks were shown is the user's alone, in the frame and in the four around it.
    assert [mask.mean() for mask in seen] == [0] * 5 + [1] * 5
    assert mattes[1].mean() > mattes[0].mean()


def test_an_empty_mask_takes_nothing_out_and_that_is_said(scene, run, tmp_path):
    mask = tmp_path / "mask.png"
    for brightest, is_said in ((100, True), (200, False)):
        cv2.imwrite(str(mask), np.linspace(0, brightest, HEIGHT * WIDTH).astype(np.uint8).reshape(HEIGHT, WIDTH))
        words = ("--mask", mask, "--alpha", tmp_path / "alpha.mkv", "--start", 5, "--end", 6, "--overwrite")
        code, said = run("render", scene.clip, "--plate", scene.plate, *words)
        assert code == 0 and ("mask.png is below half everywhere, and a subject was found" in said) == is_said
    # Nor is anything said where nobody is to be seen.
    cv2.imwrite(str(mask), np.zeros((HEIGHT, WIDTH), np.uint8))
    words = ("--mask", mask, "--alpha", tmp_path / "none.mkv", "--end", 1)
    assert "below half" not in run("render", scene.empty, "--plate", scene.plate, *words)[1]


def test_a_mask_of_another_length_is_refused(scene, run, tmp_path):
    code, said = run(
        "render", scene.clip, "--plate", scene.plate, "--mask", scene.empty, "--alpha", tmp_path / "alpha.mkv"
    )
    assert code == 2 and "has 6 frames" in said and "has 24" in said


def test_a_picture_in_colour_is_no_mask(scene, run, tmp_path):
    words = ("--mask", scene.clip, "--alpha", tmp_path / "alpha.mkv", "--end", 1)
    code, said = run("render", scene.clip, "--plate", scene.plate, *words)
    assert code == 2 and "clip.mkv is in colour at frame 0 and has no alpha channel" in said
    assert not any(tmp_path.iterdir())
