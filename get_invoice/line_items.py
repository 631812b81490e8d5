"""What `?expand=lineItems` adds: for each detail of the invoice, what is in storage of its lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from shared.archive import Archive
from shared.details import details_of
from shared.links import LineItems
from shared.manifest import encoder, entry_of
from shared.models import Invoice
from shared.stored import StoredLines


def with_line_items(invoice: bytes, invoice_id: str, archive: Archive) -> bytes:
    """Add the member `lineItems` to an invoice's JSON text, and leave the rest of it as it is.

    Each detail has a status: `complete` when its lines are in storage for the invoice as stored
    there, `in_progress` while pages are being staged (`pagesStaged`), `missing` otherwise.
    """
    stored = {lines.items: lines for lines in archive.all_stored_lines(invoice_id)}
    copy = archive.read_invoice(invoice_id)
    version = copy.mark.version if copy and copy.mark else None
    try:
        details = details_of(Invoice.from_json(invoice)).links
    except ValueError:
        details = {}  # not as documented; list_invoices has told so
    line_items = [_entry(items, stored.get(items), version, archive) for items in details]
    return _with_member(invoice, b'"lineItems":' + encoder.encode(line_items))


def _entry(
    items: LineItems, lines: StoredLines | None, version: str | None, archive: Archive
) -> dict[str, Any]:
    entry = {
        "billingProvider": items.billing_provider,
        "invoiceLineItemType": items.invoice_line_item_type,
    }
    if lines:
        entry |= msgspec.to_builtins(entry_of(lines), builtin_types=(Decimal,))
    if lines and lines.version == version:
        return entry | {"status": "complete"}
    staged = archive.staged_pages(items)
    if staged:
        return entry | {"status": "in_progress", "pagesStaged": staged}
    return entry | {"status": "missing"}


def _with_member(json_object: bytes, member: bytes) -> bytes:
    """Write a member behind the last one of an object that has at least one."""
    return json_object.rstrip().removesuffix(b"}") + b"," + member + b"}"
