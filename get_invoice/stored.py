"""What is stored, an invoice a row, from one listing of the container."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.amounts import subtract, total_of
from shared.errors import InvalidInput
from shared.keys import invoice_id
from shared.storage.archive import Archive
from shared.storage.head import Head
from shared.storage.inventory import InvoiceBlobs, inventory


@dataclass(frozen=True)
class Row:
    """An invoice in storage.

    `lines` are all that are stored, `line_total` is the sum of the billing lines, `difference` what the
    charges are more than that (None where they are not known), all in `head.currency`. `source` names
    where the lines are from (`graph`, `v1`), `earlier` counts versions of them that have been replaced.
    """

    id: str
    head: Head
    state: str
    lines: int
    line_total: Decimal
    source: str | None
    fetched_at: str | None
    earlier: int

    @property
    def difference(self) -> Decimal | None:
        """What is on the invoice and on no line."""
        charges = self.head.charges
        return None if charges is None else subtract(charges, self.line_total)

    @property
    def month(self) -> date | None:
        """The first day of its month."""
        day = self.head.invoice_date
        return day.replace(day=1) if day else None

    @property
    def position(self) -> str:
        """Where it stands: rows are in the order of this, backwards. Without a date they come last."""
        day = self.head.invoice_date
        return f"{day.isoformat() if day else '0000-00-00'}~{self.id}"


def stored_rows(archive: Archive) -> list[Row]:
    """Say what is stored, the newest first."""
    stored = inventory(archive)
    rows = [
        _row(name, blobs) for name, blobs in stored.items() if blobs.is_invoice and _is_id(name)
    ]
    return sorted(rows, key=lambda row: row.position, reverse=True)


def _is_id(name: str) -> bool:
    """Whether a folder has the name of an invoice: others are of somebody else."""
    with suppress(InvalidInput):
        return invoice_id(name) == name
    return False


def _row(name: str, blobs: InvoiceBlobs) -> Row:
    lines = blobs.lines.values()
    billing = [each for each in lines if each.key.invoice_line_item_type == "billing_line_items"]
    return Row(
        id=name,
        head=blobs.invoice.head if blobs.invoice else Head(),
        state=blobs.state,
        lines=sum(each.about.lines for each in lines),
        line_total=total_of(each.about.total for each in billing if each.about.total is not None),
        source=", ".join(sorted({each.about.source for each in lines})) or None,
        fetched_at=max(
            (each.about.fetched_at for each in lines if each.about.fetched_at), default=None
        ),
        earlier=blobs.manifest.earlier if blobs.manifest else 0,
    )
