"""The runbook's snippets are run, as they stand there."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from local.simulated import SimulatedGraph, SimulatedPartnerCenter
from local.simulated.invoices import new_commerce
from local.simulated.sources import stored_jsonl
from shared.settings import Settings
from tests.running_app import RunningApp

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", RUNBOOK, re.S)


class DataLakeContainer(ContainerClient):
    """A container with directories: one that is not empty cannot be deleted."""

    def delete_blob(self, blob: Any, *args: Any, **kwargs: Any) -> None:
        if any(name.startswith(f"{blob}/") for name in self.list_blob_names()):
            raise ResourceExistsError("DirectoryIsNotEmpty")
        super().delete_blob(blob, *args, **kwargs)


def test_clearing_everything_empties_directories_before_it_deletes_them(
    app: RunningApp, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data lake account lists its directories as blobs, before what is in them."""
    app.list_invoices()
    names = app.blobs()
    for folder in {name.rpartition("/")[0] for name in names}:
        app.container.upload_blob(folder, b"", metadata={"hdi_isfolder": "true"})
    monkeypatch.setattr("azure.storage.blob.ContainerClient", DataLakeContainer)
    snippet = SNIPPETS[-1].replace('"invoices"', f'"{environment["INVOICES_CONTAINER"]}"')
    connection = environment["AzureWebJobsStorage"]
    for name in ("invoice-line-items", "invoice-line-items-poison"):
        with suppress(ResourceExistsError):
            QueueClient.from_connection_string(connection, name).create_queue()
    scope: dict[str, Any] = {"connection": connection, "QueueClient": QueueClient}
    exec(snippet, scope)
    assert app.blobs() == set()
    assert app.waiting() == 0


def test_empty_usage_of_release_0_1_is_ordered_from_the_export(
    graph_app: RunningApp,
    graph_environment: dict[str, str],
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What v1 had no lines of comes with the next run, hours after it was last enqueued."""
    invoice = new_commerce("G098765430", date(2026, 11, 8), billing=3, usage=5)
    partner_center.invoices.clear()
    partner_center.put(invoice)
    partner_center.options.new_commerce_lines = "empty"
    graph.options.without_lines = "empty"
    graph_app.services.settings = Settings.from_environment(
        graph_environment | {"NEW_COMMERCE_SOURCE": "v1"}
    )
    graph_app.list_invoices()
    graph_app.drain()
    usage = f"{invoice.id}/one_time/usage_line_items.jsonl"
    assert graph_app.read(usage) == b""
    graph_app.services.settings = Settings.from_environment(graph_environment)
    (snippet,) = [text for text in SNIPPETS if "is_usage" in text]
    name = graph_environment["INVOICES_CONTAINER"]
    scope = {"connection": graph_environment["AzureWebJobsStorage"]}
    exec(snippet.replace('"invoices"', f'"{name}"'), scope)
    monkeypatch.setattr("shared.storage.inventory.ENQUEUE_AGAIN_AFTER", timedelta(0))
    graph_app.list_invoices()
    graph_app.drain()
    assert graph_app.read(usage) == b"".join(stored_jsonl(invoice, "one_time", "usage_line_items"))
