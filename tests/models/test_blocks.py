"""Building blocks: what is computed in another order gives the same numbers."""

import pytest
import torch
from torch.nn import functional as F

from models.blocks import ConvBlock, UpBlock, doubled, halved, settle, weight_after_doubling


@pytest.mark.parametrize("size", [(8, 6), (5, 9), (1, 1)])
def test_doubling_and_convolution_are_one_convolution(size):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 5, *size), torch.randn(4, 5, 3, 3)
    enlarged = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    expected = F.conv2d(F.pad(enlarged, (1, 1, 1, 1), mode="replicate"), weight)
    at_once = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight_after_doubling(weight))
    torch.testing.assert_close(doubled(at_once), expected, atol=1e-5, rtol=1e-5)


def test_doubling_takes_the_four_pixels_apart_that_halving_put_together():
    x = torch.arange(2 * 3 * 4 * 6.0).view(2, 3, 4, 6)
    four = halved(x)
    assert torch.equal(four[:, 6:9], x[:, :, 1::2, ::2])  # the third is below the first
    assert torch.equal(doubled(four), x)


@pytest.mark.parametrize("settled", [False, True])
def test_an_up_block_says_the_same_however_it_is_computed(settled, monkeypatch):
    torch.manual_seed(0)
    block = torch.nn.ModuleList([UpBlock(5, 4, repeat_border=True)])
    block[0].conv[1].running_mean.normal_()
    block[0].conv[1].bias.data.normal_()
    block.eval()
    if settled:
        settle(block)
    x = torch.randn(2, 5, 7, 6)
    with torch.no_grad():
        at_once = block[0](x, (14, 12))
        monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
        torch.testing.assert_close(at_once, block[0](x, (14, 12)), atol=1e-5, rtol=1e-5)
        assert block[0](x, (13, 12)).shape == (2, 4, 13, 12)


def test_borders_are_repeated_only_where_the_block_says_so():
    torch.manual_seed(0)
    plain, repeating = UpBlock(2, 3), UpBlock(2, 3, repeat_border=True)
    repeating.load_state_dict(plain.state_dict())
    x = torch.rand(1, 2, 6, 6) + 1
    with torch.no_grad():
        zeros, repeated = plain.eval()(x, (12, 12)), repeating.eval()(x, (12, 12))
    torch.testing.assert_close(zeros[:, :, 1:-1, 1:-1], repeated[:, :, 1:-1, 1:-1], atol=1e-5, rtol=1e-5)
    assert (zeros - repeated).abs()[:, :, 0].max() > 1e-3


def test_a_block_does_not_repeat_borders_of_aligned_corners():
    with pytest.raises(ValueError, match="align_corners"):
        UpBlock(2, 3, align_corners=True, repeat_border=True)


def test_folded_batch_norms_change_nothing():
    torch.manual_seed(0)
    block = ConvBlock(3, 4, 3).eval()
    block[1].running_mean.normal_()
    block[1].running_var.uniform_(0.5, 2)
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        before = block(x)
        settle(block)
        torch.testing.assert_close(block(x), before, atol=1e-5, rtol=1e-5)
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in block) == 0
