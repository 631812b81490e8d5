"""A line as cells: the same columns for all lines of a source and type, and nothing left out."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from fetch_line_items.rows import RowReader
from get_invoice.columns import OTHERS, columns_of
from get_invoice.csv_text import Dialect
from shared.messages import FilePosition
from shared.models import LINE_ITEM_TYPES

EXPORT = ("graph", "one_time", "billing_line_items")
LEGACY = ("v1", "azure", "billing_line_items")


def cells(kind: tuple[str, str, str], line: str, locale: str | None = None) -> dict[str, str]:
    """Give what is not empty, by column."""
    columns = columns_of(kind)
    assert columns is not None
    found = columns.cells(line.encode(), Dialect.of(locale))
    return {name: cell for name, cell in zip(columns.names, found, strict=True) if cell}


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES, ids="/".join)
def test_every_documented_field_has_one_column(kind: tuple[str, str, str]) -> None:
    """In the order of the documentation; the last one is for what is not documented."""
    columns = columns_of(kind)
    assert columns is not None
    fields = [name for name in LINE_ITEM_TYPES[kind].model_fields if name != "attributes"]
    envelope = ["attributes"] if kind[0] == "v1" else []
    assert columns.names[len(fields) :] == [*envelope, OTHERS]
    assert len(set(columns.names)) == len(columns.names)
    charge = LINE_ITEM_TYPES[kind].charge_field
    assert charge is None or charge in columns.names


def test_lines_that_are_not_documented_have_no_columns() -> None:
    """There is no export of office lines."""
    assert columns_of(("graph", "office", "billing_line_items")) is None


def test_amounts_are_written_to_the_digit() -> None:
    """As number or string, with exponents, in the decimals of the locale."""
    line = '{"Total": 0.1999968000511991808131, "Subtotal": "-12.50", "TaxTotal": 1.10E+0}'
    assert cells(EXPORT, line) == {
        "Total": "0.1999968000511991808131",
        "Subtotal": "-12.50",
        "TaxTotal": "1.10E+0",
    }
    assert cells(EXPORT, line, "de-DE")["Total"] == "0,1999968000511991808131"
    assert cells(EXPORT, line, "de-DE")["Subtotal"] == "-12,50"


def test_only_amounts_are_numbers() -> None:
    """A product's number keeps its zeros and its points; a text that looks like a formula is harmless."""
    line = '{"SkuId": "0018", "ProductName": "v1.5", "CustomerName": "=cmd|x", "OrderId": "-1.5"}'
    assert cells(EXPORT, line, "de-DE") == {
        "SkuId": "0018",
        "ProductName": "v1.5",
        "CustomerName": "'=cmd|x",
        "OrderId": "'-1.5",
    }


def test_an_amount_that_is_none_is_a_text() -> None:
    """And as harmless as any other."""
    assert cells(EXPORT, '{"Total": "=1+1", "Quantity": "n/a"}') == {
        "Total": "'=1+1",
        "Quantity": "n/a",
    }


def test_names_are_read_in_any_case_and_spelling() -> None:
    """Exports differ in case, the articles of v1 in spelling."""
    assert cells(EXPORT, '{"total": 1, "customerID": "c"}') == {"Total": "1", "CustomerId": "c"}
    assert cells(LEGACY, '{"preTaxCharges": 1, "customerName": "C"}') == {
        "pretaxCharges": "1",
        "customerCompanyName": "C",
    }


def test_nothing_is_left_out() -> None:
    """What is not documented, and what comes twice, stands in the last column as it came."""
    line = '{"Total": 1, "total": 2.50, "CarbonFootprint": {"kg": 1.10}, "New": "=x"}'
    found = cells(EXPORT, line)
    assert found["Total"] == "1"
    assert found[OTHERS] == '{"total":2.50,"CarbonFootprint":{"kg": 1.10},"New":"=x"}'


def test_lists_objects_and_truth_values_are_json() -> None:
    """Null and nothing are an empty cell."""
    line = '{"ProductQualifiers": ["Add-on", "Trial"], "Attributes": {"a": true}, "MpnId": null}'
    assert cells(EXPORT, line) == {
        "ProductQualifiers": '["Add-on", "Trial"]',
        OTHERS: '{"Attributes":{"a": true}}',
    }
    assert cells(EXPORT, '{"PublisherName": true, "MpnId": 4390934}') == {
        "PublisherName": "true",
        "MpnId": "4390934",
    }


def test_escapes_of_json_are_the_characters_that_they_mean() -> None:
    """A formula cannot hide behind one."""
    line = json.dumps({"CustomerName": "=1+1 \u2028 서울"})
    assert cells(EXPORT, line) == {"CustomerName": "'=1+1 \u2028 서울"}


@pytest.mark.parametrize(
    ("member", "cell"),
    [
        (rb'"ProductName": "Teams \ud83d"', "Teams \ufffd"),
        (rb'"ProductName": "\ud83d\ude00 \uDE00"', "\U0001f600 \ufffd"),
        (b'"ProductName": "Teams \xff"', "Teams \ufffd"),
        (rb'"ProductName": "=\ud83d"', "'=\ufffd"),
        (b'"Quantity": NaN', "NaN"),
        (b'"Quantity": -Infinity', "'-Infinity"),
        (b'"Quantity": ' + b"1" * 5000, "1" * 5000),
        (rb'"PriceAdjustmentDescription": [1, "\ud83d"]', r'[1, "\ud83d"]'),
        (rb'"New": "\ud83d"', r'{"New":"\ud83d"}'),
    ],
    ids=[
        "half a pair",
        "and a whole one",
        "no UTF-8",
        "formula",
        "NaN",
        "-Infinity",
        "digits",
        "list",
        "new",
    ],
)
def test_what_a_fetch_takes_has_cells(member: bytes, cell: str) -> None:
    """A line that is stored and summed up stops no table; its amounts are there to the digit."""
    line = b'{"Total": 5.00, ' + member + b', "Subtotal": "4.10"}'
    (read,) = RowReader(LINE_ITEM_TYPES[EXPORT]).rows([line + b"\n"], FilePosition())
    assert read.sums.total == Decimal("5.00")
    columns = columns_of(EXPORT)
    assert columns is not None
    found = columns.cells(line, Dialect.of(None))
    row = {name: text for name, text in zip(columns.names, found, strict=True) if text}
    assert (row.pop("Total"), row.pop("Subtotal")) == ("5.00", "4.10")
    assert list(row.values()) == [cell]


@pytest.mark.parametrize(
    "line",
    [
        b'{"total": 5, "Total": 7}',
        b'{"Total": 7, "total": 5}',
        b'{"Total": null, "total": 5}',
        b'{"total": null, "Total": 7}',
        b'{"TOTAL": 1, "total": 5}',
        b'{"Total": "+5.10"}',
        b'{"Total": ".5"}',
        b'{"Total": " 5.5"}',
        b'{"Total": "1_000.25"}',
        b'{"Total": "1E+2"}',
    ],
)
def test_the_charge_is_what_the_manifest_has_summed_up(line: bytes) -> None:
    """However it is spelled, and in the decimals of the locale."""
    (read,) = RowReader(LINE_ITEM_TYPES[EXPORT]).rows([line + b"\n"], FilePosition())
    columns = columns_of(EXPORT)
    assert columns is not None
    for locale, point in ((None, "."), ("de-DE", ",")):
        found = columns.cells(line, Dialect.of(locale))
        cell = found[columns.names.index("Total")]
        assert Decimal(cell.replace(point, ".")) == read.sums.total
        assert point == "." or "." not in cell


@pytest.mark.parametrize("line", ["", "[]", '{"a": 1', "1", '{"a": 1} x', "[" * 90_000])
def test_what_is_no_object_is_an_error(line: str) -> None:
    """Whoever asks is told which line it is."""
    columns = columns_of(EXPORT)
    assert columns is not None
    with pytest.raises(ValueError):  # noqa: PT011 - in whatever words
        columns.cells(line.encode(), Dialect.of(None))


def test_a_value_that_is_nested_without_end_is_an_error() -> None:
    """No recursion is left to the app's own stack."""
    columns = columns_of(EXPORT)
    assert columns is not None
    with pytest.raises(ValueError, match="nested too deeply"):
        columns.cells(b'{"a": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", Dialect.of(None))
