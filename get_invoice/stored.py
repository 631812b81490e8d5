"""What is stored, an invoice a row, from one listing of the manifests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.amounts import subtract
from shared.storage.archive import Archive
from shared.storage.head import Head, Summary
from shared.storage.inventory import known_state, manifests


@dataclass(frozen=True)
class Row:
    """An invoice in storage, as its manifest says."""

    id: str
    head: Head
    state: str
    summary: Summary

    @property
    def difference(self) -> Decimal | None:
        """What the charges are more than the billing lines, None where one of the two is not known."""
        charges, line_total = self.head.charges, self.summary.line_total
        return None if charges is None or line_total is None else subtract(charges, line_total)

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
    rows = [
        Row(name, manifest.head, known_state(manifest), manifest.summary)
        for name, manifest in manifests(archive).items()
    ]
    return sorted(rows, key=lambda row: row.position, reverse=True)
