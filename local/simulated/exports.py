"""The rows that Graph's billing export has of an invoice, and what they sum up to.

Row n of an export has the charge of line n of v1: an invoice adds up from either source.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from local.simulated.export_rows import billing_row, usage_row
from local.simulated.lines import filled, rendered, shift_of, total
from local.simulated.model import BILLING, ONE_TIME, USAGE, Invoice, to_json
from local.simulated.rows import PERIOD


def export_total(invoice: Invoice, type: str) -> Decimal:
    """Sum the rows of this type exactly: `Total` of billing, `BillingPreTaxTotal` of usage."""
    if invoice.detail(ONE_TIME, type) is None:
        return Decimal(0)
    return total(invoice, ONE_TIME, type) or Decimal(0)


def export_count(invoice: Invoice, type: str) -> int:
    """Count the rows of this type."""
    detail = invoice.detail(ONE_TIME, type)
    return detail.line_count if detail else 0


def has_azure_plan(invoice: Invoice) -> bool:
    """Tell whether some of its billing rows are of an Azure plan: those that usage explains."""
    return export_count(invoice, USAGE) > 0


def export_lines(invoice: Invoice, type: str, start: int, stop: int) -> list[bytes]:
    """Give the exact texts of the rows from `start` to before `stop`."""
    shift = shift_of(invoice, ONE_TIME, type)
    return rendered(_templates(invoice, type), shift, start, stop)


def export_jsonl(invoice: Invoice, type: str) -> Iterator[bytes]:
    """Give what has to be in storage: every row and a newline."""
    count = export_count(invoice, type)
    for start in range(0, count, PERIOD):
        rows = export_lines(invoice, type, start, min(start + PERIOD, count))
        yield from (row + b"\n" for row in rows)


@lru_cache(maxsize=64)
def _templates(invoice: Invoice, type: str) -> list[list[bytes]]:
    if type == BILLING:
        return filled(_billing_texts(azure=has_azure_plan(invoice)), invoice)
    return filled(_usage_texts(large_tags=invoice.large_tags), invoice)


@lru_cache
def _billing_texts(*, azure: bool) -> list[str]:
    return [to_json(billing_row(position, azure=azure)) for position in range(PERIOD)]


@lru_cache
def _usage_texts(*, large_tags: bool) -> list[str]:
    return [to_json(usage_row(position, large_tags=large_tags)) for position in range(PERIOD)]
