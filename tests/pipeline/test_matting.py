"""Mattes by networks of other kinds than the one that ships."""

import numpy as np
import pytest
import torch

from models.generator_config import GeneratorConfig
from models.refiner import RefinerConfig
from models.weights import MattingNet, save_weights
from pipeline.decode import open_clip
from pipeline.frames import Settings
from pipeline.matting import Matter
from pipeline.plates import read_plate
from pipeline.windows import in_company, reach, windows
from tests.conftest import HEIGHT, WIDTH


@pytest.mark.parametrize("refiner", [None, RefinerConfig(hidden=0)], ids=["without a refiner", "with one"])
def test_networks_that_hide_nothing_make_mattes_of_neighbouring_frames(scene, tmp_path, refiner):
    torch.manual_seed(0)
    config = GeneratorConfig(width=4, shared_blocks=1, branch_blocks=1, long_side=128)
    save_weights(MattingNet(config, refiner), tmp_path / "small.safetensors", {})
    settings = Settings(device="cpu", model="paper", weights=tmp_path / "small.safetensors")
    with open_clip(scene.clip) as clip:
        matter = Matter(read_plate(scene.plate), (WIDTH, HEIGHT), settings)
        drafts = map(matter.draft, windows(clip, matter.observe, *reach(clip.info, 4, 6)))
        company = list(in_company(drafts, 4, 6))
        mattes = [matter.matte(each) for each in company]
    assert all(each.own.coarse.hidden.shape[1] == 0 and each.beside is not None for each in company)
    assert all(matte.alpha.shape == (HEIGHT, WIDTH) and np.isfinite(matte.alpha).all() for matte in mattes)
