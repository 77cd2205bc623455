"""Refinement and warp by PyTorch come to what the processor's come to, wherever they run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from alignment.device import DevicePlate
from alignment.homography import grid, project
from alignment.photometric import Exposure
from alignment.plate import PlateAligner
from alignment.warp import Look, PlateImage

HERE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SIZE = (320, 180)


@pytest.mark.parametrize("hidden", [0.0, 0.4])
@pytest.mark.parametrize("texture", ["octaves", "boxes", "bricks"])
def test_the_refinement_ends_where_the_processors_does(make_scene, texture, hidden):
    scene = make_scene(seed=5, texture=texture, hidden=hidden, gain=(1.1, 1.0, 0.95), offset=4 / 255)
    plate, frame = scene.make()
    host, device = (PlateAligner(plate, scene.size, where).register(frame) for where in (None, HERE))
    points = grid(scene.size)
    apart = project(host.plate_to_frame, points) - project(device.plate_to_frame, points)
    assert np.hypot(*apart.T).max() < 0.002
    assert (device.status, device.inliers) == (host.status, pytest.approx(host.inliers, rel=0.01))
    assert np.allclose(device.gain, host.gain, atol=1e-3) and np.allclose(device.offset, host.offset, atol=1e-3)


def test_what_is_no_view_of_the_plate_is_no_better_on_a_device(make_scene):
    plate, _ = make_scene(seed=1).make()
    _, frame = make_scene(seed=2, texture="boxes").make()
    with pytest.raises(Exception, match="does not fit"):
        PlateAligner(plate, (640, 360), HERE).register(frame)


def test_a_wall_without_an_edge_is_taken_as_it_lies_on_a_device():
    wall = np.full((360, 640, 3), 180, np.uint8)
    report = PlateAligner(wall, (640, 360), HERE).register(wall)
    assert report.status == "weak"
    assert np.allclose(report.plate_to_frame, np.eye(3))


def looks():
    """A frame that is moved, bent, unevenly lit, or goes on beyond its plate."""
    random = np.random.default_rng(4)
    moved = np.array([[1.02, 0.01, -6.3], [-0.012, 0.99, 5.6], [1e-5, 2e-5, 1]])
    exposure = Exposure((1.1, 0.9, 1.0), (0.02, 0.0, -0.03))
    shading = random.uniform(-0.1, 0.1, (6, 9, 3)).astype(np.float32)
    veil = random.uniform(-0.1, 0.2, (5, 8, 3)).astype(np.float32)
    bend = random.uniform(-2, 2, (5, 7, 2)).astype(np.float32)
    return {
        "in place": Look(np.eye(3), SIZE),
        "moved": Look(moved, SIZE, exposure),
        "burnt out": Look(moved, SIZE, Exposure((0.8, 0.9, 1.0), (0.0, 0.01, 0.0), burnt=(1.0, 0.97, 0.9))),
        "toned": Look(moved, SIZE, replace(exposure, tone=random.uniform(-0.02, 0.02, (3, 4)).astype(np.float32))),
        "veiled": Look(moved, SIZE, exposure, shading, veil),
        "bent": Look(moved, SIZE, exposure, shading, bend=bend),
        "continued": Look(moved, SIZE, exposure, continued=True),
        "reduced": Look(np.diag([0.45, 0.45, 1]) @ moved, (128, 72), exposure, bend=bend),
    }


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("name", looks())
def test_the_warp_shows_what_the_processors_shows(name, holes):
    random = np.random.default_rng(0)
    known = np.ones((190, 330), np.bool_)
    known[60:90, 100:150] = not holes
    plate = PlateImage(random.integers(0, 255, (190, 330, 3), np.uint8), known if holes else None)
    look = looks()[name]
    image, coverage = plate.view(look).part(0, 0, *look.frame_size)
    there = DevicePlate(plate.pixels, plate.has_holes, HERE)
    width, height = look.frame_size
    parts = [np.s_[0:60, 0:60], np.s_[10:70, 40:64], np.s_[height - 60 : height, width - 80 : width]]
    columns = np.concatenate([np.arange(part[1].start, part[1].stop) for part in parts])
    tops = np.concatenate([np.full(part[1].stop - part[1].start, part[0].start) for part in parts])
    picture, cover = there.strip(look, columns, tops + np.arange(60)[:, None])
    assert picture.device.type == cover.device.type == HERE.type
    seen, known = (np.concatenate([x[part] for part in parts], axis=1) for x in (image, coverage))
    agree = cover[0, 0].cpu().numpy() == known
    assert agree.mean() > 0.995  # a border may fall to either side
    assert np.abs(picture[0].cpu().numpy().transpose(1, 2, 0) - seen)[agree].max() < 1 / 255


def test_beyond_the_frame_its_border_goes_on():
    plate = PlateImage(np.random.default_rng(0).integers(0, 255, (180, 320, 3), np.uint8))
    look = looks()["in place"]
    there = np.arange(-10, 30)
    (picture,), _ = DevicePlate(plate.pixels, False, HERE).strip(look, there, np.tile(there[:, None], 40))
    inner = picture[:, 10:, 10:]
    assert torch.equal(picture[:, :10, 10:], inner[:, :1].expand(-1, 10, -1))
    assert torch.equal(picture[:, 10:, :10], inner[:, :, :1].expand(-1, -1, 10))


def test_a_plate_that_was_aligned_without_a_device_has_no_strip_there(make_scene):
    scene = make_scene(seed=1)
    plate, frame = scene.make()
    with pytest.raises(ValueError, match="without a device"):
        PlateAligner(plate, scene.size).align(frame).strip(np.arange(8), np.zeros((8, 8), int))
