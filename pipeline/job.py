"""What a render is asked to do, and what of it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pipeline.background import is_path
from pipeline.finishing import Finish
from pipeline.frames import CleanplateError, Settings
from pipeline.places import check_apart, check_free, check_no_frame
from pipeline.sidecar import is_sidecar, sidecar_path


@dataclass(frozen=True)
class RenderJob:
    """One render, as the user asked for it.

    Paths of outputs that are not wanted are None. `codec`, `quality` and `hardware` are for `out`, `bits` for all
    outputs that can have both; `premultiplied` multiplies a transparent composite's colour by its alpha; `exr` is what
    OpenEXR holds; `sdr` converts the clip to BT.709 first.
    """

    clip: Path
    plate: Path
    background: str
    out: Path | None
    alpha: Path | None = None
    foreground: Path | None = None
    mask: Path | None = None
    sheet: Path | None = None
    start: str | None = None
    end: str | None = None
    fps: Fraction | None = None
    overwrite: bool = False
    codec: str | None = None
    quality: int | None = None
    hardware: bool = False
    bits: int | None = None
    premultiplied: bool = False
    exr: Literal["linear", "codes"] = "linear"
    sdr: bool = False
    finish: Finish = field(default_factory=Finish)
    on_failed: Literal["stop", "mask", "skip"] = "stop"
    settings: Settings = field(default_factory=Settings)

    @property
    def outputs(self) -> list[Path]:
        """Composite, alpha and foreground, as far as they are wanted."""
        return [path for path in (self.out, self.alpha, self.foreground) if path is not None]

    @property
    def read_beside(self) -> list[Path]:
        """What is read beside the clip."""
        behind = Path(self.background) if is_path(self.background) else None
        return [path for path in (self.plate, behind, self.mask, self.settings.weights) if path is not None]

    def check_apart(self, *more: Path) -> None:
        """Refuse files to write, `more` of them, of which one would replace another, or an input, or become a frame."""
        records = [sidecar_path(path) for path in self.outputs[:1]]
        records += [path for path in more for out in self.outputs[:1] if is_sidecar(path, out)]
        written = [*self.outputs, *records, *more] + ([] if self.sheet is None else [self.sheet])
        check_apart(written, [self.clip, *self.read_beside])


def check_job(job: RenderJob) -> None:
    """Refuse what cannot be, before anything is opened.

    Raises:
        CleanplateError: Nothing is to be written, or not as it is asked for, or an option would have no effect.
    """
    if not job.outputs:
        raise CleanplateError("nothing to write: give -o OUT, --alpha PATH or --foreground PATH")
    if job.bits not in (None, 8, 16):
        raise CleanplateError(f"--bits {job.bits}: give 8 or 16")
    job.check_apart()
    check_no_frame(job.clip, job.read_beside)
    if job.sheet is not None:
        check_free(job.sheet, overwrite=job.overwrite)
        if job.sheet.suffix.lower() != ".png":
            raise CleanplateError(f"{job.sheet}: a contact sheet is a PNG; name it sheet.png, for example")
    if job.on_failed == "mask" and job.mask is None and job.settings.segmenter == "difference":
        raise CleanplateError(
            "--on-failed mask needs a soft mask that needs no plate: give --mask PATH or --segmenter deeplab"
        )
    if job.premultiplied and job.background != "none":
        raise CleanplateError("--premultiplied is for a transparent composite: --background none")
    _check_effects(job)


def _check_effects(job: RenderJob) -> None:
    composite, behind = job.out is not None, job.background != "none"
    codes = any(path is not None and path.suffix.lower() == ".exr" for path in (job.out, job.foreground))
    for option, is_given, has_effect, needed in (
        ("--background", behind, composite or job.sheet is not None, "-o OUT"),
        ("--codec", job.codec is not None, composite, "-o OUT"),
        ("--quality", job.quality is not None, composite, "-o OUT"),
        ("--hardware", job.hardware, composite, "-o OUT"),
        ("--premultiplied", job.premultiplied, composite, "-o OUT"),
        ("--light-wrap", job.finish.light_wrap_px > 0, behind, "a --background"),
        ("--linear", job.finish.linear, behind, "a --background"),
        ("--exr codes", job.exr == "codes", codes, "an .exr of colours to write"),
    ):
        if is_given and not has_effect:
            raise CleanplateError(f"{option} has no effect without {needed}: give that, or leave {option} out")
    if job.mask is not None and job.settings.segmenter != "difference":
        raise CleanplateError(
            f"--segmenter {job.settings.segmenter} has no effect beside --mask, which stands in for it: leave one out"
        )
