"""a) Fetching one link: this app beside a plain script, dlt, and the limit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from azure.storage.blob import BlobServiceClient, ContainerClient

from benchmarks import workers
from benchmarks.machine import progress
from benchmarks.peers.app import message_for
from benchmarks.peers.job import Cost, Job
from benchmarks.simulated import ROOT, Simulated, World, office, one_time
from benchmarks.stored import expected, new_container, stored
from benchmarks.table import table
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from shared.orders import Orders
from shared.settings import Settings
from shared.storage import line_items_queue

VENV = ROOT / "benchmarks" / ".venv"
_REQUIREMENTS = ROOT / "benchmarks" / "requirements.txt"


@dataclass(frozen=True)
class Peer:
    """Who fetches, over how many connections; `byte_exact` if what it stores is what was received."""

    name: str
    module: str
    connections: int = 1
    by_token: bool = False
    byte_exact: bool = False
    at_most: int = 10**9
    """Lines beyond which it is left out."""

    def __str__(self) -> str:
        with_connections = f", {self.connections} pages in flight" if self.connections > 1 else ""
        return self.name + with_connections


APP, LIMIT = "this app", "the limit"


def peers(*, slow_at_most: int) -> list[Peer]:
    """Everyone, in the order in which they run."""
    return [
        Peer(APP, "app", 4, byte_exact=True),
        Peer(LIMIT, "limit", 4),
        Peer(APP, "app", 8, byte_exact=True),
        Peer(LIMIT, "limit", 8),
        Peer("plain script", "plain", at_most=slow_at_most),
        Peer("dlt", "dlt_pipeline", at_most=slow_at_most),
        Peer(APP, "app", 1, by_token=True, byte_exact=True),
        Peer(LIMIT, "limit", 1, by_token=True),
    ]


@dataclass(frozen=True)
class Case:
    """So many lines, at so much time for each answer, measured so many times."""

    lines: int
    latency_seconds: float
    repeats: int
    slow_repeats: int = 1
    slow_at_most: int = 10**9


@dataclass
class Figures:
    """What the peers cost in a case."""

    case: Case
    costs: dict[Peer, Cost] = field(default_factory=dict)
    through_host: Cost | None = None

    def seconds(self, name: str, connections: int, *, by_token: bool = False) -> float | None:
        """How long this peer took."""
        wanted = (name, connections, by_token)
        for peer, cost in self.costs.items():
            if (peer.name, peer.connections, peer.by_token) == wanted:
                return cost.seconds
        return None


def measure(cases: Iterable[Case]) -> list[Figures]:
    """Measure all cases."""
    make_venv()
    return [_measure(case) for case in cases]


def make_venv() -> None:
    """Make dlt's virtual environment, unless it is there for these requirements."""
    done = VENV / ".installed"
    wanted = _REQUIREMENTS.read_text()
    if done.exists() and done.read_text() == wanted:
        return
    progress("installing dlt into benchmarks/.venv")
    pip = [str(python_of_venv()), "-m", "pip", "install", "--quiet"]
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    subprocess.run(
        [*pip, "--disable-pip-version-check", "-r", str(_REQUIREMENTS)],
        check=True,
        stdout=sys.stderr,
    )
    done.write_text(wanted)


def python_of_venv() -> Path:
    """The Python that has dlt."""
    return VENV / "bin" / "python"


def dlt_version() -> str:
    """The version in the virtual environment."""
    return _REQUIREMENTS.read_text().partition("dlt[filesystem]==")[2].split()[0]


def _measure(case: Case) -> Figures:
    figures = Figures(case)
    runs: dict[Peer, list[Cost]] = {}
    with _Bench(case) as bench:
        for turn in range(case.repeats):
            # In turns, so that whatever else the machine does befalls everyone alike.
            for peer in peers(slow_at_most=case.slow_at_most):
                slow = peer.name not in (APP, LIMIT)
                if case.lines <= peer.at_most and turn < (
                    case.slow_repeats if slow else case.repeats
                ):
                    runs.setdefault(peer, []).append(bench.run(peer))
        figures.through_host = bench.run_through_host()
    figures.costs = {peer: workers.median(costs) for peer, costs in runs.items()}
    return figures


class _Bench:
    """The services of a case, and the runs on them, each checked."""

    _EMPTY_AFTER = 300_000
    """Lines: Azurite keeps in memory what was deleted, so it is started anew now and then."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._simulated = Simulated(World((1, case.lines), latency_seconds=case.latency_seconds))
        self._azurite = Azurite()
        self._numbers = count()
        self._lines_in_azurite = 0

    def __enter__(self) -> _Bench:
        self._simulated.start()
        self._azurite.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._azurite.stop()
        self._simulated.stop()

    def run(self, peer: Peer) -> Cost:
        """Let a peer fetch, and check what it has stored."""
        progress(f"{self._case.lines:,} lines, {self._case.latency_seconds} s: {peer}")
        with self._container(peer.by_token, exact=peer.byte_exact) as (container, upload_url):
            job = self._job(peer, container, upload_url)
            python = str(python_of_venv()) if peer.module.startswith("dlt") else sys.executable
            return workers.run(
                f"benchmarks.peers.{peer.module}",
                json.dumps(asdict(job)),
                self._settings(container, peer.connections),
                python=python,
            )

    def run_through_host(self) -> Cost:
        """Put the message on the queue, and wait until the functions host has done it."""
        progress(f"{self._case.lines:,} lines, {self._case.latency_seconds} s: functions host")
        with self._container(by_token=False, exact=True) as (container, _):
            settings = self._settings(container, connections=4)
            with FunctionsHost(ROOT, settings, timer=False) as host:
                return self._in_host(host, settings, container)

    def _in_host(
        self, host: FunctionsHost, settings: Mapping[str, str], container: ContainerClient
    ) -> Cost:
        # The first message is another, so that the host is warm like everyone else.
        orders = Orders(line_items_queue(Settings.from_environment(settings)))
        orders.send(message_for(office(1).id))
        _wait_for(container, f"{office(1).id}/manifest.json")
        cpu, began = workers.cpu_of(host.pid), time.perf_counter()
        orders.send(message_for(office(self._case.lines).id))
        _wait_for(container, f"{office(self._case.lines).id}/manifest.json")
        seconds = time.perf_counter() - began
        container.delete_blob(f"{office(1).id}/office/billing_line_items.jsonl")
        return Cost(seconds, workers.cpu_of(host.pid) - cpu, workers.peak_of(host.pid))

    @contextmanager
    def _container(self, by_token: bool, *, exact: bool) -> Iterator[tuple[ContainerClient, str]]:
        if self._lines_in_azurite >= self._EMPTY_AFTER:
            self._azurite.stop()
            self._azurite.blob_port = self._azurite.queue_port = 0
            self._azurite.start()
            self._lines_in_azurite = 0
        service = BlobServiceClient.from_connection_string(self._azurite.connection_string)
        container, upload_url = new_container(service, f"run-{next(self._numbers)}")
        yield container, upload_url
        self._check(container, by_token, exact=exact)
        container.delete_container()
        self._lines_in_azurite += self._case.lines

    def _check(self, container: ContainerClient, by_token: bool, *, exact: bool) -> None:
        wanted, found = expected(self._case.lines, by_token=by_token), stored(container)
        same = (
            wanted == found
            if exact
            else (wanted.lines, wanted.orders)
            == (
                found.lines,
                found.orders,
            )
        )
        if not same:
            raise RuntimeError(f"expected {wanted}, but there is {found}")

    def _job(self, peer: Peer, container: ContainerClient, upload_url: str) -> Job:
        lines = self._case.lines
        return Job(
            partner_center_url=self._simulated.url,
            token=self._simulated.token,
            invoice_id=(one_time if peer.by_token else office)(lines).id,
            lines=lines,
            by_token=peer.by_token,
            connections=peer.connections,
            connection_string=self._azurite.connection_string,
            container=container.container_name,
            upload_url=upload_url,
        )

    def _settings(self, container: ContainerClient, connections: int) -> dict[str, str]:
        return self._simulated.settings | {
            "AzureWebJobsStorage": self._azurite.connection_string,
            "INVOICES_CONTAINER": container.container_name,
            "LINE_ITEMS_CONCURRENCY": str(connections),
        }


def _wait_for(container: ContainerClient, blob: str, seconds: float = 3600) -> None:
    client = container.get_blob_client(blob)
    deadline = time.monotonic() + seconds
    while not client.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{blob} does not appear")
        time.sleep(0.02)


def report(all_figures: Iterable[Figures]) -> str:
    """Write the tables: each figure, then the ratios."""
    figures = list(all_figures)
    rows = [row for each in figures for row in _rows(each)]
    head = ["lines", "ms/answer", "who", "s", "lines/s", "CPU s per M lines", "peak MiB"]
    ratios = table(
        [
            "lines",
            "ms/answer",
            "app/limit (4)",
            "app/limit (8)",
            "app/limit (by token)",
            "app(4)/plain",
            "app(8)/plain",
            "app(4)/dlt",
            "app(8)/dlt",
        ],
        map(_ratios, figures),
    )
    return (
        f"{table(head, rows)}\n\nRatios of speed, the number of connections in parentheses:\n\n"
        f"{ratios}"
    )


def _rows(figures: Figures) -> Iterator[list[object]]:
    case = figures.case
    costs = {
        f"{peer}{', by token' if peer.by_token else ''}": cost
        for peer, cost in sorted(figures.costs.items(), key=lambda pair: pair[0].by_token)
    }
    if figures.through_host:
        costs["this app in the functions host, 4 pages in flight"] = figures.through_host
    for name, cost in costs.items():
        million = case.lines / 1e6
        speed, cpu = case.lines / cost.seconds, cost.cpu_seconds / million
        latency = round(case.latency_seconds * 1000)
        yield [case.lines, latency, name, cost.seconds, speed, cpu, cost.peak_mib]


def _ratios(figures: Figures) -> list[object]:
    def speedup(of: float | None, over: float | None) -> str:
        return f"{over / of:.2f} ×" if of and over else "–"

    def app(connections: int) -> float | None:
        return figures.seconds(APP, connections)

    by_token = [figures.seconds(name, 1, by_token=True) for name in (APP, LIMIT)]
    return [
        figures.case.lines,
        round(figures.case.latency_seconds * 1000),
        *(speedup(app(n), figures.seconds(LIMIT, n)) for n in (4, 8)),
        speedup(*by_token),
        *(speedup(app(n), figures.seconds("plain script", 1)) for n in (4, 8)),
        *(speedup(app(n), figures.seconds("dlt", 1)) for n in (4, 8)),
    ]
