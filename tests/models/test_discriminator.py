"""The discriminator is the paper's: its sizes, the 70 pixels it sees, and that it can tell pictures apart."""

import pytest
import torch
from torch import nn

from models.discriminator import Discriminator
from training.adversarial_losses import discriminator_loss


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Discriminator()


@pytest.mark.parametrize(("size", "patches"), [((512, 64), (62, 6)), ((128, 256), (14, 30)), ((24, 40), (1, 3))])
def test_one_judgement_for_each_patch(net, size, patches):
    with torch.no_grad():
        assert net(torch.rand(1, 3, *size)).shape == (1, 1, *patches)


def test_layers_are_the_papers(net):
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size, m.stride) for m in convolutions] == [
        (64, (4, 4), (2, 2)), (128, (4, 4), (2, 2)), (256, (4, 4), (2, 2)), (512, (4, 4), (1, 1)), (1, (4, 4), (1, 1))
    ]  # fmt: skip
    kinds = ["conv", "leak", "conv", "norm", "leak", "conv", "norm", "leak", "conv", "norm", "leak", "conv"]
    names = {nn.Conv2d: "conv", nn.LeakyReLU: "leak", nn.InstanceNorm2d: "norm"}
    assert [names[type(m)] for m in net.layers] == kinds
    assert {m.negative_slope for m in net.layers if isinstance(m, nn.LeakyReLU)} == {0.2}
    weights = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 1
    assert sum(p.numel() for p in net.parameters()) == weights


def test_a_judgement_sees_70_pixels(net):
    for index, layer in enumerate(net.layers):
        if isinstance(layer, nn.InstanceNorm2d):  # its mean sees the whole picture
            net.layers[index] = nn.Identity()
    image = torch.rand(1, 3, 112, 112, requires_grad=True)
    net(image)[0, 0, 5, 5].backward()
    rows, columns = (image.grad.abs().sum((0, 1, axis)).nonzero().flatten() for axis in (3, 2))
    assert len(rows) == len(columns) == 70
    assert rows[-1] - rows[0] == 69
    assert columns[-1] - columns[0] == 69


def test_it_learns_to_tell_smooth_pictures_from_noisy_ones():
    torch.manual_seed(0)
    net = Discriminator(width=8)
    noisy = torch.rand(2, 3, 32, 32)
    smooth = nn.functional.avg_pool2d(noisy, 5, stride=1, padding=2)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    losses = []
    for _ in range(15):
        loss = discriminator_loss(net(smooth), net(noisy))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
