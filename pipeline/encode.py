"""Open the output that the user named; its suffix chooses the format."""

from __future__ import annotations

from pathlib import Path

from pipeline.codecs import BY_SUFFIX, Recipe, choose_codec
from pipeline.frames import CleanplateError, ClipInfo
from pipeline.hardware import on_hardware
from pipeline.image_clips import PATTERN, is_pattern
from pipeline.image_writers import DEEP, Form, SequenceWriter, StillWriter
from pipeline.places import check_apart, check_free
from pipeline.video_writer import VideoWriter
from pipeline.writer import Writer

__all__ = ["Writer", "open_writer"]


STILLS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".exr": "OpenEXR", ".jpg": "JPEG", ".jpeg": "JPEG"}


def open_writer(
    path: Path,
    like: ClipInfo,
    *,
    channels: int,
    bits: int | None = None,
    codec: str | None = None,
    quality: int | None = None,
    hardware: bool = False,
    company_from: Path | None = None,
    start: int = 0,
    stop: int | None = None,
    premultiplied: bool = False,
    exr_codes: bool = False,
    overwrite: bool = False,
) -> Writer:
    """Open an output for frames of a clip.

    Times are counted from the first frame written. Of the sound, as much is carried as lasts while frames are
    written, and all of it where the whole clip is.

    Args:
        path: A video (`.mp4`, `.mov`, `.mkv`, `.webm`), a picture (`.png`, `.tif`, `.jpg`), or numbered pictures
            (`name_%05d.png`).
        like: The clip that the frames come from. The output has its size, clock and, where the format
            allows, depth and colour.
        channels: 1 for grey, such as alpha; 3 for RGB; 4 for RGB with straight alpha.
        bits: 8 or 16 bits a sample, where the format has both; None for 8 if the clip has 8, else 16.
        codec: One of `pipeline.codecs.CODECS`, for a video; None for what the suffix stands for.
        quality: On the encoder's own scale; None for one that the eye cannot tell from the source.
        hardware: Whether H.264 or H.265 is encoded by graphics hardware.
        company_from: The file whose sound, subtitles and chapters are carried along; pictures hold none, and say so.
        start: Index of the clip's frame that writing begins with.
        stop: Index of the clip's frame that writing stops before; None for the clip's end. Subtitles and chapters are
            cut there; of numbered pictures, those of other parts of the clip are left alone.
        premultiplied: Whether the colour that will be given is multiplied by alpha, for formats that can say so.
            OpenEXR multiplies for itself: give it straight colour.
        exr_codes: Whether OpenEXR gets the code values as they are, rather than linear light.
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
    wanted = bits or (8 if like.bit_depth == 8 else 16)
    recipe = _recipe(path, codec, transparent=channels == 4)
    if recipe is None:
        _refuse_for_pictures(path, ("--codec", codec), ("--quality", quality), ("--hardware", hardware or None))
    check_apart([path], [like.path] + ([company_from] if company_from is not None else []))
    check_free(path, overwrite=overwrite)
    writer: Writer
    if recipe is None:
        part = range(start, len(like) if stop is None else stop)
        writer = _open_pictures(path, like, Form(channels, wanted, premultiplied, exr_codes), part, overwrite=overwrite)
        if company_from is not None:
            writer.notes.append(f"{path}: pictures cannot hold the sound, subtitles and chapters of {company_from}")
    else:
        if hardware:
            recipe = on_hardware(recipe, (like.width, like.height), wanted)
        writer = VideoWriter(
            path,
            recipe.at_quality(quality),
            like,
            channels=channels,
            bits=wanted,
            company_from=company_from,
            stop=stop,
            premultiplied=premultiplied,
            overwrite=overwrite,
        )
    kind = recipe.name if recipe is not None else path.suffix
    if like.hdr10 and channels > 1 and not (recipe is not None and recipe.states_hdr10):
        writer.notes.append(
            f"{path}: {kind} has no place here for the screen and the brightness that HDR10 states; --codec h265 has"
        )
    if writer.bits < wanted:
        other = "the 16 of --bits" if bits == 16 else f"the {like.bit_depth} of {like.path}"
        writer.notes.append(f"{path} has 8 bits, all that {kind} holds here, and not {other}")
    if recipe is not None and recipe.for_odd_sides and (like.width % 2 or like.height % 2):
        writer.notes.append(
            f"{path} is {like.width} x {like.height}, and {kind} with an odd side is 4:4:4 here, which many players do "
            "not show; crop the clip to even sides, or write a .webm, for example"
        )
    if bits is not None and writer.bits > bits:
        writer.notes.append(f"{path} has more than the {bits} bits of --bits: {kind} holds no fewer here")
    return writer


def _refuse_for_pictures(path: Path, *options: tuple[str, object]) -> None:
    for option, given in options:
        if given is not None:
            raise CleanplateError(f"{path} is a picture; {option} is for video")


def _open_pictures(path: Path, like: ClipInfo, form: Form, part: range, *, overwrite: bool) -> Writer:
    if is_pattern(path):
        return SequenceWriter(path, like, form, part, overwrite=overwrite)
    return StillWriter(path, like, form, overwrite=overwrite)


def multiplies_itself(path: Path) -> bool:
    """Whether a format has its colour multiplied by alpha whatever is asked for, and its writer sees to it."""
    return path.suffix.lower() == ".exr"


def _recipe(path: Path, codec: str | None, *, transparent: bool) -> Recipe | None:
    """How the video is encoded; None for pictures."""
    suffix = path.suffix.lower()
    if suffix in BY_SUFFIX:
        if is_pattern(path):
            bare = PATTERN.sub("", path.stem).strip("_") + path.suffix
            raise CleanplateError(f"{path} is one video and takes no number; name it {bare}, for example")
        return choose_codec(suffix, codec, transparent=transparent)
    if suffix not in STILLS:
        named = f"the suffix {path.suffix}" if suffix else "no suffix"
        raise CleanplateError(
            f"{path} has {named}, which stands for no format; known are {', '.join((*BY_SUFFIX, *STILLS))}, and "
            f"numbered pictures such as name_%05d.png"
        )
    if transparent and suffix not in DEEP:
        raise CleanplateError(
            f"{path}: {STILLS[suffix]} cannot be transparent, which a composite without a --background is; .png, .tif "
            "and .exr can"
        )
    return None
