"""What a render writes is its composite, by whatever way it is made."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.background import Background, open_background
from pipeline.composite import quantise, unit
from pipeline.decode import open_clip
from pipeline.finishing import Finish
from pipeline.frames import Frame, FrameStatus, Matte
from pipeline.outputs import Outputs
from pipeline.render import RenderJob
from tests.conftest import HEIGHT, WIDTH, frames


def with_balls(scene) -> list[tuple[Frame, Matte]]:
    """Three frames, each with a soft disc somewhere else."""
    with open_clip(scene.clip) as clip:
        pairs = []
        for frame in clip.frames(0, 3):
            alpha = np.zeros((HEIGHT, WIDTH), np.float32)
            cv2.circle(alpha, (180 + 90 * frame.index, 200), 70, 1, -1)
            alpha = cv2.GaussianBlur(alpha, (0, 0), 5)
            pairs.append((frame, Matte(alpha, unit(frame.image[::-1]), FrameStatus.OK, None)))
    return pairs


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("behind", "finish"),
    [(behind, Finish()) for behind in ("#204080", "photo", "film", "blur", "none")]
    + [("photo", Finish(light_wrap_px=4)), ("film", Finish(linear=True))],
)
def test_every_frame_has_the_codes_of_its_composite(scene, behind: str, finish: Finish, bits: int, tmp_path: Path):
    what = {"photo": str(scene.plate), "film": str(scene.empty)}.get(behind, behind)
    job = RenderJob(scene.clip, scene.plate, what, tmp_path / "out.mkv", bits=bits, finish=finish)
    wanted = []
    with open_clip(scene.clip) as clip, ExitStack() as stack:
        background = open_background(what, clip.info)
        if background is not None:
            stack.enter_context(closing(background))
        outputs = Outputs(stack, job, clip.info, background, (0, 3))
        for frame, matte in with_balls(scene):
            outputs.write(frame, matte)
            wanted.append(quantise(outputs.picture(frame, matte), bits))
    with open_clip(job.out) as clip:
        for frame, codes in zip(clip.frames(), wanted, strict=True):
            assert np.array_equal(frame.image, codes[..., :3])
            assert behind != "none" or np.array_equal(frame.alpha, codes[..., 3])


def test_colour_is_multiplied_by_alpha_before_it_is_rounded(scene, tmp_path: Path):
    job = RenderJob(scene.clip, scene.plate, "none", tmp_path / "out.mkv", premultiplied=True)
    with open_clip(scene.clip) as clip, ExitStack() as stack:
        outputs = Outputs(stack, job, clip.info, None, (0, 3))
        for frame, matte in with_balls(scene):
            outputs.write(frame, matte)
    for image, (_, matte) in zip(frames(job.out), with_balls(scene), strict=True):
        assert np.array_equal(image, quantise(matte.foreground * matte.alpha[..., None], 8))


class Unseen(Background):
    """A background that nobody may ask for."""

    def behind(self, frame: Frame, matte: Matte) -> np.ndarray:
        raise AssertionError("nothing that is written shows it")


def test_nothing_is_composed_for_alpha_and_foreground_alone(scene, tmp_path: Path):
    job = RenderJob(scene.clip, scene.plate, "blur", None, tmp_path / "alpha.mkv", tmp_path / "foreground.mkv")
    with open_clip(scene.clip) as clip, ExitStack() as stack:
        outputs = Outputs(stack, job, clip.info, Unseen(), (0, 3))
        for frame, matte in with_balls(scene):
            outputs.write(frame, matte)
    assert len(frames(job.alpha)) == len(frames(job.foreground)) == 3
