"""What runs in a soak: hosts on an app root of their own, and where no request may go."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from local.app_root import app_root
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.simulated import (
    Faults,
    Invoice,
    Options,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
)
from local.simulated.invoices import legacy, new_commerce, voided
from local.simulated.rows import PERIOD
from local.stack import Stack, settings_for

LEASE_SECONDS = 5
LINES = "lineitems"  # in the path of every request for lines
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


@dataclass(frozen=True)
class Pieces:
    """What runs; `elsewhere` is another host, of which nothing must be asked."""

    stack: Stack
    hosts: list[FunctionsHost]
    page_size: int
    elsewhere: SimulatedPartnerCenter


@contextmanager
def running(plan: Plan, folder: Path) -> Iterator[Pieces]:
    """Start everything, with Azurite's data and the hosts' logs in `folder`; stop it at the end."""
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
        graph = SimulatedGraph(partner_center.invoices, check_token=entra_id.check)
        pieces.enter_context(graph)
        page_size = min(max(plan.lines // 1000, 20), 2000)
        # A soak is of v1's pages, for all invoices.
        settings = settings_for(azurite, entra_id, partner_center) | {
            "FETCH_TIME_BUDGET_SECONDS": "2",
            "LINE_ITEMS_PAGE_SIZE": str(page_size),
        }
        hosts = [
            FunctionsHost(
                *(app, settings),
                lease_seconds=LEASE_SECONDS,
                timer=False,
                log_file=folder / f"host-{number}.log",
            )
            for number in range(1, plan.hosts + 1)
        ]
        for host in hosts:
            pieces.enter_context(host)
        yield Pieces(
            Stack(azurite, entra_id, partner_center, graph, hosts[0]), hosts, page_size, elsewhere
        )


def world(lines: int) -> list[Invoice]:
    """Give invoices of either kind, and a void with its amendment, with about so many lines."""
    first, second = date(2024, 1, 8), date(2024, 2, 8)

    def share(percent: int) -> int:
        # Never whole periods: the sums of two revisions of an invoice would be the same.
        return lines * percent // 100 // PERIOD * PERIOD + 37

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
