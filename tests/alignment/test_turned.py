"""Places that show too little to tell a homography by: found by what a hand turns a camera, or taken as they lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from alignment.homography import grid, project
from alignment.plate import PlateAligner, PlateAlignmentError
from alignment.refine import increment
from alignment.template import make_template, pyramid
from alignment.turned import likeliest_shift, turned, turning

SIZE = (1280, 720)


def wall(seed: int, pictures: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A wall with a few pictures on it and a skirting board, in a margin of 100 pixels, float64 of 255."""
    random = np.random.default_rng(seed)
    width, height = size[0] + 200, size[1] + 200
    picture = np.tile(np.linspace(150, 170, width)[None, :, None], (height, 1, 3))
    picture[height - 150 :] = (90, 80, 70)
    for index in range(pictures):
        x, y = 120 + index * (width - 400) // pictures, int(random.integers(110, 260))
        w, h = (int(n) for n in random.integers(90, 190, 2))
        picture[y : y + h, x : x + w] = random.uniform(40, 230, 3)
        picture[y + 12 : y + h - 12, x + 12 : x + w - 12] = random.uniform(40, 230, 3)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def seen(place: np.ndarray, homography: np.ndarray, seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """From a camera that is turned by a homography; uint8 with noise."""
    moved = homography @ np.array([[1, 0, -100], [0, 1, -100], [0, 0, 1.0]])
    clean = cv2.warpPerspective(place, moved, size, flags=cv2.INTER_CUBIC)
    noisy = clean + np.random.default_rng(seed).normal(0, 1.5, clean.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def with_head(frame: np.ndarray, seed: int, share: float) -> np.ndarray:
    """A head with stripes that fills a share of the frame, cut by its lower border."""
    random = np.random.default_rng(seed)
    height, width = frame.shape[:2]
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - 0.5 * width) / 1.3, y - 0.7 * height)
    stripes = cv2.resize(random.uniform(20, 235, (9, 16, 3)), (width, height), interpolation=cv2.INTER_NEAREST)
    inside = distance < np.quantile(distance, share)
    return np.where(inside[..., None], stripes.astype(np.uint8), frame)


def roll(degrees: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D(((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2), degrees, 1.0)
    return np.vstack([matrix, [0, 0, 1]])


def across_edges(plate: np.ndarray, found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """By how many pixels a homography puts the plate's edges beside where they are."""
    edges = make_template(pyramid(plate[..., 1])[0])
    moved = project(found, edges.points) - project(truth, edges.points)
    return np.abs((moved * edges.gradients).sum(axis=1) / np.hypot(*edges.gradients.T))


@pytest.mark.parametrize(
    ("seed", "pictures", "share", "focal", "shift"),
    [(0, 1, 0.5, 0.8, (4, -7)), (4, 1, 0.6, 1.2, (11, -15)), (11, 4, 0.7, 0.8, (7, 1)), (17, 2, 0.7, 3.0, (-8, 12))],
)
def test_a_head_that_hides_most_of_a_wall(seed, pictures, share, focal, shift):
    truth = turned(shift, SIZE, focal) @ roll(0.3)
    place = wall(seed, pictures)
    plate = seen(place, np.eye(3), seed)
    frame = with_head(seen(place, truth, seed + 50), seed, share)
    report = PlateAligner(plate, SIZE).register(frame)
    assert report.status == "weak"
    assert np.quantile(across_edges(plate, report.plate_to_frame, truth), 0.9) < 0.5
    off = project(report.plate_to_frame, grid(SIZE)) - project(truth, grid(SIZE))
    assert np.hypot(*off.T).max() < 5  # where nothing is to be seen of the plate


def test_another_wall_is_not_found():
    plate = seen(wall(1, pictures=5), np.eye(3), 1)
    for seed in range(2, 8):
        other = wall(seed, pictures=4 + seed % 2)[::-1]  # upside down: a skirting board is like any other
        frame = with_head(seen(other, np.eye(3), seed), seed, share=0.5)
        with pytest.raises(PlateAlignmentError):
            PlateAligner(plate, SIZE).register(frame)


@pytest.mark.parametrize("pan", [80, 200])
def test_a_camera_that_panned_along_an_edge_did_not_stand_still(pan):
    place = wall(1, pictures=1)
    moved = np.array([[1, 0, pan], [0, 1, 0], [0, 0, 1.0]])
    with pytest.raises(PlateAlignmentError):
        PlateAligner(seen(place, np.eye(3), 1), SIZE).register(seen(place, moved, 2))


@pytest.mark.parametrize("size", [(5, 5), (400, 3), (64, 36)])
def test_tiny_frames_are_refused_in_words(size):
    frame = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    with pytest.raises(PlateAlignmentError):
        PlateAligner(seen(wall(1, pictures=2), np.eye(3), 1), size).register(frame)


def test_a_turn_carries_the_middle_and_bends_as_its_focal_length_says():
    middle = np.array([[639.5, 359.5]])
    assert np.allclose(project(turned((12.0, -7.0), SIZE, 1.2), middle) - middle, [[12, -7]], atol=0.02)
    wide, long = (project(turned((12.0, 0.0), SIZE, focal), np.array([[0.0, 359.5]]))[0, 0] for focal in (0.75, 4.0))
    assert wide == pytest.approx(12 * (1 + (0.5 / 0.75) ** 2), abs=0.3)
    assert long == pytest.approx(12 * (1 + (0.5 / 4.0) ** 2), abs=0.1)


@pytest.mark.parametrize("focal", [0.75, 4.0])
def test_small_turns_are_the_parameters_of_turning(focal):
    units = grid((2, 2)) * 2 - 1  # the unit square that the parameters live in, of a square picture
    for column, shift in ((0, (3.0, 0.0)), (1, (0.0, 3.0))):
        free = turning(focal)[:, column]
        expected = project(turned(shift, (1000, 1000), focal), units * 499.5 + 499.5)
        found = project(increment(free * 3.0 / 500), units) * 499.5 + 499.5
        assert np.abs(found - expected).max() < 0.05


def test_the_shift_that_most_parts_agree_on():
    place = wall(4, pictures=6, size=(640, 360))
    plate, frame = (seen(place, h, 4, (640, 360)) for h in (np.eye(3), np.array([[1, 0, 9], [0, 1, -5], [0, 0, 1.0]])))
    plate, frame = (pyramid(x[..., 1])[0] for x in (plate, with_head(frame, 4, 0.5)))
    shift = likeliest_shift(make_template(plate), plate, frame)
    assert shift is not None
    assert np.abs(np.subtract(shift, (9, -5))).max() <= 1


def test_too_few_parts_agree_on_nothing():
    plate = pyramid(seen(wall(5, pictures=0), np.eye(3), 5)[:300, :, 1])[0]
    assert likeliest_shift(make_template(plate), plate, plate) is None


def bare(shade: tuple[int, int, int], seed: int) -> np.ndarray:
    """A wall without edges, a little darker towards its sides."""
    x = np.linspace(-1, 1, SIZE[0])[None, :, None]
    picture = np.array(shade) * np.tile(1 - 0.06 * x * x, (SIZE[1], 1, 1))
    return np.rint(picture + np.random.default_rng(seed).normal(0, 1.5, picture.shape)).astype(np.uint8)


def test_a_bare_wall_is_taken_as_it_lies():
    wall_shade = (190, 188, 180)
    frame = bare(wall_shade, 1)
    frame[200:, 200:1100] = (120, 150, 200)  # a shirt of one colour, larger than what is left of the wall
    report = PlateAligner(bare(wall_shade, 2), SIZE).register(frame)
    assert report.status == "weak"
    assert np.allclose(report.plate_to_frame, np.eye(3))
    assert np.allclose(report.gain, 1, atol=0.01)
    assert report.residual_px == 0


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (426, 240)])
def test_a_small_picture_of_a_bare_wall_is_taken_as_it_lies(size: tuple[int, int]) -> None:
    def noisy(seed: int) -> np.ndarray:
        return np.rint(np.random.default_rng(seed).normal(150, 3, (size[1], size[0], 3))).astype(np.uint8)

    report = PlateAligner(noisy(1), size).register(noisy(2))
    assert (report.status, report.residual_px) == ("weak", 0)
    assert np.allclose(report.plate_to_frame, np.eye(3))


def test_a_bare_wall_of_another_colour():
    with pytest.raises(PlateAlignmentError, match=r"no edges .* 0% of the frame is as bare .*, at least 12% are"):
        PlateAligner(bare((190, 188, 180), 1), SIZE).register(bare((120, 150, 200), 2))


@pytest.mark.parametrize("texture", ["octaves", "boxes", "bricks"])
def test_a_grey_card_is_no_plate_of_a_place_full_of_structure(make_scene, texture):
    _, frame = make_scene(seed=3, texture=texture).make()
    card = np.empty_like(frame)
    card[:] = np.median(frame, axis=(0, 1))
    with pytest.raises(PlateAlignmentError, match="at least 12% are needed"):
        PlateAligner(card, (640, 360)).register(frame)


def test_a_shirt_in_the_colour_of_the_wall_does_not_pass_for_it():
    frame = bare((156, 156, 156), 1)  # the camera has opened up
    frame[200:, 300:1000] = (120, 120, 120)
    with pytest.raises(PlateAlignmentError, match="at least 12% are needed"):
        PlateAligner(bare((120, 120, 120), 2), SIZE).register(frame)


def test_a_wall_that_is_bare_but_for_a_picture_shows_whether_the_camera_moved():
    plate, frame = bare((190, 188, 180), 1), bare((190, 188, 180), 2)
    for picture in (plate, frame):
        picture[100:170, 970:1055] = (60, 70, 80)
    frame[300:, 200:800] = (120, 150, 200)
    aligner = PlateAligner(plate, SIZE)
    assert np.allclose(aligner.register(frame).plate_to_frame, np.eye(3))
    with pytest.raises(PlateAlignmentError, match=r"plate shows too little .* 1\d key points"):  # ORB's; SIFT has 1
        aligner.register(np.roll(frame, 25, axis=1))


def test_a_wall_that_is_bare_but_for_a_detailed_picture_says_that_it_is_not_where_it_was():
    plate, frame = bare((150, 150, 150), 1), bare((150, 150, 150), 2)
    tiles = np.kron(np.random.default_rng(3).integers(30, 220, (20, 20, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    for picture in (plate, frame):
        picture[185:265, 640:720] = tiles
    aligner = PlateAligner(plate, SIZE)
    assert np.allclose(aligner.register(frame).plate_to_frame, np.eye(3))
    with pytest.raises(PlateAlignmentError, match="edges it has are not where they were: the camera moved"):
        aligner.register(np.roll(frame, 25, axis=1))


def test_a_plate_that_is_nearly_all_hidden_says_that_it_shows_too_little():
    plate = seen(wall(6, pictures=0), np.eye(3), 6)
    frame = with_head(bare((160, 160, 160), 3), 6, share=0.7)
    with pytest.raises(PlateAlignmentError, match=r"plate shows too little .* \d+ key points"):
        PlateAligner(plate, SIZE).register(frame)
