"""Made drafts of a disc of texture before another texture: what steadying and lapses are tried on."""

from fractions import Fraction

import cv2
import numpy as np
import torch

from models.coarse import Coarse
from pipeline.frames import Draft, Frame, FrameWindow, Observation

HEIGHT, WIDTH = 160, 240
CENTRE = (110, 80)


def noise(seed):
    values = cv2.GaussianBlur(np.random.default_rng(seed).random((HEIGHT, WIDTH), np.float32), (0, 0), 2)
    return (values - values.min()) / np.ptp(values)


def disc(radius, shift=(0, 0), centre=CENTRE):
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.clip(radius + 0.5 - np.hypot(x - centre[0] - shift[0], y - centre[1] - shift[1]), 0, 1)


def moved(picture, shift):
    return cv2.warpAffine(picture, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (WIDTH, HEIGHT))


def draft(index, alpha, shift=(0, 0), error=None, grey=None):
    """The subject, a disc of texture before another texture, is moved by `shift`; alpha is what the network says."""
    if grey is None:
        cover = disc(45, shift)
        grey = cover * moved(noise(1), shift) + (1 - cover) * (0.3 + 0.4 * noise(2))
    grey = np.float32(grey)
    small = np.uint8(255 * np.clip(grey, 0, 1) + 0.5)[..., None].repeat(3, axis=2)
    window = FrameWindow(Frame(small, index, index, Fraction(1, 24)), Observation(index, small, grey, None), ())
    hidden = np.zeros((2, HEIGHT, WIDTH), np.float32)
    hidden[0] = 0 if error is None else error
    parts = (np.float32(alpha)[None], np.zeros((3, HEIGHT, WIDTH), np.float32), hidden, hidden[:0])
    return Draft(window, Coarse(*(torch.from_numpy(np.ascontiguousarray(x))[None] for x in parts)))


def alpha_of(coarse):
    return coarse.alpha[0, 0].numpy()
