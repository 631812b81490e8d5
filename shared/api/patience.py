"""How long work that asks an API tries again, and what it waits for in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import Retriable
from shared.log import get_logger

if TYPE_CHECKING:
    from shared.api.exchange import RequestContext

_log = get_logger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a request may try: attempts, and seconds for the rest."""

    attempts: int = 4
    longest_wait: float = 5.0  # a longer one is for the queue, not for a billed invocation
    connect_timeout: float = 10.0
    read_timeout: float = 240.0  # without a byte: Partner Center itself takes minutes at times
    answer_timeout: float = 300.0  # until the last byte


def retried[T](work: Callable[[], T], context: RequestContext) -> T:
    """Do `work`, again and again while it raises Retriable, as long as the context has patience.

    Raises the last Retriable when that is over, and whatever else `work` raises.
    """
    patience = context.patience
    for attempt in range(1, patience.attempts + 1):
        try:
            return work()
        except Retriable as error:
            wait = _wait(error, attempt)
            last = attempt == patience.attempts or wait > patience.longest_wait
            if last or time.monotonic() + wait >= context.deadline:
                raise
            _log.warning("%s; attempt %d, again in %.1f s", error, attempt, wait)
            if context.cancelled.wait(wait):
                raise
    raise AssertionError("patience has at least one attempt")


def _wait(error: Retriable, attempt: int) -> float:
    """What the API asks for, else 0.5, 1, 2 s; some more, so that not all come at once."""
    jitter = random.uniform(0, 0.25)  # noqa: S311 - spreads load, guards nothing
    return (0.5 * 2 ** (attempt - 1) if error.delay is None else error.delay) + jitter
