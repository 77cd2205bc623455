"""Clips with truth of what the paper's method fails at: `python -m evaluation.failures OUT [--photos DIR]`.

A folder each, as `evaluation.report` reads them: a subject in the place's own colours, hair thinner than a pixel,
strong shadows, a thing that is no person, a head that fills the frame, limbs in motion, and clothes that get as light
as the place towards their edges. A square of the place, 720 pixels, is shown by a camera that a hand holds; the subject
drifts across it. Equal seeds make equal clips.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Random
from numpy.typing import NDArray

from alignment.plate import PlateAligner, PlateAlignmentError
from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Colour, FloatImage, Image
from training.camera import Camera
from training.canvas import Canvas, Subject, fill, normals, outline
from training.figures import draw_figure
from training.hair import HairStyle, draw_seeds, grow, hair_colour
from training.shapes import draw_thin
from training.textures import find_photos, place, smooth_noise

SIZE, FRAMES, RATE = 720, 24, 24
BORDER = 60
"""Pixels of the place around what the camera sees at rest."""

PLATE_POSE = (np.array([7.3, -5.6]), 0.006)
"""Where the camera looked for the plate: pixels aside, and radians of a turn."""

CAMERA = Camera(noise=0.006, grain_px=0.6, sharpening=0.4, quality=92)


SHUTTER = np.linspace(0, 0.5, 13)
"""Moments at which the shutter is open, in frames: half of the time."""


@dataclass(frozen=True)
class Story:
    """What a clip shows.

    Attributes:
        draw: Draws the subject.
        blend: How far the subject wears the colours of the place, in [0, 1].
        shadow: Light that its shadow takes away, in [0, 1].
        swing: How far the subject swings about its top to either side, radians; the further down, the more it smears.
        rim: How much of the place's colours its edges take on from the light around it, in [0, 1].
    """

    draw: Callable[[Canvas], None]
    blend: float = 0.0
    shadow: float = 0.15
    swing: float = 0.0
    rim: float = 0.0


def _thin_hair(canvas: Canvas) -> None:
    """A head whose hair is thousands of strands, none as wide as a pixel."""
    size, random = canvas.drawn, canvas.random
    head = outline(random, np.array([0.5, 0.55]) * size, 0.2 * size, 0.03)
    mask = canvas.mask()
    fill(mask, head)
    canvas.add(mask)
    style = HairStyle(2400, 0.3 * size, 0.12, 0.0, 1.0, (0.15, 0.5), 4)
    grow(canvas, head, normals(head), style, hair_colour(canvas))


def _seeds_on_stalks(canvas: Canvas) -> None:
    """Plants, or something like it: rods and leaves with see-through heads."""
    draw_thin(canvas)
    draw_seeds(canvas)


def _head_and_shoulders(canvas: Canvas) -> None:
    """A head with hair and the whites of its eyes, on shoulders that the picture cuts off; more than half of it."""
    size, random = canvas.drawn, canvas.random
    head = outline(random, np.array([0.5, 0.46]) * size, 0.34 * size, 0.03)
    skin = np.broadcast_to(random.uniform((0.35, 0.2, 0.15), (0.9, 0.7, 0.6)), (canvas.size, canvas.size, 3))
    for points, colour in (
        (outline(random, np.array([0.5, 1.2]) * size, 0.6 * size, 0.02), None),
        (head, skin.astype(np.float32)),
    ):
        mask = canvas.mask()
        fill(mask, points)
        canvas.add(mask, colour)
    for side in (-1, 1):
        for width, shade in ((0.06, 0.75), (0.025, 0.1)):
            mask = canvas.mask()
            centre = (round((0.5 + side * 0.13) * size), round(0.44 * size))
            cv2.ellipse(mask, centre, (round(width * size), round(0.025 * size)), 0, 0, 360, 255, -1, cv2.LINE_AA)
            canvas.add(mask, np.full((canvas.size, canvas.size, 3), shade, np.float32))
    style = HairStyle(1800, 0.25 * size, 0.15, 0.05, 1.5, (0.3, 0.9), 6)
    crown = head[:, 1] < 0.42 * size
    grow(canvas, head[crown], normals(head)[crown], style, hair_colour(canvas))


STORIES: dict[str, Story] = {
    "same_colour": Story(draw_figure, blend=0.85),
    "thinnest_hair": Story(_thin_hair),
    "shadow": Story(draw_figure, shadow=0.5),
    "no_person": Story(_seeds_on_stalks),
    "close_up": Story(_head_and_shoulders),
    "in_motion": Story(draw_figure, swing=0.25),
    "rim_light": Story(draw_figure, rim=1.2),
}


def make_clip(name: str, out: Path, photos: tuple[Path, ...], seed: int = 0, frames: int = FRAMES) -> None:
    """Write clip.mp4, plate.png and truth/ of one story.

    Args:
        name: One of `STORIES`.
        out: Folder, made if it is not there.
        photos: Pictures of places; without them the place is procedural.
        seed: Of all chance.
        frames: How many.
    """
    (out / "truth").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([seed, list(STORIES).index(name)])
    story = STORIES[name]
    still = _place(random, photos)
    canvas = Canvas(random, SIZE, photos)
    story.draw(canvas)
    subject = _in_the_places_colours(random, canvas.subject(0.5), still, story.blend)
    count, base = frames, Fraction(1, RATE)
    info = ClipInfo(out / "none", SIZE, SIZE, tuple(range(count)), base, 1 / base, 8, Colour(), 0, count)
    with (
        open_writer(out / "clip.mp4", info, channels=3, overwrite=True) as clip,
        open_writer(out / "truth" / "alpha.mkv", info, channels=1, overwrite=True) as alphas,
        open_writer(out / "truth" / "foreground.mkv", info, channels=3, overwrite=True) as colours,
    ):
        for index, (frame, moved) in enumerate(_film(random, story, subject, still, frames)):
            clip.write(frame, index)
            alphas.write(_codes(moved.alpha), index)
            colours.write(_codes(moved.colour), index)
    plate = CAMERA.shoot(random, _seen(still, *PLATE_POSE), plate=True)
    cv2.imwrite(str(out / "plate.png"), np.ascontiguousarray(_codes(plate)[:, :, ::-1]))


def _place(random: Random, photos: tuple[Path, ...]) -> FloatImage:
    """The first place, SIZE and twice BORDER wide and high, in which a plate is found: not a bare wall."""
    while True:
        still = place(random, SIZE + 2 * BORDER, photos)
        plate, frame = (_codes(_seen(still, *pose)) for pose in (PLATE_POSE, (np.zeros(2), 0.0)))
        try:
            if PlateAligner(plate, (SIZE, SIZE)).register(frame).status == "ok":
                return still
        except PlateAlignmentError:
            continue


def _in_the_places_colours(random: Random, subject: Subject, still: FloatImage, blend: float) -> Subject:
    """The subject partly painted with what is some way beside it in the place."""
    aside = cv2.GaussianBlur(np.roll(still, (37, -53), (0, 1)), (0, 0), 3)[BORDER:-BORDER, BORDER:-BORDER]
    where = blend * np.clip(0.7 + 0.4 * smooth_noise(random, SIZE, 5), 0, 1)
    return Subject(subject.alpha, (subject.colour + where * (aside - subject.colour)).astype(np.float32))


def _film(
    random: Random, story: Story, subject: Subject, still: FloatImage, frames: int
) -> Iterator[tuple[Image, Subject]]:
    """Frames, and the subject as it is in each."""
    phase = random.uniform(0, 2 * np.pi, 3)
    for index in range(frames):
        time = index / RATE
        moved = _moved(story, subject, time)
        sway = 9 * np.sin(2.1 * time * np.array([1.0, 1.3]) + phase[:2])
        seen = _seen(still, sway, 0.004 * np.sin(1.7 * time + phase[2]))
        if story.rim:
            moved = Subject(moved.alpha, _rimmed(moved, seen, story.rim))
        lit = seen * (1 - story.shadow * _fallen(moved.alpha))[..., None]
        cover = moved.alpha[..., None]
        yield _codes(CAMERA.shoot(random, cover * moved.colour + (1 - cover) * lit)), moved


def _rimmed(subject: Subject, seen: FloatImage, rim: float) -> FloatImage:
    """The subject's colours with the light of the place on its edges, the stronger the nearer to them."""
    inside = cv2.GaussianBlur(subject.alpha, (0, 0), SIZE / 60)
    share = np.clip(rim * (1 - inside), 0, 1)[..., None]
    return np.asarray(subject.colour + share * (cv2.GaussianBlur(seen, (0, 0), SIZE / 40) - subject.colour), np.float32)


def _moved(story: Story, subject: Subject, time: float) -> Subject:
    """The subject as it is at a time, seconds, or while the shutter is open."""
    if not story.swing:
        alpha, colour = (_warped(x, _drift(time)) for x in (subject.alpha, subject.colour))
        return Subject(np.clip(alpha, 0, 1), np.clip(colour, 0, 1))
    layers = np.concatenate((subject.alpha[..., None], subject.alpha[..., None] * subject.colour), axis=2)
    total: FloatImage = np.zeros((SIZE, SIZE, 4), np.float32)
    for moment in time + SHUTTER / RATE:
        angle = float(np.degrees(story.swing * np.sin(9 * moment)))
        swung = cv2.getRotationMatrix2D((SIZE / 2, 0.2 * SIZE), angle, 1.0)
        total += _warped(layers, _drift(moment) @ np.vstack((swung, (0, 0, 1))))
    alpha = np.clip(total[..., 0] / len(SHUTTER), 0, 1)
    colour = np.clip(total[..., 1:] / np.maximum(total[..., :1], 1e-3), 0, 1)
    return Subject(alpha, colour)


def _drift(time: float) -> NDArray[np.float64]:
    """How far the subject has come by a time, seconds; 2 x 3."""
    return np.array([[1, 0, 60 * (time - 0.5)], [0, 1, 6 * np.sin(5 * time)]])


def _warped(layers: FloatImage, matrix: NDArray[np.float64]) -> FloatImage:
    return cv2.warpAffine(layers, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _seen(still: FloatImage, shift: FloatImage, turn: float) -> FloatImage:
    """What the camera sees of the place, SIZE x SIZE x 3: `shift` pixels aside, turned by `turn` radians."""
    centre = SIZE / 2 + BORDER
    matrix = cv2.getRotationMatrix2D((centre, centre), float(np.degrees(turn)), 1.0)
    matrix[:, 2] += shift - BORDER
    return cv2.warpAffine(still, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC)


def _fallen(alpha: FloatImage) -> FloatImage:
    """How much of the light the subject takes away: sharp and far to one side, and soft close around it."""
    onto = np.array([[1, -0.25, 0.2 * SIZE], [0, 0.9, 0.08 * SIZE]])
    cast = cv2.GaussianBlur(cv2.warpAffine(alpha, onto, (SIZE, SIZE)), (0, 0), 6)
    near = cv2.GaussianBlur(alpha, (0, 0), 18)
    return np.maximum(cast, 0.8 * near)


def _codes(values: FloatImage) -> Image:
    return np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)


def main() -> None:
    """Read the command line and write the clips."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.failures", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that gets a folder for each clip")
    parser.add_argument("--photos", type=Path, help="photographs of places")
    parser.add_argument("--seed", type=int, default=8)
    arguments = parser.parse_args()
    for name in STORIES:
        make_clip(name, arguments.out / name, find_photos(arguments.photos), arguments.seed)


if __name__ == "__main__":
    main()
