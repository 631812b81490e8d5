"""What `?expand=lineItems` adds: for each detail of the invoice, what is in storage of its lines."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from shared.archive import Archive
from shared.details import details_of, read_invoice
from shared.links import LineItems
from shared.manifest import entry_of
from shared.stored import StoredLines


class Detail(msgspec.Struct, rename="camel"):
    """A detail of the invoice: what the manifest says of its blob where there is one, and a status."""

    billing_provider: str
    invoice_line_item_type: str
    status: Literal["complete", "in_progress", "missing"]
    blob: str | UnsetType = UNSET
    lines: int | UnsetType = UNSET
    total: msgspec.Raw | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    fetched_at: str | UnsetType | None = UNSET
    pages_staged: int | UnsetType = UNSET


def with_line_items(invoice: bytes, invoice_id: str, archive: Archive) -> bytes:
    """Add the member `lineItems` to an invoice's JSON text, and leave the rest of it as it is.

    Each detail has a status: `complete` when its lines are in storage, unless the stored invoice has
    changed since; `in_progress` when newer ones are due, or the first pages are staged
    (`pagesStaged`); `missing` otherwise.
    """
    stored = {lines.items: lines for lines in archive.all_stored_lines(invoice_id)}
    copy = archive.read_invoice(invoice_id)
    version = copy.mark.version if copy and copy.mark else None
    try:
        details = details_of(read_invoice(invoice).invoice).links
    except ValueError:
        details = {}  # not as documented; list_invoices has told so
    line_items = [_detail(items, stored.get(items), version, archive) for items in details]
    return _with_member(invoice, b'"lineItems":' + msgspec.json.encode(line_items))


def _detail(
    items: LineItems, lines: StoredLines | None, version: str | None, archive: Archive
) -> Detail:
    detail = Detail(items.billing_provider, items.invoice_line_item_type, "missing")
    if lines:
        detail = Detail(**msgspec.structs.asdict(entry_of(lines)), status="complete")
    if lines and version in (lines.version, None):
        return detail
    staged = archive.staged_pages(items)
    if lines or staged:
        return msgspec.structs.replace(detail, status="in_progress", pages_staged=staged)
    return detail


def _with_member(json_object: bytes, member: bytes) -> bytes:
    """Write a member behind the last one of an object that has at least one."""
    return json_object.rstrip().removesuffix(b"}") + b"," + member + b"}"
