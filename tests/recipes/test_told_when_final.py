"""The consumer of events tells of what is final, once, on made-up events and what the app has stored."""

from __future__ import annotations

import base64
import json
import runpy
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from shared.storage.metadata import now
from tests.recipes.conftest import CHANGED, UNSETTLED
from tests.recipes.running import RECIPES
from tests.recipes.stored import Stored

TELL_IF_FINAL = runpy.run_path(str(RECIPES / "told_when_final.py"))["tell_if_final"]

type Deliver = Callable[[str], list[str]]


def event(invoice_id: str) -> dict[str, Any]:
    """An event in Event Grid's schema, as of a blob that was written."""
    subject = f"/blobServices/default/containers/invoices/blobs/{invoice_id}/manifest.json"
    data = {"api": "PutBlob", "blobType": "BlockBlob", "contentType": "application/json"}
    return {
        "topic": "/subscriptions/…/providers/Microsoft.Storage/storageAccounts/account",
        "subject": subject,
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": str(uuid.uuid4()),
        "eventTime": now().isoformat(),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
    }


@pytest.fixture
def told(stored: Stored) -> Iterator[ContainerClient]:
    """The container that knows what was told."""
    service = BlobServiceClient.from_connection_string(stored.connection)
    container = service.create_container(f"told-{uuid.uuid4().hex[:8]}")
    yield container
    container.delete_container()


@pytest.fixture
def deliver(stored: Stored, told: ContainerClient) -> Deliver:
    """Deliver an event about an invoice; give what is told."""

    def once(invoice_id: str) -> list[str]:
        sentences: list[str] = []
        TELL_IF_FINAL(event(invoice_id), stored.app.container, told, sentences.append)
        return sentences

    return once


def test_a_final_invoice_is_told_of_once(deliver: Deliver) -> None:
    """Events come at least once, and a look that finds nothing new is one, too."""
    (sentence,) = deliver("G098765432")
    assert sentence == (
        "G098765432: 102577.5930862068965520000000 USD, the lines add up to the invoice"
    )
    assert deliver("G098765432") == []


def test_what_is_not_final_is_not_told_of(deliver: Deliver) -> None:
    """The event of a manifest that says `settling` leads to nothing."""
    assert deliver(UNSETTLED) == []


def test_an_invoice_that_has_changed_is_told_of_again(
    deliver: Deliver, stored: Stored, told: ContainerClient
) -> None:
    """It was told of with other contents; a look that changes nothing keeps them."""
    told.upload_blob(f"{CHANGED}/0123456789abcdef", b"")
    assert len(deliver(CHANGED)) == 1
    before = stored.app.read(f"{CHANGED}/manifest.json")
    stored.app.look(CHANGED)
    assert stored.app.read(f"{CHANGED}/manifest.json") != before
    assert deliver(CHANGED) == []


def test_what_could_not_be_told_is_told_by_the_next_event(
    deliver: Deliver, stored: Stored, told: ContainerClient
) -> None:
    """It is noted after it was told."""

    def fails(_: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        TELL_IF_FINAL(event("G098765431"), stored.app.container, told, fails)
    assert len(deliver("G098765431")) == 1


def test_events_are_read_from_a_queue_as_event_grid_writes_them(stored: Stored) -> None:
    """Base64 of JSON."""
    name = f"final-{uuid.uuid4().hex[:8]}"
    queue = QueueClient.from_connection_string(
        stored.connection, name, message_decode_policy=TextBase64DecodePolicy()
    )
    queue.create_queue()
    queue.send_message(base64.b64encode(json.dumps(event(CHANGED)).encode()).decode())
    (message,) = queue.receive_messages()
    assert json.loads(message.content)["subject"].split("/")[-2] == CHANGED
