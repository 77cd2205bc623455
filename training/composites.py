"""Training samples: a subject over a place, as a camera and this program's own alignment would deliver them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage
from pipeline.segmentation import difference_mask
from training.camera import Camera, misaligned, random_coverage, retouched
from training.canvas import Subject, reduce
from training.cutouts import cut_out
from training.hair import parted
from training.material import Material
from training.neighbours import DARKEST, motion_input
from training.rooms import Place, draw_room
from training.shapes import random_subject
from training.smear import with_limbs_in_motion
from training.surroundings import light_left, reflection, shadow, things_that_changed, things_that_moved
from training.textures import place, smooth_noise

STEADY = 0.4
"""Share of the clips whose camera stands still; their plate is what they show before the subject comes."""


@dataclass(frozen=True)
class Sample:
    """What the networks see and what they should say. Full-size arrays are N x N, coarse ones n x n.

    Attributes:
        image: N x N x 3 in [0, 1].
        plate: N x N x 3, aligned with a residual error; 0 where unknown.
        coverage: N x N, 1 where the plate is known.
        alpha: N x N, the truth.
        foreground: N x N x 3, straight colour as the camera maps its tones, meaningful where alpha > 0.
        background: N x N x 3, what stands behind the subject in the frame, shadows included, mapped likewise.
        mask: n x n, the soft mask.
        motion: n x n x 4, grey neighbours.
        light: n x n, what shadows and reflections leave of the place's light.
    """

    image: FloatImage
    plate: FloatImage
    coverage: FloatImage
    alpha: FloatImage
    foreground: FloatImage
    background: FloatImage
    mask: FloatImage
    motion: FloatImage
    light: FloatImage


def make_sample(
    random: Random,
    size: int,
    coarse_size: int,
    material: Material,
    cutout_share: float = 0.35,
    strands: bool = True,
    video_share: float = 0.0,
) -> Sample:
    """Draw one sample.

    Args:
        random: Source of all chance.
        size: N, side of the full-size crop in pixels.
        coarse_size: n, side of the same crop at the generator's size.
        material: Places and subjects to draw from.
        cutout_share: How many of the subjects are cut-outs, where there are some; the others are drawn.
        strands: Whether what is drawn may have hair.
        video_share: How many of the frames come from an H.264 clip; the others are JPEGs.
    """
    scene = _place(random, size, material.photos)
    still = scene.picture
    subject = _subject(random, size, material, cutout_share, strands, still)
    lit = reflection(random, scene, subject, shadow(random, subject.alpha))
    background = things_that_changed(random, things_that_moved(random, lit), subject.alpha)
    alpha = subject.alpha[..., None]
    clean = alpha * subject.colour + (1 - alpha) * background
    camera = Camera.pick(random, video_share)
    before = still if camera.crf is not None and random.random() < STEADY else None
    image = camera.shoot(random, clean, before=before)
    alone = _without_shadow(*(reduce(x, coarse_size) for x in (background, lit, still)))
    alone = camera.tone_mapped(alone, alone).clip(0, 1)
    background = camera.tone_mapped(background, clean).clip(0, 1)
    near = [Subject(reduce(n.alpha, coarse_size), reduce(n.colour, coarse_size)) for n in subject.neighbours]
    near = [_seen_by(camera, n, reduce(clean, coarse_size)) for n in near]
    subject = replace(_seen_by(camera, subject, clean), neighbours=tuple(near))
    if before is not None:
        coverage, plate = np.ones_like(alpha[..., 0]), camera.shoot(random, still, plate=True, before=before)
    elif random.random() < 0.06:
        coverage, plate = random_coverage(random, size), retouched(random, image, still, subject.alpha)
    else:
        coverage = random_coverage(random, size)
        plate = camera.shoot(random, misaligned(random, still), plate=True)
    plate *= coverage[..., None]
    small = (reduce(image, coarse_size), reduce(plate, coarse_size), reduce(coverage, coarse_size))
    light = light_left(reduce(lit, coarse_size), reduce(still, coarse_size))
    mask = _soft_mask(random, reduce(subject.alpha, coarse_size), light, *small)
    motion = motion_input(random, subject, reduce(background, coarse_size), alone, small[0])
    return Sample(image, plate, coverage, subject.alpha, subject.colour, background, mask, motion, light)


def _place(random: Random, size: int, photos: tuple[Path, ...]) -> Place:
    """A room with depth in three of ten; else a flat picture, which now and then passes for a polished floor."""
    if random.random() < 0.3:
        return draw_room(random, size, photos)
    picture = place(random, size, photos)
    share = random.uniform(0.03, 0.3) if random.random() < 0.25 else 0.0
    gloss = np.full((size, size, 1), share, np.float32)
    return Place(picture, gloss, cv2.GaussianBlur(picture[::-1], (0, 0), size / 20))


def _subject(
    random: Random, size: int, material: Material, cutout_share: float, strands: bool, still: FloatImage
) -> Subject:
    """Any subject; none in a twentieth, and in a fifth partly in the place's own colours."""
    if random.random() < 0.05:
        return Subject(np.zeros((size, size), np.float32), still)
    if material.cutouts and random.random() < cutout_share:
        subject = cut_out(random, size, material.cutouts)
        if strands and random.random() < 0.6:
            subject = parted(random, subject)
    else:
        subject = random_subject(random, size, material.photos, strands)
    if random.random() < 0.3:
        subject = with_limbs_in_motion(random, subject)
    if random.random() < 0.2:
        moved = np.roll(still, tuple(random.integers(-size // 4, size // 4, 2)), (0, 1))
        if random.random() < 0.5:
            moved = cv2.GaussianBlur(moved, (0, 0), random.uniform(1, 12))
        where = np.clip(smooth_noise(random, size, random.uniform(1, 4)) * 3 + random.uniform(-1, 2), 0, 1)
        colour = where * moved + (1 - where) * subject.colour
        subject = Subject(subject.alpha, colour.astype(np.float32))
    return subject


def _without_shadow(background: FloatImage, lit: FloatImage, still: FloatImage) -> FloatImage:
    """The place as it has changed by itself, without what the subject does to it; n x n x 3 each."""
    change = (background + DARKEST) / (lit + DARKEST)
    return np.clip((still + DARKEST) * change - DARKEST, 0, 1, dtype=np.float32)


def _seen_by(camera: Camera, subject: Subject, clean: FloatImage) -> Subject:
    """A subject in the colours that the camera gives it in a scene, N x N x 3."""
    return Subject(subject.alpha, camera.tone_mapped(subject.colour, clean).clip(0, 1))


def _soft_mask(
    random: Random, alpha: FloatImage, light: FloatImage, image: FloatImage, plate: FloatImage, coverage: FloatImage
) -> FloatImage:
    """The program's own segmenter's mask, or the paper's: the truth eroded, dilated, holed and blurred.

    A mask may be wrong in any way, so that the networks look for themselves: now and then it fills the gaps between
    parts and strands or takes shadows with it, now and then there is none.
    """
    kind = random.random()
    if kind < 0.06:
        return np.zeros_like(alpha)
    if kind < 0.6:
        mask = difference_mask(image, plate, coverage)
        if kind < 0.42:
            return mask
        return _overfilled(random, mask) if kind < 0.52 else _with_shadows(random, mask, light)
    size = len(alpha)
    mask = (alpha > random.uniform(0.1, 0.9)).astype(np.uint8)
    for operation in (cv2.erode, cv2.dilate):
        radius = int(random.integers(0, max(2, size // 24)))
        mask = operation(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))
    for _ in range(random.integers(0, 4)):
        x, y = (int(v) for v in random.integers(0, size, 2))
        axes = tuple(int(v) for v in random.integers(2, size // 6, 2))
        cv2.ellipse(mask, (x, y), axes, random.uniform(0, 180), 0, 360, int(random.random() < 0.2), -1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), random.uniform(1, 5))
    return soft


def _overfilled(random: Random, mask: FloatImage) -> FloatImage:
    """A mask that has closed over what lies between the subject's parts, and bulges."""
    size = len(mask)
    for operation, largest in ((cv2.MORPH_CLOSE, size // 10), (cv2.MORPH_DILATE, size // 40)):
        radius = int(random.integers(1, largest + 1))
        mask = cv2.morphologyEx(mask, operation, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))
    return mask


def _with_shadows(random: Random, mask: FloatImage, light: FloatImage) -> FloatImage:
    """A mask that has taken some of what is shaded for the subject."""
    size = len(mask)
    shaded = np.abs(light - 1) > random.uniform(0.02, 0.2)
    taken = shaded & (smooth_noise(random, size, random.uniform(1, 4))[..., 0] > random.uniform(-1, 0.5))
    return np.maximum(mask, cv2.GaussianBlur(taken.astype(np.float32), (0, 0), random.uniform(1, 3)))
