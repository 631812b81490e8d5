"""The runbook's snippets are run, as they stand there."""

from __future__ import annotations

import json
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
from tests.by_hand import page, rows, serve
from tests.running_app import RunningApp

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
SETTLING = (Path(__file__).parents[2] / "docs" / "settling.md").read_text()
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


def test_what_came_and_what_went_between_two_versions(
    app: RunningApp,
    environment: dict[str, str],
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Lines are compared as a multiset: of two equal ones, one may have gone."""
    monkeypatch.chdir(tmp_path)
    line, other, new = {"n": 1}, {"n": 2, "text": "a\u2028b"}, {"n": 3}
    for lines in ([line, line, other], [line, other, new]):
        partner_center.faults.clear()
        serve(partner_center, "lineitems", lambda *_, lines=lines: page(lines))
        app.fetch("/invoices/D050001234/lineitems/office/billinglineitems")
    blob = "D050001234/office/billing_line_items.jsonl"
    (entry,) = app.manifest("D050001234")["lineItems"]
    (snippet,) = re.findall(r"```python\n(.*?)```", SETTLING, re.S)
    scope: dict[str, Any] = {
        "connection": environment["AzureWebJobsStorage"],
        "blob": blob,
        "snapshot": entry["earlier"][0]["snapshot"],
    }
    exec(snippet.replace('"invoices"', f'"{environment["INVOICES_CONTAINER"]}"'), scope)
    found = sorted((what, json.loads(text)) for what, text in scope["changes"].fetchall())
    assert found == [("came", new), ("gone", line)]


def test_messages_that_wait_are_counted(
    app: RunningApp, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Peeking does not show them."""
    app.queue.send_message("later", visibility_timeout=3600)
    app.queue.send_message("now")
    (snippet,) = [text for text in SNIPPETS if "approximate_message_count" in text]
    exec(snippet, {"connection": environment["AzureWebJobsStorage"]})
    assert capsys.readouterr().out == "2\n"
    assert len(app.queue.peek_messages(max_messages=32)) == 1


def test_the_settings_for_ones_own_access_are_all_that_is_needed() -> None:
    """Storage by identity, and no credential: that is for `az login`."""
    (text,) = re.findall(r"```json\n(.*?)```", RUNBOOK, re.S)
    Settings.from_environment(json.loads(text)["Values"])


def test_a_blob_with_earlier_versions_is_deleted_with_them(
    app: RunningApp, environment: dict[str, str], partner_center: SimulatedPartnerCenter
) -> None:
    """As the runbook says, for a plain delete is refused."""
    for count in (1, 2):
        partner_center.faults.clear()
        serve(partner_center, "lineitems", lambda *_, count=count: page(rows(count)))
        app.fetch("/invoices/D050001234/lineitems/office/billinglineitems")
    (snippet,) = [text for text in SNIPPETS if "import BlobClient" in text]
    scope = {
        "connection": environment["AzureWebJobsStorage"],
        "blob": "D050001234/office/billing_line_items.jsonl",
    }
    exec(snippet.replace('"invoices"', f'"{environment["INVOICES_CONTAINER"]}"'), scope)
    assert not any(name.endswith(".jsonl") for name in app.blobs())
