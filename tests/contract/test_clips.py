"""Every reader and every writer over every kind of clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import Frame
from tests.contract.made import KINDS, Made, expected


@pytest.fixture(scope="module", params=list(KINDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return KINDS[request.param](tmp_path_factory.mktemp("clip"))


def pixels(frame: Frame) -> np.ndarray:
    """Image and alpha together, 0 to 255."""
    parts = [frame.image] if frame.alpha is None else [frame.image, frame.alpha[..., None]]
    return np.concatenate(parts, axis=2) / (1 if frame.image.dtype == np.uint8 else 257)


def same(a: Frame, b: Frame) -> bool:
    return (a.index, a.pts, a.duration) == (b.index, b.pts, b.duration) and np.array_equal(pixels(a), pixels(b))


def test_info_says_what_was_made(made: Made) -> None:
    with open_clip(made.path, made.fps) as clip:
        info = clip.info
        assert (info.width, info.height, info.bit_depth) == (made.width, made.height, made.bits)
        assert tuple(pts * info.time_base for pts in info.pts) == made.seconds
        assert info.end_pts * info.time_base == made.end
        assert info.is_still == made.is_still
        assert info.rate == (made.fps or 25) or len(set(np.diff(info.pts))) > 1


def test_frames_show_what_was_drawn_when_it_was(made: Made) -> None:
    with open_clip(made.path, made.fps) as clip:
        frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(len(made.seconds)))
    assert tuple(frame.pts * frame.time_base for frame in frames) == made.seconds
    assert sum(frame.duration * frame.time_base for frame in frames) == made.end - made.seconds[0]
    for frame in frames:
        assert (frame.alpha is not None) == made.alpha
        error = np.abs(pixels(frame) - expected(made, frame.index))
        assert error.mean() <= made.tolerance
        assert error.max() <= (made.tolerance and 30)


def test_reading_from_anywhere_gives_the_same_frames(made: Made) -> None:
    with open_clip(made.path, made.fps) as clip:
        whole = list(clip.frames())
        for start in range(len(whole)):
            part = list(clip.frames(start, min(start + 2, len(whole))))
            assert len(part) == min(2, len(whole) - start)
            assert all(same(a, b) for a, b in zip(part, whole[start:], strict=False))
        assert list(clip.frames(len(whole))) == []


def test_iterators_are_independent(made: Made) -> None:
    with open_clip(made.path, made.fps) as clip:
        pairs = list(zip(clip.frames(), clip.frames(), strict=True))
    assert len(pairs) == len(made.seconds)
    assert all(same(a, b) for a, b in pairs)


def test_a_range_outside_the_clip_is_refused(made: Made) -> None:
    with open_clip(made.path, made.fps) as clip:
        for start, end in ((-1, 1), (0, len(clip.info) + 1), (1, 0)):
            with pytest.raises(ValueError, match=f"frames {start} to {end} do not lie in 0 to {len(clip.info)}"):
                clip.frames(start, end)


# What a writer's own losses may add to the mean error, in 1/255, and how exactly it keeps times, in seconds.
WRITERS = {
    "out.mp4": (3.0, Fraction(0)),
    "out.mkv": (0.0, Fraction(1, 1000)),
    "out_%05d.png": (0.0, None),
}


@pytest.mark.parametrize(("name", "start"), [("out.mp4", 0), ("out.mp4", 5), ("out.mkv", 5), ("out_%05d.png", 5)])
def test_a_copy_shows_the_same_at_the_same_times(made: Made, name: str, start: int, tmp_path: Path) -> None:
    loss, slack = WRITERS[name]
    with open_clip(made.path, made.fps) as clip:
        start = min(start, len(clip.info) - 1)
        source = list(clip.frames(start))
        with open_writer(tmp_path / name, clip.info, channels=3) as writer:
            for frame in source:
                writer.write(frame.image, frame.pts)
        info = clip.info
    with open_clip(tmp_path / name) as copy:
        result = list(copy.frames())
        assert (copy.info.width, copy.info.height, len(copy.info)) == (info.width, info.height, len(source))
        end = copy.info.end_pts * copy.info.time_base
    if slack is not None:
        for a, b in zip(source, result, strict=True):
            assert abs((a.pts - source[0].pts) * a.time_base - b.pts * b.time_base) <= slack
        assert abs((info.end_pts - source[0].pts) * info.time_base - end) <= slack
    for a, b in zip(source, result, strict=True):
        if loss == 0:
            assert np.array_equal(a.image, b.image)
        assert np.abs(pixels(a)[..., :3] - pixels(b)).mean() <= loss
