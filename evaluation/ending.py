"""How the programs of this folder end where something is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.frames import CleanplateError, MachineError


@contextmanager
def in_one_line(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Ends a program in one line: with 2 where the user can mend it, with 3 where the machine could not."""
    try:
        yield
    except CleanplateError as error:
        parser.exit(2, f"error: {error}\n")
    except (MachineError, OSError) as error:
        parser.exit(3, f"error: {error}\n")
