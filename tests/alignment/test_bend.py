"""Displacements that no homography describes: followed where they are, left alone where they are not."""

import cv2
import numpy as np
import pytest

from alignment.homography import inverted, project
from alignment.plate import PlateAligner
from alignment.warp import Look, PlateImage

SIZE = (960, 540)


def rolling(x, y):
    """A camera that swung to and fro while its rows were read."""
    return 0.7 * np.sin(2 * np.pi * y / SIZE[1]), 0 * y


def stepped_aside(x, y):
    """A near floor before a far wall."""
    return 2.5 * np.clip(y / SIZE[1] - 0.3, 0, 1), 0 * y


def barrel(x, y):
    """A lens that the plate was not filmed through."""
    dx, dy = x - SIZE[0] / 2, y - SIZE[1] / 2
    return tuple(0.02 * d * (dx * dx + dy * dy) / SIZE[0] ** 2 for d in (dx, dy))


@pytest.fixture(scope="module")
def photograph(make_scene):
    """Takes a displacement to a plate, a frame, where the subject is, and which place of the plate each pixel shows."""

    def take(displacement, texture):
        scene = make_scene(seed=3, texture=texture, hidden=0.3, size=SIZE)
        plate, frame = scene.make()
        x, y = (axis.astype(np.float32) for axis in np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])))
        moved = [(a + d).astype(np.float32) for a, d in zip((x, y), displacement(x, y), strict=True)]
        frame = cv2.remap(frame, *moved, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        hidden = cv2.remap(scene.mask().astype(np.uint8), *moved, cv2.INTER_NEAREST) > 0
        places = project(inverted(scene.truth), np.stack(moved, axis=-1).reshape(-1, 2)).reshape(*x.shape, 2)
        return plate, frame, hidden, places

    return take


def errors_px(report, places, bend):
    """By how much the warp takes each pixel from a wrong place of the plate; nan where the plate is not known."""
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    coordinates = np.stack([x * 32, y * 32, 0 * x], axis=2).astype(np.uint16)
    shown, coverage = PlateImage(coordinates).view(Look(report.plate_to_frame, SIZE, bend=bend)).part(0, 0, *SIZE)
    distance = np.linalg.norm(shown[..., :2] * (65535 / 32) - places, axis=2)
    return np.where(coverage > 0, distance, np.nan)


@pytest.mark.parametrize("displacement", [rolling, stepped_aside, barrel])
@pytest.mark.parametrize("texture", ["octaves", "boxes"])
def test_parallax_rolling_shutter_and_lens_are_followed(photograph, displacement, texture):
    plate, frame, hidden, places = photograph(displacement, texture)
    report = PlateAligner(plate, SIZE).register(frame)
    straight, bent = (errors_px(report, places, bend) for bend in (None, report.bend))
    assert report.bend_px > 0.3
    assert np.nanmean(bent[~hidden]) < 0.12
    assert np.nanmean(bent[~hidden]) < 0.4 * np.nanmean(straight[~hidden])
    # The subject hides a third and is textured itself: behind it the bend must not run away.
    assert np.nanpercentile(bent[hidden], 95) < max(0.5, np.nanpercentile(straight[hidden], 95))


def test_a_bent_plate_is_rendered_at_any_size_alike(photograph):
    plate, frame, _, _ = photograph(barrel, "octaves")
    aligner = PlateAligner(plate, SIZE)
    report = aligner.register(frame)
    whole = aligner.warp(report)
    image, coverage = whole.reduced(SIZE[0] // 2, SIZE[1] // 2)
    reduced = cv2.resize(whole.image, (SIZE[0] // 2, SIZE[1] // 2), interpolation=cv2.INTER_AREA)
    known = cv2.erode(coverage, np.ones((3, 3))) == 1
    assert np.abs(reduced - image)[known].mean() < 1 / 255
    assert (whole.image[whole.coverage == 0] == 0).all()


@pytest.mark.parametrize("texture", ["octaves", "boxes", "bricks", "sparse"])
def test_what_a_homography_describes_is_not_bent(photograph, texture):
    plate, frame, _, _ = photograph(lambda x, y: (0 * x, 0 * y), texture)
    assert PlateAligner(plate, SIZE).register(frame).bend_px < 0.1
