"""Which data the export has, and which not: for code 5000 never, too old and not yet are the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from local.simulated.data_sets import DataSet
from local.simulated.exports import export_count
from local.simulated.model import BILLING, USAGE, Invoice

# The first billing periods that the export has.
HISTORY = {BILLING: date(2024, 2, 1), USAGE: date(2022, 9, 1)}


@dataclass
class PublishingOptions:
    """Switches for which data there are."""

    # (invoice id, type) of what isn't published until it is taken out of here
    unpublished: set[tuple[str, str]] = field(default_factory=set)
    without_lines: Literal["5000", "empty"] = "5000"  # what has no lines: no data, or no files
    files: int = 1  # that an export is cut into


class Failure(NamedTuple):
    """Why an operation has failed."""

    code: str
    message: str


_NO_DATA = Failure("5000", "No data available")


def find_invoice(invoices: dict[str, Invoice], id: str) -> Invoice | None:
    """Find an invoice by its bare id; amendments have ids of their own."""
    return next((i for i in with_amendments(invoices.copy().values()) if i.id == id), None)


def with_amendments(invoices: Iterable[Invoice]) -> Iterable[Invoice]:
    """Give invoices and what is nested in them."""
    for invoice in invoices:
        yield invoice
        yield from with_amendments(invoice.amendments)


def published(
    invoices: dict[str, Invoice], id: str, type: str, options: PublishingOptions
) -> DataSet | Failure:
    """Give the data set that an export of this type comes to, if there is one."""
    if id.upper().startswith("D"):
        # Recorded of a legacy invoice: even for usage it speaks of reconciliation.
        text = f"The reconciliation data of invoice {id} can't be found. Please try again later."
        return Failure("5000", text)
    invoice = find_invoice(invoices, id)
    if invoice is None or invoice.billing_period < HISTORY[type]:
        return _NO_DATA
    if (id, type) in options.unpublished:
        return _NO_DATA
    if export_count(invoice, type):
        return DataSet(invoice, type, options.files)
    return _NO_DATA if options.without_lines == "5000" else DataSet(invoice, type, 0)
