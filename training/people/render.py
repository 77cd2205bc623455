"""A frame of a person: surfaces, then strands, reduced to the size asked for, then the camera's blur."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.frames import FloatImage
from training.canvas import Subject
from training.people.person import Finish, Person
from training.people.scene import draw
from training.people.skeleton import skin
from training.people.strands import Strands, draw_strands, lit
from training.people.wardrobe import posed

SUPERSAMPLING = 2
SNAP = 1.5 / 255
"""Alpha nearer to 0 or 1 than this is 0 or 1."""


def render(person: Person, frame: int, size: int) -> Subject:
    """Alpha size x size in [0, 1] and straight colour x 3; colours reach beyond the subject's edge."""
    transforms = person.pose(frame)
    samples = size * SUPERSAMPLING
    picture = draw([posed(worn, transforms) for worn in person.worn], person.camera, person.light, samples)
    alpha = picture.covered.astype(np.float32)
    premultiplied = picture.colour * alpha[..., None]
    body = skin(person.body, person.makehuman.weights, transforms)
    head = person.makehuman.skeleton.index("head")
    middle = transforms[head, :, :3] @ person.makehuman.skeleton.tails(person.body)[head] + transforms[head, :, 3]
    layers: list[tuple[Strands, FloatImage]] = [(person.brows, body)]
    if person.hair is not None:
        layers.append((person.hair, skin(*person.carrier, transforms) if person.carrier else body))
    for strands, mesh in layers:
        points = strands.posed(mesh, transforms[head, :, :3], frame)
        colours = lit(points, strands.colours, person.camera, person.light, middle)
        cover, colour = draw_strands(points, strands.widths, colours, person.camera, picture)
        premultiplied = cover[..., None] * colour + (1 - cover[..., None]) * premultiplied
        alpha = cover + (1 - cover) * alpha
    half = (size, size)
    alpha = cv2.resize(alpha, half, interpolation=cv2.INTER_AREA)
    premultiplied = cv2.resize(premultiplied, half, interpolation=cv2.INTER_AREA)
    return finished(alpha, premultiplied, person.finish)


def finished(alpha: FloatImage, premultiplied: FloatImage, finish: Finish) -> Subject:
    """Blur alpha and premultiplied colour together, then part them."""
    stack = np.dstack((premultiplied, alpha))
    if finish.motion_px > 1:
        stack = cv2.filter2D(stack, -1, motion_kernel(finish.motion_px, finish.direction))
    if finish.defocus_px > 0.2:
        stack = cv2.GaussianBlur(stack, (0, 0), finish.defocus_px)
    alpha = np.where(stack[..., 3] < SNAP, 0, np.where(stack[..., 3] > 1 - SNAP, 1, stack[..., 3])).astype(np.float32)
    return Subject(alpha, extended(alpha, stack[..., :3]))


def motion_kernel(length_px: float, direction: float) -> FloatImage:
    """A straight line of a length and a direction in radians; sums to 1."""
    side = 2 * int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    half = np.array([np.cos(direction), np.sin(direction)]) * (length_px - 1) / 2
    ends = [tuple(round(16 * v) for v in side // 2 + sign * half) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def extended(alpha: FloatImage, premultiplied: FloatImage) -> FloatImage:
    """Straight colour, H x W x 3 in [0, 1]; where alpha is too small to tell, the nearest that can be told."""
    colour = premultiplied / np.maximum(alpha, 1e-3)[..., None]
    known = alpha > 0.08
    if not known.any():
        return np.zeros_like(premultiplied)
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros((int(label.max()) + 1, 3), np.float32)
    source[label[known]] = colour[known]
    filled: FloatImage = np.clip(np.where(known[..., None], colour, source[label]), 0, 1)
    return filled.astype(np.float32)
