"""The names of the blobs in the container."""

from __future__ import annotations

from contextlib import suppress

from shared.errors import InvalidInput
from shared.keys import LineItemsKey

ALL_BUT_MANIFESTS = "in"
"""What is in the name of each blob of an invoice, except its manifest: a listing of manifests has it as its delimiter."""


def invoice_blob(invoice_id: str) -> str:
    """Name the blob of the invoice as listed."""
    return f"{invoice_id}/invoice.json"


def manifest_blob(invoice_id: str) -> str:
    """Name the blob of the manifest."""
    return f"{invoice_id}/manifest.json"


def reconciliation_blob(invoice_id: str) -> str:
    """Name the blob of what the lines come to."""
    return f"{invoice_id}/invoice_reconciliation.json"


def lines_blob(key: LineItemsKey) -> str:
    """Name the blob of these lines."""
    return f"{key}.jsonl"


def key_of_blob(name: str) -> LineItemsKey | None:
    """Say which lines a blob holds by its name; None for other blobs."""
    parts = name.removesuffix(".jsonl").split("/")
    if not name.endswith(".jsonl") or len(parts) != 3:
        return None
    with suppress(InvalidInput):
        key = LineItemsKey.of(*parts)
        return key if lines_blob(key) == name else None
    return None
