"""The simulated services as a process of their own, with the invoices that are measured.

`python -m local.simulated` has invoices for people; this is the same with others, as its one
argument says (a `World` as JSON).
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import requests

from local.processes import Child, Piece
from local.simulated.entra_id import SimulatedEntraId
from local.simulated.files import FileOptions, SimulatedFiles
from local.simulated.graph import GraphOptions, SimulatedGraph
from local.simulated.invoices import history
from local.simulated.model import (
    BILLING,
    NEW_COMMERCE,
    OFFICE,
    ONE_TIME,
    RECURRING,
    Detail,
    Invoice,
)
from local.simulated.partner_center import Options, SimulatedPartnerCenter

ROOT = Path(__file__).parents[1]
_DAY = date(2024, 3, 8)


@dataclass(frozen=True)
class World:
    """Which invoices there are, and how the service answers.

    For each number in `lines`, one invoice of that many office lines and one of that many one_time
    lines; `links` invoices of `lines_per_link` office lines; and ten years of invoices,
    `per_month` a month, each with three details. Where there is a `files_url`, the one_time lines are
    fetched from Graph's export, as so many `files` there.
    """

    lines: tuple[int, ...] = ()
    links: int = 0
    lines_per_link: int = 0
    per_month: int = 0
    latency_seconds: float = 0
    by_id_allowed: bool = False
    gzip: bool = False
    total_count: Literal["page", "whole"] = "page"
    files: int = 1
    files_url: str = ""

    def invoices(self) -> list[Invoice]:
        """Make them."""
        pairs = [office(n) for n in self.lines] + [one_time(n) for n in self.lines]
        links = [office(self.lines_per_link, number) for number in range(self.links)]
        return pairs + links + history(10, per_month=self.per_month, kinds=("D",), line_count=10)


def office(lines: int, number: int = 0) -> Invoice:
    """An invoice with this many lines, which are paged by offset."""
    invoice_id = f"D{number:02d}{lines:07d}"
    return Invoice(invoice_id, RECURRING, _DAY, (Detail(OFFICE, BILLING, lines),))


def one_time(lines: int) -> Invoice:
    """An invoice with this many lines, which are paged by token."""
    return Invoice(f"G{lines:09d}", NEW_COMMERCE, _DAY, (Detail(ONE_TIME, BILLING, lines),))


class Simulated(Piece):
    """The process; `url` is Partner Center's."""

    def __init__(self, world: World) -> None:
        command = [sys.executable, "-m", "benchmarks.simulated", json.dumps(asdict(world))]
        self._child = Child(command, env={}, cwd=ROOT)
        self._told: dict[str, str] = {}

    def start(self) -> None:
        """Start it."""
        self._child.start()
        self._told = json.loads(self._child.first_line(60))

    def stop(self) -> None:
        """Stop it."""
        self._child.stop(10)

    @property
    def url(self) -> str:
        """The root of Partner Center."""
        return self._told["url"]

    @property
    def settings(self) -> dict[str, str]:
        """The app settings that lead here."""
        return {
            "PARTNER_CENTER_TENANT_ID": self._told["tenant"],
            "PARTNER_CENTER_CLIENT_ID": self._told["client"],
            "PARTNER_CENTER_CLIENT_SECRET": self._told["secret"],
            "PARTNER_CENTER_URL": self.url,
            "PARTNER_CENTER_AUTHORITY": self._told["authority"],
            "REQUESTS_CA_BUNDLE": self._told["ca_file"],
            "INVOICE_SCHEDULE": "0 0 6 * * *",
            "GRAPH_URL": self._told["graph"],
            "NEW_COMMERCE_SOURCE": self._told["source"],
        }

    @cached_property
    def token(self) -> str:
        """A token for those who cannot get one by themselves."""
        answer = requests.post(
            f"{self._told['authority']}/{self._told['tenant']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._told["client"],
                "client_secret": self._told["secret"],
                "scope": f"{self.url}/.default",
            },
            verify=self._told["ca_file"],
            timeout=10,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])


class _FilesElsewhere(SimulatedFiles):
    """Files that another process serves at this URL, whatever signature one has."""

    def __init__(self, url: str) -> None:
        super().__init__(FileOptions, lambda _: True)
        self.url = url

    def start(self, port: int = 0) -> Self:  # noqa: ARG002 - as all of them start
        """Start nothing."""
        return self


def main() -> None:
    """Serve until SIGTERM."""
    fields = json.loads(sys.argv[1])
    world = World(**fields | {"lines": tuple(fields["lines"])})
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    entra_id = SimulatedEntraId()
    options = Options(
        latency_seconds=world.latency_seconds,
        by_id_allowed=world.by_id_allowed,
        gzip=world.gzip,
        total_count=world.total_count,
    )
    partner_center = SimulatedPartnerCenter(
        world.invoices(), check_token=entra_id.check, options=options
    )
    graph = SimulatedGraph(
        partner_center.invoices, check_token=entra_id.check, options=GraphOptions(files=world.files)
    )
    graph.files = _FilesElsewhere(world.files_url)
    with entra_id, partner_center, graph:
        told = {
            "url": partner_center.url,
            "graph": graph.root,
            "source": "graph" if world.files_url else "v1",
            "authority": entra_id.url,
            "ca_file": str(entra_id.ca_file),
            "tenant": entra_id.tenant_id,
            "client": entra_id.client_id,
            "secret": entra_id.client_secret,
        }
        print(json.dumps(told), flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
