"""The documented types read what the API writes, exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from local.simulated.invoices import invoice_json, small_world
from local.simulated.lines import line
from shared.models import (
    LINE_ITEM_TYPES,
    ErrorBody,
    Invoice,
    InvoiceCollection,
    OneTimeInvoiceLineItem,
)


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES)
def test_every_simulated_line_fits_its_type(kind: tuple[str, str, str]) -> None:
    """Numbers as strings, sentinel dates, empty strings and missing fields included."""
    names = kind[1:]
    invoice = next(i for i in small_world() if i.detail(*names))
    for index in range(200):
        item = LINE_ITEM_TYPES[kind].from_json(line(invoice, *names, index))
        assert item.customer_id


def test_decimals_are_exact() -> None:
    """All 22 digits are there, as a number or as a string."""
    for text in ("0.1999968000511991808131", '"0.1999968000511991808131"'):
        item = OneTimeInvoiceLineItem.from_json(f'{{"unitPrice": {text}}}')
        assert str(item.unit_price) == "0.1999968000511991808131"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-05-12T00:00:00", datetime(2017, 5, 12)),  # noqa: DTZ001 - the API gives no zone
        ("2017-01-21T00:00:00Z", datetime(2017, 1, 21, tzinfo=UTC)),
        ("2018-02-08T22:40:37.5897767Z", datetime(2018, 2, 8, 22, 40, 37, 589776, UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_the_apis_odd_dates(text: str, expected: datetime | None) -> None:
    """No zone stays no zone, the seventh digit is cut, the year 1 is no date."""
    assert Invoice(id="G1", invoiceDate=text).invoice_date == expected


def test_offsets_of_dates_are_kept() -> None:
    """-08:00 is the same moment as eight hours later in UTC."""
    item = OneTimeInvoiceLineItem.from_json(
        '{"chargeStartDate": "2019-02-04T09:22:40.1767993-08:00"}'
    )
    assert item.charge_start_date == datetime(2019, 2, 4, 17, 22, 40, 176799, UTC)


def test_unknown_fields_and_values_are_kept() -> None:
    """Enumerations are open and a new field is no error."""
    item = OneTimeInvoiceLineItem.from_json('{"billingProvider": "quantum", "new": [1]}')
    assert item.billing_provider == "quantum"
    assert item.model_extra == {"new": [1]}


def test_ids_of_changing_types_are_text() -> None:
    """MpnId is a number in one class and a string in the other; leading zeros stay."""
    item = OneTimeInvoiceLineItem.from_json(
        '{"mpnId": 4390934, "resellerMpnId": "0", "skuId": "0002"}'
    )
    assert (item.mpn_id, item.reseller_mpn_id, item.sku_id) == ("4390934", "0", "0002")


def test_the_list_with_a_byte_order_mark() -> None:
    """A whole collection is read, with its invoices' details, links and amendments."""
    items = ",".join(map(invoice_json, small_world()))
    collection = InvoiceCollection.from_json(f'\ufeff{{"totalCount":7,"items":[{items}]}}'.encode())
    by_id = {invoice.id: invoice for invoice in collection.items}
    assert by_id["D0500034A7"].total_charges is not None
    assert isinstance(by_id["D0500034A7"].total_charges, Decimal)
    (amendment,) = by_id["G000024140"].amendments or []
    assert (amendment.amends_of, amendment.document_type) == ("G000024140", "adjustment_note")
    assert by_id["D0500035B1"].invoice_details is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"code":"3000","description":"Invalid property","source":"x"}', "Invalid property"),
        ('{"message":"The request is invalid."}', "The request is invalid."),
        ('{ "statusCode": 429, "message": "Rate limit is exceeded." }', "Rate limit is exceeded."),
        ('{"code":900329,"description":"app-only"}', "app-only"),
    ],
)
def test_error_bodies_of_every_shape(text: str, said: str) -> None:
    """The documented one, the short one, and the gateway's."""
    body = ErrorBody.from_json(text)
    assert (body.description or body.message) == said
