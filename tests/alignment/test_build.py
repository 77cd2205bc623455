"""A clean plate from pictures in which somebody is about: made scenes, of which the empty place is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import pytest

from alignment.build import build_plate
from alignment.holes import inpainted, smoothly_filled
from alignment.homography import project
from alignment.plate import PlateAligner, PlateAlignmentError

WIDTH, HEIGHT = 480, 270
MARGIN = 24


@cache
def textured(seed: int) -> np.ndarray:
    """A place and MARGIN around it, in [0, 1]."""
    random = np.random.default_rng(seed)
    size = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
    total = np.full((size[1], size[0], 3), 0.5, np.float32)
    for step in (5, 16, 60):
        cells = random.normal(0, 0.07, (size[1] // step + 1, size[0] // step + 1, 3)).astype(np.float32)
        total += cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(70):
        at = random.integers(0, size)
        cv2.rectangle(total, at.tolist(), (at + random.integers(10, 50, 2)).tolist(), random.random(3).tolist(), -1)
    return np.clip(cv2.GaussianBlur(total, (0, 0), 0.8), 0.05, 0.9)


@dataclass(frozen=True)
class Room:
    """A place, a hand that shakes, an exposure that drifts, and somebody who comes and goes."""

    seed: int = 1
    shake_px: float = 3.0
    drift: float = 0.0

    @property
    def place(self) -> np.ndarray:
        return textured(self.seed)

    def empty(self, index: int) -> np.ndarray:
        """What the camera would see with nobody there, in [0, 1], unexposed."""
        x, y = self.shake_px * np.sin(1.7 * index), self.shake_px * np.cos(1.1 * index)
        to_frame = np.array([[1, 0.002 * np.sin(index), x - MARGIN], [0, 1, y - MARGIN]])
        return cv2.warpAffine(self.place, to_frame, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)

    def shot(self, index: int, who: Callable[[np.ndarray], None] | None = None) -> np.ndarray:
        """A frame, uint8; `who` draws somebody on it."""
        frame = self.empty(index)
        if who is not None:
            who(frame)
        random = np.random.default_rng(100 * self.seed + index)
        frame = frame * (1 + self.drift * np.sin(index / 5)) + random.normal(0, 0.008, frame.shape)
        return np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)

    def error(self, plate: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the plate, seen from the first frame: worst channel, H x W of 255; and where it is known."""
        truth = self.empty(0)
        seen = np.dstack([plate, known * np.array(np.iinfo(plate.dtype).max, plate.dtype)])
        aligned = PlateAligner(seen, (WIDTH, HEIGHT)).align(np.rint(np.clip(truth, 0, 1) * 255).astype(np.uint8))
        return 255 * np.abs(aligned.image - truth).max(axis=2), aligned.coverage > 0


def person(x: int = 230, colour: tuple[float, float, float] = (0.1, 0.12, 0.3)) -> Callable[[np.ndarray], None]:
    """Somebody in a coat with folds, 80 pixels wide."""

    def draw(frame: np.ndarray) -> None:
        cv2.circle(frame, (x, 80), 22, (0.75, 0.55, 0.45), -1, cv2.LINE_AA)
        cv2.rectangle(frame, (x - 40, 102), (x + 40, HEIGHT), colour, -1)
        cv2.line(frame, (x - 10, 106), (x - 16, HEIGHT), tuple(0.6 * part for part in colour), 4, cv2.LINE_AA)

    return draw


def body(x: int = 230) -> np.ndarray:
    """Where that somebody surely is, in any frame of a room."""
    where = np.zeros((HEIGHT, WIDTH), bool)
    where[112:255, x - 30 : x + 30] = True
    return where


def assert_is_the_place(room: Room, result, least_known: float = 0.97) -> None:
    error, known = room.error(result.image, result.known)
    assert known.mean() >= least_known
    assert (error[known] <= 8).mean() >= 0.98
    assert (error[known] <= 40).mean() >= 0.999


def test_who_stands_still_for_most_of_the_time_is_no_background():
    room = Room(seed=2, drift=0.12)
    frames = [room.shot(i, person() if 3 <= i < 13 else None) for i in range(16)]
    typical = np.abs(np.median(frames, axis=0) - 255 * room.empty(0)).max(axis=2)
    assert np.median(typical[body()]) > 60  # what lasts longest is the coat
    result = build_plate(frames)
    assert_is_the_place(room, result)
    assert result.used == tuple(range(16)) and result.failed == ()


def test_two_who_stand_at_one_spot_in_turn_are_no_background():
    room = Room(seed=3)
    who = [None] * 3 + [person()] * 6 + [None] * 2 + [person(236, (0.08, 0.1, 0.26))] * 6 + [None] * 3
    assert_is_the_place(room, build_plate([room.shot(i, w) for i, w in enumerate(who)]))


@pytest.mark.parametrize("stays", [slice(0, 10), slice(5, 15)], ids=["leaves", "comes"])
def test_who_is_there_when_the_clip_begins_or_ends_is_told_by_the_outline(stays):
    room = Room(seed=4)
    there = range(15)[stays]
    result = build_plate([room.shot(i, person() if i in there else None) for i in range(15)])
    assert_is_the_place(room, result, least_known=0.9)


def test_a_passer_by_leaves_no_trace():
    room = Room(seed=5)
    assert_is_the_place(room, build_plate([room.shot(i, person(40 * i - 20)) for i in range(14)]))


def test_what_was_never_seen_is_a_hole():
    """Somebody fidgets at one spot all the time, so that nothing there lasts."""
    room = Room(seed=6)
    random = np.random.default_rng(0)

    def fidget(frame: np.ndarray) -> None:
        patch = random.random((14, 8, 3)).astype(np.float32)
        frame[100:, 190:270] = cv2.resize(patch, (80, HEIGHT - 100), interpolation=cv2.INTER_CUBIC)

    result = build_plate([room.shot(i, fidget) for i in range(12)])
    assert (result.image[~result.known] == 0).all()
    error, known = room.error(result.image, result.known)
    assert known[body()].mean() < 0.05
    assert known[:, :180].mean() > 0.97 and known[:, 280:].mean() > 0.97
    assert (error[known] <= 8).mean() >= 0.98


def test_a_camera_that_turns_gives_a_wider_plate():
    room = Room(seed=7, shake_px=0)
    wide = np.rint(room.place * 255).astype(np.uint8)
    frames = [np.ascontiguousarray(wide[MARGIN : MARGIN + HEIGHT, x : x + WIDTH]) for x in range(0, 48, 4)]
    result = build_plate(frames)
    assert result.known.shape[1] > WIDTH + 30
    assert result.known[:, 12:-12].mean() > 0.97
    assert_is_the_place(room, result)


def test_the_light_is_that_of_the_empty_place():
    """The camera brightens the picture while somebody dark stands there."""
    room = Room(seed=8, shake_px=0.3)

    def seen(index: int) -> np.ndarray:
        if not 4 <= index < 11:
            return room.shot(index)
        return np.clip(room.shot(index, person()).astype(np.float32) + 20, 0, 255).astype(np.uint8)

    result = build_plate([seen(i) for i in range(15)])
    assert result.image.shape == (HEIGHT, WIDTH, 3)
    difference = result.image[result.known].astype(float) - 255 * room.empty(0)[result.known]
    assert np.abs(np.median(difference, axis=0)).max() < 2


def test_photos_between_which_everybody_moves():
    room = Room(seed=9, drift=0.1)
    result = build_plate([room.shot(i, person(x)) for i, x in enumerate((70, 180, 290, 400))])
    assert_is_the_place(room, result, least_known=0.9)


def test_two_photos_are_told_apart_by_the_outlines():
    room = Room(seed=10, shake_px=2)
    result = build_plate([room.shot(i, person(x)) for i, x in enumerate((120, 340))])
    error, known = room.error(result.image, result.known)
    assert known[body(120) | body(340)].mean() > 0.5
    assert (error[known] <= 12).mean() > 0.97


def test_of_an_empty_place_everything_is_taken():
    room = Room(seed=11)
    frames = [room.shot(i) for i in range(6)]
    assert_is_the_place(room, build_plate(frames, empty=True))
    only = build_plate(frames[:1], empty=True)
    assert np.array_equal(only.image, frames[0]) and only.known.all()


def test_deep_pictures_give_a_deep_plate():
    room = Room(seed=12)
    frames = [room.shot(i, person(70 + 110 * i)).astype(np.uint16) * 257 for i in range(4)]
    result = build_plate(frames)
    assert result.image.dtype == np.uint16
    assert_is_the_place(room, result, least_known=0.9)


def test_pictures_of_other_places_are_left_out_and_named():
    room = Room(seed=13)
    frames = [room.shot(i, person(40 + 35 * i)) for i in range(12)]
    frames[4] = replace(room, seed=99).shot(4)
    steps: list[float] = []
    result = build_plate(frames, progress=lambda done, total: steps.append(done / total))
    assert steps == sorted(steps) and steps[-1] == 1
    assert result.failed == (4,) and 4 not in result.used
    assert_is_the_place(room, result)


def test_pictures_that_share_nothing_are_refused():
    with pytest.raises(PlateAlignmentError, match="no two could be laid over one another"):
        build_plate([Room(seed=20).shot(0), Room(seed=21).shot(0)])
    with pytest.raises(ValueError, match="at least one"):
        build_plate([])


def with_a_hole(picture: np.ndarray, left: int) -> np.ndarray:
    clear = np.dstack([picture, np.full((HEIGHT, WIDTH), 255, np.uint8)])
    clear[60:200, left : left + 90] = 0
    return clear


@pytest.mark.parametrize("empty", [False, True])
def test_clear_parts_of_pictures_have_no_say(empty):
    room = Room(seed=16)
    result = build_plate([with_a_hole(room.shot(i), left) for i, left in enumerate((40, 340))], empty=empty)
    assert_is_the_place(room, result)
    result = build_plate([with_a_hole(room.shot(i), 40) for i in range(3)], empty=empty)
    assert not result.known[70:190, 50:120].any() and result.known[:, 150:].mean() > 0.97
    if empty:
        only = build_plate([with_a_hole(room.shot(0), 40)], empty=True)
        assert np.array_equal(only.known, with_a_hole(room.shot(0), 40)[..., 3] > 0) and only.image.shape[2] == 3
        with pytest.raises(PlateAlignmentError, match="transparent everywhere"):
            build_plate([np.zeros((HEIGHT, WIDTH, 4), np.uint8)], empty=True)


def test_progress_reaches_its_end():
    room, steps = Room(seed=14), []
    build_plate([room.shot(i) for i in range(3)], empty=True, progress=lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps) and steps[-1] == (9, 9)


def test_a_plate_with_a_hole_is_known_only_around_it():
    room = Room(seed=15)
    plate = np.dstack([room.shot(0), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    plate[90:150, 150:230] = 0
    frame = room.shot(3)
    aligned = PlateAligner(plate, (WIDTH, HEIGHT)).align(frame)
    whole = PlateAligner(room.shot(0), (WIDTH, HEIGHT)).align(frame)
    assert aligned.report.status == "ok"
    corner = np.array([[WIDTH - 1.0, HEIGHT - 1.0]])
    assert project(aligned.report.plate_to_frame, corner) == pytest.approx(
        project(whole.report.plate_to_frame, corner), abs=0.1
    )
    lost = whole.coverage - aligned.coverage
    assert 60 * 80 <= lost.sum() < 64 * 84 and lost.min() == 0
    assert (aligned.image[aligned.coverage == 0] == 0).all()
    # Nothing of what the hole was filled with reaches what is called known.
    np.testing.assert_allclose(aligned.image[aligned.coverage > 0], whole.image[aligned.coverage > 0], atol=4 / 255)
    assert aligned.report.coverage == pytest.approx(float(aligned.coverage.mean()), abs=0.02)
    _, small = aligned.reduced(WIDTH // 2, HEIGHT // 2)
    assert small[45 + 5 : 75 - 5, 75 + 5 : 115 - 5].max() == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_hole_in_a_slope_is_filled_with_the_slope(dtype):
    full = np.iinfo(dtype).max
    x = np.linspace(0.2, 0.8, 96)[None, :, None]
    slope = np.rint(np.broadcast_to(x, (64, 96, 3)) * full).astype(dtype)
    hole = np.zeros((64, 96), bool)
    hole[20:44, 36:60] = True
    spoilt = np.where(hole[..., None], 0, slope).astype(dtype)
    for filled, most in ((inpainted(spoilt, hole), 0.08), (smoothly_filled(spoilt, ~hole), 0.03)):
        assert filled.dtype == dtype
        assert np.array_equal(filled[~hole], slope[~hole])
        assert np.abs(filled.astype(float) - slope).max() / full < most
    with pytest.raises(ValueError, match="nothing of the picture is known"):
        inpainted(spoilt, np.ones((64, 96), bool))
