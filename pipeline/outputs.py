"""The files that a render writes: composite, alpha and foreground of every frame."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2

from pipeline.background import Background
from pipeline.codecs import BY_SUFFIX, FOR_EDITING
from pipeline.composite import composite_codes, quantise, transparent
from pipeline.encode import Writer, multiplies_itself, open_writer
from pipeline.finishing import composed
from pipeline.frames import ClipInfo, FloatImage, Frame, Image, Matte
from pipeline.job import RenderJob
from pipeline.planes import OPAQUE, Untouched
from pipeline.writer import Together


class Outputs:
    """The files that a render writes, side by side."""

    def __init__(
        self,
        stack: ExitStack,
        job: RenderJob,
        info: ClipInfo,
        background: Background | None,
        part: tuple[int, int],
    ) -> None:
        self.background, self.finish = background, job.finish
        self._behind: Image | None = None
        self.multiplies = job.premultiplied and job.out is not None and not multiplies_itself(job.out)

        together = stack.enter_context(Together())

        def writer(path: Path | None, channels: Literal[1, 3, 4], **options: Any) -> Writer | None:
            if path is None:
                return None
            options |= {"exr_codes": job.exr == "codes", "overwrite": job.overwrite, "start": part[0], "stop": part[1]}
            return together.add(open_writer(path, info, channels=channels, bits=job.bits, **options))

        # A silent video has a title and a date all the same, which a video takes.
        is_film = job.clip.is_file() and not info.is_still
        films = is_film and job.out is not None and job.out.suffix.lower() in BY_SUFFIX
        company = job.clip if info.has_company or films else None
        channels: Literal[3, 4] = 3 if background is not None else 4
        form = {key: getattr(job, key) for key in ("codec", "quality", "hardware", "premultiplied")}
        self.composite = writer(job.out, channels, company_from=company, **form)
        self.alpha = writer(job.alpha, 1, codec=_for_editing(job.alpha))
        self.foreground = writer(job.foreground, 3, codec=_for_editing(job.foreground))

    @property
    def notes(self) -> list[str]:
        """What their writers have to say by now."""
        writers = (self.composite, self.alpha, self.foreground)
        return [note for writer in writers if writer is not None for note in writer.notes]

    def write(self, frame: Frame, matte: Matte) -> None:
        """Write one frame to all of them."""
        if self.composite is not None:
            codes = self._codes(frame, matte, self.composite.bits)
            self.composite.write(codes, frame.pts, self._untouched(frame, matte))
        for writer, image in ((self.alpha, matte.alpha), (self.foreground, matte.foreground)):
            if writer is not None:
                writer.write(quantise(image, writer.bits), frame.pts)

    def picture(self, frame: Frame, matte: Matte) -> FloatImage:
        """The composite of a frame, H x W x 3 in [0, 1], or 4 where it is transparent (straight)."""
        if self.background is None:
            return transparent(matte)
        return composed(matte, self.background.behind(frame, matte), self.finish, frame.colour.transfer)

    def _untouched(self, frame: Frame, matte: Matte) -> Untouched | None:
        """Which pixels of the composite are the clip's own."""
        if frame.planes is None or self.finish.light_wrap_px:
            return None
        return Untouched(frame.planes, matte.alpha >= OPAQUE)

    def _codes(self, frame: Frame, matte: Matte, bits: int) -> Image:
        """The composite as it is written, in code values of so many bits."""
        if self.multiplies:
            matte = replace(matte, foreground=matte.foreground * cv2.merge((matte.alpha,) * 3))
        if self.background is None or self.finish.light_wrap_px or self.finish.linear:
            return quantise(self.picture(frame, matte), bits)
        background = self.background.behind(frame, matte)
        behind = quantise(background, bits) if self._behind is None else self._behind
        if self.background.is_still:
            self._behind = behind
        return composite_codes(matte, background, behind)


def _for_editing(path: Path | None) -> str | None:
    return None if path is None else FOR_EDITING.get(path.suffix.lower())
