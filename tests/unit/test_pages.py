"""What pages say of amounts, periods and months."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from get_invoice.pages import Links, cents, list_page, money, period
from get_invoice.query import ListQuery
from get_invoice.stored import Row
from shared.storage.head import Head, Summary


@pytest.mark.parametrize(
    ("amount", "all_digits", "rounded"),
    [
        ("0", "0.00", "0.00"),
        ("0.005", "0.005", "0.005"),
        ("0.0051", "0.0051", "0.01"),
        ("-0.004", "\u22120.004", "\u22120.004"),
        ("1234567.891", "1\u202f234\u202f567.891", "1\u202f234\u202f567.89"),
        ("-12.3400", "\u221212.34", "\u221212.34"),
        ("NaN", "\u2013", "\u2013"),
        (None, "\u2013", "\u2013"),
    ],
)
def test_amounts_are_written_for_people(amount: str | None, all_digits: str, rounded: str) -> None:
    """Rounded to cents, but for one that would be nothing then; never one that is none."""
    assert (money(amount), cents(amount)) == (all_digits, rounded)


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-10-01", "2026-10-31", "Oct 2026"),
        ("2028-02-01", "2028-02-29", "Feb 2028"),
        ("2026-10-01", "2026-10-30", "2026-10-01 to 2026-10-30"),
        ("2026-10-02", "2026-10-31", "2026-10-02 to 2026-10-31"),
        ("2026-10-01", "2027-10-31", "2026-10-01 to 2027-10-31"),
        ("2026-10-01", "9999-12-31", "2026-10-01 to 9999-12-31"),
        ("9999-12-01", "9999-12-31", "Dec 9999"),
    ],
)
def test_a_period_that_is_a_month_has_its_name(first: str, last: str, text: str) -> None:
    """To the last day that a calendar has."""
    head = Head(period_start=date.fromisoformat(first), period_end=date.fromisoformat(last))
    assert period(head) == text


def row(charges: str | None, currency: str | None) -> Row:
    amount = None if charges is None else Decimal(charges)
    head = Head(invoice_date=date(2026, 11, 8), currency=currency, charges=amount)
    return Row("G1", head, "settled", Summary(1, Decimal(0), "graph"))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("100", "EUR"), (None, None)], "2 invoices · 100.00 EUR · charges of 1 not known"),
        ([(None, None)], "1 invoice · charges of 1 not known"),
        ([("1", "EUR"), ("2", "USD"), ("3", "EUR")], "3 invoices · 4.00 EUR · 2.00 USD"),
        ([("0", "EUR")], "1 invoice · 0.00 EUR"),
    ],
)
def test_a_month_says_what_it_charges_as_far_as_that_is_known(
    rows: list[tuple[str | None, str | None]], text: str
) -> None:
    """Each currency for itself; what is not known is no zero."""
    found = [row(charges, currency) for charges, currency in rows]
    links, query = Links("/api/invoices", None), ListQuery(page_size=9)
    page = list_page(found, len(found), query, links, {}, None, []).body.decode()
    assert f'<p class="quiet">{text}' in page
