"""All the pieces together: Azurite, Entra ID, Partner Center, Graph, and the app in the functions host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from local.functions_host.process import FunctionsHost
from local.simulated import (
    GraphOptions,
    Invoice,
    SimulatedEntraId,
    SimulatedGraph,
    SimulatedPartnerCenter,
)

APP_ROOT = Path(__file__).parents[1]
CONTAINER, QUEUE = "invoices", "invoice-line-items"
POISON = f"{QUEUE}-poison"


@dataclass(frozen=True)
class Stack:
    """The running pieces, and a look into the storage that they share."""

    azurite: Azurite
    entra_id: SimulatedEntraId
    partner_center: SimulatedPartnerCenter
    graph: SimulatedGraph
    host: FunctionsHost

    @property
    def container(self) -> ContainerClient:
        """The container of the invoices."""
        service = BlobServiceClient.from_connection_string(self.azurite.connection_string)
        return service.get_container_client(CONTAINER)

    def blobs(self) -> list[str]:
        """The names of what is in the container, if it is there yet."""
        try:
            return [blob.name for blob in self.container.list_blobs()]
        except ResourceNotFoundError:
            return []

    def waiting(self, queue: str = QUEUE) -> int:
        """How many messages a queue has, those in work and those delayed included."""
        client = QueueClient.from_connection_string(self.azurite.connection_string, queue)
        try:
            return client.get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    def due(self) -> int:
        """How many messages the queue has that nobody works on, and that do not wait; 32 at most."""
        client = QueueClient.from_connection_string(self.azurite.connection_string, QUEUE)
        return len(client.peek_messages(32))

    def at_work(self, *others: FunctionsHost) -> int:
        """How many messages the queue has that do not only wait for an invoice to be looked at again.

        By what the host has logged, and `others` on the same queue: nobody sees what waits.
        """
        waiting = self.waiting()
        looks = sum(host.log().count("will be looked at again") for host in (self.host, *others))
        return max(waiting - looks, 0)


@contextmanager
def running(
    invoices: Iterable[Invoice],
    *,
    settings: Mapping[str, str] | None = None,
    port: int = 0,
    lease_seconds: int = 600,
    log_file: Path | None = None,
    app_root: Path = APP_ROOT,
) -> Iterator[Stack]:
    """Start everything on free ports of this machine, the host on `port`; stop it at the end."""
    with ExitStack() as pieces:
        azurite = pieces.enter_context(Azurite())
        entra_id = pieces.enter_context(SimulatedEntraId())
        simulated = SimulatedPartnerCenter(invoices, check_token=entra_id.check)
        partner_center = pieces.enter_context(simulated)
        # An invoice without usage would be waited for, for days.
        options = GraphOptions(without_lines="empty")
        simulated_graph = SimulatedGraph(
            partner_center.invoices, check_token=entra_id.check, options=options
        )
        graph = pieces.enter_context(simulated_graph)
        app_settings = settings_for(azurite, entra_id, partner_center, graph)
        host = FunctionsHost(
            app_root,
            app_settings | dict(settings or {}),
            port=port,
            lease_seconds=lease_seconds,
            log_file=log_file,
        )
        yield Stack(azurite, entra_id, partner_center, graph, pieces.enter_context(host))


def settings_for(
    azurite: Azurite,
    entra_id: SimulatedEntraId,
    partner_center: SimulatedPartnerCenter,
    graph: SimulatedGraph | None = None,
) -> dict[str, str]:
    """The app settings, as local.settings.json would have them; without Graph all lines are v1's."""
    source = {"GRAPH_URL": graph.root} if graph else {"NEW_COMMERCE_SOURCE": "v1"}
    return source | {
        "AzureWebJobsStorage": azurite.connection_string,
        "INVOICES_CONTAINER": CONTAINER,
        "INVOICE_SCHEDULE": "0 0 6 * * *",
        "PARTNER_CENTER_TENANT_ID": entra_id.tenant_id,
        "PARTNER_CENTER_CLIENT_ID": entra_id.client_id,
        "PARTNER_CENTER_CLIENT_SECRET": entra_id.client_secret,
        "PARTNER_CENTER_URL": partner_center.url,
        "PARTNER_CENTER_AUTHORITY": entra_id.url,
        "REQUESTS_CA_BUNDLE": str(entra_id.ca_file),
    }
