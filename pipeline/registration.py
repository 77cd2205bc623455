"""`cleanplate align`: where and how well the plate fits, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from alignment.plate import AlignmentReport, PlateAligner, PlateAlignmentError
from models.generator_config import FAST
from pipeline.clip import Clip
from pipeline.decode import open_timed
from pipeline.frames import CleanplateError, Frame, Observation
from pipeline.notes import note_on_bars, note_on_grey
from pipeline.observing import coarse_size, looked_at_again, observe
from pipeline.places import check_no_frame
from pipeline.plates import read_plate
from pipeline.ranges import parse_range
from pipeline.render import Progress, silent
from pipeline.windows import Observe, windows


@dataclass(frozen=True)
class FrameAlignment:
    """One frame's line of the report.

    Where the plate was not found, `reason` says why, and `report` is None or, as in a render, says where the plate
    lies by the frames around.
    """

    index: int
    pts_seconds: float
    report: AlignmentReport | None
    reason: str = ""

    @property
    def status(self) -> str:
        """`ok`, `weak`, `bridged` or `failed`."""
        return self.report.status if self.report is not None else "failed"

    def to_dict(self) -> dict[str, Any]:
        """The frame's entry of `align --json`."""
        report = self.report
        row: dict[str, Any] = {"index": self.index, "pts_seconds": self.pts_seconds, "status": self.status}
        if report is None:
            return row | {"plate_to_frame": None, "reason": self.reason}
        if self.reason:
            row["reason"] = self.reason
        return row | {
            "plate_to_frame": report.plate_to_frame.tolist(),
            "residual_px": report.residual_px,
            "bend_px": report.bend_px,
            "blur_px": report.blur_px,
            "inliers": report.inliers,
            "coverage": report.coverage,
            "gain": list(report.gain),
            "offset": list(report.offset),
            "tone": None if report.tone is None else report.tone.tolist(),
        }


def align_clip(
    clip_path: Path,
    plate_path: Path,
    start: str | None = None,
    end: str | None = None,
    fps: Fraction | None = None,
    progress: Progress = silent,
    sample: int | None = None,
    notes: list[str] | None = None,
) -> list[FrameAlignment]:
    """Align the plate to each frame of a clip as a render does it, or to `sample` frames spread evenly over it.

    A frame of a sample is looked at alone: what a render would bridge there counts as failed. `notes` gets what there
    is to say of the clip.

    Raises:
        CleanplateError: An input is wrong, or the plate could not be aligned to anything.
    """
    check_no_frame(clip_path, [plate_path])
    with threadpool_limits(1, "blas"), open_timed(clip_path, fps) as clip:
        first, stop = parse_range(start, end, clip.info)
        shown = next(clip.frames(first, first + 1)).image
        notes = [] if notes is None else notes
        notes += note_on_bars(clip_path, shown)
        plate = read_plate(plate_path, clip.info.colour, notes)
        notes += note_on_grey(clip_path, shown, plate)
        try:
            aligner = PlateAligner(plate, (clip.info.width, clip.info.height))
        except PlateAlignmentError as error:
            raise CleanplateError(f"{plate_path}: {error}") from error
        size = coarse_size(aligner.frame_size, FAST)

        def seen(frame: Frame) -> Observation:
            return observe(frame, aligner, size)

        count = stop - first
        if sample is not None and sample < count:
            count, pairs = sample, _alone(clip, seen, np.linspace(first, stop - 1, sample).round().astype(int).tolist())
        else:
            again = (looked_at_again(window, aligner) for window in windows(clip, seen, first, stop))
            pairs = ((window.frame, window.observation) for window in again)
        rows = []
        for frame, own in pairs:
            rows.append(FrameAlignment(frame.index, frame.seconds, own.alignment, own.failure))
            progress(len(rows), count)
    return rows


def _alone(clip: Clip, seen: Observe, indices: list[int]) -> Iterator[tuple[Frame, Observation]]:
    frames = (next(clip.frames(index, index + 1)) for index in indices)
    return ((frame, seen(frame)) for frame in frames)
