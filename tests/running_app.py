"""The app's functions on real pieces, in the test's own process, and a look at what they leave."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from fetch_line_items.fetch import Fetch
from get_invoice.invoice import Sources, answer
from get_invoice.problem import Answer
from get_invoice.recent_list import RecentList
from list_invoices.sync import Outcome, sync_invoices
from local.simulated import Invoice
from local.simulated.invoices import jsonl
from shared.archive import Archive
from shared.auth import Tokens
from shared.messages import LineItemsMessage
from shared.orders import Orders
from shared.partner_center import PartnerCenter
from shared.settings import Settings
from shared.storage import invoices_container, line_items_queue


@dataclass
class RunningApp:
    """What the three functions do, called as their triggers call it."""

    settings: Settings
    partner_center: PartnerCenter
    recent_list: RecentList
    archive: Archive
    orders: Orders
    container: ContainerClient
    queue: QueueClient

    @classmethod
    def with_settings(cls, settings: Settings) -> RunningApp:
        """Connect everything."""
        container, queue = invoices_container(settings), line_items_queue(settings)
        partner_center = PartnerCenter(settings, Tokens(settings))
        return cls(
            settings,
            partner_center,
            RecentList(partner_center),
            Archive(container),
            Orders(queue),
            container,
            queue,
        )

    # -- running it

    def list_invoices(self) -> Outcome:
        """Run the timer's function."""
        return sync_invoices(self.partner_center, self.archive, self.orders)

    def fetch(self, message: str | bytes | LineItemsMessage, **settings: Any) -> None:
        """Run the queue's function on one message, with some settings changed."""
        if not isinstance(message, LineItemsMessage):
            body = message.encode() if isinstance(message, str) else message
            message = LineItemsMessage.decode(body)
        Fetch(
            message,
            partner_center=self.partner_center,
            archive=self.archive,
            orders=self.orders,
            settings=self.settings.model_copy(update=settings),
        ).run()

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

    def get_invoice(self, invoice_id: str, *, expand: bool = False) -> Answer:
        """Run the HTTP function."""
        sources = Sources(self.partner_center, self.recent_list, self.archive)
        return answer(invoice_id, sources, expand=expand)

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
            taken.append(LineItemsMessage.decode(message.content.encode()))
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


def expected_blobs(invoices: Iterable[Invoice]) -> dict[str, bytes]:
    """What has to be in storage of the lines of these invoices, by the name of the blob."""
    return {
        f"{invoice.id}/{detail.provider}/{detail.type}.jsonl": b"".join(
            jsonl(invoice, detail.provider, detail.type)
        )
        for invoice in with_nested(invoices)
        for detail in invoice.details or ()
    }
