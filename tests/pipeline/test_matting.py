"""Mattes by networks of other kinds than the one that ships."""

import numpy as np
import pytest
import torch

from models.generator_config import GeneratorConfig
from models.refiner import RefinerConfig
from models.weights import MattingNet, save_weights
from pipeline import matting
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


@pytest.mark.parametrize("sharp", [False, True])
def test_only_edges_as_sharp_as_the_picture_tell_what_is_solid(scene, tmp_path, monkeypatch, sharp):
    config = GeneratorConfig(width=4, shared_blocks=1, branch_blocks=1, long_side=128, alpha_skip=sharp)
    save_weights(MattingNet(config, None), tmp_path / "small.safetensors", {})
    asked = []
    for rule in ("solid_to_the_rim", "solid_where_alike"):
        monkeypatch.setattr(matting, rule, lambda coarse, *_, rule=rule: asked.append(rule) or coarse)
    settings = Settings(device="cpu", weights=tmp_path / "small.safetensors")
    with open_clip(scene.clip) as clip:
        matter = Matter(read_plate(scene.plate), (WIDTH, HEIGHT), settings)
        (window,) = windows(clip, matter.observe, 4, 5)
        assert matter.draft(window).coarse is not None
    assert asked == (["solid_to_the_rim", "solid_where_alike"] if sharp else [])
