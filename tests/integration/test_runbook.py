"""The runbook's snippets are run, as they stand there."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

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
