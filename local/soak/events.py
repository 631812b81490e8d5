"""Faults of every kind, in a seeded order."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

from aiohttp import web
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.simulated import Faults, Invoice, Options, faults
from local.simulated.faults import Act, Answer, Fault
from local.simulated.invoices import voided
from local.simulated.lines import total_charges
from local.soak.pieces import LEASE_SECONDS, LINES, Pieces
from local.stack import QUEUE

Say = Callable[[str], None]
_TELL_EVERY_SECONDS = 10.0
_LONG_SECONDS = 300
_NO_LINKS = {"next_links": "none", "total_count": "whole"}
_TOKEN_IN: tuple[Literal["both", "top", "next"], ...] = ("both", "top", "next")


class Injector:
    """Injects faults of every kind, one after the other, while others befall single requests."""

    def __init__(self, pieces: Pieces, seed: int, say: Say) -> None:
        self.injected: Counter[str] = Counter()
        self._pieces = pieces
        self._stack = pieces.stack
        self._seed = seed
        self._chance = random.Random(seed)
        self._say = say
        self._befalling: list[tuple[str, Fault]] = []
        self._events = {
            "host killed": self._kill_a_host,
            "Azurite restarted": self._restart_azurite,
            "tokens expired": self._expire_tokens,
            "message delivered twice": self._deliver_twice,
            "invoice changed while it is fetched": self._change_in_flight,
            "answers of another form": self._answer_otherwise,
            "list_invoices by hand": self._list_invoices,
            "storm of throttling": self._storm_of_throttling,
            "outage of Partner Center": self._outage,
        }

    def run(self, seconds: float) -> None:
        """Inject for so long, at least each kind once, then stop all faults."""
        self._befall(seconds)
        if seconds >= _LONG_SECONDS:
            self._events["host frozen beyond the lease"] = self._freeze_a_host
        self._list_invoices()
        deadline = time.monotonic() + seconds
        tell = time.monotonic()
        for number, name in enumerate(self._dealt()):
            # Of its own for each, so that what one finds to do does not change those after it.
            self._chance = random.Random(f"{self._seed}/{number}")
            self._pause(0.2, 1.5)
            if time.monotonic() > deadline and number >= len(self._events):
                break
            self.injected[name] += self._events[name]()
            if time.monotonic() > tell:
                tell = time.monotonic() + _TELL_EVERY_SECONDS
                self._tell(deadline - time.monotonic())
        self._stack.partner_center.faults.clear()
        for name, fault in self._befalling:
            self.injected[name] += fault.used

    def _dealt(self) -> Iterator[str]:
        """Every kind once in random order, before one comes again."""
        deck = random.Random(self._seed)
        while True:
            yield from deck.sample(sorted(self._events), len(self._events))

    def _pause(self, shortest: float, longest: float) -> None:
        time.sleep(self._chance.uniform(shortest, longest))

    def _tell(self, left: float) -> None:
        requests = len(self._stack.partner_center.requests.matching(LINES))
        self._say(
            f"  {max(left, 0):4.0f} s left   page requests {requests}   messages "
            f"{self._stack.waiting()}   injected {self.injected.total()}"
        )

    # -- to single requests

    def _befall(self, seconds: float) -> None:
        """Let each fault befall a request soon, and all of them by chance from then on.

        Hostile answers are few, since each of them fails a delivery.
        """
        elsewhere = self._pieces.elsewhere.url
        self._add("redirected", faults.redirect(elsewhere), probability=0.1, times=2)
        self._add("foreign next link", foreign_next_link(elsewhere), probability=0.1, times=2)
        for times, probability in ((1, 0.3), (None, 0.005)):
            for name, act in _single_faults().items():
                self._add(name, act, probability=probability, times=times)
        if seconds >= _LONG_SECONDS:  # the app waits for a minute
            self._add("no answer for 65 s", faults.no_answer(65), probability=0.001, times=3)

    def _add(self, name: str, act: Act, *, probability: float, times: int | None) -> None:
        fault = self._stack.partner_center.faults.add(
            act, match=LINES, probability=probability, times=times
        )
        self._befalling.append((name, fault))

    # -- to the pieces; each gives how often it has happened

    def _kill_a_host(self) -> int:
        host = self._chance.choice(self._pieces.hosts)
        host.kill()
        self._pause(0, 1)
        host.start()
        return 1

    def _restart_azurite(self) -> int:
        self._stack.azurite.stop()
        self._pause(0, 1.5)
        self._stack.azurite.start()
        return 1

    def _expire_tokens(self) -> int:
        self._stack.entra_id.expire_all()
        return 1

    def _deliver_twice(self) -> int:
        """Put copies of some visible messages on the queue, as soon as there are some."""
        queue = QueueClient.from_connection_string(self._stack.azurite.connection_string, QUEUE)
        texts = _soon(2, lambda: _visible(queue))
        for text in self._chance.sample(texts, min(len(texts), 4)):
            delay = self._chance.choice((0, 0, 1, 3))
            queue.send_message(text, visibility_timeout=delay, time_to_live=-1)
        return min(len(texts), 4)

    def _freeze_a_host(self) -> int:
        """Let messages be delivered to another host while this one still works on them."""
        with self._chance.choice(self._pieces.hosts).frozen():
            time.sleep(LEASE_SECONDS + 2)
        return 1

    def _change_in_flight(self) -> int:
        """Change an invoice, and once more while what was ordered is fetched; give the changes."""
        partner_center = self._stack.partner_center
        invoice_id = self._chance.choice(list(partner_center.invoices))

        def asked() -> int:
            return len(partner_center.requests.matching(f"{invoice_id}/{LINES}"))

        def asked_more(before: int) -> bool:
            return asked() > before

        changes, under_way = 0, True
        while under_way and changes < 2:
            void = self._chance.random() < 0.3
            partner_center.put(_changed(partner_center.invoices[invoice_id], void=void))
            changes, before = changes + 1, asked()
            self._list_invoices()
            under_way = _soon(3, partial(asked_more, before))
            self._pause(0, 0.5)
        return changes

    def _answer_otherwise(self) -> int:
        """Let Partner Center write its answers in another of the ways that are known of it."""
        # Without next links only the whole's count says that there is more behind a short page.
        links = self._chance.choice((_NO_LINKS, {}, {"next_links": "malformed"}))
        self._stack.partner_center.options = Options(
            latency_seconds=0.05,
            pretty=self._chance.random() < 0.3,
            byte_order_mark=self._chance.random() < 0.3,
            gzip=self._chance.random() < 0.3,
            token_in=self._chance.choice(_TOKEN_IN),
            max_page_size=self._chance.choice((2000, self._pieces.page_size // 2)),
            **links,  # type: ignore[arg-type]
        )
        return 1

    def _list_invoices(self) -> int:
        self._chance.choice(self._pieces.hosts).run("list_invoices")
        return 1

    def _storm_of_throttling(self) -> int:
        seconds = self._chance.choice((1, 3, 6))
        form = self._chance.choice(("seconds", "date"))
        act = faults.throttled(seconds, form="date" if form == "date" else "seconds")
        return self._storm(self._chance.choice((act, faults.throttled(None))), longest=1.5)

    def _outage(self) -> int:
        # Up to longer than the app is patient where it stands.
        return self._storm(self._chance.choice((*_outages().values(), faults.reset())), longest=6)

    def _storm(self, act: Act, *, longest: float) -> int:
        """Let every request have this fault for a while; also those of the list."""
        # The first fault that fits befalls a request: whatever was there goes behind this one.
        usual = self._stack.partner_center.faults
        storm = self._stack.partner_center.faults = Faults()
        storm.add(act, match="/invoices", times=None)
        self._pause(0.3, longest)
        self._stack.partner_center.faults = usual
        return 1


def _single_faults() -> dict[str, Act]:
    return _outages() | {
        "429, seconds": faults.throttled(1),
        "429, more seconds": faults.throttled(6),
        "429, date": faults.throttled(2, form="date"),
        "429, without": faults.throttled(None),
        "no answer": faults.no_answer(3),
        "body cut off": faults.cut_body(),
        "body broken": faults.broken_body(),
        "body trickles": faults.trickle(1),
        "connection reset": faults.reset(),
    }


def _outages() -> dict[str, Act]:
    return {
        "500, JSON": faults.server_error(),
        "502, HTML": faults.status(502, faults.HTML),
        "503, empty": faults.status(503),
        "503, Retry-After": faults.status(503, headers={"Retry-After": "1"}),
    }


def foreign_next_link(url: str) -> Act:
    """Let the next link of an answer, if it has one, lead to another host."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await answer()
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            start, found, rest = response.body.rpartition(b'"next":{"uri":"')
            response.body = start + found + (url.encode() if found else b"") + rest
        return response

    return act


def _soon[T](seconds: float, look: Callable[[], T]) -> T:
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


def _changed(invoice: Invoice, *, void: bool) -> Invoice:
    """Void an invoice, or give it other lines and so another sum."""
    if void and invoice.document_type == "invoice":
        return voided(invoice)
    changed = replace(invoice, revision=invoice.revision + 1)
    if total_charges(changed) == total_charges(invoice):
        return _changed(changed, void=False)  # nobody could tell by the invoice
    return changed
