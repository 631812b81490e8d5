"""The invoices of the simulated Partner Center, as the list has them, and ready-made worlds of them.

Nothing is stored: an invoice of a million lines costs nothing until they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from local.simulated.lines import total_charges
from local.simulated.model import (
    AZURE,
    BILLING,
    NEW_COMMERCE,
    OFFICE,
    ONE_TIME,
    RECURRING,
    USAGE,
    Detail,
    Invoice,
    pascal_case,
    to_json,
)


@lru_cache(maxsize=4096)
def invoice_json(invoice: Invoice) -> str:
    """Give the invoice as the list has it; amendments come nested, and without links."""
    return to_json(_invoice(invoice, has_links=True))


def _invoice(invoice: Invoice, *, has_links: bool) -> dict[str, Any]:
    fields = {
        "id": invoice.id,
        "invoiceDate": f"{invoice.invoice_date}T22:40:37.5897767Z",
        **(_billing_period(invoice) if invoice.has_billing_period else {}),
        "totalCharges": total_charges(invoice),
        "paidAmount": invoice.paid_amount,
        "currencyCode": invoice.currency,
        "currencySymbol": {"USD": "$", "EUR": "€", "KRW": "₩"}.get(invoice.currency, ""),
        "pdfDownloadLink": f"/invoices/{invoice.id}/documents/statement" if has_links else None,
        "invoiceDetails": invoice.details
        and [_detail(invoice, detail, has_links=has_links) for detail in invoice.details],
        "amendments": [_invoice(a, has_links=False) for a in invoice.amendments] or None,
        "documentType": invoice.document_type,
        "amendsOf": invoice.amends,
        "state": invoice.state,
        "invoiceType": invoice.kind,
        "attributes": {"objectType": "Invoice"},
        "links": _self_link(f"/invoices/{invoice.prefixed_id}") if has_links else None,
    }
    # Of the fields without a value only the details are sent, as null.
    return {k: v for k, v in fields.items() if v is not None or k == "invoiceDetails"}


def _billing_period(invoice: Invoice) -> dict[str, str]:
    last = invoice.invoice_date.replace(day=1) - timedelta(days=1)
    return {
        "billingPeriodStartDate": f"{invoice.billing_period}T00:00:00Z",
        "billingPeriodEndDate": f"{last}T00:00:00Z",
    }


def _detail(invoice: Invoice, detail: Detail, *, has_links: bool) -> dict[str, Any]:
    kind = f"{pascal_case(detail.provider)}/{pascal_case(detail.type)}"
    link = _self_link(f"/invoices/{invoice.prefixed_id}/lineitems/{kind}")
    return {
        "invoiceLineItemType": detail.type,
        "billingProvider": detail.provider,
        "attributes": {"objectType": "InvoiceDetail"},
    } | ({"links": link} if has_links else {})


def _self_link(uri: str) -> dict[str, Any]:
    return {"self": {"uri": uri, "method": "GET", "headers": []}}


# --- worlds ---------------------------------------------------------------------------------------


def legacy(
    id: str, invoice_date: date, *, office: int, azure: int, usage: int, **fields: Any
) -> Invoice:
    """Make a legacy invoice with these numbers of lines."""
    details = (
        Detail(OFFICE, BILLING, office),
        Detail(AZURE, BILLING, azure),
        Detail(AZURE, USAGE, usage),
    )
    return Invoice(id, RECURRING, invoice_date, details, **fields)


def new_commerce(
    id: str, invoice_date: date, *, billing: int, usage: int, **fields: Any
) -> Invoice:
    """Make a new-commerce invoice with these numbers of lines."""
    details = (Detail(ONE_TIME, BILLING, billing), Detail(ONE_TIME, USAGE, usage))
    return Invoice(id, NEW_COMMERCE, invoice_date, details, **fields)


def voided(invoice: Invoice, *, line_count: int = 3) -> Invoice:
    """Void an invoice: its own type changes, and the correction comes nested in it."""
    correction = Invoice(
        f"{invoice.id[0]}V{invoice.id[2:]}",
        invoice.kind,
        invoice.invoice_date,
        (Detail((invoice.details or ())[0].provider, BILLING, line_count),),
        invoice.currency,
        document_type="adjustment_note",
        amends=invoice.id,
    )
    return replace(invoice, document_type="void_note", state="void", amendments=(correction,))


def small_world() -> list[Invoice]:
    """Give the invoices of a demo: few enough to look at, and every case that matters."""
    january, february = date(2024, 1, 8), date(2024, 2, 8)
    return [
        legacy(
            *("D0500033K3", january),
            office=4500,
            azure=2000,
            usage=4500,
            paid_amount=Decimal(-1000),
        ),
        legacy("D0500034A7", february, office=3, azure=1, usage=0, adjustment=Decimal("-12.34")),
        new_commerce("G000024130", january, billing=4500, usage=2001),
        new_commerce("G000024135", february, billing=2000, usage=5, currency="EUR"),
        voided(new_commerce("G000024140", february, billing=12, usage=1)),
        Invoice("D0500035B1", RECURRING, february, None, adjustment=Decimal("5.00")),
        new_commerce("G000024145", february, billing=1, usage=0, has_billing_period=False),
    ]


PUBLISHED_LATE = "G098765431"  # of the current world: what a demo may hold back for a while


def current_world() -> list[Invoice]:
    """Give the invoices of a demo of both sources: last months' and one older than the export.

    The last one's billing lines only v1 has, its usage Graph has, too.
    """
    october, november = date(2026, 10, 8), date(2026, 11, 8)
    return [
        legacy(
            *("D0560021K7", november),
            office=2500,
            azure=300,
            usage=1200,
            adjustment=Decimal("-12.34"),
        ),
        new_commerce("G098120457", october, billing=1800, usage=4500),
        new_commerce("G098765430", november, billing=4500, usage=12_000, currency="EUR"),
        new_commerce(PUBLISHED_LATE, november, billing=600, usage=2000),
        Invoice("G098765432", NEW_COMMERCE, november, (Detail(ONE_TIME, BILLING, 12),)),
        voided(new_commerce("G098120460", october, billing=20, usage=7)),
        new_commerce("G024130077", date(2023, 12, 8), billing=2100, usage=40),
    ]


def large_world(line_count: int = 1_000_000) -> list[Invoice]:
    """Give one invoice of either kind, with this many lines for each detail."""
    day, lines = date(2024, 3, 8), line_count
    return [
        legacy("D0600000L1", day, office=lines, azure=lines, usage=lines),
        new_commerce("G000060001", day, billing=lines, usage=lines),
    ]


def history(
    years: int, *, per_month: int = 2, line_count: int = 10, kinds: tuple[str, ...] = ("D", "G")
) -> list[Invoice]:
    """Give years of invoices, `per_month` each month, of the legacy (D) and the new (G) kind in turn.

    A legacy one has three details, a new one two.
    """
    months = (date(2019 + month // 12, month % 12 + 1, 8) for month in range(12 * years))
    days = (day for day in months for _ in range(per_month))
    n = line_count
    return [
        legacy(f"D{number:09d}", day, office=n, azure=n, usage=n)
        if kinds[number % len(kinds)] == "D"
        else new_commerce(f"G{number:09d}", day, billing=n, usage=n)
        for number, day in enumerate(days)
    ]


WORLDS: dict[str, Callable[[], list[Invoice]]] = {
    "small": small_world,
    "current": current_world,
    "large": large_world,
    "history": lambda: history(10, per_month=17),
}
