"""`make soak`: the whole app under faults, at random but seeded moments, and the proof that nothing is lost.

Hosts are killed, storage goes away, Partner Center throttles, fails, hangs up and changes its
invoices, tokens expire, messages are delivered twice. At the end storage has to hold, byte for
byte, what Partner Center then has. The same seed deals the same faults in the same order;
which request and which moment of the work they meet is up to the machine.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.simulated import (
    Faults,
    Invoice,
    Options,
    SimulatedEntraId,
    SimulatedPartnerCenter,
    faults,
)
from local.simulated import invoices as simulated
from local.simulated.faults import Act, Answer, Fault
from local.simulated.invoices import legacy, new_commerce, voided
from local.stack import APP_ROOT, QUEUE, Stack, settings_for

POISON = f"{QUEUE}-poison"
_APP = ("function_app.py", "list_invoices", "fetch_line_items", "get_invoice", "shared")
_LEASE_SECONDS = 5
_TELL_EVERY_SECONDS = 10.0
_LINES = "lineitems"  # in the path of every request for lines
_STARTED = re.compile(r"Executing 'Functions\.list_invoices' \(Id=([0-9a-f-]{36})\)")
_ENQUEUED = re.compile(r"Listed: Outcome\(.*enqueued=(\d+)")


@dataclass(frozen=True)
class Plan:
    """How hard, and how long: faults for `seconds`, then at most `settle_seconds` to heal."""

    seed: int
    lines: int = 200_000
    seconds: float = 600
    hosts: int = 2
    settle_seconds: float = 300


@dataclass
class Verdict:
    """What was injected how often, and what was wrong at the end."""

    injected: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    page_requests: int = 0


Say = Callable[[str], None]


def soak(plan: Plan, folder: Path, say: Say = print) -> Verdict:
    """Run the app under faults as planned; the hosts' logs stay in `folder`."""
    say(f"Seed {plan.seed}; {plan.hosts} hosts, {plan.seconds:.0f} s of faults; logs in {folder}")
    with _running(plan, folder) as pieces:
        injector = Injector(pieces, plan.seed, say)
        injector.run(plan.seconds)
        say("The faults have stopped")
        settled = _settle(pieces, plan.settle_seconds)
        problems = [] if settled else [f"it is not done {plan.settle_seconds:.0f} s after that"]
        problems += _problems(pieces)
        requests = len(pieces.stack.partner_center.requests.matching(_LINES))
        return Verdict(injector.injected, problems, requests)


# --- the pieces -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pieces:
    """What runs; `elsewhere` is another host, of which nothing must be asked."""

    stack: Stack
    hosts: list[FunctionsHost]
    elsewhere: SimulatedPartnerCenter


@contextmanager
def _running(plan: Plan, folder: Path) -> Iterator[Pieces]:
    (folder / "azurite").mkdir()
    app = app_root(folder / "app", visibility_timeout=2)
    with ExitStack() as pieces:
        azurite = pieces.enter_context(Azurite(folder / "azurite"))
        entra_id = pieces.enter_context(SimulatedEntraId())
        elsewhere = pieces.enter_context(SimulatedPartnerCenter())
        simulated = SimulatedPartnerCenter(world(plan.lines), check_token=entra_id.check)
        simulated.options = Options(latency_seconds=0.05)
        simulated.faults = Faults(plan.seed)
        partner_center = pieces.enter_context(simulated)
        settings = settings_for(azurite, entra_id, partner_center) | {
            "FETCH_TIME_BUDGET_SECONDS": "2",
            "LINE_ITEMS_PAGE_SIZE": str(min(max(plan.lines // 1000, 20), 2000)),
        }
        hosts = [
            FunctionsHost(
                *(app, settings),
                lease_seconds=_LEASE_SECONDS,
                timer=False,
                log_file=folder / f"host-{number}.log",
            )
            for number in range(1, plan.hosts + 1)
        ]
        for host in hosts:
            pieces.enter_context(host)
        yield Pieces(Stack(azurite, entra_id, partner_center, hosts[0]), hosts, elsewhere)


def app_root(root: Path, *, visibility_timeout: int) -> Path:
    """Make a root of the same app, where a failed message comes back after so few seconds."""
    root.mkdir()
    for part in _APP:
        (root / part).symlink_to(APP_ROOT / part)
    host = json.loads((APP_ROOT / "host.json").read_text())
    host["extensions"]["queues"]["visibilityTimeout"] = f"00:00:{visibility_timeout:02d}"
    (root / "host.json").write_text(json.dumps(host))
    return root


def world(lines: int) -> list[Invoice]:
    """Give invoices of either kind, and a void with its amendment, with about so many lines."""
    first, second = date(2024, 1, 8), date(2024, 2, 8)

    def share(percent: int) -> int:
        # Never whole periods: the sums of two revisions of an invoice would be the same.
        return lines * percent // 100 // simulated.PERIOD * simulated.PERIOD + 37

    return [
        legacy("D0700000S1", first, office=share(10), azure=share(15), usage=share(20)),
        legacy(
            *("D0700000S2", second),
            office=share(5),
            azure=share(5),
            usage=share(10),
            adjustment=Decimal("-12.34"),
        ),
        new_commerce("G000070001", first, billing=share(15), usage=share(10)),
        new_commerce("G000070002", second, billing=share(4), usage=share(3), currency="EUR"),
        voided(new_commerce("G000070003", second, billing=share(2), usage=share(1))),
    ]


# --- the faults -----------------------------------------------------------------------------------


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
            "invoice changed": self._change_an_invoice,
            "list_invoices by hand": self._list_invoices,
            "storm of throttling": self._storm_of_throttling,
            "outage of Partner Center": self._outage,
        }

    def run(self, seconds: float) -> None:
        """Inject for so long, then stop all faults."""
        self._befall(seconds)
        self._list_invoices()
        deadline = time.monotonic() + seconds
        tell = time.monotonic()
        for number, name in enumerate(self._dealt()):
            # Of its own for each, so that what one finds to do does not change those after it.
            self._chance = random.Random(f"{self._seed}/{number}")
            self._pause(0.2, 1.5)
            if time.monotonic() > deadline:
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
        requests = len(self._stack.partner_center.requests.matching(_LINES))
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
        if seconds >= 300:  # the app waits for a minute
            self._add("no answer for 65 s", faults.no_answer(65), probability=0.001, times=3)

    def _add(self, name: str, act: Act, *, probability: float, times: int | None) -> None:
        fault = self._stack.partner_center.faults.add(
            act, match=_LINES, probability=probability, times=times
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
        texts = _visible(queue, seconds=2)
        for text in self._chance.sample(texts, min(len(texts), 4)):
            delay = self._chance.choice((0, 0, 1, 3))
            queue.send_message(text, visibility_timeout=delay, time_to_live=-1)
        return min(len(texts), 4)

    def _change_an_invoice(self) -> int:
        partner_center = self._stack.partner_center
        invoice = self._chance.choice(list(partner_center.invoices.values()))
        partner_center.put(_changed(invoice, void=self._chance.random() < 0.3))
        self._pause(0, 1)
        return 1

    def _list_invoices(self) -> int:
        self._chance.choice(self._pieces.hosts).run("list_invoices")
        return 1

    def _storm_of_throttling(self) -> int:
        seconds = self._chance.choice((1, 3, 6))
        form = self._chance.choice(("seconds", "date"))
        act = faults.throttled(seconds, form="date" if form == "date" else "seconds")
        return self._storm(self._chance.choice((act, faults.throttled(None))))

    def _outage(self) -> int:
        return self._storm(self._chance.choice((*_outages().values(), faults.reset())))

    def _storm(self, act: Act) -> int:
        """Let every request have this fault for a while; also those of the list."""
        # The first fault that fits befalls a request: whatever was there goes behind this one.
        usual = self._stack.partner_center.faults
        storm = self._stack.partner_center.faults = Faults()
        storm.add(act, match="/invoices", times=None)
        self._pause(0.3, 1.5)
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


def _visible(queue: QueueClient, *, seconds: float) -> list[str]:
    """Wait for messages that nobody works on, and read them; none if none come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if messages := queue.peek_messages(max_messages=32):
                return [str(message.content) for message in messages]
        except ResourceNotFoundError:
            pass
        time.sleep(0.02)
    return []


def _changed(invoice: Invoice, *, void: bool) -> Invoice:
    """Void an invoice, or give it other lines and so another sum."""
    if void and invoice.document_type == "invoice":
        return voided(invoice)
    changed = replace(invoice, revision=invoice.revision + 1)
    if simulated.total_charges(changed) == simulated.total_charges(invoice):
        return _changed(changed, void=False)  # nobody could tell by the invoice
    return changed


# --- the end --------------------------------------------------------------------------------------


def list_invoices(host: FunctionsHost, *, seconds: float = 60) -> int | None:
    """Run list_invoices, and tell how many links it has enqueued; None if it has failed."""
    known = set(_STARTED.findall(host.log()))
    host.run("list_invoices")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        log = host.log()
        for run in set(_STARTED.findall(log)) - known:
            if f"Succeeded, Id={run}" in log:
                lines = [line for line in log.splitlines() if f"list_invoices {run[:8]}]" in line]
                return int(_ENQUEUED.findall("\n".join(lines))[-1])
            if f"Failed, Id={run}" in log:
                return None
        time.sleep(0.1)
    return None


def _settle(pieces: Pieces, seconds: float) -> bool:
    """Run list_invoices until nothing is due and the queue is empty; say whether that was in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if list_invoices(pieces.hosts[0]) == 0 and pieces.stack.waiting() == 0:
            return True
        while pieces.stack.waiting() and time.monotonic() < deadline:
            time.sleep(0.1)
    return False


def _problems(pieces: Pieces) -> Iterator[str]:
    stack = pieces.stack
    invoices = list(_with_amendments(stack.partner_center.invoices.values()))
    yield from _wrong_blobs(stack, invoices)
    for invoice in invoices:
        yield from _wrong_manifest(stack, invoice)
    if stack.waiting(POISON):
        queue = QueueClient.from_connection_string(stack.azurite.connection_string, POISON)
        yield from (f"poison: {message.content}" for message in queue.peek_messages(32))
    for request in pieces.elsewhere.requests:
        yield f"another host was asked for {request.path_and_query}"


def _wrong_blobs(stack: Stack, invoices: Iterable[Invoice]) -> Iterator[str]:
    expected = {
        f"{invoice.id}/{detail.provider}/{detail.type}.jsonl": (invoice, detail)
        for invoice in invoices
        for detail in invoice.details or ()
    }
    there = {name for name in stack.blobs() if name.endswith(".jsonl")}
    yield from (f"{name} is missing" for name in sorted(expected.keys() - there))
    yield from (f"{name} is too much" for name in sorted(there - expected.keys()))
    for name in sorted(expected.keys() & there):
        invoice, detail = expected[name]
        content = stack.container.download_blob(name).readall()
        if content != b"".join(simulated.jsonl(invoice, detail.provider, detail.type)):
            yield f"{name} is not what Partner Center has"


def _wrong_manifest(stack: Stack, invoice: Invoice) -> Iterator[str]:
    try:
        text = stack.container.download_blob(f"{invoice.id}/manifest.json").readall()
    except ResourceNotFoundError:
        yield f"{invoice.id} has no manifest"
        return
    manifest: dict[str, Any] = json.loads(text, parse_float=Decimal)
    entries = {
        (entry["billingProvider"], entry["invoiceLineItemType"]): (entry["lines"], entry["total"])
        for entry in manifest["lineItems"]
    }
    said = {
        name: manifest[name] for name in ("complete", "totalCharges", "lineTotal", "difference")
    }
    if (expected := _expected_manifest(invoice)) != said | {"lineItems": entries}:
        yield f"the manifest of {invoice.id} is wrong: {said} {entries}, expected {expected}"


def _expected_manifest(invoice: Invoice) -> dict[str, Any]:
    return {
        "complete": True,
        "totalCharges": simulated.total_charges(invoice),
        "lineTotal": simulated.line_total(invoice),
        "difference": invoice.adjustment,
        "lineItems": {
            (detail.provider, detail.type): (
                detail.line_count,
                simulated.total(invoice, detail.provider, detail.type),
            )
            for detail in invoice.details or ()
        },
    }


def _with_amendments(invoices: Iterable[Invoice]) -> Iterator[Invoice]:
    for invoice in invoices:
        yield invoice
        yield from _with_amendments(invoice.amendments)


# --- the command ----------------------------------------------------------------------------------


def main() -> int:
    """Run a soak; give 0 only if all is right."""
    arguments = _arguments()
    plan = Plan(arguments.seed, arguments.lines, arguments.minutes * 60, arguments.hosts)
    folder = Path(tempfile.mkdtemp(prefix="invoices-soak-"))
    verdict = soak(plan, folder, lambda text: print(text, flush=True))
    print(f"\nPage requests: {verdict.page_requests}\nInjected:")
    for name, count in sorted(verdict.injected.items()):
        print(f"  {count:6} {name}")
    if verdict.problems:
        print(f"\nFAILED with seed {plan.seed}:", *verdict.problems, sep="\n  ")
        return 1
    shutil.rmtree(folder)
    print("\nEvery line is in storage, byte for byte, and every manifest is right.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hosts", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
