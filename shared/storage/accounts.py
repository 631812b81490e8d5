"""Clients for the storage accounts, by connection string or by identity."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, ContainerClient, ExponentialRetry
from requests.adapters import HTTPAdapter

from shared.auth.credentials import storage_credential
from shared.settings import Settings, StorageConnection

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueServiceClient

LINE_ITEMS_QUEUE = "invoice-line-items"
_CONNECTIONS = 64
# Without a byte. The SDK's own 60 s are for a transport of its own; one that it is given waits 300 s, and does so
# five times: longer than an invocation may take.
_CONNECT_SECONDS, _READ_SECONDS = 20, 30

# It tells every request and its headers at INFO.
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)


def invoices_container(settings: Settings) -> ContainerClient:
    """The container of the invoices; it may not exist yet."""
    storage = settings.invoices_storage
    service = _connected(BlobServiceClient, storage, storage.blob_url)
    return service.get_container_client(settings.invoices_container)


def line_items_queue(settings: Settings, name: str = LINE_ITEMS_QUEUE) -> QueueClient:
    """The queue of the line items messages, or another beside it; it may not exist yet."""
    # Imported here because get_invoice, for whose first answer someone waits, has no use for it.
    from azure.storage.queue import QueueServiceClient

    storage = settings.host_storage
    service = _connected(QueueServiceClient, storage, storage.queue_url)
    return service.get_queue_client(name)


def _connected[C: (BlobServiceClient, QueueServiceClient)](
    service: type[C], storage: StorageConnection, url: str | None
) -> C:
    if storage.connection_string:
        text = storage.connection_string.get_secret_value()
        return service.from_connection_string(text, **_options())
    assert url  # noqa: S101 - the settings are validated for it
    return service(url, storage_credential(storage), **_options())


def _options() -> dict[str, Any]:
    # The default pool keeps 10 connections, fewer than pages can be in flight; the default waits
    # between retries (18, 24, 42 s) are longer than anyone at the other end of HTTP has patience.
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    transport = RequestsTransport(
        session=session, connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS
    )
    return {
        "transport": transport,
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=4),
    }
