"""The container and the queues: whether they are there, and what the app may do with them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from local.doctor.failures import REPORT
from local.doctor.report import Finding, detail, failed, not_asked, well
from local.doctor.subject import Subject
from shared.settings import StorageConnection
from shared.storage.accounts import LINE_ITEMS_QUEUE, invoices_container, line_items_queue

# A service that is not there has to be told soon.
_ONCE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 20}


def container(subject: Subject) -> Iterator[Finding]:
    """Tell whether the container can be listed and written; one small blob is, and is deleted again."""
    yield detail(f"signs in with {_credential(subject.settings.invoices_storage)}")
    client = invoices_container(subject.settings)
    if not client.exists(**_ONCE):
        yield well("reachable; the container is not there yet, the app creates it")
        yield not_asked("writing is tried once the container is there")
        return
    next(client.list_blobs(results_per_page=1, **_ONCE).by_page(), None)
    yield well("it is there and can be listed")
    # Not in a directory, which a data lake account would keep.
    blob = client.get_blob_client(f"doctor-{uuid.uuid4()}")
    blob.upload_blob(b"", **_ONCE)
    try:
        blob.delete_blob(**_ONCE)
    except AzureError:
        advice = (
            "Whoever owns the storage account: a blob doctor-… was written to the container and cannot be "
            "deleted again (an immutability policy, or a role that may not): delete it."
        )
        yield failed("a small blob was written and cannot be deleted", advice)
    else:
        yield well("can be written: a small blob was written and deleted again")


def queues(subject: Subject) -> Iterator[Finding]:
    """Tell how many messages wait; none is sent or read."""
    yield detail(f"signs in with {_credential(subject.settings.host_storage)}")
    for name in (LINE_ITEMS_QUEUE, f"{LINE_ITEMS_QUEUE}-poison"):
        try:
            properties = line_items_queue(subject.settings, name).get_queue_properties(**_ONCE)
        except ResourceNotFoundError:
            yield well(f"{name}: reachable, not there yet, it is created when it is needed")
        else:
            yield well(f"{name}: messages {properties.approximate_message_count}")


def _credential(storage: StorageConnection) -> str:
    if storage.connection_string is None:
        return "a managed identity" if storage.credential else "what identity is at hand"
    text = storage.connection_string.get_secret_value()
    if "SharedAccessSignature=" in text:
        return "a connection string with a SAS"
    return "a connection string with a key"


def container_advice(error: Exception) -> str:
    """Say what helps where the container refuses."""
    return _advice(error, "INVOICES_STORAGE (or AzureWebJobsStorage)", "Blob")


def queue_advice(error: Exception) -> str:
    """Say what helps where the queue refuses."""
    return _advice(error, "AzureWebJobsStorage", "Queue")


def _advice(error: Exception, setting: str, service: str) -> str:
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return (
            f"An owner of the storage account of {setting}: an identity needs the role Storage {service} "
            "Data Contributor (it takes some minutes to count); a connection string needs a key that is "
            "still the account's and an account that allows keys; the account's firewall has to let this machine in."
        )
    if status is None:
        return (
            f"Whoever has set {setting}: look at whether the address is right and may be reached from here. "
            "A managed identity is there only where the app runs: elsewhere sign in with `az login` and leave "
            "`__credential` out."
        )
    return REPORT
