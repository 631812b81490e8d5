"""The manifest of an invoice: what is in storage, whether it adds up, and whether that is final.

It is derived from what is there, never kept in step by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import msgspec

from shared.amounts import subtract, total_of, written
from shared.details import ParsedInvoice, details_of, parse_invoice
from shared.keys import LineItemsKey
from shared.models import Invoice
from shared.reconciliation import Parts, Reconciliation, reconciliation_of
from shared.settling import FETCHING, SETTLED, doubts
from shared.storage.blobs import ManifestMetadata, StoredInvoice, StoredLines
from shared.storage.head import Head, Summary, plain
from shared.storage.inventory import InvoiceBlobs
from shared.storage.metadata import moment
from shared.storage.names import lines_blob

MOST_EARLIER = 100
"""Earlier versions of lines that a manifest names; a listing of snapshots has all of them."""


class Earlier(msgspec.Struct, rename="camel"):
    """Lines that have been replaced: `snapshot` of the same blob has them."""

    snapshot: str
    lines: int
    total: msgspec.Raw | None
    fetched_at: str | None


class Entry(msgspec.Struct, rename="camel"):
    """A committed blob of lines; `total` is a JSON number, None where the type has no charge.

    `etag` is that of the data an export was made of, left out for other sources. `earlier`: what stood
    there before, the newest first.
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
    etag: str | msgspec.UnsetType
    earlier: list[Earlier]


class Manifest(msgspec.Struct, rename="camel"):
    """What `{invoiceId}/manifest.json` says; amounts are JSON numbers in `currency_code`.

    `complete`: the lines of every detail of the invoice are there, fetched for the invoice as it now
    is. `state` says whether they are final, and `reason` why, in words; `checks` counts the looks
    that have changed nothing. `line_total` sums the billing lines (usage lines explain them, and do
    not add); `difference` is `total_charges` less `line_total`: adjustments and the like are on the
    invoice but on no line, and `reconciliation` tells what is known of the reasons.
    """

    invoice_id: str
    currency_code: str | None
    total_charges: msgspec.Raw | None
    complete: bool
    state: str | None
    reason: str
    line_total: msgspec.Raw
    difference: msgspec.Raw | None
    reconciliation: Reconciliation
    line_items: list[Entry]
    checked_at: str | None
    checks: int
    next_check_at: str | msgspec.UnsetType | None
    updated_at: str


@dataclass(frozen=True)
class Findings:
    """What storage has of an invoice, beside what the stored invoice.json says should be there."""

    invoice_id: str
    parsed: ParsedInvoice | None
    version: str | None
    stored: InvoiceBlobs

    @classmethod
    def of(cls, invoice_id: str, invoice: StoredInvoice | None, stored: InvoiceBlobs) -> Findings:
        """Take the stored invoice apart; nothing of it is known where it is missing or broken."""
        parsed = None
        with suppress(ValueError):
            parsed = parse_invoice(invoice.text) if invoice else None
        return cls(invoice_id, parsed, invoice.version if invoice else None, stored)

    @property
    def invoice(self) -> Invoice | None:
        """The invoice, as far as it is as documented."""
        return self.parsed.invoice if self.parsed else None

    @cached_property
    def missing(self) -> list[str]:
        """Say, a sentence each, what is not there yet."""
        if self.parsed is None:
            return ["the invoice itself is not in storage, or cannot be read"]
        details = details_of(self.parsed.invoice)
        current = self.stored.current(self.version)
        missing = [_not_there(key) for key in details.links if key not in current]
        if self.parsed.lost_details or details.problems:
            missing.append("some of the invoice's details cannot be followed")
        return missing

    @cached_property
    def line_total(self) -> Decimal:
        """The sum of the billing lines."""
        return total_of(
            lines.about.total
            for lines in self.stored.lines.values()
            if lines.about.total is not None
            and lines.key.invoice_line_item_type == "billing_line_items"
        )

    @cached_property
    def doubts(self) -> list[str]:
        """Say, a sentence each, why what is there may not be all, or not final."""
        if self.invoice is None:
            return []
        return doubts(self.invoice, self.stored.lines.values(), self.line_total)

    @property
    def fetched_at(self) -> datetime | None:
        """When the lines last changed."""
        found = (moment(lines.about.fetched_at) for lines in self.stored.lines.values())
        return max((each for each in found if each), default=None)

    @property
    def currency(self) -> str | None:
        """The currency of the invoice, or of its lines where it is not known."""
        currencies = (lines.about.currency for lines in self.stored.lines.values())
        return (self.invoice and self.invoice.currency_code) or next(currencies, None)

    @property
    def head(self) -> Head:
        """What a list says of the invoice."""
        if self.invoice:
            return Head.of_invoice(self.invoice)
        return Head(currency=plain(self.currency))

    @property
    def summary(self) -> Summary:
        """What a list says of the lines."""
        lines, earlier = self.stored.lines.values(), self.stored.earlier
        return Summary(
            lines=sum(each.about.lines for each in lines),
            line_total=self.line_total,
            source=", ".join(sorted(filter(plain, {each.about.source for each in lines}))) or None,
            fetched_at=self.fetched_at.isoformat() if self.fetched_at else None,
            earlier=sum(len(replaced(each, earlier.get(each.key, ()))) for each in lines),
        )


def _not_there(key: LineItemsKey) -> str:
    kind = key.invoice_line_item_type.partition("_")[0]
    return f"the {kind} lines of {key.billing_provider} are not there yet"


def manifest_of(findings: Findings, about: ManifestMetadata, parts: Parts) -> Manifest:
    """Write down what is there, what `about` says of it, and what is known of its sums."""
    stored, invoice = findings.stored, findings.invoice
    charges, line_total = invoice.total_charges if invoice else None, findings.line_total
    return Manifest(
        invoice_id=findings.invoice_id,
        currency_code=findings.currency,
        total_charges=None if charges is None else _amount(charges),
        complete=not findings.missing,
        state=about.state,
        reason=_reason(findings, about),
        line_total=_amount(line_total),
        difference=None if charges is None else _amount(subtract(charges, line_total)),
        reconciliation=reconciliation_of(invoice, stored.lines.values(), parts),
        line_items=[
            entry_of(lines, stored.earlier.get(lines.key, ())) for lines in stored.lines.values()
        ],
        checked_at=about.checked_at.isoformat() if about.checked_at else None,
        checks=about.checks,
        next_check_at=about.next_check_at.isoformat() if about.next_check_at else msgspec.UNSET,
        updated_at=about.updated_at.isoformat() if about.updated_at else "",
    )


def _reason(findings: Findings, about: ManifestMetadata) -> str:
    if about.state == FETCHING:
        return "; ".join(findings.missing)
    said = findings.doubts or ["the lines add up to the invoice"]
    if about.state == SETTLED and findings.doubts and about.checks:
        said = [*said, f"nothing has changed in {_looks(about.checks)}"]
    if about.failures:
        last = "look" if about.failures == 1 else _looks(about.failures)
        said = [*said, f"not all could be looked at in the last {last}"]
    return "; ".join(said)


def _looks(count: int) -> str:
    return f"{count} look{'' if count == 1 else 's'}"


def entry_of(lines: StoredLines, earlier: Iterable[StoredLines]) -> Entry:
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
        etag=about.etag or msgspec.UNSET,
        earlier=[_earlier(each) for each in replaced(lines, earlier)[:MOST_EARLIER]],
    )


def replaced(lines: StoredLines, earlier: Iterable[StoredLines]) -> list[StoredLines]:
    """Give what stood there before, the newest first, and the lines of each run once.

    There may be two snapshots of them: the SDK asks again where an answer was lost. One that was taken for
    a commit that has not come yet is what is there now.
    """
    in_order = sorted(earlier, key=lambda each: each.snapshot or "")
    by_run = {each.about.run or each.snapshot: each for each in in_order}
    others = [each for run, each in by_run.items() if run != lines.about.run]
    return sorted(others, key=lambda each: each.snapshot or "", reverse=True)


def _earlier(lines: StoredLines) -> Earlier:
    about = lines.about
    return Earlier(
        snapshot=lines.snapshot or "",
        lines=about.lines,
        total=None if about.total is None else _amount(about.total),
        fetched_at=about.fetched_at,
    )


def _amount(amount: Decimal) -> msgspec.Raw:
    """Write a decimal as a JSON number, digit by digit: never through a float."""
    return msgspec.Raw(written(amount).encode())
