"""Runs of one peer after the other on the same simulated service and the same Azurite, each checked."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count

from azure.storage.blob import BlobServiceClient, ContainerClient

from benchmarks import workers
from benchmarks.machine import progress
from benchmarks.peers.app import message_for
from benchmarks.peers.job import Cost, Job
from benchmarks.simulated import ROOT, Simulated, World, office, one_time
from benchmarks.stored import content, expected, new_container, stored
from benchmarks.venvs import python_with_dlt
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.processes import Piece
from shared.services import Services
from shared.settings import Settings

APP, LIMIT, PLAIN, DLT = "this app", "the limit", "plain script", "dlt"
_MODULES = {APP: "app", LIMIT: "limit", PLAIN: "plain", DLT: "dlt_pipeline"}
_EMPTY_AFTER = 300_000
"""Lines: Azurite keeps in memory what was deleted, so it is started anew now and then."""


@dataclass(frozen=True)
class Peer:
    """Who fetches, with so many pages in flight, of so many lines each; by offset or by token."""

    name: str
    connections: int = 1
    by_token: bool = False
    page_size: int = 2000
    gzip_blocks: bool = False

    def __str__(self) -> str:
        several = f", {self.connections} pages in flight" if self.connections > 1 else ""
        return f"{self.name}{several}{', by token' if self.by_token else ''}"


class Runs(Piece):
    """The services with one link of `lines` lines, and the runs on them."""

    def __init__(
        self,
        lines: int,
        latency_seconds: float = 0,
        *,
        gzip: bool = False,
        whole_count: bool = False,
    ) -> None:
        self._lines = lines
        world = World(
            (1, lines),
            latency_seconds=latency_seconds,
            gzip=gzip,
            total_count="whole" if whole_count else "page",
        )
        self._what = f"{lines:,} lines, {latency_seconds} s"
        self._simulated = Simulated(world)
        self._azurite = Azurite()
        self._numbers = count()
        self._lines_in_azurite = 0

    def start(self) -> None:
        """Start the services."""
        self._simulated.start()
        self._azurite.start()

    def stop(self) -> None:
        """Stop them."""
        self._azurite.stop()
        self._simulated.stop()

    def run(self, peer: Peer) -> Cost:
        """Let a peer fetch, and check what it has stored."""
        progress(f"{self._what}: {peer}")
        with self._container(peer) as (container, upload_url):
            return workers.run(
                f"benchmarks.peers.{_MODULES[peer.name]}",
                json.dumps(asdict(self._job(peer, container, upload_url))),
                self._settings(container, peer),
                python=python_with_dlt() if peer.name == DLT else sys.executable,
            )

    def run_through_host(self, peer: Peer) -> Cost:
        """Put the message on the queue, and wait until the functions host has done it."""
        progress(f"{self._what}: {peer} in the functions host")
        with self._container(peer) as (container, _):
            settings = self._settings(container, peer)
            with FunctionsHost(ROOT, settings, timer=False) as host:
                return self._in_host(host, settings, container)

    def _in_host(
        self, host: FunctionsHost, settings: Mapping[str, str], container: ContainerClient
    ) -> Cost:
        # The first message is another, so that the host is warm like everyone else.
        queue = Services(Settings.from_environment(settings)).queue
        queue.send(message_for(office(1).id))
        _wait_for(container, f"{office(1).id}/manifest.json")
        cpu, began = workers.cpu_of(host.pid), time.perf_counter()
        queue.send(message_for(office(self._lines).id))
        _wait_for(container, f"{office(self._lines).id}/manifest.json")
        seconds = time.perf_counter() - began
        container.delete_blob(f"{office(1).id}/office/billing_line_items.jsonl")
        return Cost(seconds, workers.cpu_of(host.pid) - cpu, workers.peak_of(host.pid))

    @contextmanager
    def _container(self, peer: Peer) -> Iterator[tuple[ContainerClient, str]]:
        if self._lines_in_azurite >= _EMPTY_AFTER:
            self._azurite.stop()
            self._azurite.blob_port = self._azurite.queue_port = 0
            self._azurite.start()
            self._lines_in_azurite = 0
        service = BlobServiceClient.from_connection_string(self._azurite.connection_string)
        container, upload_url = new_container(service, f"run-{next(self._numbers)}")
        yield container, upload_url
        self._check(container, peer)
        container.delete_container()
        self._lines_in_azurite += self._lines

    def _check(self, container: ContainerClient, peer: Peer) -> None:
        wanted = expected(self._lines, by_token=peer.by_token)
        if peer.gzip_blocks:
            blob = next(name for name in container.list_blob_names() if name.endswith(".jsonl"))
            found = content([gzip.decompress(container.download_blob(blob).readall())])
        else:
            found = stored(container)
        # The others spell the lines their own way, so what is compared is their number and order.
        same = (wanted.lines, wanted.orders) == (found.lines, found.orders)
        if not same or (peer.name == APP and wanted != found):
            raise RuntimeError(f"{peer}: expected {wanted}, but there is {found}")

    def _job(self, peer: Peer, container: ContainerClient, upload_url: str) -> Job:
        return Job(
            partner_center_url=self._simulated.url,
            token=self._simulated.token,
            invoice_id=(one_time if peer.by_token else office)(self._lines).id,
            lines=self._lines,
            by_token=peer.by_token,
            connections=peer.connections,
            connection_string=self._azurite.connection_string,
            container=container.container_name,
            upload_url=upload_url,
            page_size=peer.page_size,
            gzip_blocks=peer.gzip_blocks,
        )

    def _settings(self, container: ContainerClient, peer: Peer) -> dict[str, str]:
        return self._simulated.settings | {
            "AzureWebJobsStorage": self._azurite.connection_string,
            "INVOICES_CONTAINER": container.container_name,
            "LINE_ITEMS_CONCURRENCY": str(peer.connections),
            "LINE_ITEMS_PAGE_SIZE": str(peer.page_size),
        }


def _wait_for(container: ContainerClient, blob: str) -> None:
    workers.wait_until(container.get_blob_client(blob).exists, blob, seconds=3600)
