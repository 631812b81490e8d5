"""The data dictionary has every field, of every kind of lines that comes, under the very name it comes by."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from typing import Any

import msgspec
import pytest

from local.dictionary.__main__ import PAGE
from local.dictionary.fields import Owner, declared, fields_of
from local.dictionary.meanings import meanings
from local.dictionary.page import STRUCTURES, page
from local.simulated.exports import export_lines
from local.simulated.invoices import invoice_json, legacy, new_commerce, small_world
from local.simulated.lines import lines
from local.simulated.rows import PERIOD
from shared import reconciliation
from shared.models import LINE_ITEM_TYPES, ErrorBody, InvoiceCollection, invoices
from shared.models.resource import Resource
from shared.storage import manifest

_NEVER_STORED = {InvoiceCollection, ErrorBody}
_OWNERS: list[Owner] = [
    *LINE_ITEM_TYPES.values(),
    *(owner for structures in STRUCTURES.values() for owner in structures.values()),
]
# A field that nobody has told of: the simulated service sends it for the sake of drift.
_OF_THE_FUTURE = {"carbonFootprint"}
# Other spellings, and what has been seen in samples of old only.
_NOT_SIMULATED = {
    ("v1", "azure", "billing_line_items"): {
        *("customerName", "preTaxCharges", "preTaxEffectiveRate"),
    },
    ("v1", "azure", "usage_line_items"): {"customerName"},
    ("v1", "one_time", "billing_line_items"): {"providerName", "providerId", "quoteId"},
    ("graph", "one_time", "usage_line_items"): {"BenefitOrderId", "BenefitId"},
}

Kind = tuple[str, str, str]
Row = dict[str, str]


# --- what the page says ---------------------------------------------------------------------------


def _parts() -> list[str]:
    return re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]


def _tables(part: str) -> list[list[Row]]:
    """Read the tables of a part, each row by the names of its columns."""
    tables = []
    for text in re.findall(r"(?:^\|.*\n)+", part, re.M):
        columns, _, *rows = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()
        ]
        names = [name.strip("`") for name in columns]
        tables.append([dict(zip(names, row, strict=True)) for row in rows])
    return tables


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def told() -> dict[Kind, dict[str, str]]:
    """Give what the page says of each name, by source, provider and type."""
    said: dict[Kind, dict[str, str]] = {}
    for part in _parts()[:2]:
        kinds, rows = _tables(part)
        for kind in kinds:
            source, provider, type = re.findall(r"\w+", kind["source"] + kind["blob"])[:3]
            own = [row for row in rows if kind["lines"] in row["lines"].split(", ")]
            named = [(name, row["meaning"]) for row in own for name in _names(row[source])]
            assert len(named) == len(dict(named)), f"{kind} has a name twice"
            said[source, provider, type] = dict(named)
    return said


# --- what is sent ---------------------------------------------------------------------------------


def sent(kind: Kind) -> set[str]:
    """Give the names in a whole period of the lines that the simulated services send."""
    source, provider, type = kind
    day, count = date(2026, 11, 8), PERIOD
    invoice = (
        new_commerce("G000000001", day, billing=count, usage=count)
        if provider == "one_time"
        else legacy("D000000001", day, office=count, azure=count, usage=count)
    )
    if source == "graph":
        texts = export_lines(invoice, type, 0, count)
    else:
        texts = lines(invoice, provider, type, 0, count)
    return {name for text in texts for name in json.loads(text)} - _OF_THE_FUTURE


# --- the page -------------------------------------------------------------------------------------


def test_the_page_is_what_the_command_writes() -> None:
    """Whoever changes a type or a meaning writes the page anew."""
    assert PAGE.read_text() == page(), "docs/data-dictionary.md is out of date: run make dictionary"


@pytest.mark.parametrize("owner", _OWNERS, ids=lambda owner: owner.__name__)
def test_every_field_has_a_meaning(owner: Owner) -> None:
    """And every amount a currency or a unit, which nothing else has."""
    for field in fields_of(owner):
        assert field.meaning.text.endswith((".", ".)")), field
        assert (field.type == "amount") == bool(field.meaning.unit), field


def test_every_class_that_is_stored_is_told_of() -> None:
    """No part of an invoice, a manifest or a reconciliation is left out."""
    classes = {
        each
        for module in (invoices, manifest, reconciliation)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, (Resource, msgspec.Struct))
    }
    assert classes - {Resource, msgspec.Struct} - _NEVER_STORED == set(_OWNERS) - set(
        LINE_ITEM_TYPES.values()
    )


def test_every_meaning_is_of_a_field() -> None:
    """What was renamed or removed leaves no meaning behind."""
    used = {
        (meanings().table_with(owner, name), name)
        for owner in _OWNERS
        for name, _, _ in declared(owner)
    }
    written = {(table, name) for table, names in meanings().tables.items() for name in names}
    assert written - used == set()


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES, ids="/".join)
def test_every_name_that_comes_is_told_where_it_comes(kind: Kind) -> None:
    """As it is spelled, under its source, provider and type; and no other name is told there."""
    assert sent(kind) - told()[kind].keys() == set()
    assert told()[kind].keys() - sent(kind) == _NOT_SIMULATED.get(kind, set())


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES, ids="/".join)
def test_every_field_of_a_line_is_told(kind: Kind) -> None:
    """What has a meaning under its own class has one under what all lines share, too, and so its place."""
    fields = fields_of(LINE_ITEM_TYPES[kind])
    assert {name for field in fields for name in field.spelled} == told()[kind].keys()


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES, ids="/".join)
def test_charge_and_tax_are_marked(kind: Kind) -> None:
    """The documented ones, and no other field."""
    model = LINE_ITEM_TYPES[kind]
    for mark, name in (("**Charge.**", model.charge_field), ("**Tax.**", model.tax_field)):
        marked = [name for name, meaning in told()[kind].items() if mark in meaning]
        assert marked == ([name] if name else [])


# --- invoices -------------------------------------------------------------------------------------


@cache
def told_of_invoices() -> dict[str, set[str]]:
    """Give the names in invoice.json, by the heading that they stand under."""
    (rows,) = _tables(_parts()[2])
    said: dict[str, set[str]] = {}
    for row in rows:
        if row["name"].startswith("**"):
            names = said.setdefault(row["name"].strip("*"), set())
        else:
            names.update(_names(row["name"]))
    return said


def _compare(invoice: dict[str, Any]) -> None:
    told = told_of_invoices()
    details = invoice["invoiceDetails"] or []
    assert invoice.keys() <= told["the invoice, and each of `amendments`"]
    for detail in details:
        assert detail.keys() <= told["each of `invoiceDetails`"]
    for links in (each["links"] for each in [invoice, *details] if "links" in each):
        assert links.keys() <= told["`links`"]
        assert links["self"].keys() <= told["`self`"]
    for amendment in invoice.get("amendments", []):
        _compare(amendment)


@pytest.mark.parametrize("invoice", small_world(), ids=lambda invoice: invoice.id)
def test_every_name_in_an_invoice_is_told(invoice: Any) -> None:
    """With its details, links and amendments."""
    _compare(json.loads(invoice_json(invoice)))
