"""Chapters of a clip, as a part of it has them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.track import Span

if TYPE_CHECKING:
    from av.container.core import Chapter

_TICK = Fraction(1, 1000)
"""MP4 and its kin keep chapters in milliseconds."""


def cut_chapters(chapters: list[Chapter], span: Span) -> list[Chapter]:
    """The chapters that a part has something of, counted from its beginning and cut to it.

    Args:
        chapters: The source's, as PyAV gives them.
        span: Which part.

    Returns:
        Those of the part, in milliseconds, numbered from 1.
    """
    cut: list[Chapter] = []
    for chapter in chapters:
        base = chapter["time_base"]
        if base is None:
            continue
        begin, end = max(chapter["start"] * base, span.start), min(chapter["end"] * base, span.end)
        if begin < end:
            one: Chapter = {
                "id": len(cut) + 1,
                "start": round((begin - span.start) / _TICK),
                "end": round((end - span.start) / _TICK),
                "time_base": _TICK,
                "metadata": chapter["metadata"],
            }
            cut.append(one)
    return cut
