"""How a run ends that is told to."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipeline.console import INTERRUPTED, console

STOPPED = {INTERRUPTED: "interrupted", 128 + signal.SIGTERM: "terminated"}
"""What is said after Ctrl-C and SIGTERM, by the exit code."""

_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def stoppable() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end what is done within as Ctrl-C does, so that no unfinished file stays behind.

    The exit code is 128 and the signal's number, as shells have it. A signal that is ignored stays so, as under nohup;
    while things are put in order after one, no other is heeded. For the main thread.
    """
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, _: FrameType | None) -> None:
        for each in (*heeded, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        console.quiet = number != signal.SIGTERM  # after SIGHUP nobody is there to read
        sys.exit(128 + number)

    for number in heeded:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Holds back what would end the program, Ctrl-C too, until what is done within is done: let it be short.

    An error ends it with what that says. Signals reach the main thread only; in another, nothing is held back.
    """
    held: list[int] = []
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (*_SIGNALS, signal.SIGINT):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, lambda number, _: held.append(number))
        yield
    finally:
        for number, heeded in before.items():
            signal.signal(number, heeded)
    if held:
        signal.raise_signal(held[0])
