"""The queue as its host sees it: messages are delivered until one of them is done, or is poison."""

from __future__ import annotations

import heapq
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from html import unescape
from urllib.parse import parse_qs, urlsplit

import requests
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.queue import QueueClient, QueueMessage

from fetch_line_items.decode import decode_message
from shared.messages import LineItemsMessage

LEASE_SECONDS = 600
_FAILED_SECONDS = 30
_MOST_DELIVERIES = 5
_TEXT = re.compile(rb"<MessageText>([^<]*)</MessageText>")
_SENT = re.compile(r"<MessageId>([^<]+)</MessageId>.*<PopReceipt>([^<]+)</PopReceipt>", re.S)


def is_for_another_day(message: LineItemsMessage) -> bool:
    """Whether a message waits to look again at an invoice that is done, and has not begun with it."""
    return message.look is not None and message.billing_provider is None


@dataclass(frozen=True, order=True)
class _Hidden:
    """A message that nobody sees until a moment of the clock."""

    until: float
    id: str = field(compare=False)
    receipt: str = field(compare=False)


class Deliveries:
    """Delivers the messages of a queue one by one; nothing is waited for.

    When none is visible, the `clock` goes to the moment at which the next one would be. What is for
    another day stays in the queue.
    """

    def __init__(self, queue: QueueClient, poison: QueueClient) -> None:
        self.clock = 0.0
        self._queue, self._poison = queue, poison
        self._received = deque[QueueMessage]()
        self._hidden: list[_Hidden] = []
        self._looks: list[tuple[LineItemsMessage, _Hidden]] = []

    def clear(self) -> None:
        """Delete both queues."""
        for queue in (self._queue, self._poison):
            with suppress(ResourceNotFoundError):
                queue.delete_queue()

    def next(self) -> QueueMessage | None:
        """Receive a message; None where there are no more, but for another day."""
        while not self._received:
            self._received.extend(self._receive())
            if not self._received:
                if not self._hidden:
                    return None
                self._show(heapq.heappop(self._hidden))
        return self._received.popleft()

    def done(self, message: QueueMessage) -> None:
        """Delete a message; where the answer to that was lost it is gone already."""
        with suppress(ResourceNotFoundError):
            self._queue.delete_message(message)

    def failed(self, message: QueueMessage) -> None:
        """Have a message delivered again, or put it on the poison queue."""
        if (message.dequeue_count or 0) < _MOST_DELIVERIES:
            self._hide(message, _FAILED_SECONDS)
            return
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(message.content)
        self._queue.delete_message(message)

    def abandoned(self, message: QueueMessage, seconds: float) -> None:
        """Have a message delivered again, at once or when its lease is over: its process is gone."""
        self._hide(message, seconds)
        if not seconds:
            self._show(heapq.heappop(self._hidden))

    @property
    def looks(self) -> list[LineItemsMessage]:
        """What waits for another day."""
        return [message for message, _ in self._looks]

    def hasten_looks(self, invoice_id: str) -> None:
        """Let the day come for which looks at an invoice were ordered: all of them are due."""
        due = [each for each in self._looks if each[0].invoice_id == invoice_id]
        self._looks = [each for each in self._looks if each not in due]
        for message, hidden in due:
            if look := message.look:
                last_hop = replace(message, look=replace(look, left=0))
                self._show(hidden, last_hop.encode())

    def poison(self) -> list[str]:
        """Read the poison queue."""
        try:
            return [str(message.content) for message in self._poison.peek_messages(32)]
        except ResourceNotFoundError:
            return []

    def observe(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Note a message that was sent to be seen later, also where its sender never learns of it."""
        parts = urlsplit(request.url or "")
        delay = int(parse_qs(parts.query).get("visibilitytimeout", ["0"])[0])
        sent = _SENT.search(response.text) if parts.path.endswith("/messages") else None
        if not (sent and delay):
            return
        message, hidden = _message_of(request.body), _Hidden(self.clock + delay, sent[1], sent[2])
        if is_for_another_day(message):
            self._looks.append((message, hidden))
        else:
            heapq.heappush(self._hidden, hidden)

    def _receive(self) -> list[QueueMessage]:
        received = self._queue.receive_messages(
            messages_per_page=32, visibility_timeout=LEASE_SECONDS
        )
        try:
            return list(next(received.by_page(), ()))
        except ResourceNotFoundError:
            return []

    def _hide(self, message: QueueMessage, seconds: float) -> None:
        hidden = _Hidden(self.clock + seconds, message.id, message.pop_receipt or "")
        heapq.heappush(self._hidden, hidden)

    def _show(self, hidden: _Hidden, text: str | None = None) -> None:
        self.clock = max(self.clock, hidden.until)
        # Where it took that long, it has come by itself.
        with suppress(HttpResponseError):
            self._queue.update_message(
                hidden.id, hidden.receipt, content=text, visibility_timeout=0
            )


def _message_of(body: object) -> LineItemsMessage:
    """Read what is sent to a queue, which is a little XML."""
    found = _TEXT.search(body if isinstance(body, bytes) else str(body).encode())
    return decode_message(unescape(found[1].decode()).encode() if found else b"")
