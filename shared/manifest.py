"""The manifest of an invoice: what is in storage, and whether it adds up.

It is derived from what is there, never kept in step by hand: whoever changes something writes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from shared.amounts import subtract, total_of, written
from shared.archive import Archive, now_text
from shared.details import ReadInvoice, details_of, read_invoice
from shared.links import LineItems
from shared.models import Invoice
from shared.stored import StoredInvoice, StoredLines


class Entry(msgspec.Struct, rename="camel"):
    """A committed blob of lines; `total` is a JSON number, None where the type has no charge."""

    billing_provider: str
    invoice_line_item_type: str
    blob: str
    lines: int
    total: msgspec.Raw | None
    currency: str | None
    fetched_at: str | None


class Manifest(msgspec.Struct, rename="camel"):
    """What `{invoiceId}/manifest.json` says; amounts are JSON numbers in `currency_code`.

    `complete`: the lines of every detail of the invoice are there, fetched for the invoice as it now
    stands. `line_total` sums the billing lines (usage lines explain them, and do not add);
    `difference` is `total_charges` less `line_total`: adjustments and the like are on the invoice
    but on no line.
    """

    invoice_id: str
    currency_code: str | None
    total_charges: msgspec.Raw | None
    complete: bool
    line_total: msgspec.Raw
    difference: msgspec.Raw | None
    line_items: list[Entry]
    updated_at: str


@dataclass(frozen=True)
class _Expected:
    """What the stored invoice.json says should be there; nothing of it is known without one."""

    read: ReadInvoice | None
    version: str | None

    @classmethod
    def of(cls, stored: StoredInvoice | None) -> _Expected:
        if stored is None:
            return cls(None, None)
        try:
            version = stored.mark.version if stored.mark else None
            return cls(read_invoice(stored.text), version)
        except ValueError:
            return cls(None, None)  # stored as listed, but broken

    @property
    def invoice(self) -> Invoice | None:
        return self.read.invoice if self.read else None

    def complete(self, stored: dict[LineItems, StoredLines]) -> bool:
        if self.read is None or self.read.lost_details:
            return False
        details = details_of(self.read.invoice)
        there = (stored[items].version for items in details.links if items in stored)
        current = sum(version == self.version for version in there)
        return not details.problems and current == len(details.links)


def refresh_manifest(archive: Archive, invoice_id: str) -> None:
    """Write the manifest of the invoice with this bare id, from what is in the container now."""

    def make() -> tuple[bytes, bool]:
        manifest = _manifest(archive, invoice_id)
        return msgspec.json.encode(manifest), manifest.complete

    archive.replace_manifest(invoice_id, make)


def _manifest(archive: Archive, invoice_id: str) -> Manifest:
    expected = _Expected.of(archive.read_invoice(invoice_id))
    stored = {lines.items: lines for lines in archive.all_stored_lines(invoice_id)}
    line_total = _line_total(stored)
    charges = expected.invoice.total_charges if expected.invoice else None
    currencies = (lines.currency for lines in stored.values())
    return Manifest(
        invoice_id=invoice_id,
        currency_code=(expected.invoice and expected.invoice.currency_code)
        or next(currencies, None),
        total_charges=None if charges is None else _amount(charges),
        complete=expected.complete(stored),
        line_total=_amount(line_total),
        difference=None if charges is None else _amount(subtract(charges, line_total)),
        line_items=[entry_of(lines) for lines in stored.values()],
        updated_at=now_text(),
    )


def _line_total(stored: dict[LineItems, StoredLines]) -> Decimal:
    billing = (
        lines.total
        for items, lines in stored.items()
        if lines.total is not None and items.invoice_line_item_type == "billing_line_items"
    )
    return total_of(billing)


def entry_of(lines: StoredLines) -> Entry:
    """Say of a blob what the manifest says of it."""
    return Entry(
        billing_provider=lines.items.billing_provider,
        invoice_line_item_type=lines.items.invoice_line_item_type,
        blob=lines.blob,
        lines=lines.lines,
        total=None if lines.total is None else _amount(lines.total),
        currency=lines.currency,
        fetched_at=lines.fetched_at,
    )


def _amount(amount: Decimal) -> msgspec.Raw:
    """Write a decimal as a JSON number, digit by digit: never through a float."""
    return msgspec.Raw(written(amount).encode())
