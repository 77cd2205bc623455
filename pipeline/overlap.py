"""Stages that run at the same time, in order and with bounded memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import repeat, takewhile
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Busy:
    """Seconds that each stage was at work; several threads may count at once."""

    def __init__(self, workers: dict[str, int]) -> None:
        """Takes the stages and by how many threads each is done."""
        self._workers = workers
        self._lock = threading.Lock()
        self.seconds = dict.fromkeys(workers, 0.0)

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """Counts what is done within."""
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[stage] += time.perf_counter() - began

    def bottleneck(self) -> str:
        """The stage that the others wait for."""
        return max(self.seconds, key=lambda stage: self.seconds[stage] / self._workers[stage])


def in_order(pool: Executor, work: Callable[[T], R], items: Iterable[T], ahead: int) -> Generator[R]:
    """Results of `work` on every item, in order, at most `ahead` of them under way or waiting.

    What was not begun when the generator is closed is cancelled.
    """
    under_way: deque[Future[R]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) >= ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


@contextmanager
def read_ahead(items: Iterator[T], ahead: int) -> Iterator[Iterator[T]]:
    """Goes through an iterator in a thread of its own, at most `ahead` items before they are wanted.

    Its errors come where its items would. When the context ends, so has the thread.
    """
    end = object()

    def read(_: None) -> T | object:
        return next(items, end)

    with ThreadPoolExecutor(1, "reading") as pool, closing(in_order(pool, read, repeat(None), ahead)) as read_items:
        yield takewhile(lambda item: item is not end, read_items)  # type: ignore[arg-type]
