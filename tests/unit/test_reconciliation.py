"""Why an invoice does not add up: what its lines come to by type of charge, customer and subscription."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest

from fetch_line_items.fields import FieldNames, Fields, as_it_is
from fetch_line_items.rows import RowReader
from fetch_line_items.sums import Sums, sums_of
from shared.keys import LineItemsKey
from shared.messages import FilePosition
from shared.models import Invoice
from shared.models.export_line_items import BilledReconciliationLineItem, BilledUsageLineItem
from shared.models.line_items import LineItem
from shared.reconciliation import (
    MOST,
    Group,
    Part,
    Parts,
    read_parts,
    reconciliation_of,
    write_parts,
)
from shared.storage.blobs import LinesMetadata, StoredLines

RUN = "0123456789abcdef"
BILLING = LineItemsKey("G098765430", "one_time", "billing_line_items")
USAGE = LineItemsKey("G098765430", "one_time", "usage_line_items")


def of_rows(*rows: str, kind: type[LineItem] = BilledReconciliationLineItem) -> Sums:
    text = "".join(f"{row}\n" for row in rows).encode()
    (read,) = RowReader(kind).rows([text], FilePosition())
    return read.sums


LICENCE = (
    '{"CustomerId":"a","SubscriptionId":"s1","ChargeType":"new","TaxTotal":1.90,"Total":11.90,'
    '"ProductCategory":"Office","SkuName":"E3"}'
)
CREDIT = '{"CustomerId":"a","ChargeType":"removeQuantity","Total":-2.5}'
PLAN = (
    '{"CustomerId":"b","SubscriptionId":"s2","ChargeType":"new","TaxTotal":"0.10","Total":1.10,'
    '"SkuName":"AZURE plan"}'
)


def test_billing_lines_are_summed_by_what_explains_them() -> None:
    """Types of charges with their tax, customers, and what of it is Azure's, before tax."""
    sums = of_rows(LICENCE, CREDIT, PLAN)
    assert sums == Sums(
        total=Decimal("10.50"),
        tax=Decimal("2.00"),
        azure=True,
        charge_types={
            "new": Group(2, Decimal("13.00")),
            "removeQuantity": Group(1, Decimal("-2.5")),
        },
        customers={"a", "b"},
        subscriptions={"s2": Group(1, Decimal("1.00"))},
    )


def test_usage_lines_are_summed_by_subscription() -> None:
    """They have no tax, and are all of Azure plans."""
    row = '{"CustomerId":"b","SubscriptionId":"%s","ChargeType":"new","BillingPreTaxTotal":%s}'
    sums = of_rows(row % ("s2", "0.25"), row % ("s2", "0.5"), kind=BilledUsageLineItem)
    assert sums.subscriptions == {"s2": Group(2, Decimal("0.75"))}
    assert (sums.tax, sums.azure, sums.total) == (Decimal(0), False, Decimal("0.75"))


@pytest.mark.parametrize(
    "odd",
    [
        '{"total":1.10,"customerID":"b","subscriptionid":"s2","CHARGETYPE":"new","taxtotal":0.10,"skuname":"azure plan"}',
        '{"Total":1.10,"CustomerId":"b","SubscriptionId":"s2","ChargeType":"new","TaxTotal":0.10,"ProductCategory":"Azure","SkuName":7}',
    ],
    ids=["names in any case", "a name that is a number"],
)
def test_odd_rows_come_to_the_same(odd: str) -> None:
    """Row by row, whatever is odd in one of the block."""
    assert of_rows(LICENCE, odd, '{"ToTal":"0"}').subscriptions == {"s2": Group(1, Decimal("1.00"))}
    assert of_rows(LICENCE, odd, '{"ToTal":"0"}').tax == Decimal("2.00")


def test_rows_in_camel_case_are_read_at_once() -> None:
    """Which of the two spellings the live service has is not known."""
    assert of_rows(PLAN.replace("SkuName", "skuName")).azure is False
    camel = '{"total":1.10,"taxTotal":0.10,"customerId":"b","subscriptionId":"s2","skuName":"Azure plan"}'
    assert of_rows(camel).subscriptions == {"s2": Group(1, Decimal("1.00"))}


def test_no_digit_is_lost() -> None:
    """The price before tax has all digits of both."""
    names = FieldNames(BilledReconciliationLineItem, as_it_is)
    line = json.loads(
        '{"Total":1234567890123456789012345678.5,"TaxTotal":0.0000000000000000000001,"SkuName":"azure plan"}',
        parse_float=Decimal,
    )
    group = sums_of([names.read(line)], names).subscriptions[""]
    assert group.total == Decimal("1234567890123456789012345678.4999999999999999999999")


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    """Blocks are read one by one, in any number."""
    added = Sums(Decimal(0))
    for row in (LICENCE, CREDIT, PLAN):
        added.add(of_rows(row))
    assert added == of_rows(LICENCE, CREDIT, PLAN)


def test_too_many_to_be_told_are_not_known() -> None:
    """Whatever lines have in these fields, what is kept of it has a bound; the charges stay right."""
    charges = {str(number): Group(1, Decimal(1)) for number in range(MOST)}
    added = Sums(Decimal(0))
    added.add(Sums(Decimal(MOST), subscriptions=charges, charge_types=charges))
    assert added.in_full
    added.add(Sums(Decimal(1), customers={"a"}, subscriptions={"more": Group(1, Decimal(1))}))
    added.add(Sums(Decimal(2), charge_types={"more": Group(2, Decimal(2))}))
    assert (added.in_full, added.customers, added.subscriptions) == (False, set(), {})
    assert added.charge_types == {"": Group(MOST + 2, Decimal(MOST + 2))}
    assert added.part(RUN).subscriptions is None


def stored(key: LineItemsKey, run: str = RUN) -> StoredLines:
    return StoredLines(key, 1, LinesMetadata(run=run))


def part(charge_types: dict[str, Group], subscriptions: dict[str, Group], run: str = RUN) -> Part:
    return Part(run, charge_types, Decimal("1.90"), 3, subscriptions)


def told(parts: Parts, *lines: StoredLines, invoice: Invoice | None = None) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(
        msgspec.json.encode(reconciliation_of(invoice, lines, parts))
    )
    return found


def test_the_largest_charges_come_first() -> None:
    """A credit as large as a charge is as interesting."""
    charges = {"new": Group(2, Decimal(5)), "credit": Group(1, Decimal("-7.50"))}
    assert told({BILLING.kind: part(charges, {})}, stored(BILLING)) == {
        "billing": [
            {
                "billingProvider": "one_time",
                "customers": 3,
                "tax": 1.9,
                "chargeTypes": [
                    {"chargeType": "credit", "lines": 1, "total": -7.5},
                    {"chargeType": "new", "lines": 2, "total": 5},
                ],
            }
        ],
        "amendments": None,
        "azurePlans": None,
        "unknown": [],
    }


def test_subscriptions_are_named_where_more_than_rounding_is_between() -> None:
    """A cent for each billing line is rounding; the furthest apart comes first."""
    billed = {
        "s1": Group(2, Decimal("10.02")),
        "s2": Group(1, Decimal(5)),
        "s3": Group(1, Decimal(1)),
    }
    used = {
        "s1": Group(99, Decimal(10)),
        "s2": Group(1, Decimal(7)),
        "s4": Group(1, Decimal("0.5")),
    }
    parts = {BILLING.kind: part({}, billed), USAGE.kind: part({}, used)}
    assert told(parts, stored(BILLING), stored(USAGE))["azurePlans"] == {
        "billed": 16.02,
        "usage": 17.5,
        "difference": -1.48,
        "differing": 3,
        "subscriptions": [
            {"subscriptionId": "s2", "billed": 5, "usage": 7, "difference": -2},
            {"subscriptionId": "s3", "billed": 1, "usage": 0, "difference": 1},
            {"subscriptionId": "s4", "billed": 0, "usage": 0.5, "difference": -0.5},
        ],
    }


def test_what_amendments_charge_is_told() -> None:
    """It is on the invoice, and on none of its own lines."""
    fields = {"id": "G098765430", "amendments": [{"id": "1", "totalCharges": -4}, {"id": "2"}]}
    assert told({}, invoice=Invoice.model_validate(fields))["amendments"] == -4


def test_sums_of_other_lines_are_not_taken_for_those_of_these() -> None:
    """A run that wrote its sums and could not commit leaves what is stored without any."""
    parts = {BILLING.kind: part({}, {}, run="f" * 16)}
    assert told(parts, stored(BILLING))["unknown"] == [BILLING.kind]


@pytest.mark.parametrize("text", [None, b"", b"[]", b'{"a":1}', b"\xff"])
def test_a_text_that_somebody_has_spoiled_says_nothing(text: bytes | None) -> None:
    """The sums are unknown then, until the lines are fetched again."""
    assert read_parts(text) == {}


def test_what_is_written_is_read_again() -> None:
    """To the digit, as JSON numbers."""
    parts = {BILLING.kind: part({"new": Group(1, Decimal("0.1999968000511991808131"))}, {})}
    assert b'"total":0.1999968000511991808131' in write_parts(parts)
    assert read_parts(write_parts(parts)) == parts


def test_lines_that_are_no_objects_have_no_fields() -> None:
    """v1's items are whatever they are."""
    assert FieldNames(BilledReconciliationLineItem, as_it_is).read([1]) == Fields()


def test_of_very_many_lines_only_types_of_charges_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All else would take too much of a fetch's time; whether there is an Azure plan is always known."""
    in_full = of_rows(LICENCE, CREDIT, PLAN)
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 1)
    monkeypatch.setattr("fetch_line_items.rows.MOST_IN_FULL", 2)
    reader, added = RowReader(BilledReconciliationLineItem), Sums(Decimal(0))
    text = "".join(f"{row}\n" for row in (LICENCE, CREDIT, PLAN)).encode()
    for rows in reader.rows([text], FilePosition()):
        added.add(rows.sums)
    written = added.part(RUN)
    assert written.charge_types == in_full.charge_types
    assert (written.tax, written.customers, written.subscriptions) == (None, None, None)
    assert added.azure
    (billing,) = reconciliation_of(None, [stored(BILLING)], {BILLING.kind: written}).billing
    assert (billing.tax, billing.customers) == (None, None)
