"""Small files, written as a render writes them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Colour
from tests.contract.made import picture, ramp


def info(
    pts: tuple[int, ...] = tuple(range(8)),
    time_base: Fraction = Fraction(1, 25),
    end: int | None = None,
    size: tuple[int, int] = (64, 48),
    bits: int = 8,
    colour: Colour = Colour(),  # noqa: B008 - frozen
    path: Path = Path("source.mov"),
) -> ClipInfo:
    end = pts[-1] + 1 if end is None else end
    return ClipInfo(path, *size, pts, time_base, Fraction(25), bits, colour, 0, end)


def write(path: Path, like: ClipInfo, channels: int = 3, **options: object) -> None:
    with open_writer(path, like, channels=channels, **options) as writer:
        for index, pts in enumerate(like.pts):
            image = picture(index, like.width, like.height)
            writer.write(ramp(index, like.width, like.height)[..., None] if channels == 1 else image, pts)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
