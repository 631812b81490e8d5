"""Which lines Microsoft Graph exports, and since when."""

from __future__ import annotations

from datetime import date, timedelta

from shared.keys import LineItemsKey
from shared.models import Invoice

# The first billing periods of which an export has lines.
_HISTORY_BEGINS = {
    "billing_line_items": date(2024, 2, 1),
    "usage_line_items": date(2022, 9, 1),
}


def is_exported(key: LineItemsKey) -> bool:
    """Whether the lines are those of a new-commerce invoice, whose ids begin with G."""
    return key.billing_provider == "one_time" and key.invoice_id.startswith("G")


def is_before_history(key: LineItemsKey, invoice: Invoice) -> bool:
    """Whether the invoice's billing period begins before an export has lines of this kind.

    Where the invoice says no period, it is the month before its date; where that is missing too, the
    answer is no.
    """
    period = invoice.billing_period_start_date
    if period is None and invoice.invoice_date is not None:
        period = invoice.invoice_date.replace(day=1) - timedelta(days=1)
    return period is not None and period.date() < _HISTORY_BEGINS[key.invoice_line_item_type]
