"""One process or several: who takes part in a run, and on which device."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, multiprocessing
from torch.utils.data import DataLoader, Dataset

from pipeline.devices import pick_device
from pipeline.frames import CleanplateError, MachineError

EXPECTED = {f"{kind.__module__}.{kind.__name__}": kind for kind in (CleanplateError, MachineError)}
"""Errors that are said in one line, by how a traceback names them."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """This process's place among those of a run.

    Attributes:
        rank: Its number, from 0; number 0 writes the files.
        size: How many there are.
        device: Where its networks run.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0


def processes_for(device: str) -> int:
    """How many processes a run takes: one for each GPU, else one."""
    return max(1, torch.cuda.device_count()) if device == "cuda" else 1


def pick_training_device(device: str) -> str:
    """`auto` is `cuda` where there is a GPU that works, else `cpu`.

    Raises:
        CleanplateError: It is none of these, or not here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise CleanplateError(f"--device {device}: training runs on cpu or cuda; auto takes what is there")
    return pick_device(device).type


def run_team(work: Callable[..., None], device: str, processes: int, *arguments: Any) -> None:
    """Call `work(team, *arguments)` in as many processes as asked for; alone, in this one.

    Args:
        work: A function of a module (it is found by name in the other processes).
        device: `cpu` or `cuda`; with `cuda`, process i takes GPU i.
        processes: How many.
        arguments: Given on to each.

    Raises:
        CleanplateError: As in one of them.
        MachineError: Likewise.
    """
    if processes == 1:
        work(Team(0, 1, torch.device(device)), *arguments)
        return
    port = _free_port()
    spawn = multiprocessing.spawn  # type: ignore[attr-defined]
    with _errors_of_others():
        spawn(_member, (work, device, processes, port, arguments), processes)  # type: ignore[no-untyped-call]


def in_order(data: Dataset[Item], workers: int) -> Iterator[Item]:
    """The items of a data set, made by so many processes beside this one; raises as they do."""
    context = "spawn" if workers else None
    with _errors_of_others():
        yield from DataLoader(data, batch_size=None, num_workers=workers, multiprocessing_context=context)


@contextmanager
def _errors_of_others() -> Iterator[None]:
    """Raises an expected error of another process, which comes at the end of a traceback there, by itself."""
    try:
        yield
    except Exception as error:
        kind, _, said = (str(error).strip().splitlines() or [""])[-1].partition(": ")
        if kind in EXPECTED:
            raise EXPECTED[kind](said) from error
        raise


def _member(
    rank: int, work: Callable[..., None], device: str, size: int, port: int, arguments: tuple[Any, ...]
) -> None:
    with _group(rank, size, device, port):
        work(Team(rank, size, torch.device(device, rank) if device == "cuda" else torch.device(device)), *arguments)


@contextmanager
def _group(rank: int, size: int, device: str, port: int) -> Iterator[None]:
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", str(port)
    if device == "cuda":
        torch.cuda.set_device(rank)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", rank=rank, world_size=size)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
