"""What the subject does to a place, and what happens in it."""

import numpy as np
import pytest

from training.camera import Camera
from training.canvas import Subject
from training.compression import through_h264, through_jpeg
from training.rooms import Place, draw_room
from training.surroundings import contact, reflection, shadow, things_that_changed
from training.textures import fractal_noise

SIZE = 96


def standing(colour=0.0):
    """A subject whose feet are in row 59."""
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[20:60, 40:56] = 1
    return Subject(alpha, np.full((SIZE, SIZE, 3), colour, np.float32))


def floor(gloss):
    """A dull grain, and over it white walls in a mirror."""
    grain = 0.3 + 0.05 * fractal_noise(np.random.default_rng(0), SIZE, 3)
    share = np.full((SIZE, SIZE, 1), gloss, np.float32)
    return Place(np.clip(grain + gloss, 0, 1).astype(np.float32), share, np.ones((SIZE, SIZE, 3), np.float32))


def test_a_mirror_image_hangs_below_the_feet_and_keeps_the_grain():
    place, dark = floor(0.3), standing(0.0)
    seen = reflection(np.random.default_rng(1), place, dark, np.ones((SIZE, SIZE, 1), np.float32))
    lost = place.picture - seen
    assert lost[64:84, 42:54].mean() == pytest.approx(0.3, abs=0.03)  # the walls' light
    assert np.abs(lost[:50]).max() < 0.01 and np.abs(lost[:, :30]).max() < 0.01
    assert np.std(seen[64:80, 44:52]) == pytest.approx(np.std(place.picture[64:80, 44:52]), rel=0.1)


def test_a_white_subject_before_white_walls_leaves_no_mirror_image():
    place = floor(0.3)
    seen = reflection(np.random.default_rng(1), place, standing(1.0), np.ones((SIZE, SIZE, 1), np.float32))
    assert np.abs(seen - place.picture).max() < 0.01


def test_a_dull_floor_shows_the_shadow_alone():
    place, shade = floor(0.0), np.full((SIZE, SIZE, 1), 0.7, np.float32)
    seen = reflection(np.random.default_rng(1), place, standing(), shade)
    assert np.allclose(seen, 0.7 * place.picture, atol=1e-6)


def test_shadows_take_light_and_some_samples_have_none():
    lights = [shadow(np.random.default_rng(seed), standing().alpha) for seed in range(60)]
    least = [float(light.min()) for light in lights]
    assert min(least) >= 0.15 - 1e-4 and max(least) == 1
    assert sum(light == 1 for light in least) > 10 and sum(light < 0.8 for light in least) > 10
    coloured = [float(np.ptp(light, axis=2).max()) for light in lights]
    assert sum(colour > 0.1 for colour in coloured) > 5 and sum(0 < colour < 0.05 for colour in coloured) > 5


def test_it_is_darkest_at_the_feet_and_nowhere_else():
    for seed in range(10):
        light = contact(np.random.default_rng(seed), standing().alpha)
        assert light[56:64, 40:56].min() < 0.8
        assert np.allclose(light[:40], 1, atol=1e-3) and np.allclose(light[75:], 1, atol=1e-3)


def test_what_changed_is_a_few_patches():
    picture = np.random.default_rng(2).random((SIZE, SIZE, 3), np.float32)
    touched = [
        float(
            (np.abs(things_that_changed(np.random.default_rng(s), picture, standing().alpha) - picture) > 1e-3).mean()
        )
        for s in range(60)
    ]
    assert 3 <= sum(share > 0 for share in touched) <= 25
    assert max(touched) < 0.3


def test_a_jpeg_keeps_of_fine_detail_in_one_colour_what_it_is_to_the_eye():
    checkers = np.indices((SIZE, SIZE)).sum(0) % 2 * 160 + 40
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        picture = np.full((SIZE, SIZE, 3), 110, np.uint8)
        picture[..., channel] = checkers
        kept = through_jpeg(picture, 95)[..., channel].std() / checkers.std()
        assert kept == pytest.approx(weight, abs=0.04), channel


def test_h264_keeps_less_at_a_higher_rate_factor():
    picture = draw_room(np.random.default_rng(3), SIZE).picture
    before, codes = (np.uint8(255 * x) for x in (np.roll(picture, 2, 1), picture))
    errors = [np.abs(through_h264([before, codes], crf).astype(float) - codes).mean() for crf in (16, 34, 45)]
    assert errors[0] < errors[1] < errors[2] and errors[0] < 3
    assert np.array_equal(through_h264([before, codes], 30), through_h264([before, codes], 30))


def test_a_camera_that_writes_clips_writes_its_plate_as_a_photograph():
    picture = draw_room(np.random.default_rng(3), SIZE).picture
    clip, still = (Camera(0.0, 0.0, 0.0, 90, crf) for crf in (45, None))
    plates = [camera.shoot(np.random.default_rng(0), picture, plate=True) for camera in (clip, still)]
    frames = [camera.shoot(np.random.default_rng(0), picture) for camera in (clip, still)]
    assert np.array_equal(*plates) and not np.array_equal(*frames)


def test_a_camera_that_stands_still_keeps_what_a_place_looked_like_before():
    random = np.random.default_rng(5)
    grain = np.clip(0.5 + 0.1 * fractal_noise(random, SIZE, 3), 0, 1).astype(np.float32)
    camera = Camera(0.004, 0.0, 0.0, 90, crf=30)
    before = camera.shoot(np.random.default_rng(0), grain, before=grain)
    steady, held = (camera.shoot(np.random.default_rng(1), grain, before=b) for b in (grain, None))
    assert np.abs(steady - before).mean() < 0.5 * np.abs(held - before).mean()


def test_tone_mapping_lightens_the_place_beside_a_dark_subject_and_nothing_far_from_it():
    scene = np.full((SIZE, SIZE, 3), 0.6, np.float32)
    scene[:, : SIZE // 2] = 0.1
    mapped = Camera(0.0, 0.0, 0.0, 98, local_contrast=0.3, tone_share=0.04)
    plain, seen = (c.shoot(np.random.default_rng(0), scene) for c in (Camera(0.0, 0.0, 0.0, 98), mapped))
    lighter = (seen - plain).mean((0, 2))
    assert lighter[SIZE // 2 + SIZE // 40] > 0.03 and lighter[SIZE // 2 - SIZE // 40] < -0.02
    assert np.abs(lighter[[SIZE // 8, -SIZE // 8]]).max() < 0.01


def test_tone_mapping_keeps_the_compositing_equation():
    random = np.random.default_rng(0)
    colour, background = random.random((2, SIZE, SIZE, 3), np.float32)
    alpha = random.random((SIZE, SIZE, 1), np.float32)
    scene = alpha * colour + (1 - alpha) * background
    camera = Camera(0.0, 0.0, 0.0, 98, local_contrast=0.3)
    f, b, whole = (camera.tone_mapped(layer, scene) for layer in (colour, background, scene))
    np.testing.assert_allclose(alpha * f + (1 - alpha) * b, whole, atol=1e-5)
    assert np.abs(whole - scene).max() > 0.05


def test_wider_sharpening_reaches_further():
    scene = np.full((SIZE, SIZE, 3), 0.6, np.float32)
    scene[:, : SIZE // 2] = 0.2
    reach = []
    for px in (0.8, 2.5):
        seen = Camera(0.0, 0.0, 0.9, 98, sharpening_px=px).shoot(np.random.default_rng(0), scene).mean((0, 2))
        reach.append(int((seen[SIZE // 2 :] > 0.62).sum()))
    assert 0 < reach[0] < reach[1] < 10
