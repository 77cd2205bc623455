"""One heap for all threads."""

import os
import platform
import subprocess
import sys

import pytest

HEAPS = """
import ctypes
import sys
import threading

from pipeline.heap import share_one_heap

if sys.argv[1] != "many":
    assert share_one_heap() == (sys.argv[1] == "one")
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
begun = threading.Barrier(4)


def take():
    begun.wait()
    libc.malloc(100_000)


threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_threads_share_one_heap():
    speaking = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD")
    environment = {name: value for name, value in os.environ.items() if name not in speaking}

    def heaps(how, **more):
        command = [sys.executable, "-c", HEAPS, how]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment | more)
        return ran.stdout.count("<heap nr=")

    assert heaps("one") == 1 < heaps("many")
    assert heaps("told", MALLOC_ARENA_MAX="2") == 2
