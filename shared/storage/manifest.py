"""The manifest of an invoice: what is in storage, and whether it adds up.

It is derived from what is there, never kept in step by hand: whoever changes something writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from shared.amounts import subtract, total_of, written
from shared.details import ParsedInvoice, details_of, parse_invoice
from shared.errors import Overtaken
from shared.models import Invoice
from shared.storage.archive import Archive
from shared.storage.blobs import ManifestMetadata, StoredInvoice, StoredLines, lines_blob, now
from shared.storage.inventory import InvoiceBlobs, inventory_of

_MOST_TRIES = 10


class Entry(msgspec.Struct, rename="camel", omit_defaults=True):
    """A committed blob of lines; `total` is a JSON number, None where the type has no charge.

    `etag` is that of the data an export was made of, left out for other sources.
    """

    billing_provider: str
    invoice_line_item_type: str
    source: str
    blob: str
    bytes: int
    lines: int
    total: msgspec.Raw | None
    currency: str | None
    fetched_at: str | None
    etag: str | None = None


class Manifest(msgspec.Struct, rename="camel"):
    """What `{invoiceId}/manifest.json` says; amounts are JSON numbers in `currency_code`.

    `complete`: the lines of every detail of the invoice are there, fetched for the invoice as it now
    is; an invoice that charges something has some. `line_total` sums the billing lines (usage lines explain them, and do not add);
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

    parsed: ParsedInvoice | None
    version: str | None

    @classmethod
    def of(cls, stored: StoredInvoice | None) -> _Expected:
        with suppress(ValueError):  # stored as listed, but broken
            if stored is not None:
                return cls(parse_invoice(stored.text), stored.version)
        return cls(None, None)

    @property
    def invoice(self) -> Invoice | None:
        return self.parsed.invoice if self.parsed else None

    def complete(self, stored: InvoiceBlobs) -> bool:
        if self.parsed is None or self.parsed.lost_details:
            return False
        details = details_of(self.parsed.invoice)
        current = stored.current(self.version, self.parsed.invoice.total_charges)
        return not details.problems and details.links.keys() <= current


def refresh_manifest(archive: Archive, invoice_id: str) -> None:
    """Write the manifest of the invoice with this bare id, from what is in the container now.

    Where another writer comes between, it is made again, so that the last manifest written knows of
    every commit before it. Its metadata remember when the invoice was last complete, also where it
    is not now. Raises TimeoutError where others come between again and again.
    """
    for _ in range(_MOST_TRIES):
        before, etag = archive.manifest(invoice_id)
        updated_at = now()
        manifest = _manifest(archive, invoice_id, updated_at.isoformat())
        complete_at = updated_at if manifest.complete else before.complete_at
        about = ManifestMetadata(updated_at, complete_at)
        with suppress(Overtaken):
            text = msgspec.json.encode(manifest)
            archive.put_manifest(invoice_id, text, about, replacing=etag)
            return
    raise TimeoutError(
        f"The manifest of {invoice_id} was changed {_MOST_TRIES} times in a row by others"
    )


def _manifest(archive: Archive, invoice_id: str, updated_at: str) -> Manifest:
    expected = _Expected.of(archive.invoice(invoice_id))
    stored = inventory_of(archive, invoice_id)
    line_total = _line_total(stored.lines.values())
    charges = expected.invoice.total_charges if expected.invoice else None
    currencies = (lines.about.currency for lines in stored.lines.values())
    return Manifest(
        invoice_id=invoice_id,
        currency_code=(expected.invoice and expected.invoice.currency_code)
        or next(currencies, None),
        total_charges=None if charges is None else _amount(charges),
        complete=expected.complete(stored),
        line_total=_amount(line_total),
        difference=None if charges is None else _amount(subtract(charges, line_total)),
        line_items=[entry_of(lines) for lines in stored.lines.values()],
        updated_at=updated_at,
    )


def _line_total(stored: Iterable[StoredLines]) -> Decimal:
    return total_of(
        lines.about.total
        for lines in stored
        if lines.about.total is not None
        and lines.key.invoice_line_item_type == "billing_line_items"
    )


def entry_of(lines: StoredLines) -> Entry:
    """Say of a blob what the manifest says of it."""
    about = lines.about
    return Entry(
        billing_provider=lines.key.billing_provider,
        invoice_line_item_type=lines.key.invoice_line_item_type,
        source=about.source,
        blob=lines_blob(lines.key),
        bytes=lines.size,
        lines=about.lines,
        total=None if about.total is None else _amount(about.total),
        currency=about.currency,
        fetched_at=about.fetched_at,
        etag=about.etag,
    )


def _amount(amount: Decimal) -> msgspec.Raw:
    """Write a decimal as a JSON number, digit by digit: never through a float."""
    return msgspec.Raw(written(amount).encode())
