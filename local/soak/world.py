"""The invoices of a soak: of either kind, with lines from either source."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from local.simulated import Invoice
from local.simulated.invoices import legacy, new_commerce, voided
from local.simulated.rows import PERIOD
from local.simulated.sources import source_of


def world(lines: int) -> list[Invoice]:
    """Give legacy and new-commerce invoices, and voids with amendments, with about so many lines.

    Of new commerce one is from before all exports, two from when there was one of usage, three are
    of today.
    """
    long_ago, first, second = date(2022, 8, 8), date(2024, 1, 8), date(2024, 2, 8)
    current = date(2026, 11, 8)

    def share(percent: int) -> int:
        # Never whole periods: the sums of two revisions of an invoice would be the same.
        return lines * percent // 100 // PERIOD * PERIOD + 37

    return [
        legacy("D0700000S1", first, office=share(10), azure=share(15), usage=share(10)),
        legacy(
            *("D0700000S2", second),
            office=share(5),
            azure=share(5),
            usage=share(5),
            adjustment=Decimal("-12.34"),
        ),
        new_commerce("G000070001", long_ago, billing=share(10), usage=share(10)),
        new_commerce("G000070002", second, billing=share(3), usage=share(3), currency="EUR"),
        voided(new_commerce("G000070003", second, billing=share(2), usage=share(1))),
        new_commerce("G000080001", current, billing=share(5), usage=share(9)),
        new_commerce("G000080002", current, billing=share(2), usage=share(2), currency="EUR"),
        voided(new_commerce("G000080003", current, billing=share(2), usage=share(1))),
    ]


def is_exported(invoice: Invoice) -> bool:
    """Tell whether all its lines come from the export."""
    details = invoice.details or ()
    return all(source_of(invoice, detail.provider, detail.type) == "graph" for detail in details)
