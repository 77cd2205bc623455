"""Two very short made clips with truth."""

import cv2
import numpy as np
import pytest

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
