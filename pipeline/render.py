"""The main job: a clip, its plate and a background in; composite, alpha and foreground out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pipeline.background import Background, open_background
from pipeline.clip import Clip
from pipeline.conversion import ConvertedClip
from pipeline.decode import open_timed
from pipeline.encode import multiplies_itself
from pipeline.finishing import finished
from pipeline.frames import (
    CleanplateError,
    ClipInfo,
    Draft,
    Frame,
    FrameStatus,
    FrameWindow,
    MachineError,
    Matte,
)
from pipeline.job import RenderJob, check_job
from pipeline.lasting import Lasting
from pipeline.matting import Matter
from pipeline.notes import MUCH_LOST, note_on_bars, note_on_grey, note_on_plate, notes_on
from pipeline.outputs import Outputs
from pipeline.overlap import Busy, in_order, read_ahead
from pipeline.plates import read_plate
from pipeline.ranges import parse_range
from pipeline.sheet import ContactSheet
from pipeline.sidecar import check_sidecar, frame_row, sidecar_path, write_sidecar
from pipeline.user_mask import UserMask, user_mask
from pipeline.windows import Drafts, in_company, reach, windows

__all__ = ["Progress", "RenderJob", "Summary", "render", "silent"]


@dataclass
class Summary:
    """How a render went; frames are named by their number in the clip, stages by the seconds they were at work.

    `alpha` is what a transparent composite has.
    """

    frames: int = 0
    no_subject: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    weak: list[int] = field(default_factory=list)
    bridged: list[int] = field(default_factory=list)
    burnt_out: list[int] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    busy_seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    alpha: Literal["straight", "premultiplied"] | None = None

    def add(self, index: int, matte: Matte) -> None:
        """Count one frame."""
        self.frames += 1
        if matte.status is FrameStatus.NO_SUBJECT:
            self.no_subject.append(index)
        elif matte.status is FrameStatus.ALIGNMENT_FAILED:
            self.failed.append(index)
        if matte.alignment is not None and matte.alignment.status != "ok":
            (self.weak if matte.alignment.status == "weak" else self.bridged).append(index)
        if matte.alignment is not None and matte.alignment.lost > MUCH_LOST:
            self.burnt_out.append(index)

    @property
    def subjects(self) -> int:
        """Frames in which a subject was found."""
        return self.frames - len(self.no_subject) - len(self.failed)

    @property
    def exit_code(self) -> int:
        """0, or 4 where frames failed or no frame had a subject."""
        return 4 if self.failed or len(self.no_subject) == self.frames else 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Progress(Protocol):
    """Called after each frame with frames done, frames in all, and what else there is to say."""

    def __call__(self, done: int, total: int, remark: str = "") -> None:
        """Takes note."""


def silent(done: int, total: int, remark: str = "") -> None:
    """Progress that nobody watches."""


def render(job: RenderJob, progress: Progress = silent) -> Summary:
    """Run a render.

    Args:
        job: What to do.
        progress: Called after every frame.

    Returns:
        The summary. Outputs stand under their names only when all of them are whole.

    Raises:
        CleanplateError: An input or the command is wrong, or a frame could not be aligned and the job says
            to stop then.
        MachineError: The machine could not.
    """
    summary = Summary(outputs=[str(path) for path in job.outputs])
    check_job(job)
    with ExitStack() as stack:
        clip = stack.enter_context(open_timed(job.clip, job.fps))
        summary.notes = notes_on(clip.info, sdr=job.sdr) + note_on_plate(job.clip, job.plate)
        clip = ConvertedClip(clip) if job.sdr else clip
        start, end = parse_range(job.start, job.end, clip.info)
        first = next(clip.frames(start, start + 1)).image
        summary.notes += note_on_bars(job.clip, first)
        record = sidecar_path(job.outputs[0], None if end - start == len(clip.info) else range(start, end))
        check_sidecar(record)
        if job.out is not None and job.background == "none":
            summary.alpha = "premultiplied" if job.premultiplied or multiplies_itself(job.out) else "straight"
            summary.notes.append(f"{job.out} has {summary.alpha} alpha")
        plate = read_plate(job.plate, clip.info.colour, summary.notes)
        summary.notes += note_on_grey(job.clip, first, plate)
        matter = Matter(plate, (clip.info.width, clip.info.height), job.settings)
        background = _open_background(stack, job, clip.info)
        mask = stack.enter_context(user_mask(job.mask, clip.info))
        outputs = Outputs(stack, job, clip.info, background, (start, end))
        sheet = ContactSheet(job.sheet, start, end, matter.aligner) if job.sheet is not None else None
        lasting = Lasting(matter.aligner.plate_size, matter.aligner.frame_size, end - start)
        busy = Busy({"reading and aligning": 1, "matting": matter.workers, "composing and encoding": 1})
        rows = []
        for frame, matte in _mattes(stack, job, matter, (clip, start, end), mask, busy):
            with busy.at("composing and encoding"):
                summary.add(frame.index, matte)
                rows.append(frame_row(frame, matte))
                outputs.write(frame, matte)
                lasting.add(matte)
                if sheet is not None and frame.index in sheet.wanted:
                    sheet.add(frame, matte, outputs.picture(frame, matte))
            progress(summary.frames, end - start, f"waits for {busy.bottleneck()}")
        summary.busy_seconds = busy.seconds
    summary.notes += [
        *clip.notes,
        *(mask.remarks(summary.subjects) if mask is not None else ()),
        *outputs.notes,
        *lasting.notes(),
        *((*background.remarks, *background.notes) if background is not None else ()),
    ]
    with _whole_all_the_same(job.outputs):
        if sheet is not None:
            sheet.save()
        _write_record(record, job, matter, summary, {"range": [start, end], "frames": rows})
    return summary


@contextmanager
def _whole_all_the_same(outputs: list[Path]) -> Iterator[None]:
    """Says so where what is written about them cannot be."""
    try:
        yield
    except MachineError as error:
        raise MachineError(f"{error}; what was rendered is whole: {', '.join(map(str, outputs))}") from error


def _write_record(path: Path, job: RenderJob, matter: Matter, summary: Summary, result: dict[str, Any]) -> None:
    said = {key: getattr(summary, key) for key in ("outputs", "alpha", "notes", "busy_seconds")}
    asked = {key: value for key, value in vars(job).items() if key != "settings"} | {"finish": asdict(job.finish)}
    write_sidecar(path, asked, matter.settings, str(matter.device), said | result)


def _mattes(
    stack: ExitStack, job: RenderJob, matter: Matter, part: tuple[Clip, int, int], mask: UserMask | None, busy: Busy
) -> Iterator[tuple[Frame, Matte]]:
    """The frames of a part of the clip (start, end) with their mattes, in order; all stages run at the same time."""
    clip, start, end = part

    def draft(window: FrameWindow) -> Draft:
        with busy.at("matting"):
            return matter.draft(window)

    def matte(drafts: Drafts) -> tuple[Frame, Matte]:
        with busy.at("matting"):
            return drafts.own.window.frame, finished(_matte(job, matter, drafts), job.finish)

    needed = reach(clip.info, start, end)
    frames = stack.enter_context(closing(windows(clip, matter.observe, *needed, mask, matter.aligners)))
    pool = stack.enter_context(matter.pool())
    ahead = stack.enter_context(read_ahead(_counted(frames, busy, "reading and aligning"), ahead=1))
    drafts = stack.enter_context(closing(in_order(pool, draft, ahead, matter.workers + 1)))
    company = in_company(drafts, start, end)
    return stack.enter_context(closing(in_order(pool, matte, company, matter.workers + 1)))


def _matte(job: RenderJob, matter: Matter, drafts: Drafts) -> Matte:
    """The frame's matte, or what the job wants where the plate could not be aligned."""
    window = drafts.own.window
    if window.observation.alignment is not None or job.on_failed == "skip":
        return matter.matte(drafts)
    if job.on_failed == "mask":
        return matter.matte_without_plate(window)
    raise CleanplateError(
        f"frame {window.frame.index} ({window.frame.seconds:.2f} s) of {job.clip}: "
        f"{window.observation.failure} (--on-failed skip goes on with alpha 0, mask with a soft mask)"
    )


def _counted(items: Iterator[FrameWindow], busy: Busy, stage: str) -> Iterator[FrameWindow]:
    """The same items, the time it takes to make them counted."""
    while True:
        with busy.at(stage):
            item = next(items, None)
        if item is None:
            return
        yield item


def _open_background(stack: ExitStack, job: RenderJob, info: ClipInfo) -> Background | None:
    background = open_background(job.background, info)
    if background is not None:
        stack.callback(background.close)
    return background
