"""The process dies at any instant of an export's fetch: the queue delivers the message again, and all is well."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
import requests
from azure.storage.queue import QueueMessage
from requests.adapters import HTTPAdapter

from local.azurite import Azurite
from local.simulated import Invoice, SimulatedGraph
from local.simulated.data_sets import DataSet
from local.simulated.exports import export_jsonl, export_total
from local.simulated.model import BILLING, NEW_COMMERCE, ONE_TIME, Detail
from tests.running_app import RunningApp

FILES, ROWS = 3, 90
INVOICE = Invoice(
    "G098765000", NEW_COMMERCE, date(2026, 11, 8), (Detail(ONE_TIME, BILLING, ROWS),), "EUR"
)
AT_ONCE, BY_FILE, BY_BLOCK = "at once", "file by file", "block by block"
# Of the many requests to the container every third: with both moments that is most of them.
STEPS = {"graph": 1, "files": 1, "container": 3}
CASES = [
    *[(budget, place, STEPS[place]) for budget in (AT_ONCE, BY_FILE) for place in STEPS],
    (BY_BLOCK, "graph", 3),
]
Place = Literal["graph", "files", "container", "queue"]
Moment = Literal["before", "after"]
Order = Literal["follow-up first", "same message first"]


class Crash(BaseException):
    """The process is gone. No `except` of the app's catches it."""


@dataclass
class Wire:
    """Every request of the app's goes through here, until the process dies at one of them."""

    ports: dict[int, Place]
    requests: Counter[Place] = field(default_factory=Counter)
    blocks: list[int] = field(default_factory=list)  # that each process has staged
    dies_at: tuple[Place, int, Moment] | None = None
    is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def process(self) -> Iterator[None]:
        """Let what runs in the block be one process, whose threads send nothing after its death."""
        send, self.is_dead = HTTPAdapter.send, False
        self.blocks.append(0)

        def sending(
            adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
        ) -> requests.Response:
            moment = self._moment(request.url or "")
            if moment == "before":
                self._die()
            response = send(adapter, request, *args, **kwargs)
            if moment == "after":
                response.close()  # as the system does
                self._die()
            return response

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HTTPAdapter, "send", sending)
            yield

    def _moment(self, url: str) -> Moment | None:
        """Count a request, and say when the process dies of it."""
        place = next((self.ports[port] for port in self.ports if f":{port}/" in url), None)
        with self._lock:
            if self.is_dead:
                raise Crash
            if place is None:
                return None  # a token
            self.requests[place] += 1
            self.blocks[-1] += "comp=block&" in url
            dies = self.dies_at and self.dies_at[:2] == (place, self.requests[place])
            return self.dies_at[2] if self.dies_at and dies else None

    def _die(self) -> None:
        self.is_dead = True
        raise Crash


@dataclass
class Fetches:
    """Fetches one invoice after the other from nothing, with a crash in each."""

    app: RunningApp
    graph: SimulatedGraph
    azurite: Azurite
    settings: dict[str, Any]
    invoice: Invoice = INVOICE

    def run(
        self, dies_at: tuple[Place, int, Moment] | None = None, order: Order = "follow-up first"
    ) -> Wire:
        """Fetch another invoice to the end, whatever happens; give what went over the wire."""
        self.invoice = replace(INVOICE, id=f"G{int(self.invoice.id[1:]) + 1:09d}")
        self.graph.invoices.clear()
        self.graph.invoices[self.invoice.id] = self.invoice
        self.app.list_invoices()
        wire = Wire(self._ports(), dies_at=dies_at)
        in_work = self._deliver_all(wire)
        assert bool(in_work) == bool(dies_at), f"{dies_at} was not reached"
        if in_work and order == "follow-up first":
            assert not self._deliver_all(wire)
        if in_work:
            self.app.queue.update_message(in_work, visibility_timeout=0)  # its lease is over
        assert not self._deliver_all(wire)
        assert not self.app.waiting()
        return wire

    def exports(self) -> int:
        """Count the exports that were asked for of the last invoice."""
        asked = self.graph.requests.matching("/export")
        return sum(self.invoice.id.encode() in request.body for request in asked)

    def check(self) -> None:
        """The blob, its metadata and the manifest of the last invoice are what they have to be."""
        blob = f"{self.invoice.id}/one_time/{BILLING}.jsonl"
        assert self.app.read(blob) == b"".join(export_jsonl(self.invoice, BILLING))
        metadata, total = self.app.metadata(blob), export_total(self.invoice, BILLING)
        said = {name: metadata[name] for name in ("lines", "pages", "source", "etag", "currency")}
        etag = DataSet(self.invoice, BILLING, FILES).etag
        assert list(said.values()) == [str(ROWS), str(FILES), "graph", etag, "EUR"]
        assert Decimal(metadata["total"]) == total
        manifest = self.app.manifest(self.invoice.id)
        (entry,) = manifest["lineItems"]
        assert (manifest["complete"], manifest["difference"]) == (True, 0)
        assert (entry["lines"], entry["total"], entry["etag"]) == (ROWS, total, etag)

    def _deliver_all(self, wire: Wire) -> QueueMessage | None:
        """Deliver what is visible; give the message at which the process has died."""
        while message := self.app.queue.receive_message(visibility_timeout=600):
            try:
                with wire.process():
                    self.app.fetch(message.content, **self.settings)
            except Crash:
                wire.dies_at = None
                return message
            self.app.queue.delete_message(message)
        return None

    def _ports(self) -> dict[int, Place]:
        def port(url: str) -> int:
            return int(url.rpartition(":")[2])

        return {
            port(self.graph.url): "graph",
            port(self.graph.files.url): "files",
            self.azurite.blob_port: "container",
            self.azurite.queue_port: "queue",
        }


@pytest.fixture
def fetches(
    request: pytest.FixtureRequest,
    small_blocks: None,  # noqa: ARG001 - a fixture that does something
    graph_app: RunningApp,
    graph: SimulatedGraph,
    azurite: Azurite,
    monkeypatch: pytest.MonkeyPatch,
) -> Fetches:
    """Fetches whose files are some blocks each, with time for all in one invocation, a file, or a block."""
    graph.options.files = FILES
    if request.param == BY_BLOCK:
        monkeypatch.setattr("fetch_line_items.graph_export._COMMIT_SECONDS", 540)
    settings = {"time_budget_seconds": 0} if request.param == BY_FILE else {}
    return Fetches(graph_app, graph, azurite, settings)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("fetches", "place", "step"), CASES, indirect=["fetches"])
def test_a_crash_at_any_request_loses_and_doubles_nothing(
    fetches: Fetches, place: Place, step: int, moment: Moment
) -> None:
    """It costs one more export at most, and the blocks of one invocation."""
    usual = fetches.run()
    fetches.check()
    assert fetches.exports() == 1
    for number in range(1, usual.requests[place] + 1, step):
        wire = fetches.run((place, number, moment))
        fetches.check()
        assert fetches.exports() <= 2
        assert sum(wire.blocks) <= sum(usual.blocks) + max(usual.blocks)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("order", ["follow-up first", "same message first"])
@pytest.mark.parametrize("fetches", [BY_FILE], indirect=True)
def test_a_crash_at_a_follow_up_message_loses_and_doubles_nothing(
    fetches: Fetches, moment: Moment, order: Order
) -> None:
    """Whether it was sent or not, and whichever of both messages comes first."""
    usual = fetches.run()
    assert usual.requests["queue"] == FILES - 1
    for number in range(1, FILES):
        fetches.run(("queue", number, moment), order)
        fetches.check()
        assert fetches.exports() <= 2
