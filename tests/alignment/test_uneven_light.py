"""Light that changed unevenly between plate and clip is no shift of the soft edges that it falls on."""

import cv2
import numpy as np
import pytest

from alignment.homography import corners, grid, project
from alignment.plate import PlateAligner
from alignment.template import evened
from pipeline.decode import open_clip
from pipeline.plates import read_plate

SIZE = (640, 360)
TRUTH = np.array([[1.01, 0.012, -9.0], [-0.012, 1.008, 6.0], [1e-5, -2e-5, 1.0]])

X, Y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
LIGHTS = {
    "even": (1 + 0 * X, 0.1),
    "a window that was on the other side": (1 + 0.3 * X, 0.7),
    "a vignette": (1 - 0.35 * (X**2 + Y**2) / 2, 0.5),
    "a lamp": (0.6 + np.exp(-((X + 0.7) ** 2 + (Y + 0.4) ** 2) / 0.25), 0.45),
}
"""Factors of brightness, 360 x 640, and how far off the plate may be at the worst point, pixels."""


@pytest.fixture(scope="module")
def place(data):
    """A real room with soft shades on its walls, 640 x 360."""
    return cv2.resize(cv2.imread(str(data / "static" / "plate.png"))[..., ::-1], SIZE, interpolation=cv2.INTER_AREA)


def noisy(picture, seed):
    grain = np.random.default_rng(seed).normal(0, 1.5, picture.shape)
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("light", "bound_px"), LIGHTS.values(), ids=LIGHTS)
def test_the_plate_is_met_everywhere_in_the_frame(place, light, bound_px):
    moved = cv2.warpPerspective(place, TRUTH, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    report = PlateAligner(noisy(place, 1), SIZE).register(noisy(moved * light[..., None], 2))
    points = grid(SIZE)
    error = np.hypot(*(project(report.plate_to_frame @ np.linalg.inv(TRUTH), points) - points).T)
    assert report.status == "ok"
    assert error.max() < bound_px


def test_of_a_plate_that_shows_more_the_same_is_taken_out(data):
    """Twice as wide and high as the frame, which shows its middle."""
    wide = cv2.resize(cv2.imread(str(data / "static" / "plate.png"))[..., ::-1], (1280, 720))
    truth = np.array([[1.0, 0.01, -300.0], [-0.01, 1.0, -170.0], [0.0, 0.0, 1.0]])
    seen = cv2.warpPerspective(wide, truth, SIZE, flags=cv2.INTER_CUBIC) * (1 + 0.1 * X)[..., None]
    report = PlateAligner(noisy(wide, 1), SIZE).register(noisy(seen, 2))
    points = grid(SIZE)
    assert np.hypot(*(project(report.plate_to_frame @ np.linalg.inv(truth), points) - points).T).max() < 0.4


def test_a_camera_that_stands_does_not_tremble(data):
    """Frames of a clip with people in it, in noise and coding; some are surer in even light, some are not."""
    with open_clip(data / "static" / "clip.mp4") as clip:
        aligner = PlateAligner(read_plate(data / "static" / "plate.png"), (clip.info.width, clip.info.height))
        ends = corners(aligner.frame_size)
        found = [project(aligner.register(frame.image).plate_to_frame, ends) for frame in clip.frames(85, 105)]
    assert np.std(found, axis=0).max() < 0.09


def test_what_is_slow_is_taken_out_and_edges_stay():
    ramp = np.tile(np.linspace(20, 220, 960), (540, 1))
    edge = ramp + 10 * (np.arange(960) > 480)
    fine, plain = (evened(np.float32(picture), 16.0) for picture in (edge, ramp))
    inside = np.s_[100:-100, 100:-100]
    assert np.abs(plain[inside] - 128).max() < 1.5
    assert (fine - plain)[270, 482] - (fine - plain)[270, 478] > 8
