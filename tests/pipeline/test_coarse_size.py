"""The size at which the generator sees a frame."""

import pytest

from pipeline.observing import coarse_size


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((1920, 1080), (512, 288)),
        ((1080, 1920), (288, 512)),
        ((4096, 2160), (512, 272)),  # of 270
        ((2048, 858), (512, 216)),  # of 214.5
        ((480, 270), (480, 268)),  # never enlarged
        ((3840, 8), (512, 4)),
        ((3, 2), (3, 2)),
    ],
)
def test_its_sides_are_multiples_of_four_and_near_the_frames_shape(frame, expected):
    assert coarse_size(frame, 512) == expected
