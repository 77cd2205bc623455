"""One heap for all threads, which keeps what is freed."""

import os
import platform
import subprocess
import sys

import pytest

from pipeline.heap import SPOKEN_FOR

resource = pytest.importorskip("resource", reason="Windows counts no pages")
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")

BEGIN = """
import ctypes
import sys
import threading

from pipeline.heap import settle_heap

if sys.argv[1] != "as it is":
    assert settle_heap() == (sys.argv[1] == "settled")
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
"""

HEAPS = """
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

KEPT = """
import resource

PR_SET_THP_DISABLE = 41
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)  # or one fault would bring hundreds of pages



def taken_and_freed():
    places = [libc.malloc(1_000_000) for _ in range(100)]
    for place in places:
        ctypes.memset(place, 1, 1_000_000)
    for place in places:
        libc.free(place)


taken_and_freed()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
taken_and_freed()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


def ran(code, how, **more):
    """What `code` prints with a heap that is "settled", "as it is", or "told" by the environment."""
    environment = {
        name: value for name, value in os.environ.items() if name not in (*SPOKEN_FOR, "GLIBC_TUNABLES", "LD_PRELOAD")
    }
    command = [sys.executable, "-c", BEGIN + code, how]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment | more).stdout


def test_threads_share_one_heap():
    assert ran(HEAPS, "settled").count("<heap nr=") == 1 < ran(HEAPS, "as it is").count("<heap nr=")
    assert ran(HEAPS, "told", MALLOC_ARENA_MAX="2").count("<heap nr=") == 2


def test_what_is_freed_is_there_again_without_new_pages():
    all_pages = 100_000_000 // resource.getpagesize()
    assert int(ran(KEPT, "settled")) < all_pages / 50
    assert int(ran(KEPT, "as it is")) > all_pages / 2
    assert int(ran(KEPT, "told", GLIBC_TUNABLES="glibc.malloc.trim_threshold=0")) > all_pages / 2


def test_other_tunables_are_no_word_on_the_heap():
    assert int(ran(KEPT, "settled", GLIBC_TUNABLES="glibc.rtld.optional_static_tls=2000")) < 1000
