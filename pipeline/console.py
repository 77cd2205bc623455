"""Where the commands speak to people: standard error, so that output stays free for data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from pipeline.render import Progress

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


class _Console(Console):
    """One whose reader may go away: the work goes on, and what is left to say is said to nobody."""

    def on_broken_pipe(self) -> None:
        """Called where a pipe has no reader any more."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())  # for what the stream still holds, and writes at the end
        os.close(nowhere)


console = _Console(stderr=True, soft_wrap=True, highlight=False)


def plain(text: str) -> str:
    """Text whose brackets are not markup."""
    return escape(text)


def ranges(frames: list[int]) -> str:
    """`[1, 2, 3, 7]` as `1-3, 7`."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar with frames a second and time left; silent where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as ProgressBar

    columns = (
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
    )  # fmt: skip
    with ProgressBar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None, rate="", remark="")

        def step(done: int, total: int, remark: str = "") -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.2f} frames/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate, remark=remark)

        yield step
