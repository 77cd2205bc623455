"""Light that differs all over the picture is met, and a plain subject is no light."""

import cv2
import numpy as np
import pytest

from alignment.broad_light import broad_light
from alignment.common_view import View, look, place, relight
from alignment.plate import PlateAligner


def places(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))


def lights(size: tuple[int, int]) -> dict[str, np.ndarray]:
    x, y = places(size)
    colour = np.array([1.1, 1.0, 0.8])
    return {
        "from the side": 1 + 0.15 * x[..., None] * colour,
        "from above": 1 - 0.2 * y[..., None] * colour,
        "a vignette": 1.05 - 0.13 * (x**2 + y**2)[..., None].repeat(3, 2),
        "a lamp that flickers": 1 + 0.1 * np.sin(2 * np.pi * y + 0.7)[..., None].repeat(3, 2),
    }


def glows(size: tuple[int, int]) -> dict[str, np.ndarray]:
    """What a lens adds to the light, of 1."""
    x, y = places(size)
    colour = np.array([1.0, 0.95, 0.8])
    return {
        "from a corner": 0.2 * np.exp(-np.hypot(1.6 * (x + 1), y + 1) / 1.2)[..., None] * colour,
        "from the left": 0.04 * ((1 - x) ** 2)[..., None] * colour,
        "of a lamp in view": 0.15 * np.exp(-((x - 0.6) ** 2 + (y + 0.5) ** 2) / 0.5)[..., None] * colour,
    }


def in_glow(picture, glow):
    light = 0.8 * (picture / 255) ** 2.2 + glow
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)


SUBJECTS = pytest.mark.parametrize(("subject", "hidden"), [("noise", 0.15), ("plain", 0.4)])


@pytest.mark.parametrize("name", lights((2, 2)))
@SUBJECTS
def test_the_plate_is_lit_as_the_frame_is(make_scene, name, subject, hidden):
    scene = make_scene(seed=11, texture="boxes", subject=subject, hidden=hidden)
    plate, frame = scene.make()
    light = lights(scene.size)[name]
    check_lit(scene, plate, np.rint(np.clip(frame * light, 0, 255)).astype(np.uint8))


@pytest.mark.parametrize("name", glows((2, 2)))
@SUBJECTS
@pytest.mark.parametrize("in_plate", [False, True])
def test_a_glow_in_the_lens_is_met(make_scene, name, subject, hidden, in_plate):
    scene = make_scene(seed=11, texture="boxes", subject=subject, hidden=hidden)
    plate, frame = scene.make()
    glowing = plate if in_plate else frame
    size = (glowing.shape[1], glowing.shape[0])
    glowing = in_glow(glowing, glows(size)[name])
    check_lit(scene, *((glowing, frame) if in_plate else (plate, glowing)), mean=4.5, most=20)


def check_lit(scene, plate, lit, mean=1.5, most=4):
    """Where the place is seen, the plate has the frame's colours."""
    aligned = PlateAligner(plate, scene.size).align(lit)
    off = cv2.GaussianBlur(aligned.image, (0, 0), 2) - cv2.GaussianBlur(lit.astype(np.float32) / 255, (0, 0), 2)
    hidden = cv2.dilate(scene.mask().astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    off = 255 * np.abs(off).max(axis=2)[~hidden & (cv2.erode(aligned.coverage, np.ones((15, 15))) > 0)]
    assert off.mean() < mean and np.percentile(off, 95) < most


def test_a_glow_is_taken_out_of_a_picture_and_put_back(make_scene):
    plate, frame = make_scene(seed=2, texture="boxes", hidden=0, shake=0).make()
    size = (frame.shape[1], frame.shape[0])
    glowing = in_glow(frame, glows(size)["from the left"])
    report = PlateAligner(plate, size).register(glowing)
    assert report.veil is not None
    one, view = place(0, size, report), View(size, np.eye(3))
    image, covered = look(glowing, one, view, size)
    off = 255 * np.abs(cv2.GaussianBlur(image - plate.astype(np.float32) / 255, (0, 0), 2)).max(axis=2)[covered]
    assert off.mean() < 2.5
    relight(image, one, view)
    assert np.abs(image - glowing.astype(np.float32) / 255)[covered].max() < 0.02


def shown(hidden: np.ndarray, shirt: float) -> tuple[np.ndarray, np.ndarray]:
    """A wall with things on it, and a frame in which somebody stands before it."""
    random = np.random.default_rng(2)
    wall = 0.5 + cv2.GaussianBlur(random.normal(0, 0.3, (135, 240, 3)).astype(np.float32), (0, 0), 2)
    wall = np.clip(wall, 0.1, 0.9)
    return wall, np.where(hidden[..., None], np.float32(shirt), wall)


def test_a_subject_is_no_light():
    x, y = places((240, 135))
    hidden = np.hypot(x - 0.2, y - 0.3) < 0.7
    wall, frame = shown(hidden, 0.6)
    assert broad_light(wall, frame, np.ones(hidden.shape, np.float32)) is None


@pytest.mark.parametrize("bend", [0.0, 0.15])
def test_where_nothing_is_confirmed_the_slope_goes_on(bend):
    x, y = places((240, 135))
    wall, frame = shown(x > 2, 0)
    light = 1 + 0.15 * y - bend * (x**2 + y**2)
    lit = np.asarray(np.clip(frame * light[..., None], 0, 1), np.float32)
    field = broad_light(wall, lit, np.where(y < 0.55, 1, 0.3).astype(np.float32))
    assert field is not None
    assert np.abs(field.on(wall) - wall * light[..., None]).max() < 0.03


def test_the_gain_is_the_exposure_and_the_shading_what_differs(make_scene):
    scene = make_scene(seed=11, texture="boxes", hidden=0.1)
    plate, frame = scene.make()
    light = 1 + 0.2 * np.linspace(-1, 1, scene.size[1])[:, None, None]
    lit = np.rint(np.clip(frame * light, 0, 255)).astype(np.uint8)
    report = PlateAligner(plate, scene.size).register(lit)
    assert report.shading is not None and np.abs(report.shading.mean(axis=(0, 1))).max() < 0.01
    assert report.gain == pytest.approx((1, 1, 1), abs=0.03)


def test_few_parts_do_not_tell_of_all_the_others():
    x, _ = places((240, 135))
    wall, frame = shown(x > 2, 0)
    lit = np.asarray(frame * (1 + 0.2 * x[..., None]), np.float32)
    assert broad_light(wall, lit, np.ones(x.shape, np.float32)) is not None
    assert broad_light(wall, lit, np.where(x < -0.6, 1, 0.3).astype(np.float32)) is None
