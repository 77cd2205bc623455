"""Where the commands speak to people: standard error, so that output stays free for data."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

console = Console(stderr=True, soft_wrap=True, highlight=False)


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
