"""A random person: a body, what it wears, its hair, what it does and where the camera stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator as Random

from training.people import materials
from training.people.face import face_strands
from training.people.files import Floats
from training.people.hair import Head, random_hair
from training.people.makehuman import SKIN_GROUP, MakeHuman
from training.people.poses import Act, random_act
from training.people.scene import Light
from training.people.shots import Camera, random_camera
from training.people.skeleton import bone_transforms, global_rotations, skin
from training.people.strands import Strands
from training.people.wardrobe import SEXES, Worn, clothes_of, flesh, things_of

RACES, AGES = ("african", "asian", "caucasian"), ("child", "young", "old")


@dataclass(frozen=True)
class Finish:
    """What the camera adds: defocus and motion blur in pixels of the result, and the latter's direction in radians."""

    defocus_px: float
    motion_px: float
    direction: float


@dataclass(frozen=True)
class Person:
    """Everything that a frame is drawn from.

    Attributes:
        makehuman: The assets.
        body: V x 3, the whole base mesh morphed and unposed.
        worn: Skin, eyes, clothes and things.
        hair: Strands that hang on `carrier`, or on the body where that is None; None for the bald.
        carrier: Unposed points and weights of a hair mesh.
        brows: Strands on the body.
        act: The movement.
        light: The light.
        camera: Over a picture of the supersampled size.
        finish: Blur.
    """

    makehuman: MakeHuman
    body: Floats
    worn: tuple[Worn, ...]
    hair: Strands | None
    carrier: tuple[Floats, Floats] | None
    brows: Strands
    act: Act
    light: Light
    camera: Camera
    finish: Finish

    def pose(self, frame: float) -> Floats:
        """Transforms of the bones, B x 3 x 4; what is lowest stands at height 0."""
        return _standing(self.makehuman, self.body, self.act, frame)


def _standing(makehuman: MakeHuman, body: Floats, act: Act, frame: float) -> Floats:
    rotations = global_rotations(makehuman.skeleton, act.local(frame))
    transforms = bone_transforms(makehuman.skeleton, makehuman.skeleton.heads(body), rotations)
    used = np.unique(makehuman.faces(SKIN_GROUP))
    transforms[:, 1, 3] -= skin(body[used], makehuman.weights[used], transforms)[:, 1].min()
    return transforms


def random_body(makehuman: MakeHuman, random: Random) -> tuple[Floats, bool]:
    """A mixture of morphs, V x 3, and whether it is mostly male."""
    races = random.dirichlet(np.full(3, 0.4))
    male = float(np.clip(random.choice([0.0, 1.0]) + random.normal(0, 0.12), 0, 1))
    ages = random.dirichlet((0.25, 1.0, 0.5))
    body = makehuman.base.points.copy()
    for race, race_share in zip(RACES, races, strict=True):
        for sex, sex_share in zip(SEXES, (1 - male, male), strict=True):
            for age, age_share in zip(AGES, ages, strict=True):
                share = race_share * sex_share * age_share
                if share > 0.01:
                    morph = makehuman.morph(f"{race}-{sex}-{age}")
                    body[morph.vertices] += np.float32(share) * morph.moves
    girth = random.normal(1, 0.05)
    return (body * np.array([girth, random.normal(1, 0.03), girth])).astype(np.float32), male > 0.5


def random_person(makehuman: MakeHuman, random: Random, size: int, frames: int, photos: tuple[Path, ...]) -> Person:
    """Draw a person and a shot of it.

    Args:
        makehuman: The assets.
        random: Source of all chance.
        size: Side of the supersampled picture, pixels.
        frames: How many frames the shot has: all must fit.
        photos: For prints on cloth, may be empty.
    """
    body, male = random_body(makehuman, random)
    head = Head.of(makehuman, body)
    hair_colour = materials.random_hair_colour(random)
    hair, garment, hat = None, None, random.random() < 0.08
    if random.random() > 0.07:
        hair, garment = random_hair(random, makehuman, body, head, hair_colour, short=hat)
    clothes, hidden = clothes_of(makehuman, random, body, male, photos, hat)
    things = [*flesh(makehuman, random, body, head, hidden, hair_colour if hair else None), *clothes]
    things += things_of(makehuman, random, body, head, photos)
    act = random_act(makehuman, random)
    camera = _camera(makehuman, random, size, body, act, frames)
    brows = face_strands(random, makehuman, body, hair_colour)
    carrier = (garment.fit(body), garment.weights(makehuman.weights)) if garment else None
    return Person(
        makehuman, body, tuple(things), hair, carrier, brows, act, random_light(random), camera, _finish(random)
    )


def random_light(random: Random) -> Light:
    """From one side and above, from soft to hard, warm to cold."""
    direction = np.array([random.normal(0, 0.7), random.uniform(-0.1, 0.9), random.uniform(0.1, 1)])
    warm = random.normal(0, 0.06)
    share, total = random.uniform(0.3, 0.7), random.uniform(0.95, 1.35)
    colour = total * share * np.array([1 + warm, 1, 1 - warm])
    ambient = total * (1 - share) * np.array([1 - 0.5 * warm, 1, 1 + 0.5 * warm])
    unit = direction / np.linalg.norm(direction)
    return Light(
        unit.astype(np.float32), colour.astype(np.float32), ambient.astype(np.float32), random.uniform(0.0, 0.5)
    )


def _camera(makehuman: MakeHuman, random: Random, size: int, body: Floats, act: Act, frames: int) -> Camera:
    used = np.unique(makehuman.faces(SKIN_GROUP))[::10]
    bone, middles, points = makehuman.skeleton.index("head"), [], []
    local_head = makehuman.skeleton.heads(body)[[makehuman.skeleton.index(f"eye.{s}") for s in "LR"]].mean(axis=0)
    for frame in np.linspace(0, frames - 1, min(frames, 6)):
        transforms = _standing(makehuman, body, act, float(frame))
        points.append(skin(body[used], makehuman.weights[used], transforms))
        middles.append(transforms[bone, :, :3] @ (local_head - [0, 0, 0.9]) + transforms[bone, :, 3])
    return random_camera(random, size, np.mean(middles, axis=0), 0.0, 0.0, np.concatenate(points))


def _finish(random: Random) -> Finish:
    defocus = random.uniform(0.3, 2.0) if random.random() < 0.3 else 0.0
    motion = random.uniform(2, 14) if random.random() < 0.15 else 0.0
    return Finish(defocus, motion, random.uniform(0, np.pi))
