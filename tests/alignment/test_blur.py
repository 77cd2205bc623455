"""Frames less sharp than the plate: how much is found, and the aligned plate is as soft."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from alignment.blur import LONG_SIDE_PX, Blur, at_plate, blurred, estimate_blur
from alignment.device import DevicePlate
from alignment.plate import PlateAligner
from tests.conftest import HEIGHT, WIDTH, shot, textured

SIZE = (288, LONG_SIDE_PX)


def smear(length, degrees, across=0.2):
    """A smear of a camera that moves evenly, and a little out of focus."""
    x, y = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along = length**2 / 12
    return Blur(along * x * x + across, along * x * y, along * y * y + across)


def grey(seed=5):
    return np.ascontiguousarray(textured(seed)[: SIZE[0], : SIZE[1]].mean(axis=2))


def noisy(picture, seed=3):
    noise = np.random.default_rng(seed).normal(0, 1 / 255, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


BLURS = [smear(4, 0), smear(7, 30), smear(15, 90), smear(25, 160), Blur(1, 0, 1), Blur(9, 0, 9), Blur(4, 1, 2)]


@pytest.mark.parametrize("blur", BLURS)
def test_a_kernel_has_the_moments_asked_for(blur):
    kernel = blur.kernel().astype(np.float64)
    places = np.arange(len(kernel)) - len(kernel) // 2
    x, y = np.meshgrid(places, places)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert [(kernel * x).sum(), (kernel * y).sum()] == pytest.approx([0, 0], abs=1e-5)
    moments = [(kernel * a).sum() for a in (x * x, x * y, y * y)]
    assert moments == pytest.approx(blur, abs=0.05 * max(blur) + 0.02)


@pytest.mark.parametrize("blur", BLURS)
def test_a_blur_is_found(blur):
    plate = grey()
    found = estimate_blur(noisy(plate, 1), noisy(blurred(plate, blur)), np.ones(SIZE, np.float32))
    assert np.abs(np.subtract(found, blur)).max() < 0.25 * max(blur) + 0.05


@pytest.mark.parametrize("blur", BLURS)
def test_what_hides_the_plate_does_not_matter(blur):
    plate = grey()
    frame = blurred(plate, blur)
    frame[40:, 150:350] = grey(77)[40:, 150:350]
    found = estimate_blur(noisy(plate, 1), noisy(frame), np.ones(SIZE, np.float32))
    assert np.abs(np.subtract(found, blur)).max() < 0.25 * max(blur) + 0.05


def test_a_frame_that_is_as_sharp_or_sharper_has_none():
    plate, trust = grey(), np.ones(SIZE, np.float32)
    assert estimate_blur(noisy(plate, 1), noisy(plate), trust) is None
    assert estimate_blur(noisy(blurred(plate, Blur(2, 0, 2)), 1), noisy(plate), trust) is None


@pytest.mark.parametrize("trust", [0, 1])
def test_where_nothing_can_be_compared_there_is_none(trust):
    trusted = np.full(SIZE, trust, np.float32)
    plate = np.full(SIZE, 0.5, np.float32) if trust else grey()
    assert estimate_blur(noisy(plate, 1), noisy(blurred(plate, Blur(9, 0, 9))), trusted) is None


def test_a_plate_of_twice_the_size_is_blurred_by_as_much_of_the_picture():
    half = np.diag([0.5, 0.5, 1])
    assert at_plate(Blur(2, 0.5, 1), half, (640, 360)) == pytest.approx((8, 2, 4))
    turned = np.array([[0, -1.0, 100], [1, 0, 0], [0, 0, 1]])  # a quarter
    assert at_plate(Blur(2, 0, 0), turned, (640, 360)) == pytest.approx((0, 0, 2))


@pytest.fixture(scope="module")
def soft():
    """An aligner and a frame that is smeared."""
    place = textured(5)
    plate = np.clip(place[30 : 30 + HEIGHT, 30 : 30 + WIDTH] * 255, 0, 255).astype(np.uint8)
    frame = blurred(shot(place, 9, ball=True).astype(np.float32) / 255, smear(9, 40))
    return PlateAligner(plate, (WIDTH, HEIGHT)), np.uint8(np.round(255 * frame))


def test_a_smeared_frame_gets_a_smeared_plate(soft):
    aligner, frame = soft
    report = aligner.register(frame)
    clear = np.ones((HEIGHT, WIDTH), bool)
    clear[110:290, 150:350] = False  # the ball

    def off(alignment):
        aligned = aligner.warp(alignment)
        return float(np.abs(aligned.image - frame / np.float32(255))[clear & (aligned.coverage > 0)].mean())

    assert np.subtract(report.blur, smear(9, 40)) == pytest.approx([0, 0, 0], abs=1)
    assert off(report) < 0.5 * off(_sharp(report))
    assert report.blur_px == pytest.approx(np.sqrt(9**2 / 12 + 0.2), rel=0.1)


def test_a_blur_fades_in(soft):
    """Of a camera that shakes more and more."""
    aligner, _ = soft
    frame = shot(textured(5), 9, ball=True).astype(np.float32) / 255
    lengths = np.arange(3, 10, 0.5)
    widths = [aligner.register(np.uint8(np.round(255 * blurred(frame, smear(n, 40, 0))))).blur_px for n in lengths]
    assert widths[0] == 0 and widths[4] > 1 and widths[-1] == pytest.approx(lengths[-1] / np.sqrt(12), rel=0.1)
    assert all(0 <= after - before < 0.7 for before, after in pairwise(widths))


def _sharp(report):
    return replace(report, blur=None)


def test_parts_and_reductions_are_blurred_alike(soft):
    aligner, frame = soft
    aligned = aligner.align(frame)
    part, coverage = aligned.part(200, 100, 64, 48)
    assert part == pytest.approx(aligned.image[100:148, 200:264], abs=1e-5)
    assert np.array_equal(coverage, aligned.coverage[100:148, 200:264])
    small = aligned.reduced(WIDTH // 2, HEIGHT // 2)[0]
    expected = cv2.resize(aligned.image, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    assert np.abs(small - expected)[8:-8, 8:-8].mean() < 0.003


def test_what_the_plate_does_not_know_stays_so(soft):
    aligner, frame = soft
    place = textured(5)
    plate = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    plate[..., :3] = np.clip(place[30 : 30 + HEIGHT, 30 : 30 + WIDTH] * 255, 0, 255)
    plate[60:120, 400:500, 3] = 0
    holed = PlateAligner(plate, (WIDTH, HEIGHT))
    report = aligner.register(frame)
    assert np.array_equal(holed.warp(report).coverage, holed.warp(_sharp(report)).coverage)


def test_a_device_blurs_as_the_processor_does(soft):
    aligner, frame = soft
    aligned = aligner.align(frame)
    plate = textured(5)[30 : 30 + HEIGHT, 30 : 30 + WIDTH].clip(0, 1)
    pixels = np.dstack((np.floor(plate * 255) / 255, np.ones((HEIGHT, WIDTH)))).astype(np.float32)
    report = aligned.report
    blur = at_plate(report.blur, report.plate_to_frame, (WIDTH, HEIGHT))
    device = DevicePlate(pixels, False, torch.device("cpu")).blurred(blur)
    columns, rows = np.arange(100, 164), np.tile(np.arange(80, 128)[:, None], 64)
    picture, _ = device.strip(report.look((WIDTH, HEIGHT)), columns, rows)
    assert np.abs(picture[0].permute(1, 2, 0).numpy() - aligned.part(100, 80, 64, 48)[0]).max() < 0.01
