"""`get_invoice` under load, through the functions host, beside the request to Partner Center itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.load import Load, load
from benchmarks.machine import progress
from benchmarks.simulated import ROOT, Simulated, World
from benchmarks.table import table
from local.azurite import Azurite
from local.functions_host.process import FunctionsHost

_CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True)
class Case:
    """A way in which Partner Center gives the invoice."""

    name: str
    world: World

    @property
    def direct(self) -> str:
        """What one would ask for without the app."""
        return "" if not self.world.by_id_allowed else f"/{self.world.invoices()[0].id}"


_CASES = (
    Case("by id", World(per_month=2, by_id_allowed=True)),
    Case("from a list of 240", World(per_month=2)),
    Case("from a list of 2,040", World(per_month=17)),
)


def report(*, seconds: float) -> str:
    """Measure every case for so long at each number of connections."""
    head = ["Partner Center gives it", "asked", "connections", "requests/s", "median ms", "p99 ms"]
    return table(head, (row for case in _CASES for row in _rows(case, seconds)))


def _rows(case: Case, seconds: float) -> Iterator[list[object]]:
    invoice_id = case.world.invoices()[0].id
    with Simulated(case.world) as simulated, Azurite() as azurite:
        settings = simulated.settings | {"AzureWebJobsStorage": azurite.connection_string}
        with FunctionsHost(ROOT, settings, timer=False) as host:
            key = {"x-functions-key": host.function_key}
            token = {"Authorization": f"Bearer {simulated.token}"}
            direct = f"{simulated.url}/v1/invoices{case.direct}"
            asked = {
                "this app": (f"{host.url}/api/invoices/{invoice_id}", key),
                "Partner Center": (direct, token),
            }
            for connections in _CONNECTIONS:
                for name, (url, headers) in asked.items():
                    progress(f"{case.name}: {name}, {connections} connections")
                    found = _measured(url, headers, connections, seconds)
                    yield [
                        case.name,
                        name,
                        connections,
                        found.per_second,
                        found.median_ms,
                        found.p99_ms,
                    ]


def _measured(url: str, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    load(url, headers, connections=connections, seconds=0.3)  # makes it warm
    return load(url, headers, connections=connections, seconds=seconds)
