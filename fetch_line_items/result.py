"""What one delivery of a message comes to: a value, which the trigger acts on."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field, replace

from azure.core.exceptions import AzureError

from shared.errors import (
    ApiError,
    ArchiveError,
    Overtaken,
    Retriable,
    StalePosition,
    Throttled,
)
from shared.messages import LineItemsMessage, Progress
from shared.storage.failures import may_pass_later

_SHORTEST_DELAY, _FIRST_DELAY, _LONGEST_DELAY = 2.0, 10.0, 3600.0
_MOST_RESTARTS = 3


@dataclass(frozen=True)
class Done:
    """The lines are in storage; `changed`: others stood there before, or none."""

    changed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Later:
    """The work goes on with this message, to be delivered after so many seconds."""

    message: LineItemsMessage
    delay: float
    reason: str
    level: int = logging.INFO


@dataclass(frozen=True)
class Failed:
    """It will not get better by itself: the message goes back to the queue, in the end as poison."""

    error: Exception


Result = Done | Later | Failed


def after_error(
    message: LineItemsMessage, progress: Progress, error: ApiError | ArchiveError | AzureError
) -> Later | Failed:
    """Say what an error comes to; `progress` is what has been reached in spite of it."""
    match error:
        case StalePosition() | Overtaken() if progress.restarts < _MOST_RESTARTS:
            again = progress.started_over()
            return _later(message, again, 0, f"starts over: {error}")
        case Throttled():
            # Nobody's failure: it may last as long as it likes.
            return _again(message, progress, error.delay, error)
        case Retriable() if progress.attempt < error.most_attempts:
            return _again(message, progress.in_vain(), error.delay, error)
        case AzureError() if may_pass_later(error) and progress.attempt < Retriable.most_attempts:
            return _again(message, progress.in_vain(), None, error)
        case _:
            return Failed(error)


def _again(
    message: LineItemsMessage, progress: Progress, wanted: float | None, error: Exception
) -> Later:
    """Continue after as many seconds as wanted, else twice as many with each message in vain."""
    backoff = min(_FIRST_DELAY * 2 ** max(progress.attempt - 1, 0), _LONGEST_DELAY)
    delay = backoff if wanted is None else max(wanted, _SHORTEST_DELAY)
    delay += random.uniform(0, 0.1 * delay)  # noqa: S311 - spreads load, guards nothing
    return _later(message, progress, delay, str(error))


def _later(message: LineItemsMessage, progress: Progress, delay: float, reason: str) -> Later:
    return Later(replace(message, progress=progress), delay, reason, logging.WARNING)
