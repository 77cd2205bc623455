"""A plate with other tones than the frame's, as a photo of the place has, is given the frame's."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.polynomial.legendre import legval

from alignment.common_view import View, look, place, relight
from alignment.photometric import Exposure
from alignment.plate import PlateAligner
from alignment.tone import coefficients, fitted_curves, straight, tables, toned

Light = Callable[[np.ndarray], np.ndarray]


def film(stops: float) -> Light:
    """Light, some stops brighter, on a curve that bends highlights: x / (1 + x) of linear light, and a gamma."""

    def light(picture: np.ndarray) -> np.ndarray:
        bent = np.maximum(picture, 0) ** 2.2
        scene = 2.0**stops * bent / np.maximum(1 - bent, 1e-3)
        return (scene / (1 + scene)) ** (1 / 2.2)

    return light


LIGHTS: dict[str, Light] = {
    "a darker gamma": lambda picture: np.maximum(picture, 0) ** 1.4,
    "a brighter gamma": lambda picture: np.maximum(picture, 0) ** 0.7,
    "more contrast": lambda picture: picture - 0.4 * np.sin(2 * np.pi * picture) / (2 * np.pi),
    "less contrast": lambda picture: picture + 0.4 * np.sin(2 * np.pi * picture) / (2 * np.pi),
    "a stop more": film(1),
    "a stop less": film(-1),
}


def relit(picture: np.ndarray, light: Light) -> np.ndarray:
    return np.rint(255 * np.clip(light(picture / 255), 0, 1)).astype(np.uint8)


def levels_off(scene, plate: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """How far the aligned plate is from the place that the frame shows, without noise, grey levels."""
    aligned = PlateAligner(plate, scene.size).align(frame)
    off = cv2.GaussianBlur(aligned.image, (0, 0), 2) - cv2.GaussianBlur(frame.astype(np.float32) / 255, (0, 0), 2)
    hidden = cv2.dilate(scene.mask().astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    return 255 * np.abs(off).max(axis=2)[~hidden & (cv2.erode(aligned.coverage, np.ones((15, 15))) > 0)]


@pytest.mark.parametrize("name", LIGHTS)
@pytest.mark.parametrize("hidden", [0.1, 0.4])
def test_a_plate_takes_on_the_frames_tones(make_scene, name, hidden):
    scene = make_scene(seed=4, texture="boxes", hidden=hidden)
    plate, frame = scene.make()
    off = levels_off(scene, relit(plate, LIGHTS[name]), frame)
    assert off.mean() < 2 and np.percentile(off, 95) < 6


@pytest.mark.parametrize("subject", ["plain", "boxes", "stripes"])
@pytest.mark.parametrize("hidden", [0.2, 0.5])
def test_a_subject_gives_no_tone_to_what_has_none(make_scene, subject, hidden):
    scene = make_scene(seed=6, texture="boxes", subject=subject, hidden=hidden, gain=(1.15, 0.9, 1.0), offset=0.02)
    plate, frame = scene.make()
    assert levels_off(scene, plate, frame).mean() < 1
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.gain == pytest.approx(scene.gain, rel=0.02)
    assert report.tone is None or np.abs(report.tone).max() < 0.004


def test_no_tone_folds_where_nothing_was_seen():
    """What is brighter than all that is seen is hidden; the plate shows it all the same."""
    folding = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        low, width = random.uniform(0, 0.6), random.uniform(0.1, 0.4)
        x = random.uniform(low, low + width, (3, 800)).astype(np.float32)
        y = np.asarray(x ** random.choice([0.6, 0.8, 1.25, 1.7]) + random.normal(0, 0.006, x.shape), np.float32)
        curves = fitted_curves(x, y, np.ones_like(x), straight((1.0,) * 3, (0.0,) * 3))
        levels = np.linspace(0, 1, 12)[:, None, None].repeat(3, 2).astype(np.float32)
        folding += bool((np.diff(toned(levels, coefficients(curves)), axis=0) < 0).any())
    assert folding == 0


def test_an_exposure_is_its_line_and_its_polynomials():
    random = np.random.default_rng(0)
    tone = random.uniform(-0.03, 0.03, (3, 4)).astype(np.float32)
    exposure = Exposure((1.1, 0.9, 1.0), (0.02, 0.0, -0.03), tone=tone)
    plate = random.random((5, 7, 3), np.float32)
    told = [
        exposure.offset[n] + exposure.gain[n] * plate[..., n] + legval(2 * plate[..., n] - 1, [0, 0, *tone[n]])
        for n in range(3)
    ]
    assert exposure.applied(plate) == pytest.approx(np.stack(told, axis=2), abs=1e-5)
    white = exposure.applied(np.ones((1, 1, 3), np.float32))[0, 0]
    assert exposure.white == pytest.approx(tuple(white.tolist()), abs=1e-5)


def test_tables_rise_even_where_a_curve_falls():
    exposure = Exposure((0.3, 1.0, 1.0), (0.2, 0.0, 0.0), tone=np.array([[0.2, 0.2], [0, 0], [0, 0]], np.float32))
    falling, line, _ = tables(coefficients(exposure.curves))
    assert (np.diff(exposure.applied(np.linspace(0, 1, 99)[:, None, None].repeat(3, 2))[..., 0], axis=0) < 0).any()
    assert (np.diff(falling[1]) > 0).all()
    assert line[1] == pytest.approx(line[0])  # also beyond black and white


def test_a_picture_of_other_tones_is_seen_in_the_references_light_and_back(make_scene):
    plate, frame = make_scene(seed=2, texture="boxes", hidden=0, shake=0).make()
    darker = relit(frame, LIGHTS["a stop less"])
    size = (frame.shape[1], frame.shape[0])
    report = PlateAligner(plate, size).register(darker)
    assert report.tone is not None
    one, view = place(0, size, report), View(size, np.eye(3))
    image, covered = look(darker, one, view, size)
    off = 255 * np.abs(cv2.GaussianBlur(image - plate.astype(np.float32) / 255, (0, 0), 2)).max(axis=2)[covered]
    assert off.mean() < 2
    relight(image, one, view)
    assert np.abs(image - darker.astype(np.float32) / 255)[covered].max() < 0.02
