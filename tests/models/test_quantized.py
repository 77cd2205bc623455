"""Eight bits: the same numbers as far as bytes can hold them."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.blocks import UpBlock, settle
from models.eight_bit import Code, Convolution8, RectifiedSum8, UpBlock8, interleaved
from models.generator_config import FAST
from models.quantized import can_be_quantized, convolves_bytes, observed, quantize
from models.refiner import Refiner, RefinerConfig
from models.weights import MattingNet, load_weights, new_net
from pipeline.devices import multiplies_bytes

needs_bytes = pytest.mark.skipif(not multiplies_bytes(), reason="this processor does not multiply bytes")


def read(code, x):
    """The numbers that bytes stand for."""
    return (x.float() - code.zero) * code.scale


def layer(inputs, outputs, kernel=3, **options):
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, kernel, **options)


def rounded(convolution):
    """The same with weights that are whole in bytes."""
    scale = convolution.weight.data.abs().amax((1, 2, 3), keepdim=True) / 127
    convolution.weight.data = (convolution.weight.data / scale).round() * scale
    return convolution


@pytest.mark.parametrize("span", [(-1, 1), (0, 6), (-0.2, 5), (-4, 0)])
def test_numbers_in_range_are_written_to_half_a_step_and_zero_exactly(span):
    code = Code.over(span)
    x = torch.linspace(*span, 1001)
    assert (read(code, code.written(x)) - x).abs().max() <= 1.01 * code.scale  # at the ends; half a step within
    assert (read(code, code.written(x[5:-5])) - x[5:-5]).abs().max() <= 0.51 * code.scale
    assert read(code, code.written(torch.zeros(1))) == 0
    assert code.written(torch.tensor([-100.0, 100.0])).tolist() == [0, 255]


def test_a_code_over_several_ranges_writes_all_of_them():
    assert Code.over((0, 2), (-1, 0.5)) == Code.over((-1, 2))
    assert Code.over((3, 5)) == Code.over((0, 5))  # and 0


@needs_bytes
@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2, "padding": 1}, {"bias": False}])
@pytest.mark.parametrize("span", [(0, 3), (-2, 1)])
def test_a_convolution_of_bytes_is_that_of_their_numbers(options, span):
    convolution, source = rounded(layer(5, 18, **options)), Code.over(span)
    x = source.written(torch.rand(1, 5, 12, 17) * (span[1] - span[0]) + span[0])
    with torch.no_grad():
        expected = convolution(read(source, x))
        exact = Convolution8.of(convolution, source)(x)
        target = Code.over((float(expected.min()), float(expected.max())))
        written = Convolution8.of(convolution, source, target)(x)
        positive = Convolution8.of(convolution, source, target, rectified=True)(x)
    torch.testing.assert_close(exact, expected, atol=1e-4, rtol=1e-4)
    assert (written.int() - target.written(expected).int()).abs().max() <= 1
    assert (positive.int() - target.written(F.relu(expected)).int()).abs().max() <= 1


@needs_bytes
def test_what_is_added_is_left_as_it_was():
    convolution, source, other = rounded(layer(6, 6, padding=1)), Code.over((0, 2)), Code.over((-3, 4))
    x, addend = source.written(2 * torch.rand(1, 6, 9, 8)), other.written(7 * torch.rand(1, 6, 9, 8) - 3)
    with torch.no_grad():
        expected = convolution(read(source, x)) + read(other, addend)
        target, kept = Code.over((float(expected.min()), float(expected.max()))), addend.clone()
        result = Convolution8.of(convolution, source, target, addend=other)(x, addend)
    assert (result.int() - target.written(expected).int()).abs().max() <= 1
    assert torch.equal(addend, kept)


@needs_bytes
def test_numbers_are_written_on_the_way_in():
    convolution, source = layer(3, 4), Code.over((-1, 1))
    x = 2 * torch.rand(1, 3, 10, 11) - 1
    result = Convolution8.of(convolution, source)
    assert torch.equal(result(x), result(source.written(x)))


@needs_bytes
@pytest.mark.parametrize("size", [(14, 12), (13, 11)])
def test_an_up_block_doubles(size):
    torch.manual_seed(0)
    blocks = nn.ModuleList([UpBlock(5, 4, repeat_border=True)]).eval()
    blocks[0].conv[1].bias.data.normal_()
    settle(blocks)
    source = Code.over((0, 1))
    x = source.written(torch.rand(1, 5, 7, 6))
    with torch.no_grad():
        expected = blocks[0](read(source, x), size)
        target = Code.over((0, float(expected.max())))
        result = read(target, UpBlock8(blocks[0], source, target)(x, size))
    assert (result - expected).abs().max() < 0.02 * expected.max()


def test_a_sum_ends_at_the_largest_byte():
    x, y = torch.tensor([0, 3, 200, 255], dtype=torch.uint8), torch.tensor([0, 4, 100, 255], dtype=torch.uint8)
    assert RectifiedSum8()(x, y).tolist() == [0, 7, 255, 255]
    assert x.tolist() == [0, 3, 200, 255]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 24])
def test_interleaved_bytes_are_the_same_in_another_order(batch, channels):
    x = torch.randint(0, 256, (batch, channels, 6, 7), dtype=torch.uint8)
    for given in (x, x.transpose(2, 3), x[..., 1:]):
        assert torch.equal(interleaved(given), given)
        assert interleaved(given).is_contiguous(memory_format=torch.channels_last)


def a_net():
    """The fast networks with numbers that make something of what they see."""
    torch.manual_seed(1)
    net = new_net("fast").eval()
    for module in net.modules():
        if isinstance(module, Refiner):
            nn.init.normal_(module.last.weight, std=0.05)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
    nn.init.normal_(net.generator.texture.correct.weight, std=0.1)
    settle(net)
    return net


def seen(seed, size=(96, 128)):
    torch.manual_seed(seed)
    coarse = [F.interpolate(torch.rand(1, c, 12, 16), size, mode="bilinear") for c in (3, 3, 1, 4)]
    image, plate, mask, motion = coarse
    return image, plate, torch.ones_like(mask), mask, motion


def evidence(margin):
    torch.manual_seed(2)
    return torch.rand(1, 24, 20 + 2 * margin, 40 + 2 * margin)


@pytest.fixture(scope="module")
def both():
    """A net, and the same in eight bits."""
    net, of_bytes = a_net(), a_net()
    with torch.no_grad(), observed(net) as of_bytes.ranges:
        net.generator(*seen(0))
        x = evidence(net.refiner.margin)
        net.refiner.decide(net.refiner.joined([x[:, :10], x[:, 10:]]))
    quantize(of_bytes)
    return net, of_bytes


def agree(result, expected, share):
    """Whether two maps are the same but for a share of what there is to tell."""
    assert expected.std() > 0.01
    return (result - expected).abs().mean() < share * expected.std()


@needs_bytes
@pytest.mark.parametrize("size", [(96, 128), (92, 124)])  # a quarter of the second is odd
def test_the_whole_generator_says_nearly_the_same(both, size):
    with torch.no_grad():
        expected, result = (net.generator(*seen(0, size)) for net in both)
    for name, share in (("alpha", 0.05), ("foreground", 0.03), ("hidden", 0.03)):  # alpha is the deepest
        assert agree(getattr(result, name), getattr(expected, name), share)


@needs_bytes
@pytest.mark.parametrize(("name", "channels"), [("image", 3), ("plate", 7), ("mask", 1), ("motion", 4)])
def test_every_encoder_says_nearly_the_same(both, name, channels):
    plain, of_bytes = (getattr(net.generator, f"encode_{name}") for net in both)
    torch.manual_seed(3)
    x = F.interpolate(2 * torch.rand(1, channels, 8, 12) - 1, (32, 48), mode="bilinear")
    with torch.no_grad():
        maps = zip(of_bytes(x), plain(x), (of_bytes.to_half, of_bytes.to_quarter), strict=True)
        assert all(agree(read(layer.target, result), expected, 0.06) for result, expected, layer in maps)


@needs_bytes
@pytest.mark.parametrize("size", [(96, 128), (30, 37), (5, 7)])
def test_any_size_is_taken(both, size):
    with torch.no_grad():
        assert both[1].generator(*seen(1, size)).alpha.shape == (1, 1, *size)


@needs_bytes
def test_the_refiner_decides_nearly_the_same(both):
    plain, of_bytes = (net.refiner for net in both)
    x = evidence(plain.margin)
    with torch.no_grad():
        expected, result = plain.decide(x), of_bytes.decide(of_bytes.joined([x[:, :10], x[:, 10:]]))
    assert result.shape == expected.shape
    assert agree(result, expected, 0.04)


@needs_bytes
def test_the_weights_that_ship_can_be_had_in_eight_bits():
    net = load_weights("fast")
    settle(net)
    with torch.no_grad():
        expected = net.generator(*seen(0)).alpha
        quantize(net)
        assert (net.generator(*seen(0)).alpha - expected).abs().mean() < 0.01


def test_what_is_observed_is_as_far_as_the_maps_went():
    net = a_net()
    with torch.no_grad(), observed(net) as ranges:
        first = net.generator.encode_mask.first(3 * torch.ones(1, 1, 16, 16))
        second = net.generator.encode_mask.first(torch.ones(1, 1, 16, 16))
    largest = float(first.max())
    assert largest > second.max()
    assert ranges == {"generator.encode_mask.first": (0.0, pytest.approx(largest))}
    net.generator.encode_mask.first(torch.ones(1, 1, 16, 16) * 100)
    assert len(ranges) == 1 and ranges["generator.encode_mask.first"][1] == pytest.approx(largest)  # it has ended


def test_no_layer_is_left_out(both):
    layers = [module for module in both[1].modules() if isinstance(module, nn.Conv2d)]
    assert not layers


def test_a_net_whose_ranges_are_not_all_known_is_refused(both):
    net = a_net()
    net.ranges = {name: span for name, span in both[1].ranges.items() if name != "refiner.rectify.1"}
    assert not can_be_quantized(net)
    with pytest.raises(ValueError, match="ranges"):
        quantize(net)


@pytest.mark.parametrize("change", [{"knows_texture": False}, {"repeat_border": False}, {"context": ()}])
def test_networks_of_another_kind_are_refused(both, change):
    net = MattingNet(replace(FAST, **change), RefinerConfig(hidden=FAST.hidden), both[1].ranges)
    assert not can_be_quantized(net.eval())


@needs_bytes
def test_a_channel_of_zeros_stays_one():
    convolution, source = layer(3, 4), Code.over((0, 1))
    convolution.weight.data[1], convolution.bias.data[1] = 0, 0.5
    assert (Convolution8.of(convolution, source)(torch.rand(1, 3, 8, 8))[:, 1] == 0.5).all()


@pytest.mark.parametrize("error", [RuntimeError, AttributeError, TypeError])
def test_a_release_that_cannot_is_found_out(monkeypatch, error):
    def refuse(*_):
        raise error("no such operator")

    monkeypatch.setattr(torch.ops.onednn, "qconv_prepack", refuse, raising=False)
    assert not convolves_bytes()


def test_one_that_gives_other_numbers_is_found_out(monkeypatch):
    monkeypatch.setattr(Convolution8, "forward", lambda *_: torch.full((1, 16, 8, 8), 7.0))
    assert not convolves_bytes()
