"""The refiner: tiles are the whole, and it begins as plain enlargement."""

import torch
from torch.nn import functional as F

from models.coarse import Coarse
from models.refiner import STRETCH, Refiner, light, projection


def scene(height, width, hidden=5):
    torch.manual_seed(0)
    image, plate = torch.rand(2, 1, 3, height, width)
    coverage = (torch.rand(1, 1, height, width) > 0.2).float()
    coarse = Coarse(
        torch.rand(1, 1, height, width),
        torch.randn(1, 3, height, width) / 4,
        torch.rand(1, hidden, height, width),
        torch.rand(1, 3, height, width),
    )
    return image, plate, coverage, coarse


def trained_somehow():
    torch.manual_seed(1)
    net = Refiner()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net.eval()


def test_a_tile_is_exactly_its_part_of_the_whole():
    net = trained_somehow()
    m = net.margin
    image, plate, coverage, coarse = scene(40 + 2 * m, 48 + 2 * m)
    with torch.no_grad():
        alpha, foreground = net(image, plate, coverage, coarse)

        def cut(x):
            return x[:, :, 8 : 24 + 2 * m, 16 : 40 + 2 * m]

        tile_alpha, tile_foreground = net(cut(image), cut(plate), cut(coverage), Coarse(*map(cut, coarse)))
    assert alpha.shape == (1, 1, 40, 48)
    torch.testing.assert_close(tile_alpha, alpha[:, :, 8:24, 16:40], atol=1e-5, rtol=0)
    torch.testing.assert_close(tile_foreground, foreground[:, :, 8:24, 16:40], atol=1e-5, rtol=0)


def test_it_decides_as_its_layers_say_one_after_the_other():
    net, m = trained_somehow(), Refiner().margin
    x = torch.randn(2, 24, 12 + 2 * m, 20 + 2 * m)
    with torch.no_grad():
        z = F.pixel_unshuffle(F.relu(net.first(x)), 2)
        for layer in net.body:
            z = F.relu(layer(z))
        seen = x[:, :, m - 1 : 1 - m, m - 1 : 1 - m]
        expected = net.last(torch.cat((F.pixel_shuffle(z, 2), seen), dim=1))
        torch.testing.assert_close(net.decide(x), expected, atol=1e-5, rtol=1e-5)


def test_margin_is_what_a_pixel_depends_on():
    net = trained_somehow()
    m = net.margin
    image, plate, coverage, coarse = scene(8 + 2 * m, 8 + 2 * m)
    image.requires_grad_()
    alpha, _ = net(image, plate, coverage, coarse)
    alpha[0, 0, 0, 0].backward()
    assert image.grad[0, :, : m + 1 + m + 1, : m + 1 + m + 1].abs().sum() > 0
    assert image.grad[0, :, 2 * m + 2 :].abs().sum() == 0
    assert image.grad[0, :, :, 2 * m + 2 :].abs().sum() == 0


def test_untrained_it_meets_everything_half_way():
    net = Refiner()
    m = net.margin
    image, plate, coverage, coarse = scene(16 + 2 * m, 16 + 2 * m)
    alpha, foreground = net(image, plate, coverage, coarse)
    colour = (image + coarse.foreground + coarse.carried) / 2
    projected, confidence = projection(image, plate * light(coarse), colour)
    begun = (coarse.alpha - STRETCH) / (1 - 2 * STRETCH)
    expected = begun + 0.5 * confidence * coverage * (projected - begun)
    torch.testing.assert_close(alpha, expected[:, :, m:-m, m:-m])
    torch.testing.assert_close(foreground, colour[:, :, m:-m, m:-m])


def test_a_shadow_that_is_known_is_no_subject():
    """Told of the light that is left, the projection finds nothing in a place that is only darker."""
    net = Refiner()
    torch.nn.init.constant_(net.last.bias[4:5], 20.0)  # trust the projection
    m = net.margin
    plate = torch.rand(1, 3, 16 + 2 * m, 16 + 2 * m, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.3
    image, one = 0.6 * plate, torch.ones_like(plate[:, :1])
    subject = torch.tensor([1.0, 0.1, 0.1]).view(1, 3, 1, 1)
    means = {}
    for told in (0.0, -0.4):
        hidden = torch.zeros_like(one).expand(-1, 5, -1, -1).clone()
        hidden[:, 1] = told
        alpha, _ = net(image, plate, one, Coarse(0.5 * one, subject - image, hidden, subject.expand_as(image)))
        means[told] = float(alpha.detach().abs().mean())
    assert means[-0.4] < 0.03 < 0.1 < means[0.0]


def test_what_the_plate_says_where_it_is_unknown_does_not_matter():
    net = trained_somehow()
    image, plate, _, coarse = scene(32, 32)
    nowhere = torch.zeros(1, 1, 32, 32)
    first, _ = net(image, plate, nowhere, coarse)
    second, _ = net(image, 1 - plate, nowhere, coarse)
    assert torch.equal(first, second)


def test_projection_is_the_alpha_of_a_composite():
    foreground, plate = torch.tensor([0.9, 0.5, 0.1]), torch.tensor([0.1, 0.3, 0.2])
    for true in (0.0, 0.25, 1.0):
        image = true * foreground + (1 - true) * plate
        alpha, confidence = projection(*(x.view(1, 3, 1, 1) for x in (image, plate, foreground)))
        assert abs(float(alpha) - true) < 1e-6
        assert abs(float(confidence) - 0.69 / 0.71) < 1e-6  # |F - B|^2 = 0.64 + 0.04 + 0.01


def test_projection_is_not_trusted_where_colours_coincide():
    same = torch.full((1, 3, 1, 1), 0.4)
    _, confidence = projection(same, same, same)
    assert float(confidence) == 0
