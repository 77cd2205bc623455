"""The C library's memory."""

from __future__ import annotations

import ctypes
import os
import platform

MALLOC = {"M_ARENA_MAX": (-8, 1), "M_TRIM_THRESHOLD": (-1, 1 << 28), "M_MMAP_THRESHOLD": (-3, 1 << 25)}
"""Parameters of glibc's `mallopt`, their numbers in malloc.h and what they are set to: how many heaps there are; how
many freed bytes at a heap's end are kept; from how many bytes on an array gets its own pages (32 MiB is the most)."""

SPOKEN_FOR = ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
"""Variables of the environment that tell glibc, beside those of its tunables that begin with glibc.malloc."""

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What PyTorch says on Linux, on Windows and of Apple's GPUs."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy, PyTorch (on a device or the processor) or OpenCV could not get the memory that they wanted."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and any(words in said for words in NO_MEMORY))
        or (type(error).__module__ == "cv2" and "Insufficient memory" in said)
    )


def settle_heap() -> bool:
    """Have all threads of the process share one heap, which keeps what a frame frees for the next one.

    By default glibc gives most threads a heap of their own, in pieces of 64 MiB, and in none of them is there room for
    what another has freed; and what is free at a heap's end it now and then hands back, to fetch it again page by page,
    which costs the networks a twelfth of their time. This holds for heaps that are yet to come, so it should be called
    before there are threads. Other C libraries are left as they are, and so is glibc where the environment tells it.

    Returns:
        Whether the C library could be told.
    """
    told = any(name in os.environ for name in SPOKEN_FOR) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if told or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(*parameter) for parameter in MALLOC.values())
