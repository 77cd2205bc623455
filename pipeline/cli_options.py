"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Clip = Annotated[Path, typer.Argument(help="A video, a still, a folder or a %05d pattern of images.")]
PlateOption = Annotated[
    Path,
    typer.Option(
        help="The same place without the subject: a still, a video, or photos in a folder or by a %05d pattern."
    ),
]
Start = Annotated[
    str | None,
    typer.Option(help="First frame: 120, 3.5s or 00:00:03:12; a timecode is the clip's own where it has one."),
]
End = Annotated[str | None, typer.Option(help="Frame to stop before, written like --start.")]
Fps = Annotated[
    str | None,
    typer.Option(help="Frames a second of an image sequence, such as 24 or 24000/1001; else what OpenEXR says, or 25."),
]


def _in_a_folder(path: Path | None) -> Path | None:
    if path is not None:
        from pipeline.places import check_free

        check_free(path, overwrite=True)
    return path


JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file, too.", callback=_in_a_folder)
]


def given(*paths: Path | None) -> list[Path]:
    """Those that are not left out."""
    return [path for path in paths if path is not None]
