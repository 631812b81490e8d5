"""`list_invoices` with ten years of invoices: the first run, and one that finds nothing new."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from benchmarks import workers
from benchmarks.machine import progress
from benchmarks.peers.job import Cost
from benchmarks.simulated import Simulated, World
from benchmarks.table import table
from local.azurite import Azurite
from local.simulated.model import Invoice
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.looks import refresh_manifest
from shared.services import Services
from shared.settings import Settings
from shared.storage.blobs import LinesMetadata
from shared.storage.blocks import Staged
from shared.storage.inventory import inventory
from shared.storage.metadata import now

_CONTAINER = "invoices"
_WORK = "benchmarks.peers.list_invoices"


def report(*, per_month: int) -> str:
    """Measure with `per_month` invoices a month, each with three kinds of lines."""
    world = World(per_month=per_month)
    invoices = world.invoices()
    with Simulated(world) as simulated, Azurite() as azurite:
        settings = simulated.settings | {
            "AzureWebJobsStorage": azurite.connection_string,
            "INVOICES_CONTAINER": _CONTAINER,
        }
        progress(f"{len(invoices):,} invoices, all new")
        first = workers.run(_WORK, "{}", settings)
        progress("and nothing stored of their lines")
        under_way = workers.run(_WORK, "{}", settings)
        progress("storing their lines")
        complete(invoices, Services(Settings.from_environment(settings)))
        runs = []
        for _ in range(3):
            progress("nothing new")
            runs.append(workers.run(_WORK, "{}", settings))
            _check_nothing_done(runs[-1])
    rows = {
        "everything new": first,
        "all lines under way": under_way,
        "everything stored, nothing new": workers.median(runs),
    }
    counted = sorted({name for cost in rows.values() for name in cost.counts})
    head = ["run", "s", "CPU s", "peak MiB", *counted]
    details = sum(len(invoice.details or ()) for invoice in invoices)
    return f"{len(invoices):,} invoices with {details:,} details.\n\n" + table(
        head,
        (
            [name, cost.seconds, cost.cpu_seconds, cost.peak_mib]
            + [cost.counts.get(each, 0) for each in counted]
            for name, cost in rows.items()
        ),
    )


def _check_nothing_done(cost: Cost) -> None:
    if cost.counts["invoices written"] or cost.counts["messages sent"]:
        raise RuntimeError(f"there should have been nothing to do: {json.dumps(cost.counts)}")


def complete(invoices: list[Invoice], services: Services) -> None:
    """Store what the fetches would have stored, without a line in it."""
    archive = services.archive
    stored = inventory(archive)

    def complete(invoice: Invoice) -> None:
        about = stored[invoice.id].invoice
        for detail in invoice.details or ():
            key = LineItemsKey.of(invoice.id, detail.provider, detail.type)
            metadata = _metadata(key, about.version if about else None)
            archive.commit_lines(key, Staged(), metadata, replacing=None)
        archive.put_reconciliation(invoice.id, b"{}", replacing=None)
        refresh_manifest(services, invoice.id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(complete, invoices))


def _metadata(key: LineItemsKey, version: str | None) -> LinesMetadata:
    return LinesMetadata(
        lines=10,
        pages=1,
        total=Decimal("1234.5600"),
        currency="USD",
        link=link_of(key),
        fetched_at=now().isoformat(),
        correlation_id="3b33e682-7bd4-4e9a-8b2a-0d2bfb1d3f5c",
        run="0123456789abcdef",
        version=version,
    )
