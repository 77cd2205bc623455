"""The plate is given the light of the frame: gain, offset, what is burnt out, shading."""

import cv2
import numpy as np
import pytest

from alignment.photometric import match_exposure
from alignment.plate import PlateAligner


def test_the_gain_is_not_flattened_by_noise(make_scene):
    scene = make_scene(seed=5, gain=(1.2, 0.85, 1.0), noise=0.03)
    plate, frame = scene.make()
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.gain == pytest.approx(scene.gain, rel=0.01)
    assert report.offset == pytest.approx((0, 0, 0), abs=0.005)


@pytest.mark.parametrize(("plate_gain", "frame_gain"), [(1, 0.33), (0.3, 0.85)])
@pytest.mark.parametrize("hidden", [0.0, 0.5])
def test_an_exposure_several_times_as_high_is_met(make_scene, plate_gain, frame_gain, hidden):
    scene = make_scene(seed=8, subject="plain", hidden=hidden, gain=(frame_gain,) * 3, noise=0.004)
    plate, frame = scene.make()
    report = PlateAligner(np.rint(plate * plate_gain).astype(np.uint8), scene.size).register(frame)
    assert report.status == "ok" and report.exposed
    assert report.gain == pytest.approx((frame_gain / plate_gain,) * 3, rel=0.02)


@pytest.mark.parametrize(("wall", "shirt"), [(0.8, 0.1), (0.12, 0.8)], ids=["dark", "bright"])
def test_a_plain_shirt_before_a_plain_wall_is_no_exposure(wall, shirt):
    random = np.random.default_rng(3)
    plate = np.full((135, 240, 3), wall, np.float32)
    plate[:40] += 0.15 * wall * cv2.GaussianBlur(random.normal(0, 6, (40, 240, 3)).astype(np.float32), (0, 0), 4)
    frame = plate.copy()
    frame[50:, 40:200] = shirt
    trust = np.full(plate.shape[:2], 0.3, np.float32)
    trust[:40] = 1.0
    noise = random.normal(0, 0.004, (2, *plate.shape)).astype(np.float32)
    exposure = match_exposure(plate + noise[0], frame + noise[1], trust)
    assert exposure.found and exposure.gain == pytest.approx((1, 1, 1), abs=0.03)


@pytest.mark.parametrize("gain", [1.0, 1.25])
def test_a_black_hill_takes_its_exposure_from_a_sky_that_is_burnt_out_but_for_its_blue(gain):
    random = np.random.default_rng(5)
    light = np.full((135, 240, 3), (1.2, 1.1, 0.75), np.float32)  # a sky in which red and green are clipped
    light[60:] = 0.027 + 0.004 * cv2.GaussianBlur(random.normal(0, 4, (75, 240, 3)).astype(np.float32), (0, 0), 2)
    frame, plate = light * gain + 0.008, light.copy()
    frame[20:110, 90:150] = (0.9, 0.6, 0.1)  # somebody
    noise = random.normal(0, 0.004, (2, *light.shape)).astype(np.float32)
    plate, frame = (np.clip(x + n, 0, 1) for x, n in zip((plate, frame), noise, strict=True))
    trust = np.full(light.shape[:2], 0.3, np.float32)
    trust[50:70, :80] = 1.0  # the hill's outline
    exposure = match_exposure(plate, frame, trust)
    given = np.clip(light * exposure.gain + exposure.offset, 0, 1)
    free = np.ones(light.shape[:2], bool)
    free[20:110, 90:150] = False
    assert np.abs(given - np.clip(light * gain + 0.008, 0, 1))[free].max(axis=1).mean() < 0.02


@pytest.mark.parametrize("gain", [1.0, 1.25])
def test_a_night_takes_its_exposure_from_its_few_lights(gain):
    random = np.random.default_rng(5)
    light = np.full((135, 240, 3), 0.03, np.float32)
    for left in range(0, 230, 60):  # a hundredth of the picture
        light[5:15, left : left + 10] = random.uniform(0.3, 0.7, 3)
    frame = light * gain + 0.008
    frame[30:, 90:150] = (0.8, 0.5, 0.3)  # somebody
    plate, frame = (np.clip(x + random.normal(0, 0.004, x.shape), 0, 1).astype(np.float32) for x in (light, frame))
    trust = np.full(light.shape[:2], 0.3, np.float32)
    trust[:20] = 1.0  # the lights'
    exposure = match_exposure(plate, frame, trust)
    assert exposure.gain == pytest.approx((gain,) * 3, abs=0.02)
    assert exposure.offset == pytest.approx((0.008,) * 3, abs=0.002)


@pytest.mark.parametrize(("sky", "seen"), [(2.0, 1.0), (1.12, 0.9)], ids=["burnt out in both", "in the plate"])
def test_a_sky_that_is_burnt_out_is_what_a_darker_frame_shows_of_it(make_scene, sky, seen):
    scene = make_scene(seed=8, subject="plain", hidden=0.2, noise=0.004)
    plate, frame = (0.8 * picture for picture in scene.make())
    above = np.zeros(plate.shape[:2], np.uint8)
    above[: len(above) // 4] = 1
    there = cv2.warpPerspective(above, scene.truth, scene.size, flags=cv2.INTER_NEAREST) * (1 - scene.mask()) == 1
    plate[above == 1], frame[there] = 255 * sky, 255 * sky
    plate, frame = (np.clip(light * picture, 0, 255).astype(np.uint8) for light, picture in ((1, plate), (0.8, frame)))
    given = PlateAligner(plate, scene.size).align(frame).image
    sure = cv2.erode(there.astype(np.uint8), np.ones((15, 15)), borderValue=0) == 1
    assert np.abs(given[sure] - seen).mean() < 0.02


def test_a_plate_that_is_burnt_out_is_not_called_matched(make_scene):
    plate, frame = make_scene(seed=8).make()
    plate[..., 0] = 255
    report = PlateAligner(plate, (640, 360)).register(frame)
    assert (report.status, report.exposed) == ("weak", False)


@pytest.mark.parametrize("light", [lambda x: 1 - x, lambda x: 0.06 * x], ids=["negative", "darkness"])
def test_what_no_exposure_explains_is_not_called_matched(light):
    plate = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 1, (135, 240, 3)).astype(np.float32), (0, 0), 9)
    plate = cv2.normalize(plate, None, 0.3, 0.9, cv2.NORM_MINMAX)
    trust = np.ones(plate.shape[:2], np.float32)
    assert match_exposure(plate, 0.5 * plate, trust).found
    assert not match_exposure(plate, light(plate), trust).found


@pytest.mark.parametrize("hidden", [0.0, 0.3, 0.6])
def test_the_background_is_met_within_a_grey_level(make_scene, hidden):
    scene = make_scene(seed=8, subject="plain", hidden=hidden, gain=(1.18, 1.2, 1.16), noise=0.004)
    plate, frame = scene.make()
    aligned = PlateAligner(plate, scene.size).align(frame)
    seen = (aligned.coverage == 1) & ~cv2.dilate(scene.mask().astype(np.uint8), np.ones((5, 5))).astype(bool)
    clipped = (frame == 255).any(axis=2)
    difference = aligned.image[seen & ~clipped] - frame[seen & ~clipped] / 255
    assert np.abs(difference.mean(axis=0)).max() < 1 / 255


def test_clipped_pixels_do_not_bend_the_exposure(make_scene):
    scene = make_scene(seed=8, texture="boxes", gain=(1.6, 1.6, 1.6), noise=0.004)
    plate, frame = scene.make()
    assert (frame == 255).mean() > 0.02
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.gain == pytest.approx(scene.gain, rel=0.02)


def test_uneven_light_is_followed(make_scene):
    scene = make_scene(seed=4, hidden=0.0, noise=0.004)
    plate, frame = scene.make()
    fall = 1 - 0.08 * np.linspace(0, 1, scene.size[0])[None, :, None] ** 2
    aligned = PlateAligner(plate, scene.size).align((frame * fall).astype(np.uint8))
    assert aligned.report.shading is not None
    inside = cv2.erode(aligned.coverage, np.ones((49, 49))) == 1
    difference = cv2.GaussianBlur(aligned.image - frame * fall / 255, (0, 0), 8)[inside]
    assert np.percentile(np.abs(difference), 95) < 2 / 255


def test_even_light_has_no_shading(make_scene):
    plate, frame = make_scene(seed=4, gain=(1.1, 1.1, 1.1)).make()
    assert PlateAligner(plate, (640, 360)).register(frame).shading is None


def test_a_shirt_before_the_only_lamp_of_a_dark_place_is_no_exposure():
    random = np.random.default_rng(2)
    texture = cv2.resize(random.random((45, 80)).astype(np.float32), (640, 360), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:360, :640]
    lamp = 0.5 * np.exp(-((x - 150) ** 2 + (y - 150) ** 2) / 2 / 45**2)
    place = np.maximum(0.015 + 0.05 * texture, np.where(lamp > 0.02, lamp, 0))[..., None] * np.ones(3)
    frame = place.copy()
    frame[20:, 50:250] = 0.3
    plate, frame = (np.rint(255 * np.clip(p + random.normal(0, 0.006, p.shape), 0, 1)) for p in (place, frame))
    report = PlateAligner(plate.astype(np.uint8), (640, 360)).register(frame.astype(np.uint8))
    assert (*report.gain, *report.offset) == pytest.approx((1, 1, 1, 0, 0, 0), abs=0.05)


def test_a_subject_before_a_window_that_is_white_in_both_is_no_lost_light(make_scene):
    scene = make_scene(seed=8, hidden=0, noise=0.004)
    plate, frame = scene.make()
    white = np.zeros(plate.shape[:2], np.uint8)
    white[100:260, 200:400] = 1
    there = cv2.warpPerspective(white, scene.truth, scene.size, flags=cv2.INTER_NEAREST) == 1
    plate[white == 1], frame[there] = 255, 255
    frame[130:, 180:380] = 90  # somebody, before most of it
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.lost < 0.01


@pytest.mark.parametrize("dark", [(0,), (0, 1)], ids=["cyan", "blue"])
def test_light_of_one_colour_is_matched_though_channels_are_black(make_scene, dark):
    scene = make_scene(seed=8, subject="plain", hidden=0.3, gain=(1.15,) * 3, noise=0.004)
    plate, frame = scene.make()
    for picture in (plate, frame):
        picture[..., dark] = 2
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.exposed
    others = [gain for channel, gain in enumerate(report.gain) if channel not in dark]
    assert others == pytest.approx([1.15] * len(others), rel=0.02)


def test_a_wall_whose_red_is_burnt_out_in_the_frame_does_not_turn_green():
    random = np.random.default_rng(7)
    wall = np.full((135, 240, 3), (0.93, 0.6, 0.3))
    plate, frame = (
        np.clip(wall * gain + random.normal(0, 0.003, wall.shape), 0, 1).astype(np.float32) for gain in (1, 1.1)
    )
    exposure = match_exposure(plate, frame, np.ones(wall.shape[:2], np.float32))
    assert exposure.gain == pytest.approx((1.1,) * 3, abs=0.02)


def test_a_red_shirt_is_no_exposure_though_it_has_no_green_and_no_blue(make_scene):
    scene = make_scene(seed=8, hidden=0.75, noise=0.004)
    plate, frame = scene.make()
    frame[scene.mask()] = (217, 0, 0)
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.gain == pytest.approx((1,) * 3, abs=0.03) and report.offset == pytest.approx((0,) * 3, abs=0.01)
