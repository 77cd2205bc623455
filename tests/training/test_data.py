"""Samples: the same seed gives the same picture, and what they say of themselves is true."""

import numpy as np
import pytest
import torch

from training.canvas import Canvas
from training.composites import make_sample
from training.config import SupervisedConfig
from training.data import CompositeBatches
from training.hair import HairStyle, grow
from training.material import Material
from training.objective import enlarge_crops


def sample(seed, size=96, coarse=64):
    return make_sample(np.random.default_rng(seed), size, coarse, Material())


def test_same_seed_same_sample():
    for first, second in zip(vars(sample(3)).values(), vars(sample(3)).values(), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("seed", range(12))
def test_shapes_and_ranges(seed):
    made = sample(seed)
    full, coarse = (96, 96), (64, 64)
    shapes = {"image": (*full, 3), "plate": (*full, 3), "coverage": full, "alpha": full, "foreground": (*full, 3)}
    shapes |= {"background": (*full, 3), "mask": coarse, "motion": (*coarse, 4), "light": coarse}
    for name, shape in shapes.items():
        array = getattr(made, name)
        assert array.shape == shape and array.dtype == np.float32, name
        assert (
            np.isfinite(array).all() and array.min() >= -1e-6 and array.max() <= (1.2 if name == "light" else 1) + 1e-6
        ), name
    assert (made.plate[made.coverage == 0] == 0).all()


def test_the_image_is_the_composite_but_for_the_camera():
    errors = []
    for seed in range(12):
        made = sample(seed)
        alpha = made.alpha[..., None]
        composite = alpha * made.foreground + (1 - alpha) * made.background
        errors.append(float(np.median(np.abs(made.image - composite))))
    assert np.median(errors) < 0.02


def test_batches_are_a_function_of_seed_and_step():
    config = SupervisedConfig(steps=4, batch=2, coarse_size=64, crop=64, factors=(1.5, 2.0))
    again = CompositeBatches(config, Material(), first=2)
    for name, tensor in CompositeBatches(config, Material())[3].items():
        assert torch.equal(tensor, again[1][name]), name
    assert len(again) == 2


def test_a_team_shares_a_batch_out_without_loss():
    config = SupervisedConfig(steps=4, batch=4, coarse_size=64, crop=64, factors=(1.5, 2.0))
    whole = CompositeBatches(config, Material())[1]
    parts = [CompositeBatches(config, Material(), share=(rank, 2))[1] for rank in range(2)]
    for name, tensor in whole.items():
        assert torch.equal(tensor[0::2], parts[0][name]) and torch.equal(tensor[1::2], parts[1][name]), name


def test_the_light_is_less_than_one_only_where_something_darkens_the_place():
    lights = [sample(seed).light for seed in range(30)]
    dark = [float(light.min()) for light in lights]
    assert sum(d < 0.9 for d in dark) >= 5  # shadows do fall
    assert sum(d > 0.995 for d in dark) >= 5  # and some samples have none


def test_the_refiners_crop_is_where_the_box_says():
    config = SupervisedConfig(steps=8, batch=4, coarse_size=64, crop=64, factors=(2.0,))
    worst = {}
    for step in range(4):
        batch = CompositeBatches(config, Material())[step]
        for shift in (-2, 0, 2):
            box = batch["box"] + torch.tensor([shift, 0, 0])
            error = (enlarge_crops(batch["background"], box, 64) - batch["full_background"]).abs().mean()
            worst[shift] = worst.get(shift, 0) + float(error)
    assert worst[0] < worst[-2] and worst[0] < worst[2]


@pytest.mark.parametrize(
    ("part", "hidden", "value"),
    [("plate", ("plate", "full_plate", "coverage", "full_coverage"), 0.0), ("mask", ("mask",), 0.0)],
)
def test_an_input_that_is_left_out_says_nothing(part, hidden, value):
    config = SupervisedConfig(steps=1, batch=2, coarse_size=64, crop=64, factors=(1.5,))
    whole, without = (
        CompositeBatches(c, Material())[0] for c in (config, config.model_copy(update={"left_out": part}))
    )
    for name, tensor in whole.items():
        if name in hidden:
            assert tensor.any() and (without[name] == value).all(), name
        else:
            assert torch.equal(tensor, without[name]), name


def test_motion_that_is_left_out_is_the_frames_own_grey():
    config = SupervisedConfig(steps=1, batch=2, coarse_size=64, crop=64, factors=(1.5,), left_out="motion")
    batch = CompositeBatches(config, Material())[0]
    assert all(torch.allclose(batch["motion"][:, i], batch["image"].mean(1)) for i in range(4))


def test_without_strands_no_hair_grows():
    points = np.stack((np.full(8, 90.0), np.linspace(60, 120, 8)), axis=1)
    for strands in (True, False):
        canvas = Canvas(np.random.default_rng(0), 96, (), strands)
        style = HairStyle.pick(canvas.random, 60)
        grow(canvas, points, np.tile([1.0, 0.0], (8, 1)), style, np.ones((96, 96, 3), np.float32))
        assert canvas.subject(0).alpha.any() == strands
