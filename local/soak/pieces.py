"""What runs in a soak: hosts on an app root of their own, and where no request may go."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.app_root import app_root
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.simulated import (
    Faults,
    GraphOptions,
    Options,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
)
from local.soak.world import world
from local.stack import Stack, settings_for

LEASE_SECONDS = 5
FIRST_WAIT_SECONDS = 1
DAY_SECONDS = 2
INVOCATION_SECONDS = 63
"""A file is left inside at its minute before the end, so that some take longer."""
QUEUE_STORAGE = "__queuestorage__"
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
    """What runs; `elsewhere` is another host, of which nothing must be asked.

    `queue_folder` is where Azurite keeps the texts of the queue's messages.
    """

    stack: Stack
    hosts: list[FunctionsHost]
    page_size: int
    elsewhere: SimulatedPartnerCenter
    queue_folder: Path


@contextmanager
def running(plan: Plan, folder: Path) -> Iterator[Pieces]:
    """Start everything, with Azurite's data and the hosts' logs in `folder`; stop it at the end."""
    (folder / "azurite").mkdir()
    app = app_root(
        folder / "app",
        visibility_timeout=2,
        first_wait=FIRST_WAIT_SECONDS,
        day=DAY_SECONDS,
        invocation_seconds=INVOCATION_SECONDS,
        # A file is several blocks, as those of a million rows are.
        block_bytes=max(plan.lines * 4, 1 << 14),
    )
    with ExitStack() as pieces:
        azurite = pieces.enter_context(Azurite(folder / "azurite"))
        entra_id = pieces.enter_context(SimulatedEntraId())
        elsewhere = pieces.enter_context(SimulatedPartnerCenter())
        simulated = SimulatedPartnerCenter(world(plan.lines), check_token=entra_id.check)
        simulated.options = Options(latency_seconds=0.05)
        simulated.faults = Faults(plan.seed)
        partner_center = pieces.enter_context(simulated)
        graph = pieces.enter_context(_graph(plan, partner_center, entra_id))
        page_size = min(max(plan.lines // 1000, 20), 2000)
        settings = settings_for(azurite, entra_id, partner_center, graph) | {
            "FETCH_TIME_BUDGET_SECONDS": "2",
            "SETTLE_DAYS": "3",
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
        stack = Stack(azurite, entra_id, partner_center, graph, hosts[0])
        yield Pieces(stack, hosts, page_size, elsewhere, folder / "azurite" / QUEUE_STORAGE)


def _graph(
    plan: Plan, partner_center: SimulatedPartnerCenter, entra_id: SimulatedEntraId
) -> SimulatedGraph:
    graph = SimulatedGraph(partner_center.invoices, check_token=entra_id.check)
    graph.options = GraphOptions(files=3, looks_until_ready=1, retry_after=1, latency_seconds=0.02)
    graph.faults, graph.files.faults = Faults(plan.seed), Faults(plan.seed)
    return graph


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
