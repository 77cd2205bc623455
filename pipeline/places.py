"""Where outputs go: each has a place of its own, and none an input's."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.frames import CleanplateError, MachineError
from pipeline.image_clips import SUFFIXES, is_named_by, is_pattern, matching, pictures_in

_Key = tuple[int, int] | str


_STREAMS = {"/dev/stdout": "1", "/dev/stderr": "2"}

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


def check_apart(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Refuse outputs of which one would replace another, or an input.

    Args:
        outputs: Files to write, or patterns of numbered ones.
        inputs: Files, folders or patterns to read.

    Raises:
        CleanplateError: Two outputs have the same name, or one is a file that an input consists of, or would be a
            further one.
    """
    written: set[_Key] = set()
    for path in outputs:
        own = {_key(path)} | {_key(other) for other in outputs if is_pattern(path) and is_named_by(path, other)}
        if written & own:
            raise CleanplateError(f"two outputs have the same name, {path}; give each its own")
        written |= own
    there = {_key(file): path for path in outputs for file in files_of(path) if file.exists()}
    for source in inputs:
        for file in files_of(source) if there else ():  # thousands of frames need not be looked at for nothing
            if (key := _key(file)) in there:
                raise CleanplateError(f"{there[key]} is the input {source} itself; choose another name")
        for path in outputs:
            if _joins(path, source):
                raise CleanplateError(f"{path} would become one of the frames of {source}; choose another folder")


def check_no_frame(clip: Path, others: Iterable[Path]) -> None:
    """Refuse what is to be read beside a clip where it would be read as a frame of it, too.

    A numbered picture is a frame, and may be the plate, too.

    Raises:
        CleanplateError: The clip is a folder, and one of the others a picture in it without a number.
    """
    for path in others:
        if clip.is_dir() and _joins(path, clip) and not path.stem[-1:].isdigit():
            raise CleanplateError(f"{path} would be read as one of the frames of {clip}; move it to another folder")


def _joins(path: Path, source: Path) -> bool:
    """Whether a file is, or would be, read as a picture of a folder or of numbered ones."""
    if source.is_dir():
        is_read = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        return is_read and path.parent.resolve() == source.resolve()
    return is_pattern(source) and not source.exists() and is_named_by(source, path)


def _key(path: Path) -> _Key:
    """What tells files apart, by whatever name."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


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


def check_report(path: Path | None) -> None:
    """Refuse to write a report where something stands that is none: a report replaces only the last one.

    A pipe or a device may be written into.

    Args:
        path: Where the report is to be; None for nowhere.

    Raises:
        CleanplateError: It is a file that is neither empty nor a JSON object.
    """
    if path is not None and path.exists() and not _is_stream(path) and not _is_report(path):
        raise CleanplateError(f"{path} exists already and is no report; choose another name, or move it away")


def _is_report(path: Path) -> bool:
    """Whether a file is empty, or reads as a JSON object; of what is none, such as a long video, no more is read."""
    with path.open("rb") as file:
        beginning = file.read(64)
        if not beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return not beginning
        try:
            return isinstance(json.loads(beginning + file.read()), dict)
        except (ValueError, RecursionError):
            return False


def check_folder(folder: Path) -> None:
    """Refuse a folder to write into that is a file; it need not be there yet.

    Raises:
        CleanplateError: It is one.
    """
    if folder.exists() and not folder.is_dir():
        raise CleanplateError(f"{folder} is a file; name a folder")


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file, which has its name only when it is whole; what has it already is replaced.

    A link stays one, and so does a pipe or a device, into which it is written.

    Raises:
        MachineError: It cannot be written.
    """
    partial = None
    try:
        if _is_stream(path):
            with _into(path) as file:
                file.write(data)
            return
        target = path.resolve()
        partial = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.partial{target.suffix}")
        partial.write_bytes(data)
        partial.replace(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to one another
        if partial is not None:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise MachineError(f"{path} could not be written: {getattr(error, 'strerror', None) or error}") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write what a program can read, as `write_whole` does; what JSON has no kind for becomes text."""
    write_whole(path, (json.dumps(content, indent=1, default=str) + "\n").encode())


def _is_stream(path: Path) -> bool:
    """Whether a name is that of a pipe or a device, or of what a shell has opened (`/dev/stdout`, `/dev/fd/63`)."""
    opened = any(path.absolute().is_relative_to(folder) for folder in ("/dev", "/proc"))
    return opened or (path.exists() and not path.is_file())


def _into(stream: Path) -> BinaryIO:
    """What a name such as `/dev/stdout` stands for; if that is a file, behind what has been written there."""
    number = _STREAMS.get(str(stream)) or (_DESCRIPTOR.fullmatch(str(stream)) or [None, None])[1]
    if number is None:
        return stream.open("ab")
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fdopen(os.dup(int(number)), "wb")


def already_there(path: Path) -> str:
    """The message for an output that exists."""
    return f"{path} exists already; choose another name, or say --overwrite to replace it"


def files_of(place: Path) -> list[Path]:
    """The files that an input or output consists of: of a folder its pictures, of a pattern those that exist."""
    if place.is_dir():
        return pictures_in(place)
    return [*matching(place).values()] if is_pattern(place) and not place.exists() else [place]
