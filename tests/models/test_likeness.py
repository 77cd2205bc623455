"""The cue that tells a shadow or a mirror image from a subject: whether the plate's texture is still seen."""

import pytest
import torch

from models.generator import Generator
from models.generator_config import FAST
from models.likeness import MEASURES, SIDES, TextureCue, texture_likeness

HEIGHT, WIDTH = 64, 96
COLOURS, GREY, PLATE_STRENGTH, FRAME_STRENGTH, LIGHT = 0, 1, 2, 3, slice(4, 7)


def grain(seed):
    """Texture of a few pixels' size about a middle grey, 1 x 3 x HEIGHT x WIDTH."""
    torch.manual_seed(seed)
    coarse = torch.rand(1, 3, HEIGHT // 4, WIDTH // 4)
    return 0.35 + 0.3 * torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear")


def known():
    return torch.ones(1, 1, HEIGHT, WIDTH)


def measures(image, plate, coverage=None):
    """SIDES x MEASURES x h x w."""
    found = texture_likeness(image, plate, known() if coverage is None else coverage)
    return found.view(len(SIDES), MEASURES, *found.shape[2:])


def test_in_a_coloured_shadow_or_a_mirror_image_the_texture_is_the_same():
    plate = grain(0)
    shadow = plate * torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)
    mirror = 0.7 * plate + 0.2
    for image in (shadow, mirror):
        alike = measures(image, plate)[1:, COLOURS]
        assert alike.mean() > 0.85 and alike.min() > 0.5
    assert measures(mirror, plate)[1:, GREY].mean() > 0.85
    left = measures(shadow, plate)[1:, LIGHT].mean((0, 2, 3)).exp()
    assert torch.allclose(left, torch.tensor([0.5, 0.4, 0.3]), atol=0.04)


def test_a_subjects_texture_is_another():
    found = measures(grain(1), grain(0))[-1]
    assert found[GREY].abs().mean() < 0.3 and found[COLOURS].abs().mean() < 0.3
    assert found[PLATE_STRENGTH].mean() > 0.4 and found[FRAME_STRENGTH].mean() > 0.4


def test_a_bare_wall_says_nothing():
    plate = torch.full((1, 3, HEIGHT, WIDTH), 0.6)
    found = measures(plate + 0.003 * torch.randn_like(plate), plate)
    assert found[:, GREY].abs().max() < 0.1 and found[:, PLATE_STRENGTH].max() < 0.01


def test_what_the_plate_does_not_show_is_not_compared():
    plate, coverage = grain(0), known()
    coverage[..., WIDTH // 2 :] = 0
    found = measures(grain(0), plate * coverage, coverage)
    whole = measures(grain(0), plate)
    assert found[0, :, :, WIDTH // 8 + 1 :].abs().max() == 0
    assert torch.allclose(found[0, :, :, : WIDTH // 8 - 1], whole[0, :, :, : WIDTH // 8 - 1], atol=1e-5)


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (66, 99), (67, 33)])
def test_its_map_is_as_large_as_the_encoders_quarter(size):
    picture = torch.rand(1, 3, *size)
    encoded = Generator(FAST).eval().encode_image(picture)[1]
    assert TextureCue(48).eval()(encoded, picture, picture, torch.ones(1, 1, *size)).shape == encoded.shape


def test_it_begins_by_correcting_nothing_and_can_learn_to():
    cue, pictures = TextureCue(48), (grain(0), grain(1), known())
    features = torch.randn(1, 48, HEIGHT // 4, WIDTH // 4)
    assert torch.equal(cue(features, *pictures), features)
    cue(features, *pictures).sum().backward()
    assert cue.correct.weight.grad.abs().max() > 0
