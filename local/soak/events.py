"""What happens to the pieces in a soak: each event gives how often it has happened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.simulated import Faults, Invoice, Options, Service, faults
from local.simulated.faults import Act
from local.simulated.invoices import voided
from local.simulated.lines import total_charges
from local.soak.pieces import LEASE_SECONDS, LINES, Pieces
from local.soak.single_faults import outages
from local.stack import QUEUE

Event = Callable[[], int]
_NO_LINKS = {"next_links": "none", "total_count": "whole"}
_TOKEN_IN: tuple[Literal["both", "top", "next"], ...] = ("both", "top", "next")


class Events:
    """Lets something happen to hosts, storage, the queue, invoices, or a whole service."""

    def __init__(self, pieces: Pieces, chance: random.Random) -> None:
        self.chance = chance
        self._pieces = pieces
        self._stack = pieces.stack

    def kinds(self, *, is_long: bool) -> dict[str, Event]:
        """Name the events; some are for long soaks only."""
        kinds: dict[str, Event] = {
            "host killed": self._kill_a_host,
            "Azurite restarted": self._restart_azurite,
            "tokens expired": self._expire_tokens,
            "message delivered twice": self._deliver_twice,
            "invoice changed while it is fetched": self._change_an_invoice,
            "answers of another form": self._answer_otherwise,
            "list_invoices by hand": self.list_invoices,
            "storm of throttling": self._storm_of_throttling,
            "outage": self._outage,
        }
        if is_long:
            kinds["host frozen beyond the lease"] = self._freeze_a_host
        return kinds

    def pause(self, shortest: float, longest: float) -> None:
        """Let so many seconds pass."""
        time.sleep(self.chance.uniform(shortest, longest))

    def list_invoices(self) -> int:
        """Have one of the hosts list invoices."""
        self.chance.choice(self._pieces.hosts).run("list_invoices")
        return 1

    # -- hosts, storage, the queue

    def _kill_a_host(self) -> int:
        host = self.chance.choice(self._pieces.hosts)
        host.kill()
        self.pause(0, 1)
        host.start()
        return 1

    def _freeze_a_host(self) -> int:
        """Let messages be delivered to another host while this one still works on them."""
        with self.chance.choice(self._pieces.hosts).frozen():
            time.sleep(LEASE_SECONDS + 2)
        return 1

    def _restart_azurite(self) -> int:
        self._stack.azurite.stop()
        self.pause(0, 1.5)
        self._stack.azurite.start()
        return 1

    def _expire_tokens(self) -> int:
        self._stack.entra_id.expire_all()
        return 1

    def _deliver_twice(self) -> int:
        """Put copies of some visible messages on the queue, as soon as there are some."""
        queue = QueueClient.from_connection_string(self._stack.azurite.connection_string, QUEUE)
        texts = soon(2, lambda: _visible(queue))
        for text in self.chance.sample(texts, min(len(texts), 4)):
            delay = self.chance.choice((0, 0, 1, 3))
            queue.send_message(text, visibility_timeout=delay, time_to_live=-1)
        return min(len(texts), 4)

    # -- invoices

    def _change_an_invoice(self) -> int:
        return self.change_in_flight(list(self._stack.partner_center.invoices))

    def change_in_flight(self, invoice_ids: Sequence[str]) -> int:
        """Change an invoice, and once more while what was ordered is fetched; give the changes."""
        partner_center = self._stack.partner_center
        invoice_id = self.chance.choice(invoice_ids)

        def asked_more(before: int) -> bool:
            return self._asked(invoice_id) > before

        changes, under_way = 0, True
        while under_way and changes < 2:
            void = self.chance.random() < 0.3
            partner_center.put(changed(partner_center.invoices[invoice_id], void=void))
            changes, before = changes + 1, self._asked(invoice_id)
            self.list_invoices()
            under_way = soon(3, partial(asked_more, before))
            self.pause(0, 0.5)
        return changes

    def _asked(self, invoice_id: str) -> int:
        """Count the pages and files that were asked for of an invoice."""
        pages = self._stack.partner_center.requests.matching(f"{invoice_id}/{LINES}")
        files = self._stack.graph.files.requests.matching(f"InvoiceId={invoice_id}/")
        return len(pages) + len(files)

    # -- services

    def _answer_otherwise(self) -> int:
        """Let Partner Center write its answers in another of the ways that are known of it."""
        # Without next links only the whole's count says that there is more behind a short page.
        links = self.chance.choice((_NO_LINKS, {}, {"next_links": "malformed"}))
        self._stack.partner_center.options = Options(
            latency_seconds=0.05,
            pretty=self.chance.random() < 0.3,
            byte_order_mark=self.chance.random() < 0.3,
            gzip=self.chance.random() < 0.3,
            token_in=self.chance.choice(_TOKEN_IN),
            max_page_size=self.chance.choice((2000, self._pieces.page_size // 2)),
            **links,  # type: ignore[arg-type]
        )
        return 1

    def _storm_of_throttling(self) -> int:
        seconds = self.chance.choice((1, 3, 6))
        form = self.chance.choice(("seconds", "date"))
        act = faults.throttled(seconds, form="date" if form == "date" else "seconds")
        return self._storm(self.chance.choice((act, faults.throttled(None))), longest=1.5)

    def _outage(self) -> int:
        # Up to longer than the app is patient where it stands.
        return self._storm(self.chance.choice((*outages().values(), faults.reset())), longest=6)

    def _storm(self, act: Act, *, longest: float) -> int:
        """Let every request to one service, or to each, have this fault for a while."""
        graph = self._stack.graph
        every: list[Service] = [self._stack.partner_center, graph, graph.files]
        befallen = self.chance.choice([[service] for service in every] + [every])
        # The first fault that fits befalls a request: whatever was there goes behind this one.
        usual = [service.faults for service in befallen]
        for service in befallen:
            service.faults = Faults()
            service.faults.add(act, times=None)
        self.pause(0.3, longest)
        for service, before in zip(befallen, usual, strict=True):
            service.faults = before
        return 1


def soon[T](seconds: float, look: Callable[[], T]) -> T:
    """Look until something is there, so long at the most; give what was seen last."""
    deadline = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def _visible(queue: QueueClient) -> list[str]:
    """Read the messages that nobody works on."""
    try:
        return [str(message.content) for message in queue.peek_messages(max_messages=32)]
    except ResourceNotFoundError:
        return []


def changed(invoice: Invoice, *, void: bool = False) -> Invoice:
    """Void an invoice, or give it other lines and so another sum."""
    if void and invoice.document_type == "invoice":
        return voided(invoice)
    other = replace(invoice, revision=invoice.revision + 1)
    if total_charges(other) == total_charges(invoice):
        return changed(other)  # nobody could tell by the invoice
    return other
