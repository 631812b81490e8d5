"""What `?expand=lineItems` adds: for each detail of the invoice, what is in storage of its lines."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from shared.details import details_of, parse_invoice
from shared.keys import LineItemsKey
from shared.storage.archive import Archive
from shared.storage.inventory import InvoiceBlobs, inventory_of
from shared.storage.manifest import Earlier, entry_of
from shared.storage.metadata import now

_NOT_OF_THE_WHOLE = ("invoiceId", "lineItems")


class Detail(msgspec.Struct, rename="camel", omit_defaults=True):
    """A detail of the invoice: what the manifest says of its blob where there is one, and a status."""

    billing_provider: str
    invoice_line_item_type: str
    status: Literal["complete", "in_progress", "missing"]
    source: str | UnsetType = UNSET
    blob: str | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    lines: int | UnsetType = UNSET
    total: msgspec.Raw | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    fetched_at: str | UnsetType | None = UNSET
    etag: str | UnsetType = UNSET
    earlier: list[Earlier] | UnsetType = UNSET
    pages_staged: int | UnsetType = UNSET


def with_line_items(invoice: bytes, invoice_id: str, archive: Archive) -> bytes:
    """Add the members `lineItems` and `manifest` to an invoice's JSON text, and leave the rest as it is.

    `manifest` is what the manifest says of the whole invoice, None where there is none: its own `state`
    says whether the lines are final, that of the invoice is Partner Center's.
    """
    manifest = of_the_whole(archive.manifest_text(invoice_id))
    members = {"lineItems": line_items(invoice, invoice_id, archive), "manifest": manifest}
    return _with_members(invoice, msgspec.json.encode(members))


def line_items(invoice: bytes, invoice_id: str, archive: Archive) -> list[Detail]:
    """Say of each detail of an invoice, and of lines that it no longer has, what is in storage.

    The status is `complete` when lines are in storage, unless the stored invoice has changed since;
    `in_progress` when they are under way or the first pages are staged (`pagesStaged`); else `missing`.
    """
    stored = inventory_of(archive, invoice_id)
    version = stored.version
    try:
        parsed = parse_invoice(invoice).invoice
    except ValueError:
        keys, current = [], set()  # not as documented; list_invoices has logged it
    else:
        keys = list(details_of(parsed).links)
        current = stored.current(version)
    # Nothing more is to come of a detail that is gone.
    others = [key for key in stored.lines if key not in keys]
    current |= set(others)
    return [_detail(key, version, stored, current, archive) for key in [*keys, *others]]


def of_the_whole(manifest: bytes | None) -> dict[str, msgspec.Raw] | None:
    """Take what a manifest says of the invoice as a whole, None where it cannot be read."""
    try:
        msgspec.json.decode(manifest or b"")  # as a whole, for what is passed on is not looked at
        members = msgspec.json.decode(manifest or b"", type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # somebody has spoiled it
    return {name: value for name, value in members.items() if name not in _NOT_OF_THE_WHOLE}


def _detail(
    key: LineItemsKey,
    version: str | None,
    stored: InvoiceBlobs,
    current: set[LineItemsKey],
    archive: Archive,
) -> Detail:
    detail = Detail(key.billing_provider, key.invoice_line_item_type, "missing")
    if lines := stored.lines.get(key):
        entry = msgspec.structs.asdict(entry_of(lines, stored.earlier.get(key, ())))
        detail = Detail(**entry, status="missing")
        if version is None or key in current:
            return msgspec.structs.replace(detail, status="complete")
    staged = archive.staged_pages(key)
    if staged or stored.under_way(key, version, now()):
        return msgspec.structs.replace(detail, status="in_progress", pages_staged=staged)
    return detail


def _with_members(json_object: bytes, others: bytes) -> bytes:
    """Write the members of another object behind those of one that has at least one."""
    return json_object.rstrip().removesuffix(b"}") + b"," + others.removeprefix(b"{")
