"""What a list shows of an invoice stands in the metadata of its manifest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shared.models import Invoice
from shared.storage.head import Head
from shared.storage.metadata import known_values


def read_back(head: Head) -> Head:
    metadata = {name: value for name, value in head.metadata().items() if value}
    return Head.of(known_values(metadata))


def test_the_head_of_an_invoice_comes_back_from_metadata() -> None:
    """Days, names and the charges to the digit."""
    text = (
        '{"id": "G000024130", "invoiceDate": "2026-11-08T10:00:00Z", "invoiceType": "OneTime",'
        '"billingPeriodStartDate": "2026-10-01T00:00:00Z", "documentType": "invoice",'
        '"billingPeriodEndDate": "2026-10-31T00:00:00Z", "currencyCode": "USD",'
        '"totalCharges": 1980.0917000000000000001}'
    )
    head = Head.of_invoice(Invoice.from_json(text))
    assert head == Head(
        date(2026, 11, 8),
        date(2026, 10, 1),
        date(2026, 10, 31),
        "OneTime",
        "invoice",
        "USD",
        Decimal("1980.0917000000000000001"),
    )
    assert read_back(head) == head


@pytest.mark.parametrize(
    "field",
    ['"currencyCode": "€"', '"invoiceType": "a\\r\\nx-ms-meta-version: 1"', '"documentType": " "'],
)
def test_what_cannot_stand_in_a_header_counts_as_unknown(field: str) -> None:
    """Else storage would refuse the invoice, or take a header of somebody else's."""
    head = Head.of_invoice(Invoice.from_json(f'{{"id": "G000024130", {field}}}'))
    assert head == Head()
    assert read_back(head) == head


def test_no_charges_and_charges_of_zero_are_two_things() -> None:
    """An invoice may come to nothing."""
    assert read_back(Head(charges=Decimal("0.00"))) == Head(charges=Decimal(0))
    assert read_back(Head()).charges is None
