"""Pages to look at in a browser: what they have in common."""

from __future__ import annotations

import html
from pathlib import Path

from pipeline.places import write_whole

BEGINNING = "<!doctype html><meta charset=utf-8><title>"

_STYLE = "body{font:15px sans-serif;margin:2em;max-width:1500px}img,svg{max-width:100%}pre{overflow-x:auto}"


def beginning(title: str, style: str = "") -> str:
    """How a page begins; `style` is CSS of its own."""
    return (
        f"{BEGINNING}{html.escape(title)}</title><meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<style>{_STYLE}{style}</style>"
    )


def write_page(path: Path, parts: list[str]) -> None:
    """Write a page; what cannot be said in UTF-8, as in the names of some files, becomes a question mark.

    Raises:
        MachineError: It cannot be written.
    """
    write_whole(path, "\n".join(parts).encode(errors="replace"))


def is_page(path: Path, title: str) -> bool:
    """Whether a file is one of our pages, whose title begins so."""
    wanted = (BEGINNING + html.escape(title)).encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(wanted)) == wanted
