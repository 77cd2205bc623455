"""The C library's memory."""

from __future__ import annotations

import ctypes
import os
import platform

M_ARENA_MAX = -8
"""Of glibc's malloc.h: how many heaps there may be."""


def share_one_heap() -> bool:
    """Have all threads of the process take memory from one heap; whether the C library could be told so.

    By default glibc gives most threads a heap of their own, in pieces of 64 MiB, and in none of them is there room for
    what another has freed. This holds for heaps that are yet to come, so it should be called before there are threads.
    Other C libraries are left as they are, and so is glibc where the environment says how many heaps it shall have.
    """
    told = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if told or platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))
