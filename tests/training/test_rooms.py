"""Rooms: rays hit what they should, and floors mirror."""

import numpy as np
import pytest

from training.rooms import Block, Room, _trace, draw_room

WHITE = np.ones((4, 4, 3), np.float32)


def plain_room(blocks=()):
    """3 m wide, 2.5 m high, back wall 4 m away, camera 1 m above the floor; a lamp so far off that all is lit alike."""
    tones = {"back": 0.8, "left": 0.6, "right": 0.4, "floor": 0.2, "ceiling": 1.0}
    low, high = np.array([-1.5, -1.5, -1], np.float32), np.array([1.5, 1, 4], np.float32)
    sides = {name: tone * WHITE for name, tone in tones.items()}
    return Room(low, high, sides, np.array([0, -1e6, 0], np.float32), 1.0, tuple(blocks)), tones


@pytest.mark.parametrize(
    ("ray", "side", "distance"),
    [
        ((0, 0, 1), "back", 4.0),
        ((0, 0.5, 1), "floor", 2.0),
        ((0, -1, 1), "ceiling", 1.5),
        ((-1, 0, 1), "left", 1.5),
        ((1, 0, 1), "right", 1.5),
    ],
)
def test_a_ray_ends_at_the_side_it_points_to(ray, side, distance):
    room, tones = plain_room()
    colour, depth, floor = _trace(room, np.zeros(3, np.float32), np.array([ray], np.float32))
    assert depth[0] == pytest.approx(distance, abs=1e-4)
    assert floor[0] == (side == "floor")
    assert 0.4 * tones[side] <= colour[0, 0] <= 0.56 * tones[side]  # 0.55 of all light comes from no lamp


def test_furniture_hides_what_is_behind_it_and_nothing_else():
    block = Block(
        np.array([-0.5, 0, 2], np.float32), np.array([0.5, 1, 3], np.float32),
        np.array([1, 0, 0], np.float32), np.ones(3, np.float32),
    )  # fmt: skip
    rays = np.array([[0, 0.1, 1], [0.6, 0.1, 1]], np.float32)
    room, _ = plain_room([block])
    colour, depth, _ = _trace(room, np.zeros(3, np.float32), rays)
    assert depth == pytest.approx([2, 2.5], abs=1e-4)
    assert colour[0, 1] == 0 and colour[1, 1] > 0.1


def test_rooms_are_a_function_of_the_seed_and_floors_mirror():
    glossy = 0
    for seed in range(8):
        place, again = (draw_room(np.random.default_rng(seed), 96) for _ in range(2))
        assert np.array_equal(place.picture, again.picture)
        assert place.picture.shape == (96, 96, 3) and place.gloss.shape == (96, 96, 1)
        assert place.picture.std() > 0.005
        rows = np.flatnonzero(place.gloss.max(axis=(1, 2)))
        if len(rows):  # the floor is below everything else
            assert rows[-1] == 95 and place.gloss.max() > 0.01
            glossy += 1
    assert 1 <= glossy <= 7
