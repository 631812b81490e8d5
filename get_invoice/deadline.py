"""Work that somebody at the other end of HTTP waits for, and no longer than that."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.threads import InvocationThreads

# Work is waited for from outside, as no socket's timeout bounds an answer that comes in trickles.
_threads = InvocationThreads(32, thread_name_prefix="get_invoice")


def within[T](until: float, work: Callable[[], T]) -> T:
    """Wait for `work` until then, by `time.monotonic`, and no longer; raises TimeoutError."""
    return _threads.submit(work).result(max(0, until - time.monotonic()))
