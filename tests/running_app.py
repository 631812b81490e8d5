"""The app's functions on real pieces, in the test's own process, and a look at what they leave."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from fetch_line_items import act_on
from fetch_line_items.decode import decode_message
from fetch_line_items.fetch import fetch_lines
from fetch_line_items.result import Result
from get_invoice.answer import Answer
from get_invoice.invoice import invoice_answer
from get_invoice.recent_list import RecentList
from list_invoices.sync import Outcome, sync_invoices
from local.simulated import Invoice
from local.simulated.lines import jsonl
from shared.log import about
from shared.messages import LineItemsMessage
from shared.queue import LineItemsQueue
from shared.services import Services
from shared.settings import Settings
from shared.storage.accounts import invoices_container, line_items_queue
from shared.storage.archive import Archive

_SOON = 3600.0


class LooksAside(LineItemsQueue):
    """The app's queue, but messages that hide until a look is due are put aside: tests don't wait."""

    def __init__(self, queue: QueueClient, looks: list[LineItemsMessage]) -> None:
        super().__init__(queue)
        self._looks = looks

    def send(self, message: LineItemsMessage, *, delay: float = 0) -> None:
        """Send a message, or put it aside."""
        if message.look and delay > _SOON:
            self._looks.append(message)
        else:
            super().send(message, delay=delay)


class RunningApp:
    """What the functions do, called as their triggers call it."""

    def __init__(self, settings: Settings) -> None:
        self.services = Services(settings)
        self.looks: list[LineItemsMessage] = []
        self.services.queue = LooksAside(line_items_queue(settings), self.looks)
        self.recent_list = RecentList(self.services.partner_center)
        self.container = invoices_container(settings)
        self.queue = line_items_queue(settings)

    @property
    def archive(self) -> Archive:
        """The app's own view of the container."""
        return self.services.archive

    # -- running it

    def list_invoices(self) -> Outcome:
        """Run the timer's function."""
        return sync_invoices(self.services)

    def fetch(self, message: str | bytes | LineItemsMessage, **settings: Any) -> None:
        """Run the queue's function on one message, with some settings changed."""
        act_on(self.result(message, **settings), self.services.queue)

    def result(self, message: str | bytes | LineItemsMessage, **settings: Any) -> Result:
        """Give what one delivery of a message comes to, with some settings changed."""
        if not isinstance(message, LineItemsMessage):
            message = decode_message(message.encode() if isinstance(message, str) else message)
        services = copy(self.services)
        services.settings = services.settings.model_copy(update=settings)
        with about():
            return fetch_lines(message, services)

    def drain(self, *, seconds: float = 60, **settings: Any) -> int:
        """Run the queue's function on every message until none is left; give how many there were."""
        deadline = time.monotonic() + seconds
        handled = 0
        while self.waiting():
            assert time.monotonic() < deadline, "the queue does not run empty"
            for message in self._received():
                self.fetch(message.content, **settings)
                self.queue.delete_message(message)
                handled += 1
        return handled

    def look(self, invoice_id: str, **settings: Any) -> None:
        """Deliver the last look that was ordered of an invoice, as if it were due, and what it leads to."""
        ordered = [look for look in self.looks if look.invoice_id == invoice_id]
        message = ordered[-1]
        assert message.look
        self.fetch(replace(message, look=replace(message.look, left=0)), **settings)
        self.drain(**settings)

    def get_invoice(self, invoice_id: str, *, expand: bool = False) -> Answer:
        """Run the HTTP function."""
        return invoice_answer(invoice_id, self.services, self.recent_list, expand=expand)

    # -- looking at what it left

    def waiting(self) -> int:
        """How many messages are in the queue, visible or not."""
        try:
            return self.queue.get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    def take_messages(self) -> list[LineItemsMessage]:
        """Take all visible messages off the queue."""
        taken = []
        for message in self._received():
            self.queue.delete_message(message)
            taken.append(decode_message(message.content.encode()))
        return taken

    def blobs(self) -> set[str]:
        """The names of all committed blobs."""
        try:
            return {blob.name for blob in self.container.list_blobs()}
        except ResourceNotFoundError:
            return set()

    def read(self, blob: str) -> bytes:
        """The content of a blob."""
        return self.container.download_blob(blob).readall()

    def metadata(self, blob: str) -> dict[str, str]:
        """The metadata of a blob."""
        return self.container.get_blob_client(blob).get_blob_properties().metadata

    def manifest(self, invoice_id: str) -> dict[str, Any]:
        """The manifest of an invoice, its amounts as decimals."""
        text = self.read(f"{invoice_id}/manifest.json")
        manifest: dict[str, Any] = json.loads(text, parse_float=Decimal)
        return manifest

    def _received(self) -> Iterable[Any]:
        return self.queue.receive_messages(messages_per_page=32, visibility_timeout=600)


def with_nested(invoices: Iterable[Invoice]) -> Iterator[Invoice]:
    """Give invoices and the amendments nested in them."""
    for invoice in invoices:
        yield invoice
        yield from with_nested(invoice.amendments)


Lines = Callable[[Invoice, str, str], Iterator[bytes]]


def expected_blobs(invoices: Iterable[Invoice], lines: Lines = jsonl) -> dict[str, bytes]:
    """What has to be in storage of the lines of these invoices, by the name of the blob.

    `lines` gives those of an invoice, provider and type: all from v1, or from where they come.
    """
    return {
        f"{invoice.id}/{detail.provider}/{detail.type}.jsonl": b"".join(
            lines(invoice, detail.provider, detail.type)
        )
        for invoice in with_nested(invoices)
        for detail in invoice.details or ()
    }
