"""What plates that were not taken as they should be cost: `python -m evaluation.robustness DIR...`.

MAD on clips with truth (folders as for `evaluation.report`, without holes in their plates) when the plate is altered
as other cameras, other light and other programs do; and when clip and plate are, as before they are graded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from evaluation.ablation import given, print_table
from evaluation.metrics import mad
from pipeline.frames import FloatImage, Image, Settings

Change = Callable[[FloatImage], FloatImage]
"""H x W x 3 in [0, 1] to the same; it may reach beyond."""

GAMMA = 2.2


def film(stops: float) -> Change:
    """Some stops brighter, on a curve that bends highlights: x / (1 + x) of linear light."""

    def changed(plate: FloatImage) -> FloatImage:
        shown = np.clip(plate, 0, 1) ** GAMMA
        light = 2.0**stops * shown / np.maximum(1 - shown, 0.02)
        return np.asarray((light / (1 + light)) ** (1 / GAMMA), np.float32)

    return changed


def contrast(amount: float) -> Change:
    """A curve with more of it in the middle, or less."""
    return lambda plate: plate - amount * np.sin(2 * np.pi * plate) / (2 * np.pi)


def saturated(amount: float) -> Change:
    """Colours that are so many times as far from grey."""

    def changed(plate: FloatImage) -> FloatImage:
        grey = cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY)[..., None]
        return np.asarray(grey + amount * (plate - grey), np.float32)

    return changed


def from_the_side(amount: float) -> Change:
    """Light that grows by so much from the left to the right."""
    return lambda plate: plate * (1 + amount * np.linspace(-0.5, 0.5, plate.shape[1], dtype=np.float32)[:, None])


def vignette(amount: float) -> Change:
    """Corners that are darker by so much."""

    def changed(plate: FloatImage) -> FloatImage:
        y, x = (np.linspace(-1, 1, n) ** 2 / 2 for n in plate.shape[:2])
        return np.asarray(plate * (1 - amount * (y[:, None] + x))[..., None], np.float32)

    return changed


def glaring(amount: float) -> Change:
    """Light that a lens scatters from a lamp beyond a corner: so much of white's is added there, and less elsewhere."""

    def changed(plate: FloatImage) -> FloatImage:
        y, x = (np.arange(n, dtype=np.float32) / len(plate) for n in plate.shape[:2])
        glow = amount * np.exp(-np.hypot(y[:, None], x) / 0.9)
        light = np.clip(plate, 0, 1) ** GAMMA + glow[..., None] * np.array((1, 0.95, 0.85))
        return np.asarray(light ** (1 / GAMMA), np.float32)

    return changed


def shadowed(plate: FloatImage) -> FloatImage:
    """A shadow of somebody who stands beside the camera."""
    height, width = plate.shape[:2]
    outline = np.array([[0.1, 1], [0.25, 0.3], [0.45, 0.35], [0.4, 1]]) * (width, height)
    mask = cv2.fillPoly(np.zeros((height, width), np.float32), [outline.astype(np.int32)], 1)
    return np.asarray(plate * (1 - 0.35 * cv2.GaussianBlur(mask, (0, 0), width / 60))[..., None], np.float32)


def letterboxed(plate: FloatImage) -> FloatImage:
    """Black bars above and below."""
    inside, bar = plate.copy(), len(plate) // 8
    inside[:bar] = inside[-bar:] = 0
    return inside


def framed(plate: FloatImage) -> FloatImage:
    """A white frame."""
    px = plate.shape[1] // 50
    inside = np.ones_like(plate)
    inside[px:-px, px:-px] = plate[px:-px, px:-px]
    return inside


def small(plate: FloatImage) -> FloatImage:
    """A third of the size, enlarged again."""
    size = (plate.shape[1] // 3, plate.shape[0] // 3)
    reduced = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, plate.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


CHANGES: dict[str, Change] = {
    "as it is": lambda plate: plate,
    "a stop more, on a film curve": film(1),
    "a stop less": film(-1),
    "more contrast": contrast(0.5),
    "less contrast": contrast(-0.5),
    "gamma 0.8": lambda plate: np.clip(plate, 0, 1) ** np.float32(0.8),
    "paler colours": saturated(0.7),
    "light from the side, 30 %": from_the_side(0.3),
    "a vignette of 50 %": vignette(0.5),
    "glare of 20 %": glaring(0.2),
    "a shadow": shadowed,
    "black bars": letterboxed,
    "a white frame": framed,
    "a third of the size": small,
    "out of focus": lambda plate: cv2.GaussianBlur(plate, (0, 0), 2),
}

GRADES: dict[str, Change] = {
    "all of it dark": lambda picture: 0.35 * picture,
    "all of it flat": lambda picture: 0.15 + 0.45 * picture,
}
"""Of the clip, too."""


def altered(change: Change) -> Callable[[Image], Image]:
    """The same for H x W x 3 of whole numbers."""

    def apply(plate: Image) -> Image:
        full = np.iinfo(plate.dtype).max
        changed = change((plate[..., :3] / np.float32(full)).astype(np.float32))
        return cast(Image, np.rint(np.clip(changed, 0, 1) * full).astype(plate.dtype))

    return apply


def measure(folders: list[Path], settings: Settings, step: int) -> dict[str, list[float]]:
    """Mean MAD of each clip, by change."""
    rows: dict[str, dict[str, Callable[[Image], Image]]] = {
        **{name: {"altered": altered(change)} for name, change in CHANGES.items()},
        **{name: {"graded": altered(change)} for name, change in GRADES.items()},
    }
    return {
        name: [
            float(np.mean([mad(own.alpha(own.inputs, own.aligned), own.true) for own in clip]))
            for clip in (given(folder, settings, step, **changes) for folder in folders)
        ]
        for name, changes in rows.items()
    }


def main() -> None:
    """Read the command line and print the table."""
    print_table("robustness", __doc__, measure)


if __name__ == "__main__":
    main()
