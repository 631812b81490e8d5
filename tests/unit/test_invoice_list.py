"""A listed invoice: read once, whatever is odd about its text."""

from __future__ import annotations

import json

import pytest

from shared.api.invoice_list import ListedInvoice, invoices_by_id

HALF_A_PAIR = '"billToName":"Caf\\ud83d"'


def read(text: str) -> ListedInvoice:
    return ListedInvoice.read(text.encode())


def test_amendments_are_found_at_any_depth_with_their_own_text() -> None:
    """An amendment of an amendment is an invoice of its own, byte for byte."""
    inner = '{"id":"G000000003", "totalCharges":1.10}'
    middle = f'{{"id":"G000000002","amendments":[ {inner} ]}}'
    outer = read(f'{{"amendments":[{middle}, null],"id":"OneTime-G000000001"}}')
    texts = {invoice.id: invoice.text.decode() for invoice in outer.with_amendments()}
    assert texts["G000000002"] == middle
    assert texts["G000000003"] == inner
    assert None in texts, "what is no invoice is there, without an id"


@pytest.mark.parametrize("where", ["invoice", "amendment"])
def test_half_a_surrogate_pair_hides_nothing(where: str) -> None:
    """A server that cuts texts in the middle of an emoji writes what msgspec does not read."""
    odd = f",{HALF_A_PAIR}"
    nested = f'{{"id":"G000000002"{odd if where == "amendment" else ""}}}'
    invoice = read(
        f'{{"id":"G000000001"{odd if where == "invoice" else ""},"amendments":[{nested}]}}'
    )
    assert [one.id for one in invoice.with_amendments()] == ["G000000001", "G000000002"]
    assert invoice.amendments[0].text.decode() == nested


@pytest.mark.parametrize("amendments", ["null", "5", '"none"', "{}", "[]"])
def test_amendments_that_are_no_list_are_none(amendments: str) -> None:
    """The invoice itself counts all the same."""
    invoice = read(f'{{"id":"G000000001","amendments":{amendments}}}')
    assert (invoice.id, invoice.amendments) == ("G000000001", ())


@pytest.mark.parametrize(
    "text", ["null", "[]", "5", "{", '{"id":5}', '{"id":"../x"}', "[" * 10_000, '{"a":' * 10_000]
)
def test_what_has_no_usable_id_is_told_from_the_others(text: str) -> None:
    """It stops no other, and is given beside them."""
    by_id, without_id = invoices_by_id([read(text), read('{"id":"G000000001"}')])
    assert list(by_id) == ["G000000001"]
    assert [invoice.text.decode() for invoice in without_id] == [text]


@pytest.mark.parametrize(
    ("fields", "is_legacy"),
    [
        ({"id": "D000000001"}, True),
        ({"id": "G000000001"}, False),
        ({"id": "G000000001", "invoiceType": "Recurring"}, True),
        ({"id": "D000000001", "invoiceType": "OneTime"}, False),
    ],
)
def test_legacy_invoices_are_known_by_their_type_else_by_their_id(
    fields: dict[str, str], is_legacy: bool
) -> None:
    """Only they are paged."""
    assert read(json.dumps(fields)).is_legacy is is_legacy
