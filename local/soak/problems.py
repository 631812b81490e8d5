"""What is wrong at the end: every blob, manifest and invoice is held against what it has to be."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from local.simulated import Invoice
from local.simulated.invoices import invoice_json
from local.simulated.lines import line_total, total, total_charges
from local.simulated.sources import source_of, stored_jsonl
from local.soak.pieces import Pieces
from local.stack import POISON

_BESIDE_LINES = ("invoice.json", "manifest.json", "invoice_reconciliation.json")
_SAID = ("complete", "state", "currencyCode", "totalCharges", "lineTotal", "difference")


def problems(pieces: Pieces) -> Iterator[str]:
    """Say what is wrong, a line each; nothing if all is as Microsoft has it."""
    stack = pieces.stack
    yield from wrong_in_storage(stack.container, stack.partner_center.invoices.values())
    if stack.waiting(POISON):
        queue = QueueClient.from_connection_string(stack.azurite.connection_string, POISON)
        yield from (f"poison: {message.content}" for message in queue.peek_messages(32))
    for request in pieces.elsewhere.requests:
        yield f"another host was asked for {request.path_and_query}"


def wrong_in_storage(container: ContainerClient, listed: Collection[Invoice]) -> Iterator[str]:
    """Say what of the listed invoices is not in a container as Microsoft has it, a line each."""
    invoices = list(_with_amendments(listed))
    there = _names(container)
    yield from _wrong_blobs(container, there, invoices)
    yield from _wrong_invoices(container, there, listed)
    for invoice in invoices:
        yield from _wrong_manifest(container, invoice)


def _names(container: ContainerClient) -> set[str]:
    try:
        return set(container.list_blob_names())
    except ResourceNotFoundError:
        return set()


def _wrong_blobs(
    container: ContainerClient, there: set[str], invoices: Iterable[Invoice]
) -> Iterator[str]:
    expected = {
        f"{invoice.id}/{detail.provider}/{detail.type}.jsonl": (invoice, detail)
        for invoice in invoices
        for detail in invoice.details or ()
    }
    beside = {f"{invoice.id}/{name}" for invoice in invoices for name in _BESIDE_LINES}
    yield from (f"{name} is missing" for name in sorted(expected.keys() - there))
    yield from (f"{name} is too much" for name in sorted(there - expected.keys() - beside))
    for name in sorted(expected.keys() & there):
        invoice, detail = expected[name]
        content = container.download_blob(name).readall()
        if content != b"".join(stored_jsonl(invoice, detail.provider, detail.type)):
            yield f"{name} is not what Microsoft has"


def _wrong_invoices(
    container: ContainerClient, there: set[str], listed: Iterable[Invoice]
) -> Iterator[str]:
    for text in map(invoice_json, listed):
        for document in _documents(json.loads(text, parse_float=Decimal)):
            name = f"{document['id']}/invoice.json"
            if name not in there:
                yield f"{name} is missing"
                continue
            stored = container.download_blob(name).readall()
            if json.loads(stored, parse_float=Decimal) != document:
                yield f"{name} is not what Partner Center lists"


def _documents(invoice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield invoice
    for amendment in invoice.get("amendments", ()):
        yield from _documents(amendment)


def _wrong_manifest(container: ContainerClient, invoice: Invoice) -> Iterator[str]:
    try:
        text = container.download_blob(f"{invoice.id}/manifest.json").readall()
    except ResourceNotFoundError:
        yield f"{invoice.id} has no manifest"
        return
    manifest: dict[str, Any] = json.loads(text, parse_float=Decimal)
    entries = {
        (entry["billingProvider"], entry["invoiceLineItemType"]): (
            *(entry["source"], entry["lines"], entry["total"]),
        )
        for entry in manifest["lineItems"]
    }
    said = {name: manifest[name] for name in _SAID} | {"details": len(manifest["lineItems"])}
    if (expected := _expected_manifest(invoice)) != said | {"lineItems": entries}:
        yield f"the manifest of {invoice.id} is wrong: {said} {entries}, expected {expected}"


def _expected_manifest(invoice: Invoice) -> dict[str, Any]:
    return {
        "complete": True,
        "state": "settled",
        "currencyCode": invoice.currency,
        "details": len(invoice.details or ()),
        "totalCharges": total_charges(invoice),
        "lineTotal": line_total(invoice),
        "difference": invoice.adjustment,
        "lineItems": {
            (detail.provider, detail.type): (
                source_of(invoice, detail.provider, detail.type),
                detail.line_count,
                total(invoice, detail.provider, detail.type),
            )
            for detail in invoice.details or ()
        },
    }


def _with_amendments(invoices: Iterable[Invoice]) -> Iterator[Invoice]:
    for invoice in invoices:
        yield invoice
        yield from _with_amendments(invoice.amendments)
