"""What the jobs run on: real sockets, nothing that waits, and services that know nothing of the job before."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from unittest.mock import patch
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline.transport import HttpTransport
from azure.storage.blob import ContainerClient

from local.azurite import Azurite
from local.faults.wire import Place, tapped
from local.faults.world import BLOCK_BYTES, EXPORTED, FILES, PAGE_SIZE, world
from local.simulated import (
    GraphOptions,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
)
from local.simulated.model import USAGE
from local.stack import settings_for
from shared.settings import Settings
from shared.storage.accounts import invoices_container


@dataclass(frozen=True)
class Pieces:
    """What all jobs share: a storage account, and who gives tokens."""

    azurite: Azurite
    entra_id: SimulatedEntraId


@dataclass(frozen=True)
class Ground:
    """What one job runs on; `environment` has the app settings, with a container of its own."""

    partner_center: SimulatedPartnerCenter
    graph: SimulatedGraph
    environment: Mapping[str, str]
    places: Mapping[int, Place]

    @property
    def settings(self) -> Settings:
        """The settings, as another process reads them."""
        return Settings.from_environment(self.environment)

    def publish(self) -> None:
        """Let the export that is late be published; from now on each is ready at once."""
        self.graph.options.unpublished.clear()
        self.graph.options.looks_until_ready = 0

    @property
    def container(self) -> ContainerClient:
        """A look into the container."""
        return invoices_container(self.settings)


@contextmanager
def running() -> Iterator[Pieces]:
    """Start what all jobs share, and stop it at the end."""
    with Azurite() as azurite, SimulatedEntraId() as entra_id, hastened():
        yield Pieces(azurite, entra_id)


@contextmanager
def hastened() -> Iterator[None]:
    """Let requests go through their wires and nothing be waited for; a few rows are a block."""
    constants = {
        "shared.api.patience._wait": lambda *_: 0.0,
        "list_invoices.sync._OTHER_RUNS_SECONDS": 0.0,
        "fetch_line_items.files._PIECE_BYTES": BLOCK_BYTES,
        "fetch_line_items.rows.BLOCK_BYTES": BLOCK_BYTES,
    }
    with ExitStack() as patches:
        for name, value in constants.items():
            patches.enter_context(patch(name, value))
        patches.enter_context(patch.object(HttpTransport, "sleep", lambda *_: None))
        patches.enter_context(tapped())
        yield


@contextmanager
def ground(pieces: Pieces) -> Iterator[Ground]:
    """Start the services as they are before a job."""
    entra_id = pieces.entra_id
    options = GraphOptions(files=FILES, looks_until_ready=1, unpublished={(EXPORTED.id, USAGE)})
    with ExitStack() as services:
        simulated = SimulatedPartnerCenter(world(), check_token=entra_id.check)
        partner_center = services.enter_context(simulated)
        simulated_graph = SimulatedGraph(
            partner_center.invoices, check_token=entra_id.check, options=options
        )
        graph = services.enter_context(simulated_graph)
        environment = settings_for(pieces.azurite, entra_id, partner_center, graph) | {
            "INVOICES_CONTAINER": f"invoices-{uuid.uuid4()}",
            "LINE_ITEMS_PAGE_SIZE": str(PAGE_SIZE),
        }
        bundle = {"REQUESTS_CA_BUNDLE": environment["REQUESTS_CA_BUNDLE"]}
        services.enter_context(patch.dict(os.environ, bundle))
        places: dict[int, Place] = {
            _port(partner_center.url): "Partner Center",
            _port(graph.url): "Graph",
            _port(graph.files.url): "files",
            pieces.azurite.blob_port: "container",
            pieces.azurite.queue_port: "queue",
            _port(entra_id.url): "Entra ID",
        }
        base = Ground(partner_center, graph, environment, places)
        yield base
        with suppress(ResourceNotFoundError):
            base.container.delete_container()


def _port(url: str) -> int:
    return urlsplit(url).port or 0
