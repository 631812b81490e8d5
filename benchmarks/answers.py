"""What is answered from storage: the list of ten years of invoices, and lines; beside others and the limit."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import batched

from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerClient

from benchmarks import workers
from benchmarks.listing import complete
from benchmarks.machine import progress
from benchmarks.peers.job import Cost
from benchmarks.simulated import Simulated, World, one_time
from benchmarks.stored import new_container
from benchmarks.table import table
from local.azurite import Azurite
from local.simulated.model import BILLING, ONE_TIME
from local.simulated.sources import stored_jsonl
from shared.services import Services
from shared.settings import Settings
from shared.storage.blobs import LinesMetadata

_WORK = "benchmarks.peers.answer"
_REPEATS = 3
_LISTS = {"list": "this app", "list, SDK": "the SDK's listing alone", "list, limit": "the limit"}
_LINES = {
    "jsonl": "this app, JSON lines",
    "csv": "this app, CSV",
    "csv, plain script": "plain script, CSV",
    "lines, limit": "the limit",
}


def report(*, per_month: int, lines: tuple[int, ...]) -> str:
    """Measure with `per_month` invoices a month, and with so many lines of an export."""
    return f"{_of_list(per_month)}\n\n{_of_lines(lines)}"


def _of_list(per_month: int) -> str:
    world = World(per_month=per_month)
    invoices = world.invoices()
    with Simulated(world) as simulated, Azurite() as azurite:
        progress(f"storing {len(invoices):,} invoices")
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        container, url = new_container(service, "invoices")
        settings = simulated.settings | _settings(azurite, container)
        workers.run("benchmarks.peers.list_invoices", "{}", settings)
        complete(invoices, Services(Settings.from_environment(settings)))
        blobs = sum(1 for _ in container.list_blob_names())
        costs = {name: _measured(name, url, ("G1", ONE_TIME, BILLING), settings) for name in _LISTS}
    head = ["a list of all", "s", "CPU s", "of the limit", "peak MiB"]
    return f"{len(invoices):,} invoices, {blobs:,} blobs.\n\n" + table(head, _rows(costs, _LISTS))


def _of_lines(counts: tuple[int, ...]) -> str:
    found = []
    for count in counts:
        invoice = one_time(count)
        with Simulated(World()) as simulated, Azurite() as azurite:
            progress(f"storing {count:,} lines")
            service = BlobServiceClient.from_connection_string(azurite.connection_string)
            container, url = new_container(service, "invoices")
            size = _store(container, f"{invoice.id}/{ONE_TIME}/{BILLING}.jsonl", count)
            settings = simulated.settings | _settings(azurite, container)
            key = (invoice.id, ONE_TIME, BILLING)
            runs = _REPEATS if count < 1_000_000 else 1
            costs = {name: _measured(name, url, key, settings, runs) for name in _LINES}
        found += [[count, size >> 20, *row] for row in _rows(costs, _LINES)]
    return table(["lines", "MiB", "all of them", "s", "CPU s", "of the limit", "peak MiB"], found)


def _rows(costs: dict[str, Cost], names: dict[str, str]) -> Iterator[list[object]]:
    limit = next(cost for name, cost in costs.items() if name.endswith("limit"))
    for name, cost in costs.items():
        ratio = f"{limit.seconds / cost.seconds:.2f}"
        yield [names[name], cost.seconds, cost.cpu_seconds, ratio, cost.peak_mib]


def _measured(
    name: str, url: str, key: tuple[str, ...], settings: dict[str, str], runs: int = _REPEATS
) -> Cost:
    progress(name)
    work = json.dumps({"name": name, "container_url": url, "key": key})
    return workers.median([workers.run(_WORK, work, settings) for _ in range(runs)])


def _settings(azurite: Azurite, container: ContainerClient) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "INVOICES_CONTAINER": str(container.container_name),
    }


def _store(container: ContainerClient, name: str, count: int) -> int:
    """Store lines as a fetch does; give their bytes."""
    blob, blocks, size = container.get_blob_client(name), [], 0
    lines = stored_jsonl(one_time(count), ONE_TIME, BILLING)
    for number, some in enumerate(batched(lines, 5000, strict=False)):
        block = BlobBlock(b64encode(f"{number:06}".encode()).decode())
        blob.stage_block(block.id, b"".join(some))
        blocks.append(block)
        size += sum(map(len, some))
    about = LinesMetadata(lines=count, source="graph")
    blob.commit_block_list(blocks, metadata=about.metadata())
    return size
