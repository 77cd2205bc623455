"""Open the output that the user named; its suffix chooses the format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.frames import CleanplateError, ClipInfo
from pipeline.image_clips import PATTERN, is_pattern, matching
from pipeline.image_writers import SequenceWriter, StillWriter
from pipeline.video_writer import FFV1, H264, Recipe, VideoWriter
from pipeline.writer import Writer, already_there

__all__ = ["FORMATS", "Writer", "open_writer"]


@dataclass(frozen=True)
class Format:
    """What a suffix stands for.

    Attributes:
        name: For people.
        recipe: How video is encoded; None for images.
        has_alpha: Whether it can be transparent.
    """

    name: str
    recipe: Recipe | None
    has_alpha: bool


FORMATS = {
    ".mp4": Format("H.264", H264, has_alpha=False),
    ".mov": Format("H.264", H264, has_alpha=False),
    ".mkv": Format("lossless FFV1", FFV1, has_alpha=True),
    ".png": Format("PNG", None, has_alpha=True),
    ".jpg": Format("JPEG", None, has_alpha=False),
    ".jpeg": Format("JPEG", None, has_alpha=False),
}


def open_writer(
    path: Path,
    like: ClipInfo,
    *,
    channels: int,
    bits: int | None = None,
    audio_from: Path | None = None,
    overwrite: bool = False,
) -> Writer:
    """Open an output for frames of a clip.

    Times are counted from the first frame written. Of the sound, as much is carried as lasts while frames are
    written, and all of it where the whole clip is.

    Args:
        path: A video (`.mp4`, `.mov`, `.mkv`), a picture (`.png`, `.jpg`), or numbered pictures
            (`name_%05d.png`).
        like: The clip that the frames come from. The output has its size, clock and, where the format
            allows, depth and colour.
        channels: 1 for grey, such as alpha; 3 for RGB; 4 for RGB with straight alpha.
        bits: 8 or 16 bits a sample, where the format has both; None for 8 if the clip has 8, else 16.
        audio_from: The file whose sound is carried along; pictures have none.
        overwrite: Whether the output may replace what is there.

    Returns:
        The writer, whose context manager gives the output its name at the end.

    Raises:
        CleanplateError: The format is unknown or not transparent, the folder is missing, the output is there
            already, or it is one of the inputs.
        MachineError: The output cannot be made.
        ValueError: `channels` or `bits` is none of those allowed.
    """
    if channels not in (1, 3, 4) or bits not in (None, 8, 16):
        raise ValueError(f"channels are 1, 3 or 4 and bits 8 or 16, not {channels} and {bits}")
    path = Path(path)
    chosen = _format(path, channels)
    _check_place(path, [like.path] + ([audio_from] if audio_from is not None else []), overwrite=overwrite)
    bits = bits or (8 if like.bit_depth == 8 else 16)
    if chosen.recipe is not None:
        return VideoWriter(
            path,
            chosen.recipe,
            like,
            channels=channels,
            bits=bits,
            audio_from=audio_from,
            overwrite=overwrite,
        )
    kind = SequenceWriter if is_pattern(path) else StillWriter
    return kind(path, like, channels=channels, bits=bits, overwrite=overwrite)


def _format(path: Path, channels: int) -> Format:
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None:
        named = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise CleanplateError(
            f"{path} has {named}, which stands for no format; known are {', '.join(FORMATS)}, and numbered "
            f"pictures such as name_%05d.png"
        )
    if channels == 4 and not chosen.has_alpha:
        able = ", ".join(suffix for suffix, other in FORMATS.items() if other.has_alpha)
        raise CleanplateError(
            f"{path}: {chosen.name} in {path.suffix} cannot be transparent; formats that can are {able}"
        )
    if is_pattern(path) and chosen.recipe is not None:
        bare = PATTERN.sub("", path.stem).strip("_") + path.suffix
        raise CleanplateError(f"{path} is one video and takes no number; name it {bare}, for example")
    return chosen


def _check_place(path: Path, inputs: list[Path], *, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise CleanplateError(f"the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise CleanplateError(f"{path} is a folder; name a file in it")
    written = {file.resolve() for file in (matching(path).values() if is_pattern(path) else [path])}
    for source in inputs:
        if not written.isdisjoint(_files(source)):
            raise CleanplateError(f"{path} is the input {source} itself; choose another name")
    if not overwrite and path.exists():
        raise CleanplateError(already_there(path))


def _files(source: Path) -> set[Path]:
    """The files that an input consists of."""
    if source.is_dir():
        return {file.resolve() for file in source.iterdir()}
    if is_pattern(source) and not source.exists():
        return {file.resolve() for file in matching(source).values()}
    return {source.resolve()}
