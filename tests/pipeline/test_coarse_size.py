"""The size at which the generator sees a frame."""

import pytest

from models.generator_config import FAST, PAPER
from pipeline.observing import coarse_size


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((1920, 1080), (512, 288)),
        ((1080, 1920), (288, 512)),
        ((4096, 2160), (512, 272)),  # of 270
        ((2048, 858), (512, 216)),  # of 214.5
        ((1920, 1440), (512, 384)),
        ((480, 270), (480, 268)),  # never enlarged
        ((3840, 8), (512, 4)),
        ((3, 2), (3, 2)),
    ],
)
def test_its_sides_are_multiples_of_four_and_near_the_frames_shape(frame, expected):
    assert coarse_size(frame, FAST) == expected
    assert coarse_size(frame, PAPER) == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((1280, 720), (640, 360)),
        ((720, 1280), (360, 640)),
        ((1280, 536), (640, 268)),
        ((1280, 960), (552, 416)),  # no more pixels than of 16:9
        ((720, 720), (512, 512)),
        ((768, 432), (576, 324)),  # three quarters
        ((640, 360), (512, 288)),
        ((1284, 720), (512, 288)),
    ],
)
def test_a_network_with_a_second_look_sees_more_of_small_frames(frame, expected):
    assert coarse_size(frame, FAST) == expected
    assert max(coarse_size(frame, PAPER)) == 512
