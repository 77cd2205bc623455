"""Levels: what is dark or flat is seen in full range, and comes back as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.decode import open_clip
from pipeline.frames import FrameStatus, Settings
from pipeline.levels import AS_IT_IS, FULL, MOST, Levels, levels_of
from pipeline.matting import Matter
from pipeline.plates import read_plate
from pipeline.windows import Drafts, windows

KNOWN = np.ones((60, 80), np.float32)


def noise(low, high, seed=0):
    """A picture of all values between two."""
    values = np.linspace(low, high, 60 * 80 * 3, dtype=np.float32)
    return np.random.default_rng(seed).permutation(values).reshape(60, 80, 3)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.05, 0.95), (0, 0.77)])
def test_what_has_its_full_range_stays(low, high):
    levels = levels_of(noise(low, high), noise(low, high, 1), KNOWN)
    assert levels == AS_IT_IS
    picture = noise(0, 1)
    assert levels.stretch(picture) is picture and levels.squeeze(picture) is picture


def test_a_black_that_is_not_black_is_taken_off_though_there_is_a_white():
    levels = levels_of(noise(0.3, 1), noise(0.3, 1, 1), KNOWN)
    assert levels.gain == pytest.approx(1, abs=0.2) and 0.03 < levels.stretch(noise(0.3, 1)).min() < 0.09


@pytest.mark.parametrize(("low", "high"), [(0, 0.35), (0.15, 0.6), (0.2, 0.45)])
def test_what_is_dark_or_flat_gets_it_and_comes_back(low, high):
    image = noise(low, high)
    levels = levels_of(image, noise(low, high, 1), KNOWN)
    seen = levels.stretch(image)
    assert seen.max() == pytest.approx(FULL, abs=0.03) and -0.01 < seen.min() < 0.2
    assert np.abs(levels.squeeze(seen) - image).max() < 1e-6
    assert torch.allclose(levels.squeeze(levels.stretch(torch.from_numpy(image))), torch.from_numpy(image), atol=1e-6)


def test_the_brighter_of_frame_and_plate_decides():
    dark, bright = noise(0, 0.3), noise(0, 0.9)
    assert levels_of(dark, bright, KNOWN) == levels_of(bright, dark, KNOWN) == AS_IT_IS


def test_what_of_the_plate_is_unknown_does_not_count():
    image, plate, coverage = noise(0, 0.35), noise(0, 0.35), KNOWN.copy()
    usual = levels_of(image, plate, KNOWN)
    plate[:20], coverage[:20] = 1, 0
    assert levels_of(image, plate, coverage).gain == pytest.approx(usual.gain, rel=0.02)
    assert levels_of(image, plate, np.zeros_like(KNOWN)).gain == pytest.approx(usual.gain, rel=0.02)


def test_there_is_an_end_to_stretching_and_no_jump():
    assert levels_of(*[np.zeros((60, 80, 3), np.float32)] * 2, KNOWN) == Levels(0, MOST)
    gains = [levels_of(noise(0, high), noise(0, high), KNOWN).gain for high in np.linspace(0.9, 0.3, 61)]
    assert gains[0] == 1 and gains == sorted(gains) and np.diff(gains).max() < 0.1


@pytest.mark.parametrize(("black", "gain"), [(0, 0.35), (0.15, 0.45)])
def test_a_dark_or_flat_clip_is_matted_like_the_same_one_graded_and_keeps_its_colours(scene, monkeypatch, black, gain):
    def matte(black, gain):
        def graded(picture):
            return np.rint(255 * black + gain * picture.astype(np.float32)).astype(np.uint16) * 257

        with open_clip(scene.clip) as clip:
            size = (clip.info.width, clip.info.height)
            matter = Matter(graded(read_plate(scene.plate)), size, Settings(device="cpu", precision="float32"))
            shown = [replace(f, image=graded(f.image), bit_depth=16, planes=None) for f in clip.frames()]
            (window,) = windows(_Shown(clip.info, shown), matter.observe, 2, 3)
        return matter.matte(Drafts(matter.draft(window)))

    usual, given = matte(0, 1), matte(black, gain)
    assert usual.status is FrameStatus.OK
    inside = usual.alpha > 0.9
    assert np.abs(given.foreground - black - gain * usual.foreground)[inside].mean() < 0.01
    monkeypatch.setattr("pipeline.matting.levels_of", lambda *_: AS_IT_IS)
    without = matte(black, gain)
    assert np.abs(given.alpha - usual.alpha).mean() < 0.5 * np.abs(without.alpha - usual.alpha).mean()


class _Shown:
    """A clip's frames, altered."""

    def __init__(self, info, shown):
        self.info, self.shown = info, shown

    def frames(self, start, end):
        return iter(self.shown[start:end])
