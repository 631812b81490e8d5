"""Storage that takes a connection and says nothing is waited for so long, and then told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from azure.core.exceptions import ServiceResponseError

from get_invoice import invoices, line_items
from get_invoice.invoices import list_answer
from get_invoice.line_items import lines_answer
from shared.keys import LineItemsKey
from shared.settings import Settings
from shared.storage.accounts import invoices_container, line_items_queue
from shared.storage.archive import Archive
from shared.storage.blobs import LinesMetadata
from shared.storage.blocks import Staged

KEY = LineItemsKey("G000024140", "one_time", "billing_line_items")


@pytest.fixture
def settings(environment: dict[str, str]) -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/devstoreaccount1"
        key = environment["AzureWebJobsStorage"].partition("AccountKey=")[2].partition(";")[0]
        connection = f"AccountName=devstoreaccount1;AccountKey={key};"
        connection += f"BlobEndpoint={address};QueueEndpoint={address}"
        yield Settings.from_environment(environment | {"AzureWebJobsStorage": connection})


def test_an_attempt_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute without a byte is enough; five of them would be half an hour with all attempts."""
    monkeypatch.setattr("shared.storage.accounts._READ_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(ServiceResponseError, match="Read timed out"):
        invoices_container(settings).get_container_properties(retry_total=0)
    with pytest.raises(ServiceResponseError, match="Read timed out"):
        line_items_queue(settings).get_queue_properties(retry_total=0)
    assert time.monotonic() - began < 10


def test_a_commit_may_take_longer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage itself takes a minute for many blocks; it ends all the same."""
    monkeypatch.setattr("azure.storage.blob.ExponentialRetry.get_backoff_time", lambda *_: 0)
    monkeypatch.setattr("shared.storage.accounts._READ_SECONDS", 30)
    monkeypatch.setattr("shared.storage.archive._COMMIT_SECONDS", 0.2)
    archive, about = Archive(invoices_container(settings)), LinesMetadata()
    began = time.monotonic()
    with pytest.raises(ServiceResponseError, match=r"read timeout=0\.2"):
        archive.commit_lines(KEY, Staged(), about, replacing=None)
    assert time.monotonic() - began < 10


def test_who_asks_over_http_is_answered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many attempts there may be: the list and lines are given up in their time."""
    # The threads that are left waiting end with the test.
    monkeypatch.setattr("shared.storage.accounts._READ_SECONDS", 2.0)
    monkeypatch.setattr("azure.storage.blob.ExponentialRetry.get_backoff_time", lambda *_: 0)
    monkeypatch.setattr(invoices, "_SECONDS", 0.3)
    monkeypatch.setattr(line_items, "_SECONDS", 0.3)
    archive = Archive(invoices_container(settings))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        list_answer("https://app.example/api/invoices", {}, {}, archive)
    with pytest.raises(TimeoutError):
        lines_answer(KEY, {}, {}, archive)
    assert time.monotonic() - began < 1.9
