"""What a run looks like: its learning curve, and what the networks say of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.coarse import Coarse
from training.data import Batch
from training.resumable import read_log

WIDTH, HEIGHT = 900, 420
SMOOTHED = ("coarse_alpha", "alpha", "coarse_foreground", "light")
COLOURS = ((60, 60, 220), (40, 160, 40), (220, 130, 40), (150, 60, 160))


def draw_curve(log: Path, out: Path) -> None:
    """Draw the losses of a `log.jsonl`, smoothed, on a logarithmic scale, as a PNG."""
    rows = read_log(log)
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    curves = {name: _smooth([row[name] for row in rows if name in row]) for name in SMOOTHED}
    curves = {name: values for name, values in curves.items() if len(values) > 1}
    if not curves:
        return
    everything = np.concatenate(list(curves.values()))
    low, high = np.log(everything.min()), np.log(everything.max()) + 1e-3
    for number, (name, values) in enumerate(curves.items()):
        x = np.linspace(50, WIDTH - 20, len(values))
        y = 20 + (HEIGHT - 60) * (high - np.log(values)) / (high - low)
        line = np.stack((x, y), axis=1).round().astype(np.int32)
        cv2.polylines(picture, [line], False, COLOURS[number], 2, cv2.LINE_AA)
        label = f"{name} {values[-1]:.4f}"
        cv2.putText(picture, label, (60 + 210 * number, HEIGHT - 12), 0, 0.45, COLOURS[number], 1, cv2.LINE_AA)
    text = f"{rows[-1]['step']} updates"
    cv2.putText(picture, text, (WIDTH - 130, 16), 0, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(out), picture)


def _smooth(values: list[float]) -> NDArray[np.float64]:
    """Running mean that forgets a tenth at each value; positive."""
    smoothed = np.array(values, np.float64)
    for i in range(1, len(smoothed)):
        smoothed[i] = 0.9 * smoothed[i - 1] + 0.1 * smoothed[i]
    return np.maximum(smoothed, 1e-6)


def draw_batch(batch: Batch, coarse: Coarse, refined: tuple[Tensor, Tensor] | None, out: Path) -> None:
    """A contact sheet: each sample's frame, plate, soft mask, true and predicted alpha, and the refiner's crop."""
    rows = []
    for i in range(min(4, len(batch["image"]))):
        cells = [batch[name][i] for name in ("image", "plate", "mask", "alpha")] + [coarse.alpha[i]]
        if refined is not None:
            cells += [batch["full_image"][i], batch["full_alpha"][i], refined[0][i]]
        rows.append(np.hstack([_cell(cell, batch["image"].shape[2]) for cell in cells]))
    cv2.imwrite(str(out), np.vstack(rows))


def _cell(tensor: Tensor, side: int) -> NDArray[Any]:
    """C x H x W in [0, 1] to side x side x 3, BGR bytes."""
    array = tensor.detach().float().clamp(0, 1).cpu().numpy().transpose(1, 2, 0)
    bgr = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, ::-1]
    return cv2.resize((bgr * 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA)
