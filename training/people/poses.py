"""What the body does: poses and walks from motion files, and small movements on top."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator as Random

from training.people.files import Floats, Motion
from training.people.makehuman import MakeHuman
from training.people.skeleton import Skeleton, global_rotations

FINGERS = {"Thumb": 1, "Index": 2, "Middle": 3, "Ring": 4, "Pinky": 5}
WALK_BONES = {
    "root": "Root",
    "spine05": "Spine1",
    "spine03": "Spine2",
    "spine01": "Spine3",
    "neck01": "Neck",
    "head": "Head",
    "pelvis.L": "Hips",
    "pelvis.R": "Hips",
}
LIMBS = {
    "clavicle": "Clavicle",
    "upperarm01": "UpArm",
    "lowerarm01": "LoArm",
    "wrist": "Hand",
    "upperleg01": "UpLeg",
    "lowerleg01": "LoLeg",
    "foot": "Foot",
}
STILL_POSES = {
    **{f"poses/standing0{n}": 3.0 for n in range(1, 7)},
    "poses/sit01": 2.0,
    "poses/run01": 1.0,
    "dance1": 0.7,
    **{f"poses/fight0{n}": 0.7 for n in (1, 3)},
    "tpose": 0.5,
}


def sources(motion: Motion) -> dict[str, str]:
    """Which joint of a motion drives a bone; bones left out keep their place on their parent."""
    if "upperarm01.L" in motion.names:
        return {name: name for name in motion.names}
    result = dict(WALK_BONES)
    for side in "LR":
        result.update({f"{bone}.{side}": f"{joint}_{side}" for bone, joint in LIMBS.items()})
        for finger, number in FINGERS.items():
            result.update({f"finger{number}-{k}.{side}": f"{finger}{k}_{side}" for k in (1, 2, 3)})
    return result


def world_rotations(makehuman: MakeHuman, motion: Motion, frame: int) -> Floats:
    """The pose of a motion's frame as rotations of the world, B x 3 x 3.

    A motion made for this skeleton starts from its rest; any other starts with the arms stretched out.
    """
    skeleton = makehuman.skeleton
    joints = motion.rotations[frame].copy()
    driver = sources(motion)
    if driver.get("root") == "root":
        local = np.broadcast_to(np.eye(3, dtype=np.float32), (len(skeleton.names), 3, 3)).copy()
        for bone, name in enumerate(skeleton.names):
            if name in driver:
                local[bone] = joints[motion.names.index(name)]
        return global_rotations(skeleton, local)
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            joints[joint] = joints[parent] @ joints[joint]
    stretched = world_rotations(makehuman, makehuman.motion("tpose"), 0)
    turned = np.zeros_like(stretched)
    for bone, name in enumerate(skeleton.names):
        parent = skeleton.parents[bone]
        turned[bone] = joints[motion.names.index(driver[name])] if name in driver else turned[parent]
    return (turned @ stretched).astype(np.float32)


def to_local(skeleton: Skeleton, world: Floats) -> Floats:
    """The inverse of `global_rotations`."""
    local = world.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            local[bone] = world[parent].T @ world[bone]
    return local


def blend(first: Floats, second: Floats, share: float) -> Floats:
    """Rotations between two, B x 3 x 3."""
    u, _, vt = np.linalg.svd((1 - share) * first + share * second)
    return (u @ vt).astype(np.float32)


@dataclass(frozen=True)
class Sway:
    """Slow turns of some bones: axis times angle in radians (N x 3), at a phase and a speed in radians a frame."""

    bones: tuple[int, ...]
    turns: Floats
    phases: Floats
    speeds: Floats

    def apply(self, local: Floats, frame: float) -> Floats:
        """Local rotations with this frame's turns on top."""
        result = local.copy()
        for bone, turn, phase, speed in zip(self.bones, self.turns, self.phases, self.speeds, strict=True):
            angle = (turn * np.sin(phase + speed * frame)).astype(np.float64)
            result[bone] = cv2.Rodrigues(angle)[0].astype(np.float32) @ result[bone]
        return result


@dataclass(frozen=True)
class Act:
    """A person's movement: keys of local rotations (F x B x 3 x 3) played in a loop at `speed` keys a frame."""

    name: str
    keys: Floats
    speed: float
    start: float
    sway: Sway

    def local(self, frame: float) -> Floats:
        """Local rotations at a frame, B x 3 x 3."""
        position = (self.start + self.speed * frame) % len(self.keys)
        before = int(position)
        after = (before + 1) % len(self.keys)
        return self.sway.apply(blend(self.keys[before], self.keys[after], position - before), frame)


def random_act(makehuman: MakeHuman, random: Random) -> Act:
    """A walk in a third of the cases, else a pose that sways, its arms, hands and head moved a little from it."""
    skeleton = makehuman.skeleton
    if random.random() < 0.35:
        motion, name, speed = makehuman.motion("walk1"), "walk1", random.uniform(0.25, 0.9)
        frames = range(len(motion.rotations))
    else:
        weights = np.array(list(STILL_POSES.values()))
        name = str(random.choice(list(STILL_POSES), p=weights / weights.sum()))
        motion, speed, frames = makehuman.motion(name), 0.0, range(1)
    keys = np.stack([to_local(skeleton, world_rotations(makehuman, motion, frame)) for frame in frames])
    for bone, turn in _habit(skeleton, random, calm=name != "walk1").items():
        keys[:, bone] = turn @ keys[:, bone]
    return Act(name, keys, speed, random.uniform(0, len(keys)), _random_sway(skeleton, random))


def _habit(skeleton: Skeleton, random: Random, calm: bool) -> dict[int, Floats]:
    """Fixed turns that make a pose this person's own."""
    spread = {"neck01": 5, "head": 9, "spine03": 4, "spine01": 4}
    for side in "LR":
        arm = 14 if calm else 5
        spread.update({f"upperarm01.{side}": arm, f"lowerarm01.{side}": arm, f"wrist.{side}": 10})
    turn = {skeleton.index(n): random.normal(0, np.radians(s), 3) for n, s in spread.items()}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        curl = random.uniform(-0.05, 0.5)
        for finger in (2, 3, 4, 5):
            for joint in (1, 2, 3):
                bend = sign * max(0.0, curl + random.normal(0, 0.12))
                # At rest the palm looks half forward: fingers close about this axis.
                turn[skeleton.index(f"finger{finger}-{joint}.{side}")] = bend * np.array([-0.35, 0.45, -0.8])
    return {bone: cv2.Rodrigues(axis)[0].astype(np.float32) for bone, axis in turn.items()}


def _random_sway(skeleton: Skeleton, random: Random) -> Sway:
    names = ["spine04", "spine02", "neck02", "head", "upperarm01.L", "upperarm01.R", "lowerarm01.L", "lowerarm01.R"]
    size = np.radians(random.uniform(0.5, 5)) * np.array([0.5, 0.5, 1, 1.5, 2, 2, 2, 2])
    turn = random.normal(0, 1, (len(names), 3)) * size[:, None]
    phases, speeds = random.uniform(0, 2 * np.pi, len(names)), random.uniform(0.05, 0.5, len(names))
    bones = tuple(skeleton.index(name) for name in names)
    return Sway(bones, turn.astype(np.float32), phases.astype(np.float32), speeds.astype(np.float32))
