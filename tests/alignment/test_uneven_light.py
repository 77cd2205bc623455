"""Light that changed unevenly between plate and clip is no shift of the soft edges that it falls on."""

import cv2
import numpy as np
import pytest

from alignment.homography import grid, project
from alignment.plate import PlateAligner
from alignment.template import evened, pyramid

SIZE = (640, 360)
TRUTH = np.array([[1.01, 0.012, -9.0], [-0.012, 1.008, 6.0], [1e-5, -2e-5, 1.0]])

X, Y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
LIGHTS = {
    "even": (1 + 0 * X, 0.1),
    "a window that was on the other side": (1 + 0.3 * X, 0.7),
    "a vignette": (1 - 0.35 * (X**2 + Y**2) / 2, 0.4),
    "a lamp": (0.6 + np.exp(-((X + 0.7) ** 2 + (Y + 0.4) ** 2) / 0.25), 0.4),
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


def test_what_is_slow_is_taken_out_and_edges_stay():
    ramp = np.tile(np.linspace(20, 220, 960), (540, 1))
    edge = ramp + 10 * (np.arange(960) > 480)
    (fine, _), (plain, _) = (evened(pyramid(np.uint8(picture))) for picture in (edge, ramp))
    inside = np.s_[100:-100, 100:-100]
    assert np.abs(plain[inside] - 128).max() < 1.5
    assert (fine - plain)[270, 484] - (fine - plain)[270, 476] > 8
