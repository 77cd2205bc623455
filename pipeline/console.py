"""Where the commands speak to people: standard error, so that output stays free for data."""

from __future__ import annotations

from rich.console import Console

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

console = Console(stderr=True, soft_wrap=True, highlight=False)


def plain(text: str) -> str:
    """Text whose brackets are not markup."""
    return text.replace("[", r"\[")
