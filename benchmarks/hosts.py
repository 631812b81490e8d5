"""Several functions hosts on the same queue and storage share the work of many links."""

from __future__ import annotations

import time
from contextlib import ExitStack

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient

from benchmarks import workers
from benchmarks.machine import progress
from benchmarks.peers.app import message_for
from benchmarks.simulated import ROOT, Simulated, World, office
from benchmarks.stored import Content, content
from benchmarks.table import table
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.simulated.lines import jsonl
from local.simulated.model import BILLING, OFFICE
from shared.services import Services
from shared.settings import Settings

_LINES = 10_000


def report(*, links: int) -> str:
    """Measure one and two hosts, at 0 ms and at 300 ms for each answer."""
    rows = [
        [round(latency * 1000), hosts, *_measured(links, hosts, latency)]
        for latency in (0.0, 0.3)
        for hosts in (1, 2)
    ]
    text = f"{links} links of {_LINES:,} lines; every blob is compared byte by byte.\n\n"
    head = ["ms/answer", "hosts", "s", "links/s", "CPU s of all hosts", "links of each host"]
    return text + table(head, rows)


def _measured(links: int, hosts: int, latency: float) -> list[object]:
    progress(f"{hosts} hosts, {links} links, {latency} s")
    world = World(links=links, lines_per_link=_LINES, latency_seconds=latency)
    with ExitStack() as pieces:
        simulated = pieces.enter_context(Simulated(world))
        azurite = pieces.enter_context(Azurite())
        settings = simulated.settings | {"AzureWebJobsStorage": azurite.connection_string}
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        container = service.create_container("invoices")
        running = [
            pieces.enter_context(FunctionsHost(ROOT, settings, timer=False)) for _ in range(hosts)
        ]
        queue = Services(Settings.from_environment(settings)).queue
        cpu, began = _cpu(running), time.perf_counter()
        for number in range(links):
            queue.send(message_for(office(_LINES, number).id))
        workers.wait_until(lambda: _manifests(container) == links, "every link", seconds=600)
        seconds = time.perf_counter() - began
        cpu = _cpu(running) - cpu
        _check(container, links)
        shares = [_commits(host) for host in running]
    return [seconds, links / seconds, cpu, " + ".join(map(str, shares))]


def _cpu(hosts: list[FunctionsHost]) -> float:
    return sum(workers.cpu_of(host.pid) for host in hosts)


def _commits(host: FunctionsHost) -> int:
    return host.log().count(", in storage invoice=")


def _manifests(container: ContainerClient) -> int:
    try:
        return sum(name.endswith("/manifest.json") for name in container.list_blob_names())
    except ResourceNotFoundError:
        return 0


def _check(container: ContainerClient, links: int) -> None:
    for number in range(links):
        invoice = office(_LINES, number)
        blob = container.download_blob(f"{invoice.id}/{OFFICE}/{BILLING}.jsonl")
        wanted: Content = content([b"".join(jsonl(invoice, OFFICE, BILLING))])
        if content(blob.chunks()) != wanted:
            raise RuntimeError(f"the lines of {invoice.id} are not what they should be")
