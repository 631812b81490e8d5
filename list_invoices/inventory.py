"""What the container holds of every invoice, as a listing tells it: no blob is read."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from azure.storage.blob import BlobProperties

from shared.archive import Archive
from shared.links import LineItems
from shared.stored import InvoiceMark, items_of, moment


@dataclass
class InvoiceState:
    """What is there of one invoice.

    `mark` is the one of invoice.json, `complete_at` when the manifest last said that all is there;
    `lines` maps each committed blob to the version of the invoice that it was fetched for.
    """

    mark: InvoiceMark | None = None
    has_manifest: bool = False
    complete_at: datetime | None = None
    lines: dict[LineItems, str | None] = field(default_factory=dict)


def take_inventory(archive: Archive) -> dict[str, InvoiceState]:
    """List the container and tell the state of every invoice in it, by bare id."""
    states: dict[str, InvoiceState] = defaultdict(InvoiceState)
    for blob in archive.listed(""):
        invoice = blob.name.partition("/")[0]
        _add(states[invoice], invoice, blob)
    return states


def _add(state: InvoiceState, invoice: str, blob: BlobProperties) -> None:
    metadata = blob.metadata or {}
    if blob.name == f"{invoice}/invoice.json":
        state.mark = InvoiceMark.of(metadata)
    elif blob.name == f"{invoice}/manifest.json":
        state.has_manifest = True
        with suppress(ValueError):
            state.complete_at = moment(metadata.get("complete_at", ""))
    elif items := items_of(invoice, blob.name):
        state.lines[items] = metadata.get("version")
