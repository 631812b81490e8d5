"""What a manifest says of its invoice and its lines in its metadata, so that a listing can show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Self

from shared.amounts import amount_of, written
from shared.models import Invoice
from shared.storage.metadata import Metadata, count, day, moment

# What can stand in a header as it is; types, currencies and sources do.
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Head:
    """The head of an invoice, as Partner Center gives it; None stands for what is not known.

    Dates are days; `charges` are in `currency`. Types are `Recurring` and the like, documents `invoice`,
    `void_note` or `adjustment_note`.
    """

    invoice_date: date | None = None
    period_start: date | None = None
    period_end: date | None = None
    invoice_type: str | None = None
    document_type: str | None = None
    currency: str | None = None
    charges: Decimal | None = None

    @classmethod
    def of_invoice(cls, invoice: Invoice) -> Self:
        """Take it from an invoice."""
        return cls(
            _day(invoice.invoice_date),
            _day(invoice.billing_period_start_date),
            _day(invoice.billing_period_end_date),
            plain(invoice.invoice_type),
            plain(invoice.document_type),
            plain(invoice.currency_code),
            invoice.total_charges,
        )

    @classmethod
    def of(cls, known: Metadata) -> Self:
        """Read it from the metadata of manifest.json; what is missing or odd counts as unknown."""
        return cls(
            day(known.get("invoice_date")),
            day(known.get("period_start")),
            day(known.get("period_end")),
            plain(known.get("invoice_type")),
            plain(known.get("document_type")),
            plain(known.get("currency")),
            amount_of(known.get("charges")),
        )

    def metadata(self) -> dict[str, str | None]:
        """Write it as metadata."""
        return {
            "invoice_date": _written(self.invoice_date),
            "period_start": _written(self.period_start),
            "period_end": _written(self.period_end),
            "invoice_type": self.invoice_type,
            "document_type": self.document_type,
            "currency": self.currency,
            "charges": None if self.charges is None else written(self.charges),
        }


@dataclass(frozen=True)
class Summary:
    """What the stored lines of an invoice come to.

    `lines` are all of them, `line_total` is the sum of the billing lines, in the invoice's currency: None
    where a release before 0.2 has written the manifest. `source` names where the lines are from (`graph`,
    `v1`), `earlier` counts versions of them that have been replaced.
    """

    lines: int | None = None
    line_total: Decimal | None = None
    source: str | None = None
    fetched_at: str | None = None
    earlier: int = 0

    @classmethod
    def of(cls, known: Metadata) -> Self:
        """Read it from the metadata of manifest.json; what is missing or odd counts as unknown."""
        lines, fetched_at = known.get("line_count", ""), known.get("fetched_at")
        return cls(
            count(lines) if lines.isdecimal() else None,
            amount_of(known.get("line_total")),
            known.get("source"),
            fetched_at if moment(fetched_at) else None,
            count(known.get("earlier")),
        )

    def metadata(self) -> dict[str, str | None]:
        """Write it as metadata."""
        return {
            "line_count": None if self.lines is None else str(self.lines),
            "line_total": None if self.line_total is None else written(self.line_total),
            "source": self.source,
            "fetched_at": self.fetched_at,
            "earlier": str(self.earlier) if self.earlier else None,
        }


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def plain(text: str | None) -> str | None:
    """Give a text that can stand in metadata as it is, and is no longer than names are; else None."""
    return text if text and _PLAIN.fullmatch(text) else None
