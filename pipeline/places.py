"""Where outputs go: each has a place of its own, and none an input's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.frames import CleanplateError
from pipeline.image_clips import is_pattern, matching


def check_apart(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Refuse outputs of which one would replace another, or an input.

    Args:
        outputs: Files to write, or patterns of numbered ones.
        inputs: Files, folders or patterns to read.

    Raises:
        CleanplateError: Two outputs have the same name, or one is a file that an input consists of.
    """
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise CleanplateError("two outputs have the same name; give each its own")
    read = {file: source for source in inputs for file in _files(source)}
    for path in outputs:
        for file in _files(path):
            if file in read:
                raise CleanplateError(f"{path} is the input {read[file]} itself; choose another name")


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that cannot be there, or that exists and may not be replaced.

    Raises:
        CleanplateError: Its folder is missing, it is a folder itself, or it exists and `overwrite` is not set.
    """
    if not path.parent.is_dir():
        raise CleanplateError(f"the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise CleanplateError(f"{path} is a folder; name a file in it")
    if not overwrite and path.exists():
        raise CleanplateError(already_there(path))


def already_there(path: Path) -> str:
    """The message for an output that exists."""
    return f"{path} exists already; choose another name, or say --overwrite to replace it"


def _files(place: Path) -> set[Path]:
    """The files that an input or output consists of, as far as they exist; a folder's pictures."""
    if place.is_dir():
        return {file.resolve() for file in place.iterdir()}
    if is_pattern(place) and not place.exists():
        return {file.resolve() for file in matching(place).values()}
    return {place.resolve()}
