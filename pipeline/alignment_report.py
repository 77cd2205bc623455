"""What `cleanplate align` makes of its rows: advice in words, and a page with curve and worst frames."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from alignment.plate import PlateAligner
from pipeline.composite import quantise, unit
from pipeline.console import ranges
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, FloatImage
from pipeline.notes import MUCH_LOST
from pipeline.pages import beginning, is_page, write_page
from pipeline.places import check_folder, files_of
from pipeline.plates import read_plate
from pipeline.registration import FrameAlignment

WORST = 6
NAMED = 5
"""Frames that failed, of which the reason is told."""

PICTURE_PX = 720
CURVE = (900, 220)
STYLE = """
.pair{display:flex;flex-wrap:wrap;gap:1em}.pair>*{position:relative;flex:1 1 300px;border:0;padding:0;background:none}
.pair img{width:100%;display:block}
.blink{cursor:pointer}.blink img+img{position:absolute;top:0;animation:blink 1.2s steps(1) infinite}
.held img+img{animation-play-state:paused}
@keyframes blink{50%{opacity:0}}
@media(prefers-reduced-motion:reduce){.blink img+img{animation:none}.held img+img{opacity:0}}
"""
"""Frame and plate blink in turn until they are clicked or, once in focus, Space is pressed; where nothing is to move,
that shows the one or the other."""

COLOURS = {"ok": "#2a8a3c", "weak": "#d08a00", "bridged": "#7040b0", "failed": "#c02020"}

EXPOSURE_CHANGE = 1.15
"""Ratio of the largest to the smallest gain from which a locked exposure would help."""

COVERED = 0.95
STILL_MOVES_PX = 0.5

BENT_PX = 3
"""Plate pixels by which the plate is bent in a weak frame from which on much of the place lies elsewhere in it."""

MOST = 0.5
"""Share of weak frames from which on it is not said that a plate will do."""

TOLD_PX = 0.05
"""By how much the plate is bent or blurred before it is said, to one digit."""

TITLE = "Alignment of "
PAGE = "index.html"
PICTURES = ("frame", "plate", "difference")
"""How the names of its pictures begin."""


def measured(rows: list[FrameAlignment]) -> Iterator[str]:
    """What was found, in sentences: how many frames of each status, how well the plate fits, what is the matter."""
    counts = Counter(row.status for row in rows)
    yield ", ".join(f"{counts[status]} {status}" for status in COLOURS if counts[status] or status != "bridged")
    reports = [row.report for row in rows if row.report is not None]
    if reports:
        residuals = sorted(report.residual_px for report in reports)
        yield f"residual {residuals[len(residuals) // 2]:.2f} px (median), {residuals[-1]:.2f} px (worst)"
        bent = [report.bend_px for report in reports if report.bend_px >= TOLD_PX]
        if bent:
            yield f"bent by up to {max(bent):.1f} px in {len(bent)} frames (parallax, rolling shutter, lens)"
        soft = [report.blur_px for report in reports if report.blur_px >= TOLD_PX]
        if soft:
            yield f"less sharp than the plate by up to {max(soft):.1f} px in {len(soft)} frames (shake, focus)"
        yield f"the plate covers at least {100 * min(report.coverage for report in reports):.1f} % of every frame"
    bridged = [row.index for row in rows if row.status == "bridged"]
    if bridged:
        yield f"the plate was not found, and lies between where it is before and after: {ranges(bridged)}"
    for row in [row for row in rows if row.report is None][:NAMED]:
        yield f"frame {row.index} ({row.pts_seconds:.2f} s): {row.reason}"


def advice(rows: list[FrameAlignment]) -> list[str]:
    """Whether this plate lies well, and what to film instead; at least one sentence."""
    found = [row.report for row in rows if row.report is not None]
    said = []
    failed = [row for row in rows if row.report is None]
    if failed:
        reason, _ = Counter(row.reason for row in failed).most_common(1)[0]
        said.append(f"{len(failed)} of {len(rows)} frames could not be aligned. Mostly: {reason}")
    bridged = sum(report.status == "bridged" for report in found)
    if bridged:
        said.append(
            f"In {bridged} of {len(rows)} frames the plate was not found: it is laid where it lies before and after. "
            "Look at these frames."
        )
    if found:
        gains = [float(np.mean(report.gain)) for report in found]
        if max(gains) > EXPOSURE_CHANGE * min(gains):
            change = 100 * (max(gains) / min(gains) - 1)
            said.append(f"The exposure changes by {change:.0f} % within the clip: lock it, if the camera can.")
        least = min(report.coverage for report in found)
        if least < COVERED:
            said.append(
                f"The plate misses up to {100 * (1 - least):.0f} % of a frame, which has to be guessed: film a "
                "little more of the place."
            )
        residual = float(np.median([report.residual_px for report in found]))
        if residual > STILL_MOVES_PX:
            said.append(
                f"Parts of the place still move by {residual:.1f} px: the camera stepped aside, or things moved. "
                "Film the plate from where the clip was filmed."
            )
        lost = float(np.median([report.lost for report in found]))
        if lost > MUCH_LOST:
            said.append(
                f"The plate is burnt out in {100 * lost:.0f} % of a frame where the clip is not: photograph it darker, "
                "with the clip's exposure."
            )
        unlike = [row.index for row in rows if row.report is not None and not row.report.exposed]
        if unlike:
            said.append(
                f"In {len(unlike)} of {len(rows)} frames the exposure could not be matched to the plate's: "
                f"{ranges(unlike)}. Film the plate in the same light, with the clip's exposure."
            )
        said += _advice_on_weak(rows)
    return said or [
        "The plate lies well in every frame that was looked at. Whether it shows the same things and shadows is for "
        "you to see."
    ]


def _advice_on_weak(rows: list[FrameAlignment]) -> list[str]:
    """Of the frames that are weak, but not for their exposure, why they may be, and whether the plate will do."""
    weak = [(row.index, row.report) for row in rows if row.report is not None and row.status == "weak"]
    weak = [(index, report) for index, report in weak if report.exposed]
    bent = [index for index, report in weak if report.bend_px >= BENT_PX or report.residual_px > STILL_MOVES_PX]
    other = [index for index, _ in weak if index not in bent]
    said = []
    if bent:
        said.append(
            f"In {len(bent)} of {len(rows)} frames much of the place lies elsewhere than in the plate, which was taken "
            f"from elsewhere, or with another lens (or the shutter rolls): {ranges(bent)}."
        )
    if other:
        said.append(
            f"In {len(other)} of {len(rows)} frames the plate could not be checked all over (the place is out of "
            f"focus, or bare, or mostly hidden, or lies elsewhere than in the plate): {ranges(other)}."
        )
    if len(bent) >= MOST * len(rows):
        said.append("This plate will probably not do: film it from where the clip was filmed, with the same lens.")
    elif len(weak) >= MOST * len(rows):
        said.append("It is not sure that this plate will do: look at these frames.")
    return said


def check_room(folder: Path, inputs: list[Path]) -> None:
    """Refuse a folder whose pictures or page the report might replace.

    Raises:
        CleanplateError: It is a file, or a page or pictures lie there that are named as the report's may be, and are
            no report's, or an input's.
    """
    check_folder(folder)
    for source in inputs:
        for file in files_of(source):
            if file.parent.resolve() == folder.resolve() and file.suffix.lower() in (".jpg", ".html"):
                raise CleanplateError(f"--report {folder}: the input {source} lies there; choose another folder")
    page = folder / PAGE
    pictures = [file for kind in PICTURES for file in files_of(folder / f"{kind}_%06d.jpg")]
    foreign = next((file for file in (page, *pictures) if file.exists()), None)
    if foreign is not None and not is_page(page, TITLE):
        raise CleanplateError(f"--report {folder}: {foreign.name} lies there, not from a report; choose another folder")


def write_report(
    folder: Path, clip_path: Path, plate_path: Path, rows: list[FrameAlignment], fps: Fraction | None = None
) -> Path:
    """Write a page with the residuals' curve and, for the worst frames, frame and plate in turn and their difference.

    Args:
        folder: Where the page and its pictures go; made if it is not there.
        clip_path: The clip of the rows.
        plate_path: The plate of the rows.
        rows: One for each frame that was aligned.
        fps: Of an image sequence.

    Returns:
        The page.

    Raises:
        CleanplateError: Clip or plate cannot be read any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, parts = folder / PAGE, [_head(clip_path, plate_path, rows), _curve(rows)]
    write_page(page, parts)  # before there are pictures, which are known for ours by their page
    worst = sorted((row for row in rows if row.report is not None), key=_badness, reverse=True)[:WORST]
    failed = [row for row in rows if row.report is None]
    with open_clip(clip_path, fps) as clip:
        aligner = (
            PlateAligner(read_plate(plate_path, clip.info.colour), (clip.info.width, clip.info.height))
            if worst
            else None
        )
        if len(failed) > WORST:
            parts.append(f"<p>The first {WORST} of {len(failed)} failed frames, then the worst of the others:</p>")
        for row in failed[:WORST]:
            frame = unit(next(clip.frames(row.index, row.index + 1)).image)
            parts.append(_failed(folder, row, frame))
        for row in worst:
            if aligner is not None and row.report is not None:
                image = next(clip.frames(row.index, row.index + 1)).image
                plate = aligner.warp(row.report)
                parts.append(_pictures(folder, row, unit(image), plate.image, plate.coverage))
    write_page(page, parts)
    return page


def _badness(row: FrameAlignment) -> tuple[bool, float]:
    return row.status in ("weak", "bridged"), row.report.residual_px if row.report is not None else 0.0


def _head(clip: Path, plate: Path, rows: list[FrameAlignment]) -> str:
    counts = Counter(row.status for row in rows)
    numbers = ", ".join(f"{counts[status]} {status}" for status in COLOURS)
    said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in advice(rows))
    return f"""{beginning(TITLE + clip.name, STYLE)}
<h1>{html.escape(plate.name)} in {html.escape(clip.name)}</h1><p>{len(rows)} frames: {numbers}</p><ul>{said}</ul>"""


def _curve(rows: list[FrameAlignment]) -> str:
    """Residuals over frames as SVG; failed frames are marks at the top."""
    width, height = CURVE
    largest = max((row.report.residual_px for row in rows if row.report is not None), default=0.0)
    top = max(0.1, 1.2 * largest)
    first, last = rows[0].index, max(rows[-1].index, rows[0].index + 1)
    marks = []
    for row in rows:
        x = 40 + (width - 60) * (row.index - first) / (last - first)
        y = 10 + (height - 40) * (1 - row.report.residual_px / top) if row.report is not None else 10
        said = f"frame {row.index}: {row.status}"
        marks.append(
            f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{COLOURS[row.status]}'><title>{said}</title></circle>"
        )
    axis = (
        f"<text x='0' y='18'>{top:.2f} px</text><text x='0' y='{height - 28}'>0</text>"
        f"<text x='40' y='{height - 8}'>{first}</text><text x='{width - 50}' y='{height - 8}'>{last}</text>"
    )
    legend = ", ".join(f"<span style='color:{colour}'>&#9679;</span> {status}" for status, colour in COLOURS.items())
    return (
        f"<h2>Residual</h2><p>{legend}</p><svg viewBox='0 0 {width} {height}' width='{width}' font-size='12'>"
        f"{axis}{''.join(marks)}</svg>"
    )


def _failed(folder: Path, row: FrameAlignment, frame: FloatImage) -> str:
    name = _save(folder / f"frame_{row.index:06d}.jpg", frame)
    return (
        f"<h2>Frame {row.index} ({row.pts_seconds:.2f} s): failed</h2><p>{html.escape(row.reason)}</p>"
        f"<div class=pair><div><img src='{name}'></div><div></div></div>"
    )


def _pictures(folder: Path, row: FrameAlignment, frame: FloatImage, plate: FloatImage, coverage: FloatImage) -> str:
    known = coverage[..., None]
    difference = np.clip(0.5 + 2 * (frame - plate) * known, 0, 1)
    shown = plate * known + frame * (1 - known)
    names = [
        _save(folder / f"{kind}_{row.index:06d}.jpg", picture)
        for kind, picture in zip(PICTURES, (frame, shown, difference), strict=True)
    ]
    said = f"{row.status} ({html.escape(row.reason)})" if row.reason else row.status
    if row.report is not None:
        said += f", {row.report.residual_px:.3f} px"
        said += f", bent by up to {row.report.bend_px:.1f} px" if row.report.bend_px >= TOLD_PX else ""
        said += f", blurred by {row.report.blur_px:.1f} px" if row.report.blur_px >= TOLD_PX else ""
    return (
        f"<h2>Frame {row.index} ({row.pts_seconds:.2f} s): {said}</h2><div class=pair>"
        "<button class=blink onclick=\"this.classList.toggle('held')\" title='click to hold'>"
        f"<img src='{names[0]}'><img src='{names[1]}'></button><div><img src='{names[2]}'></div></div>"
    )


def _save(path: Path, picture: FloatImage) -> str:
    """Write a reduced JPEG; gives its name."""
    scale = min(1.0, PICTURE_PX / picture.shape[1])
    small = cv2.resize(picture.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    codes = np.ascontiguousarray(quantise(small, 8)[:, :, ::-1])
    path.write_bytes(cv2.imencode(".jpg", codes)[1].tobytes())
    return path.name
