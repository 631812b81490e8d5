"""What the process keeps of the memory that it frees."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def keep_freed_memory() -> None:
    """Let the process keep blocks of memory of up to 16 MiB that it frees.

    Pages are megabytes that are freed and asked for again all the time. glibc returns freed memory to
    the system above twice the largest block that it has mapped, and gets it back page fault by page
    fault: a fifth of a fetch's CPU time. One block that is freed untouched raises that threshold.
    """
    bytes(16 << 20)


def share_freed_memory() -> None:
    """Let the threads of the process share the memory that they free.

    A block is made by one thread and freed by another. glibc gives each thread a heap of its own, and
    each heap keeps what was freed in it: twice the memory that is in use. Elsewhere nothing happens.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
