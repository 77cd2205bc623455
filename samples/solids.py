"""The solids of the figure: tubes and balls around the joints of a pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from body import Array, Ball, Stuff, Tube
from figure import HEAD_SIZE, Axes, Pose

BLINKS_SECONDS = (1.1, 3.1)

Solid = Tube | Ball


def solids(pose: Pose) -> list[Solid]:
    """All of her but the strands of hair."""
    head = [_grown(part, pose.head.origin) for part in (*_head(pose.head), *_eyes(pose), *_mouth(pose.head))]
    return [*_trunk(pose), *_legs(pose), *_arms(pose), *head]


def _tube(
    points: Sequence[Array] | Array, radii: Sequence[float] | Array, stuff: Stuff, flat: float = 1.0, cut: int = 0,
    start: float = 0.0,
) -> Tube:  # fmt: skip
    return Tube(np.array(points), np.array(radii), stuff, flat, cut, start)


def _grown(part: Solid, origin: Array) -> Solid:
    """A part of the head, which is drawn a little larger than life."""
    if isinstance(part, Tube):
        return part._replace(points=origin + HEAD_SIZE * (part.points - origin), radii=HEAD_SIZE * part.radii)
    a, b, c = part.axes
    centre = origin + HEAD_SIZE * (part.centre - origin)
    return part._replace(centre=centre, axes=(HEAD_SIZE * a, HEAD_SIZE * b, HEAD_SIZE * c))


def _curve(a: Array, b: Array, c: Array, count: int) -> Array:
    """Points from `a` by way of `b` to `c`, rounded at `b` (count x 3)."""
    t = np.linspace(0, 1, count)[:, None]
    bow = (1 - t) ** 2 * a + 2 * t * (1 - t) * (2 * b - (a + c) / 2) + t**2 * c
    straight = np.where(t < 0.5, a + (b - a) * 2 * t, b + (c - b) * (2 * t - 1))
    return np.asarray(0.38 * bow + 0.62 * straight)


def _along(radii: Sequence[float], count: int) -> Array:
    return np.asarray(np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(radii)), radii))


def _trunk(pose: Pose) -> list[Solid]:
    pelvis, chest = pose.pelvis, pose.chest
    # A turned body is narrower: the tubes' width is that of the ellipse seen from this side.
    turn = float(np.sin(chest.yaw))
    width = float(np.hypot(np.sqrt(1 - turn**2), 0.62 * turn))
    depth = 0.80 / width
    # A thigh that swings forward pushes the hem before it.
    thighs = [float((knee - hip) @ pelvis.way(0, 0, 1)) for knee, hip in zip(pose.knees, pose.hips, strict=True)]
    push = 0.015 + 0.20 * max(thighs)
    spine = [
        pelvis(0, -0.10, push), pelvis(0, 0.0, 0.8 * push), pelvis(0, 0.10, 0.02), pelvis(0, 0.19, 0.02),
        chest(0, 0.02, 0.02), chest(0, 0.075, 0.01),
    ]  # fmt: skip
    radii = np.array([0.166, 0.163, 0.147, 0.138, 0.144, 0.145]) * width
    hem = 0.168 * width + (0.5 * push + 0.03) * abs(turn)
    radii[:2] += hem - 0.168 * width
    right, left = pose.shoulders
    yoke = [right, chest(-0.075, 0.208, 0.005), chest(0, 0.190, 0.016), chest(0.075, 0.208, 0.005), left]
    return [
        _tube([pelvis(0, 0, 0), pelvis(0, -0.09, -0.005)], (0.13 * width, 0.145 * width), Stuff.DENIM, 0.65),
        # The back of the jumper stays where the hips are.
        _tube([pelvis(0, -0.17, 0), *spine[2:4]], (0.170 * width + 0.015 * abs(turn), *radii[2:4]), Stuff.RIB, 0.8, 1),
        _tube(spine[:5], radii[:5], Stuff.WOOL, depth, cut=3),
        _tube(spine[3:], radii[3:] * 1.005, Stuff.YOKE, depth, cut=1),
        _tube([pelvis(0, -0.17, 1.1 * push), pelvis(0, -0.095, push)], (hem, hem), Stuff.RIB, depth, 3),
        _tube([chest(0, 0.19, -0.005), chest(0, 0.33, 0.01)], (0.052, 0.046), Stuff.SKIN),
        _tube(yoke, (0.056, 0.060, 0.062, 0.060, 0.056), Stuff.YOKE, 1.1),
        _tube([chest(0, 0.215, 0.006), chest(0, 0.268, 0.010)], (0.076, 0.062), Stuff.RIB, cut=2),
    ]


def _legs(pose: Pose) -> list[Solid]:
    parts: list[Solid] = []
    for hip, knee, foot in zip(pose.hips, pose.knees, pose.feet, strict=True):
        ankle = foot(0, 0.085, -0.035)
        leg = _curve(hip, knee, ankle, 17)
        radii = _along((0.040, 0.074, 0.078, 0.072, 0.064, 0.063, 0.062, 0.059, 0.056), 17)
        parts.append(_tube(leg, radii, Stuff.DENIM, cut=2))
        parts.append(_tube([leg[-1] + (leg[-2] - leg[-1]) * 0.6, leg[-1]], (0.060, 0.061), Stuff.DENIM, 1, 3, 0.55))
        parts.append(_tube([ankle, foot(0, 0.03, -0.03)], (0.036, 0.04), Stuff.SKIN))
        parts += _shoe(foot)
    return parts


def _shoe(foot: Axes) -> list[Solid]:
    laces = [
        _tube(
            [foot(side, 0.094 - 0.011 * k, 0.018 + 0.024 * k) for side in (-0.02, 0.0, 0.02)],
            np.full(3, 0.005),
            Stuff.LACE,
        )
        for k in range(4)
    ]
    return [
        _tube([foot(0, 0.022, -0.065), foot(0, 0.022, 0.05), foot(0, 0.024, 0.135)], (0.040, 0.041, 0.040), Stuff.SOLE),
        _tube([foot(0, 0.060, -0.055), foot(0, 0.055, 0.03), foot(0, 0.042, 0.125)], (0.040, 0.041, 0.036), Stuff.SHOE),
        *laces,
    ]


def _arms(pose: Pose) -> list[Solid]:
    parts: list[Solid] = []
    for side, shoulder, elbow, wrist in zip((-1, 1), pose.shoulders, pose.elbows, pose.wrists, strict=True):
        bone = wrist - elbow
        sleeve = _curve(shoulder, elbow, elbow + bone * 0.86, 15)
        radii = _along((0.058, 0.055, 0.051, 0.046, 0.045, 0.043, 0.040), 15)
        parts.append(_tube(sleeve, radii, Stuff.WOOL, 1, 2, 0.07))
        parts.append(_tube([elbow + bone * 0.80, elbow + bone * 0.97], (0.038, 0.036), Stuff.RIB, cut=2))
        parts.append(_tube([elbow + bone * 0.9, wrist], (0.028, 0.024), Stuff.SKIN))
        parts += _hand(pose.chest, side, wrist, bone / np.linalg.norm(bone))
    return parts


def _hand(chest: Axes, side: int, wrist: Array, way: Array) -> list[Solid]:
    """A palm, four fingers of two joints and a thumb; a raised palm looks at the lens."""
    raised = way[1] > 0
    front = chest.way(0, 0, 1) if raised else chest.way(-side, 0, 0.35)
    across = np.cross(way, front)
    across *= np.sign(across @ (chest.way(-side, 0, 0) if raised else chest.way(0, 0, 1))) / np.linalg.norm(across)
    palm = np.cross(across, way)
    palm *= np.sign(palm @ front)
    knuckles = wrist + way * 0.082
    parts: list[Solid] = [
        _tube([wrist + way * 0.012 + across * x * 0.55, knuckles + across * x], (0.020, radius), Stuff.SKIN, 0.7)
        for x, radius in ((-0.022, 0.019), (0.0, 0.021), (0.022, 0.019))
    ]
    spread, curl = (0.26, 0.16) if raised else (0.06, 0.5)
    for k, length in enumerate((0.062, 0.076, 0.082, 0.072)):
        fan = (k - 1.5) / 1.5
        aim = way + across * fan * spread + palm * curl * 0.3
        base = knuckles + across * fan * 0.032
        middle = base + aim / np.linalg.norm(aim) * length * 0.55
        bent = aim + palm * curl
        tip = middle + bent / np.linalg.norm(bent) * length * 0.5
        parts.append(_tube([base - way * 0.012, middle, tip], (0.0115, 0.0105, 0.0085), Stuff.SKIN))
    out = way * 0.55 + across * (0.9 if raised else 0.4) + palm * 0.2
    root = wrist + way * 0.045 + across * 0.040
    tip = root + out / np.linalg.norm(out) * 0.042
    parts.append(_tube([wrist + way * 0.02 + across * 0.018, root, tip], (0.016, 0.0135, 0.0095), Stuff.SKIN))
    return parts


def _head(head: Axes) -> list[Solid]:
    turn = float(np.sin(head.yaw))
    straight = np.sqrt(1 - turn**2)

    def skull(up: float, front: float, axes: tuple[float, float, float], stuff: Stuff) -> Ball:
        wide, tall, deep = axes
        seen = float(np.hypot(wide * straight, deep * turn)), tall, float(np.hypot(deep * straight, wide * turn))
        return Ball(head(0, up, front), seen, stuff)

    locks = [
        _tube([head(side * 0.074, 0.07, 0.0), head(side * 0.088, -0.03, -0.015), head(side * 0.092, -0.16, -0.02)],
              (0.026, 0.028, 0.018), Stuff.HAIR, 0.8)
        for side in (-1, 1)
    ]  # fmt: skip
    mane = [head(0, 0.03, -0.05), head(0, -0.12, -0.065), head(0, -0.28, -0.085)]
    nose = [head(0, 0.012, 0.093), head(0, -0.012, 0.104), head(0, -0.024, 0.107)]
    return [
        skull(0.035, 0.0, (0.082, 0.098, 0.098), Stuff.SKIN),
        skull(-0.022, 0.020, (0.069, 0.085, 0.075), Stuff.SKIN),
        skull(-0.078, 0.052, (0.034, 0.030, 0.034), Stuff.SKIN),
        skull(0.060, -0.034, (0.094, 0.103, 0.095), Stuff.HAIR),
        _tube(mane, (0.090, 0.085, 0.055), Stuff.HAIR, 0.5),
        *locks,
        _tube(nose, (0.0095, 0.0105, 0.0125), Stuff.SKIN),
        *(Ball(head(side * 0.0125, -0.027, 0.094), (0.0085, 0.007, 0.009), Stuff.SKIN) for side in (-1, 1)),
    ]


def _eyes(pose: Pose) -> list[Solid]:
    head = pose.head
    closed = any(abs(pose.seconds - moment) < 0.05 for moment in BLINKS_SECONDS)
    parts: list[Solid] = []
    for side in (-1, 1):
        x = side * 0.034
        if closed:
            lid = [head(x + dx, 0.008 + dy, 0.093) for dx, dy in ((-0.017, 0.002), (0, -0.004), (0.017, 0.002))]
            parts.append(_tube(lid, np.full(3, 0.003), Stuff.BROW))
        else:
            parts.append(Ball(head(x, 0.008, 0.082), (0.0185, 0.0125, 0.012), Stuff.EYE))
            parts.append(Ball(head(x + 0.001, 0.0085, 0.089), (0.0100, 0.0108, 0.008), Stuff.IRIS))
            parts.append(Ball(head(x + 0.001, 0.0085, 0.093), (0.0050, 0.0056, 0.006), Stuff.PUPIL))
            parts.append(Ball(head(x - 0.0028, 0.0125, 0.099), (0.0024, 0.0026, 0.002), Stuff.GLINT))
            lash = ((-0.0195, 0.006), (-0.011, 0.0175), (0.003, 0.0205), (0.014, 0.0165), (0.0215, 0.0095))
            lid = [head(x + side * dx, dy, 0.092) for dx, dy in lash]
            parts.append(_tube(lid, (0.0016, 0.0026, 0.0030, 0.0028, 0.0018), Stuff.BROW))
        arch = ((-0.017, 0.0285), (-0.002, 0.0365), (0.013, 0.0370), (0.024, 0.0325))
        brow = [head(x + side * dx, dy, 0.089 - 0.25 * max(dx, 0)) for dx, dy in arch]
        parts.append(_tube(brow, (0.0036, 0.0042, 0.0034, 0.0016), Stuff.BROW))
    return parts


def _mouth(head: Axes) -> list[Solid]:
    smile = ((-0.034, -0.0440), (-0.018, -0.0565), (0, -0.0610), (0.018, -0.0565), (0.034, -0.0440))

    def line(rise: float, front: float, radii: tuple[float, float, float], stuff: Stuff) -> Tube:
        points = [head(x, y + rise, front - 22 * x * x) for x, y in smile]
        return _tube(points, (radii[0], radii[1], radii[2], radii[1], radii[0]), stuff)

    return [
        line(-0.0060, 0.0915, (0.0020, 0.0042, 0.0052), Stuff.LIP),
        line(0.0040, 0.0925, (0.0020, 0.0036, 0.0036), Stuff.LIP),
        line(-0.0005, 0.0930, (0.0012, 0.0034, 0.0040), Stuff.EYE),
    ]
