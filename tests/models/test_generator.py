"""The generator is the paper's, layer by layer."""

import pytest
import torch

from models.carrying import carry_colour
from models.generator import Generator
from models.generator_config import FAST, PAPER, GeneratorConfig
from models.generator_parts import ContextSwitch, Encoder

SMALL = GeneratorConfig(width=4, shared_blocks=1, branch_blocks=1)


def inputs(height, width, seed=0, device="cpu"):
    generator = None if device == "meta" else torch.Generator().manual_seed(seed)
    return [torch.rand(1, channels, height, width, generator=generator, device=device) for channels in (3, 3, 1, 1, 4)]


def conv(inputs, outputs, kernel):
    """Parameters of a convolution without bias and its batch norm."""
    return inputs * outputs * kernel**2 + 2 * outputs


def test_paper_has_the_parameters_of_the_paper():
    def encoder(channels):
        return conv(channels, 64, 7) + conv(64, 128, 3) + conv(128, 256, 3)

    block = 2 * conv(256, 256, 3)
    encoders = encoder(3) + encoder(3) + encoder(1) + encoder(4)
    switch = 3 * conv(512, 64, 1) + conv(256 + 3 * 64, 256, 1)
    alpha = 3 * block + conv(256, 128, 3) + conv(128, 64, 3) + 64 * 49 + 1
    foreground = 3 * block + conv(256, 128, 3) + conv(256, 64, 3) + 3 * 64 * 49 + 3
    counted = sum(p.numel() for p in Generator(PAPER).parameters())
    assert counted == encoders + switch + 7 * block + alpha + foreground == 17_899_588


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("encode_image.first", (1, 64, 512, 512)),
        ("encode_image.to_half", (1, 128, 256, 256)),
        ("encode_image.to_quarter", (1, 256, 128, 128)),
        ("encode_plate.to_quarter", (1, 256, 128, 128)),
        ("encode_mask.to_quarter", (1, 256, 128, 128)),
        ("encode_motion.to_quarter", (1, 256, 128, 128)),
        ("switch.select_plate", (1, 64, 128, 128)),
        ("switch.select_mask", (1, 64, 128, 128)),
        ("switch.select_motion", (1, 64, 128, 128)),
        ("switch.combine", (1, 256, 128, 128)),
        ("trunk", (1, 256, 128, 128)),
        ("alpha_branch.blocks", (1, 256, 128, 128)),
        ("alpha_branch.to_half", (1, 128, 256, 256)),
        ("alpha_branch.to_full", (1, 64, 512, 512)),
        ("alpha_branch.last", (1, 1, 512, 512)),
        ("foreground_branch.to_half", (1, 128, 256, 256)),
        ("foreground_branch.to_full", (1, 64, 512, 512)),
        ("foreground_branch.last", (1, 3, 512, 512)),
    ],
)
def test_shape_of_every_layer(part, expected):
    net = Generator(PAPER).to("meta")
    shapes = []
    net.get_submodule(part).register_forward_hook(lambda module, given, result: shapes.append(tuple(result.shape)))
    net(*inputs(512, 512, device="meta"))
    assert shapes == [expected]


def test_seven_shared_blocks_and_three_in_each_branch():
    net = Generator(PAPER)
    assert [len(x) for x in (net.trunk.blocks, net.alpha_branch.blocks, net.foreground_branch.blocks)] == [7, 3, 3]


@pytest.mark.parametrize("config", [SMALL, FAST], ids=["paper's structure", "fast"])
@pytest.mark.parametrize("which", range(5), ids=["image", "plate", "coverage", "mask", "motion"])
def test_every_input_reaches_alpha(config, which):
    torch.manual_seed(1)
    net = Generator(config).eval()
    given, changed = inputs(32, 48), inputs(32, 48)
    changed[which] = inputs(32, 48, seed=9)[which]
    with torch.no_grad():
        assert not torch.allclose(net(*given).alpha, net(*changed).alpha, atol=1e-7)


def test_motion_selector_sees_motion_and_not_the_plate():
    torch.manual_seed(0)
    switch = ContextSwitch(2).eval()
    seen = []
    switch.select_motion.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    image, plate, mask, motion = (torch.rand(1, 8, 4, 4) for _ in range(4))
    switch(image, plate, mask, motion)
    assert torch.equal(seen[0], torch.cat((image, motion), dim=1))


@pytest.mark.parametrize("size", [(30, 41), (33, 64), (16, 17)])
def test_odd_sizes_come_back_as_they_went_in(size):
    with torch.no_grad():
        coarse = Generator(FAST).eval()(*inputs(*size))
    assert coarse.alpha.shape == (1, 1, *size)
    assert coarse.foreground.shape == (1, 3, *size)
    assert coarse.hidden.shape == (1, FAST.hidden, *size)


def test_alpha_and_colour_lie_in_0_to_1():
    torch.manual_seed(2)
    with torch.no_grad():
        coarse = Generator(SMALL).eval()(*(20 * x for x in inputs(24, 24)))
    for result in (coarse.alpha, coarse.foreground):
        assert result.min() >= 0 and result.max() <= 1


def test_before_a_refiner_colours_are_corrections_of_the_image():
    alone, followed = Generator(SMALL).eval(), Generator(SMALL, refined=True).eval()
    followed.load_state_dict(alone.state_dict())
    given = inputs(32, 48)
    with torch.no_grad():
        first, second = alone(*given), followed(*given)
    assert (alone.corrects, followed.corrects) == (False, True)
    assert torch.equal(first.alpha, second.alpha) and first.carried.shape[1] == 0
    torch.testing.assert_close(given[0] + second.foreground, first.foreground)
    assert torch.equal(second.carried, carry_colour(given[0], second.alpha))


def test_unknown_plate_is_no_evidence_for_a_net_that_knows_no_coverage():
    torch.manual_seed(3)
    net = Generator(SMALL).eval()
    image, plate, coverage, mask, motion = inputs(24, 24)
    coverage[:] = 1
    coverage[..., :12] = 0
    other = plate.clone()
    other[..., :12] = 0.123
    with torch.no_grad():
        first, second = (net(image, x, coverage, mask, motion).alpha for x in (plate, other))
    assert torch.equal(first, second)


def test_fast_stays_within_its_budget():
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        Generator(FAST).to("meta")(*inputs(288, 512, device="meta"))
    assert counter.get_total_flops() / 2 <= 7e9


def test_encoder_starts_at_the_size_of_its_input():
    half, quarter = Encoder(3, SMALL)(torch.rand(2, 3, 20, 24))
    assert half.shape == (2, 8, 10, 12)
    assert quarter.shape == (2, 16, 5, 6)
