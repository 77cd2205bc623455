"""What a camera does to the light it sees, and what is left between two shots of a place once they are aligned."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator as Random

from pipeline.frames import FloatImage, Image
from training.compression import through_h264, through_jpeg
from training.textures import smooth_noise

TONE_PX = 192
"""Side of the picture from which the light around a pixel is taken."""


@dataclass(frozen=True)
class Camera:
    """One camera's manner, shared by a clip and its plate.

    Attributes:
        noise: Sigma of its noise.
        grain_px: Sigma over which the noise is blurred.
        sharpening: Strength.
        quality: Of the JPEG that it writes; 4:2:0 colour and blocks, as a frame of video has.
        crf: The rate factor of the H.264 clip that it writes; None where all is JPEG.
        sharpening_px: Sigma of what the sharpening takes for an edge.
        local_contrast: Strength of the tone mapping: how much lighter the place gets beside a dark subject.
        tone_share: Sigma of what counts as beside, as a share of the picture.
    """

    noise: float
    grain_px: float
    sharpening: float
    quality: int
    crf: int | None = None
    sharpening_px: float = 1.2
    local_contrast: float = 0.0
    tone_share: float = 0.03

    @staticmethod
    def pick(random: Random, video_share: float = 0.0) -> Camera:
        """Phones, cinema cameras and webcams; `video_share` of them write H.264."""
        return Camera(
            noise=random.choice([0.002, 0.007, 0.018]),
            grain_px=random.choice([0.0, 0.6]),
            sharpening=random.choice([0.0, 0.0, 0.4, 0.9]),
            quality=int(random.integers(55, 98)),
            crf=int(random.integers(14, 36)) if random.random() < video_share else None,
            sharpening_px=random.choice([0.8, 1.2, 1.2, 2.5]),
            local_contrast=random.choice([0.0, 0.0, 0.0, 0.1, 0.3]),
            tone_share=random.uniform(0.01, 0.08),
        )

    def shoot(
        self, random: Random, scene: FloatImage, plate: bool = False, before: FloatImage | None = None
    ) -> FloatImage:
        """N x N x 3 light to what the file holds; a plate comes with what is left of its exposure error.

        `before` is what a clip, no JPEG, shows just before where the camera stands still. Without it a hand holds the
        camera, and a plate is a photograph.
        """
        error = self._exposure_error(random, len(scene)) if plate else (np.float32(1), np.float32(0))
        scene = self._developed(scene * error[0] + error[1])
        codes = self._codes(random, scene)
        if self.crf is None or (plate and before is None):
            seen = through_jpeg(codes, min(98, self.quality + 15) if plate else self.quality)
        elif before is None:
            last = np.roll(scene, tuple(random.integers(-3, 4, 2)), (0, 1))
            seen = through_h264([self._codes(random, last), codes], self.crf)
        else:
            last = self._developed(before * error[0] + error[1])
            seen = through_h264([self._codes(random, last), codes], self.crf)
        return np.asarray(seen, np.float32) * np.float32(1 / 255)

    def _exposure_error(self, random: Random, size: int) -> tuple[FloatImage, np.float32]:
        """What the match of two exposures leaves: a factor, size x size x 3, and an offset."""
        gain = 1 + random.normal(0, 0.006) + random.normal(0, 0.002, 3)
        field = 1 + random.choice([0.0, 0.01, 0.025], p=[0.6, 0.25, 0.15]) * smooth_noise(random, size, 1)
        return (gain * field).astype(np.float32), np.float32(random.normal(0, 0.003))

    def _developed(self, scene: FloatImage) -> FloatImage:
        """Tone mapping and sharpening."""
        scene = self.tone_mapped(scene, scene)
        if self.sharpening:
            scene = scene + self.sharpening * (scene - cv2.GaussianBlur(scene, (0, 0), self.sharpening_px))
        return scene

    def tone_mapped(self, layer: FloatImage, scene: FloatImage) -> FloatImage:
        """What the tone mapping makes of a layer of a scene, N x N x 3 each: layers that add up still do, unclipped."""
        if not self.local_contrast:
            return layer
        around = cv2.resize(scene, (TONE_PX, TONE_PX), interpolation=cv2.INTER_AREA)
        around = cv2.GaussianBlur(around, (0, 0), TONE_PX * self.tone_share)
        result: FloatImage = layer + np.float32(self.local_contrast) * (
            layer - cv2.resize(around, (len(scene), len(scene)))
        )
        return result

    def _codes(self, random: Random, scene: FloatImage) -> Image:
        """What the sensor reads, noise included, uint8."""
        noise = random.standard_normal(scene.shape, np.float32)
        if self.grain_px:
            noise = 1.8 * cv2.GaussianBlur(noise, (0, 0), self.grain_px)
        return np.clip((scene + self.noise * noise) * 255 + 0.5, 0, 255).astype(np.uint8)


def misaligned(random: Random, still: FloatImage) -> FloatImage:
    """The place with the residual error of an alignment: mostly a tenth of a pixel, now and then a whole one."""
    size = len(still)
    spread = random.choice([0.05, 0.15, 0.35, 0.9], p=[0.4, 0.3, 0.2, 0.1])
    angle, grow = random.normal(0, 0.0008 * spread / 0.35, 2)
    matrix = np.array([[1 + grow, -angle, 0], [angle, 1 + grow, 0]])
    matrix[:, 2] = random.normal(0, spread, 2) - matrix[:, :2] @ [size / 2, size / 2] + size / 2
    return cv2.warpAffine(still, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def random_coverage(random: Random, size: int) -> FloatImage:
    """Where the plate is known: all of the crop, or all but strips along one or two borders."""
    coverage = np.ones((size, size), np.float32)
    if random.random() < 0.55:
        return coverage
    for _ in range(random.integers(1, 3)):
        depth = size * random.beta(1, 3) * 0.6
        slope = random.normal(0, 0.06)
        corners = np.array([[-9, -9], [size + 9, -9], [size + 9, depth + slope * size], [-9, depth]])
        strip = np.zeros((size, size), np.uint8)
        cv2.fillPoly(strip, [np.int32(np.round(corners))], 1)
        coverage[np.rot90(strip, int(random.integers(4))) > 0] = 0
    return coverage


def retouched(random: Random, image: FloatImage, still: FloatImage, alpha: FloatImage) -> FloatImage:
    """A plate made from the frame itself: what the subject hides is filled in, wrong in places; N x N x 3."""
    size = len(alpha)
    radius = int(random.integers(1, max(2, size // 30)))
    hidden = cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))
    hidden = cv2.GaussianBlur((hidden > 0.02).astype(np.float32), (0, 0), 1.5)[..., None]
    guess = cv2.GaussianBlur(still, (0, 0), size * random.uniform(0.002, 0.03))
    guess = guess + random.normal(0, 0.03) * smooth_noise(random, size, 4)
    return np.clip(image + hidden * (guess - image), 0, 1).astype(np.float32)
