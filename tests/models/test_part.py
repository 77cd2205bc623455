"""The part of a coarse frame that is looked at again."""

import pytest
import torch

from models import generator as generators
from models.generator import Generator
from models.generator_config import FAST
from models.part import Part, part_around


def test_a_part_holds_all_that_is_wanted_and_what_is_near_it():
    wanted = torch.zeros(2, 1, 40, 60)
    wanted[0, 0, 10, 30] = wanted[1, 0, 20, 33] = 1
    assert part_around(wanted, 4) == Part(6, 25, 26, 38)
    assert part_around(wanted, 4, grid=8) == Part(0, 32, 24, 40)
    assert part_around(wanted, 50) == Part(0, 40, 0, 60)
    assert part_around(wanted * 0, 4) is None


@pytest.mark.parametrize(("height", "width"), [(64, 96), (61, 95), (62, 94)])
def test_a_part_lies_at_the_same_place_in_reduced_maps(height, width):
    part = Part(32, height, 64, width)
    numbers = torch.arange(height * width).view(1, 1, height, width)
    for reduced in (2, 4):
        smaller = numbers[:, :, ::reduced, ::reduced]
        assert torch.equal(smaller[part.at(reduced)], numbers[part.at()][:, :, ::reduced, ::reduced])


def test_frames_of_odd_sizes_have_parts_too(monkeypatch):
    torch.manual_seed(0)
    image, plate = torch.rand(2, 1, 3, 75, 131)
    wanted = torch.zeros(1, 1, 75, 131)
    wanted[:, :, -1, -40] = 1
    monkeypatch.setattr(generators, "uncertain", lambda alpha, hidden: wanted)
    with torch.inference_mode():
        result = Generator(FAST).eval()(image, plate, *(torch.rand(1, n, 75, 131) for n in (1, 1, 4)))
    assert all(x.shape[2:] == (75, 131) and x.isfinite().all() for x in result)
    assert (result.foreground[:, :, -20:, 80:100] != 0).any() and (result.foreground[:, :, :32] == 0).all()


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize("corner", [(70, 60), (71, 63), (0, 131)])
def test_near_what_is_uncertain_a_part_says_what_the_whole_frame_does(corner, changes, monkeypatch):
    torch.manual_seed(0)
    size = (160, 224)
    net = Generator(FAST).eval()
    for parameter in net.second_look.last.parameters():
        torch.nn.init.normal_(parameter, std=0.05 * changes)
    if not changes:
        net.second_look.last.bias.data[4] = -100  # or the projection would
    # Solid squares beside clear ones and doubtful ones, with colours to carry on.
    squares = 8 * torch.kron(torch.tensor([[1.0, -1.0], [0.0, 1.0]]).repeat(7, 10), torch.ones(12, 12))
    squares = squares[None, None, : size[0], : size[1]] + torch.randn(1, 1, *size)
    hidden = torch.rand(1, 5, *size)
    net.alpha_branch.forward = lambda *_: torch.cat((squares, hidden), dim=1)
    image, plate = torch.rand(2, 1, 3, 1, 1) + torch.rand(2, 1, 3, *size) / 4
    rest = [torch.ones(1, 1, *size), torch.rand(1, 1, *size), torch.rand(1, 4, *size)]
    wanted = torch.zeros(1, 1, *size)
    wanted[:, :, corner[0] : corner[0] + 21, corner[1] : corner[1] + 20] = 1
    monkeypatch.setattr(generators, "uncertain", lambda alpha, hidden: wanted)
    with torch.inference_mode():
        part = net(image, plate, *rest)
        monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
        whole = net(image, plate, *rest)
    assert (whole.carried != 0.5).any() and ((whole.alpha > 0.1) & (whole.alpha < 0.9)).any()
    for name, everywhere, here in zip(whole._fields, whole, part, strict=True):
        seen = wanted.bool().expand_as(here)
        # Colours come from afar, too, where a second look, which the part does not get there, changes what is solid.
        off = 0.02 if name == "carried" and changes else 1e-4
        torch.testing.assert_close(here[seen], everywhere[seen], atol=off, rtol=off)
    far = wanted[:, :, :, :1].expand(1, 3, size[0], 1) == 0
    assert (part.foreground[:, :, :, :1][far] == 0).all() and (whole.foreground[:, :, :, :1][far] != 0).any()
