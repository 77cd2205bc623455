"""Refinement in tiles: where it is done, and that it is the same as doing it everywhere."""

import cv2
import numpy as np
import pytest
import torch

from alignment.device import DevicePlate
from alignment.plate import AlignedPlate, AlignmentReport
from alignment.warp import PlateImage
from models.coarse import EXPECTED_ERROR, Coarse, uncertain
from models.weights import new_net
from pipeline import refinement
from pipeline.frames import Settings
from pipeline.levels import AS_IT_IS, Levels
from pipeline.refinement import Tile, refine_tiles, uncertain_tiles

DARK = Levels(0.1, 2.5)


def coarse(height=27, width=48):
    return Coarse(*(torch.zeros(1, channels, height, width) for channels in (1, 3, 5, 3)))


def tiles(given, size, **plan):
    return list(uncertain_tiles(uncertain(given.alpha, given.hidden), size, **{"height": 64, "widest": 256} | plan))


def test_a_certain_result_needs_no_tile():
    given = coarse()
    given.alpha[..., 20:] = 1
    assert tiles(given, (480, 270)) == []


@pytest.mark.parametrize("which", ["alpha between 0 and 1", "expected error"])
def test_the_tile_of_a_doubtful_pixel_is_taken(which):
    given = coarse()
    if which == "expected error":
        given.hidden[0, 0, 10, 29] = 2 * EXPECTED_ERROR
    else:
        given.alpha[0, 0, 10, 29] = 0.5
    # Coarse (29, 10) spans full-size pixels 290 to 300 and 100 to 110; enlarged, it reaches half its size further.
    assert tiles(given, (480, 270)) == [Tile(284, 94, 22)]


def test_what_is_wider_or_higher_than_a_tile_takes_another_one():
    given = coarse()
    given.alpha[0, 0, 10, 20:32] = 0.5
    assert tiles(given, (480, 270), widest=64) == [Tile(194, 94, 64), Tile(258, 94, 64), Tile(322, 94, 4)]
    given.alpha[0, 0, 10:20, 20:32] = 0.5
    assert tiles(given, (480, 270)) == [Tile(194, 94, 132), Tile(194, 158, 132)]


def test_what_is_hardly_apart_shares_a_tile():
    given = coarse()
    given.alpha[0, 0, 10, [20, 24]] = 0.5
    assert tiles(given, (480, 270), apart=18) == [Tile(194, 94, 62)]
    assert tiles(given, (480, 270), apart=17) == [Tile(194, 94, 22), Tile(234, 94, 22)]


@pytest.mark.parametrize("size", [(480, 270), (131, 77), (48, 27), (1000, 31)])
@pytest.mark.parametrize("share", [0.01, 0.05, 1.0])
def test_tiles_hold_all_that_is_doubtful_once(size, share):
    given = coarse()
    given.alpha[0, 0] = 0.5 * torch.from_numpy(np.random.default_rng(1).random((27, 48)) < share)
    held = np.zeros((size[1] + 64, size[0] + 64), np.uint8)
    for tile in tiles(given, size, apart=12):
        assert tile.left % 2 == tile.top % 2 == tile.width % 2 == 0
        held[tile.top : tile.top + 64, tile.left : tile.left + tile.width] += 1
    doubtful = cv2.resize(given.alpha[0, 0].numpy(), size, interpolation=cv2.INTER_LINEAR) > 0
    assert held.max() == 1
    assert held[: size[1], : size[0]][doubtful].min() == 1


@pytest.fixture(params=["in place", "straight", "bent"])
def scene(request):
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (135, 200, 3), np.uint8)
    in_place = request.param == "in place"
    shifted = np.eye(3) if in_place else np.array([[1, 0.01, 3.2], [-0.01, 1, 1.7], [1e-5, 2e-5, 1]])
    shading = None if in_place else random.uniform(-0.1, 0.1, (6, 9, 3)).astype(np.float32)
    bend = random.uniform(-2, 2, (5, 7, 2)).astype(np.float32) if request.param == "bent" else None
    report = AlignmentReport(shifted, 0.1, 100, 1.0, (1, 1, 1), (0, 0, 0), "ok", shading, bend=bend)
    place = cv2.GaussianBlur(random.integers(0, 255, (135, 200, 3), np.uint8), (0, 0), 2)
    plate = AlignedPlate(PlateImage(place), (200, 135), report)
    torch.manual_seed(3)
    net = new_net("fast").eval()
    for parameter in net.refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    given = Coarse(
        torch.rand(1, 1, 54, 80), torch.zeros(1, 3, 54, 80), torch.rand(1, 5, 54, 80), torch.rand(1, 3, 54, 80)
    )
    return net, given, image, plate


def test_the_tile_plan_does_not_change_the_result(scene, request):
    # A moved plate moves by another 1e-4 px with where a part of it begins.
    bound = 1e-5 if "in place" in request.node.name else 1e-4
    with torch.no_grad():
        results = [refine_tiles(*scene, Settings(tile_px=px, tile_batch=batch)) for px, batch in ((64, 1), (256, 4))]
    for first, second in zip(*results, strict=True):
        assert first.shape[:2] == (135, 200)
        assert np.abs(first - second).max() < bound


def test_a_plate_that_a_device_renders_changes_nothing(scene):
    net, given, image, plate = scene
    pixels = plate._plate.pixels
    there = AlignedPlate(plate._plate, plate.size, plate.report, DevicePlate(pixels, False, torch.device("cpu")))
    with torch.no_grad():
        results = [refine_tiles(net, given, image, seen, Settings(tile_px=64)) for seen in (plate, there)]
    assert "_whole" in vars(plate) and "_whole" not in vars(there)  # none of it went through the processor
    for first, second in zip(*results, strict=True):
        assert np.abs(first - second).max() < 2e-3


def everywhere(monkeypatch, net, given, image, plate):
    """What refining all of the frame gives, each tile by itself and as wide as the frame."""
    height, width = image.shape[:2]
    with monkeypatch.context() as patch, torch.no_grad():
        bands = [Tile(0, top, width) for top in range(0, height, 64)]
        patch.setattr(refinement, "uncertain_tiles", lambda *_: iter(bands))
        return refine_tiles(net, given, image, plate, Settings(tile_px=64, tile_batch=1))


@pytest.mark.parametrize("device", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 16])
def test_tiles_that_lie_apart_share_a_strip(scene, batch, device, monkeypatch):
    net, given, image, plate = scene
    given.hidden[:, :1] = 0
    given.alpha[:] = torch.rand(1, 1, 54, 80).round()
    places = np.array([[5, 2], [5, 40], [6, 79], [33, 11], [35, 60], [53, 30]])
    given.alpha[0, 0, places[:, 0], places[:, 1]] = 0.5
    seen = AlignedPlate(
        plate._plate, plate.size, plate.report, DevicePlate(plate._plate.pixels, False, torch.device("cpu"))
    )
    tiles = list(uncertain_tiles(uncertain(given.alpha, given.hidden), (200, 135), 64, batch * 64, 12))
    assert len({tile.left for tile in tiles}) >= 6 and len({tile.top for tile in tiles}) == 2
    with torch.no_grad():
        alpha, foreground = refine_tiles(
            net, given, image, seen if device else plate, Settings(tile_px=64, tile_batch=batch)
        )
    whole = everywhere(monkeypatch, *scene)
    assert np.abs(alpha - whole[0]).max() < (2e-3 if device else 1e-4)
    doubt = cv2.resize(uncertain(given.alpha, given.hidden)[0, 0].numpy(), (200, 135)) > 0
    assert np.abs(foreground - whole[1])[doubt].max() < (2e-3 if device else 1e-4)


def test_strips_come_in_few_widths(scene, monkeypatch):
    net, given, image, plate = scene
    given.alpha[:], given.hidden[:] = 0, 0
    given.alpha[..., 10, 5], given.alpha[..., 40, 30:40] = 0.5, 0.5
    seen = []
    refine = net.refiner.forward
    monkeypatch.setattr(net.refiner, "forward", lambda image, *rest: seen.append(image.shape) or refine(image, *rest))
    with torch.no_grad():
        refine_tiles(net, given, image, plate, Settings(tile_px=32, tile_batch=1))
    assert len(seen) == 2
    assert {shape[2:] for shape in seen} == {(32 + 2 * net.refiner.margin, refinement.STRIP_PX)}


def test_the_same_plan_gives_the_same_bits(scene):
    with torch.no_grad():
        first, second = (refine_tiles(*scene, Settings()) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_what_is_certain_is_the_image_itself(scene):
    net, _, image, plate = scene
    given = coarse()
    given.alpha[:] = 1
    with torch.no_grad():
        alpha, foreground = refine_tiles(net, given, image, plate, Settings())
    assert alpha.min() == 1
    assert np.abs(foreground - image / np.float32(255)).max() < 1e-6


def test_where_the_generator_is_sure_the_refiner_has_no_say(scene):
    net, given, image, plate = scene
    given.alpha[:], given.hidden[:] = 0, 0
    given.alpha[..., 30, 40] = 0.5  # its tile reaches further down
    with torch.no_grad():
        alpha, _ = refine_tiles(net, given, image, plate, Settings(tile_px=256, tile_batch=1))
    near = np.zeros((54, 80), bool)
    near[29:32, 39:42] = True
    full = cv2.resize(near.astype(np.uint8), (200, 135), interpolation=cv2.INTER_NEAREST) > 0
    assert alpha[~full].max() == 0 and alpha[full].max() > 0


@pytest.mark.parametrize("column", [0, 22, 23, 24, 25, 26, 27, 28, 79])
def test_the_refiners_say_does_not_end_at_a_tiles_border(scene, column, monkeypatch):
    net, given, image, plate = scene
    given.alpha[:], given.hidden[:] = 0, 0
    given.alpha[..., column] = 0.5
    with torch.no_grad():
        alpha, _ = refine_tiles(net, given, image, plate, Settings(tile_px=64, tile_batch=1))
    assert np.abs(alpha - everywhere(monkeypatch, *scene)[0]).max() < 1e-4


def test_the_subjects_colours_go_on_beyond_its_edges_and_fade(scene):
    net, given, image, plate = scene
    given.alpha[:], given.hidden[:] = 0, 0
    given.alpha[..., :20] = 1
    given.alpha[..., 20] = 0.5  # full-size columns 48 to 54 are all that is refined
    given.foreground[:] = 0.3
    with torch.no_grad():
        _, foreground = refine_tiles(net, given, np.full_like(image, 51), plate, Settings(tile_px=16))
    change = foreground[60] - np.float32(0.2)
    assert np.abs(change[:40]).max() < 1e-6  # opaque: the image itself
    assert np.abs(change[69] - 0.3).max() < 1e-6  # 8 coarse pixels further
    assert change[81, 0] == pytest.approx(0.15, abs=0.03)
    assert (np.diff(change[69:, 0]) < 1e-6).all() and np.diff(change[69:, 0]).min() > -0.03
    assert np.abs(change[96:]).max() < 1e-6


def test_a_mixture_of_place_and_subject_tells_alpha(monkeypatch):
    """Half of the subject's colour, carried on, before a known place: whatever coarse alpha and foreground say."""
    place = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (128, 192, 3), np.uint8), (0, 0), 9) // 2
    subject = np.float32([0.9, 0.8, 0.2])
    image = np.uint8(0.5 * place + 127.5 * subject + 0.5)
    report = AlignmentReport(np.eye(3), 0.1, 100, 1.0, (1, 1, 1), (0, 0, 0), "ok")
    given = coarse(32, 48)
    given.alpha[:], given.hidden[:, 0], given.carried[:] = 0.3, 0.5, torch.from_numpy(subject)[:, None, None]
    net = new_net("fast").eval()
    net.refiner.last.bias.data[4] = -8  # its refiner, untrained, believes the coarse alpha
    plate = AlignedPlate(PlateImage(place), (192, 128), report)
    with torch.no_grad():
        alpha, _ = refine_tiles(net, given, image, plate, Settings())
        monkeypatch.setattr(refinement, "explained", lambda alpha, *_: alpha)
        without, _ = refine_tiles(net, given, image, plate, Settings())
    assert np.abs(alpha - 0.5).mean() < 0.03 < 0.1 < np.abs(without - 0.5).mean()


def test_colours_beyond_the_edge_and_of_what_is_opaque_are_in_the_frames_own_levels(scene):
    net, given, image, plate = scene
    alpha, change = torch.zeros(1, 1, 54, 80), torch.full((1, 3, 54, 80), 0.1)
    alpha[..., 20:30, 30:50] = 1
    alpha[..., 19, 30:50] = 0.5
    sharp = given._replace(alpha=alpha, foreground=change, hidden=torch.zeros(1, 5, 54, 80))
    with torch.no_grad():
        plain, stretched = (refine_tiles(net, sharp, image, plate, Settings(), level)[1] for level in (AS_IT_IS, DARK))
    own = image / np.float32(255)
    beyond, inside = np.s_[32:38, 85:115], np.s_[62:68, 90:110]
    assert np.abs(plain[inside] - own[inside]).max() < 0.01 and np.abs(stretched[inside] - own[inside]).max() < 0.01
    below_white = own[beyond] < 0.85
    steps = [(x - own)[beyond][below_white] for x in (plain, stretched)]
    assert steps[0].max() > 0.02 and np.abs(steps[1] - steps[0] / DARK.gain).max() < 0.01
