"""Work that somebody at the other end of HTTP waits for, and no longer than that."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.threads import InvocationThreads

# Work is waited for from outside, as no socket's timeout bounds an answer that comes in trickles. Storage
# that hangs takes no thread from who asks Partner Center.
_STORAGE = InvocationThreads(32, thread_name_prefix="storage")
PARTNER_CENTER = InvocationThreads(32, thread_name_prefix="partner_center")


def within[T](until: float, work: Callable[[], T], threads: InvocationThreads = _STORAGE) -> T:
    """Wait for `work` until then, by `time.monotonic`, and no longer; raises TimeoutError."""
    future = threads.submit(work)
    try:
        return future.result(max(0, until - time.monotonic()))
    except TimeoutError:
        future.cancel()  # where no thread was free to begin it
        raise
