"""The clip's sound: her steps, a small tune once she has arrived, a chime at each turn of the hand."""

from __future__ import annotations

import numpy as np
from figure import Array, footfalls

SAMPLE_RATE = 48000
SCALE_HZ = (261.63, 293.66, 329.63, 392.00, 440.00, 523.25, 587.33, 659.26)
TUNE = ((0.15, 0), (0.61, 2), (1.07, 3), (1.53, 4), (1.99, 5), (2.30, 7), (2.62, 5), (2.94, 6), (3.27, 4), (3.59, 5))


def _pluck(hertz: float, seconds: float, times: Array) -> Array:
    """A struck wooden bar: the tone and two overtones that die sooner."""
    t = np.maximum(times - seconds, 0)
    wave = sum(
        level * np.sin(2 * np.pi * hertz * ratio * t) * np.exp(-t * decay)
        for ratio, level, decay in ((1, 1.0, 4.0), (3.93, 0.25, 14.0), (0.5, 0.35, 3.0))
    )
    return np.asarray(wave * np.clip(t / 0.004, 0, 1) * (times >= seconds))


def _step(rng: np.random.Generator, seconds: float, times: Array) -> Array:
    """A soft shoe on boards: a thump and a little grit."""
    t = np.maximum(times - seconds, 0)
    grit = np.convolve(rng.standard_normal(len(times)), np.ones(24) / 24, mode="same")
    body = np.sin(2 * np.pi * 92 * t * np.exp(-t * 2)) * np.exp(-t * 38) + 0.8 * grit * np.exp(-t * 60)
    return np.asarray(body * np.clip(t / 0.002, 0, 1) * (times >= seconds))


def make_sound(rng: np.random.Generator, seconds: float) -> Array:
    """Stereo samples, 2 x N in [-1, 1], at `SAMPLE_RATE`."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    left, right = np.zeros_like(times), np.zeros_like(times)
    for moment in footfalls():
        step = 0.30 * _step(rng, moment, times)
        left, right = left + step * (1.1 - 0.2 * moment), right + step * (0.6 + 0.2 * moment)
    for place, (moment, note) in enumerate(TUNE):
        tone = 0.14 * _pluck(SCALE_HZ[note], moment, times)
        pan = 0.5 + 0.3 * np.sin(place * 1.9)
        left, right = left + tone * (1 - pan) * 1.6, right + tone * pan * 1.6
    air = np.convolve(rng.standard_normal(len(times)), np.ones(64) / 64, mode="same") * 0.01
    fade = np.clip(np.minimum(times / 0.02, (seconds - times) / 0.25), 0, 1)
    return np.tanh(np.stack([left + air, right + air]) * fade)
