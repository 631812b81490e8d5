"""The queue `invoice-line-items`: the timer enqueues on it, and a fetch that continues later."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared import telemetry
from shared.messages import LineItemsMessage

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_NEVER_EXPIRES = -1


class LineItemsQueue:
    """Sends messages to `invoice-line-items`, which is created when it is missing."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    def send(self, message: LineItemsMessage, *, delay: float = 0) -> None:
        """Send `message`, to be seen by the trigger after `delay` seconds."""
        message = replace(message, traceparent=_traceparent(message))
        try:
            self._send(message, delay)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                self._queue.create_queue()
            self._send(message, delay)

    def _send(self, message: LineItemsMessage, delay: float) -> None:
        self._queue.send_message(
            message.encode(), visibility_timeout=round(delay), time_to_live=_NEVER_EXPIRES
        )


def _traceparent(message: LineItemsMessage) -> str | None:
    """Give the trace that a message goes on with; a look, which waits for days, begins one of its own."""
    return None if message.look and message.names_an_invoice else telemetry.traceparent()
