"""The first page against the documented type: what does not fit is told by its field's name."""

from __future__ import annotations

import logging
import re

import pytest

from fetch_line_items.drift import report_drift
from local.simulated.invoices import small_world
from local.simulated.lines import lines
from shared.keys import LineItemsKey
from shared.models import LINE_ITEM_TYPES

KEY = LineItemsKey("G000024130", "one_time", "billing_line_items")


def told(caplog: pytest.LogCaptureFixture, block: bytes, key: LineItemsKey = KEY) -> str:
    """What is logged of a first page."""
    with caplog.at_level(logging.INFO):
        report_drift(key, "v1", block)
    return caplog.text


@pytest.mark.parametrize("kind", LINE_ITEM_TYPES)
def test_what_the_api_is_known_to_send_fits(
    kind: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Its oddities are no sign of a change; a new field is."""
    names = kind[1:]
    invoice = next(i for i in small_world() if i.detail(*names))
    block = b"".join(line + b"\n" for line in lines(invoice, *names, 0, 200))
    text = told(caplog, block, LineItemsKey.of(invoice.id, *names))
    assert "does not fit" not in text
    assert "carbonFootprint in" in text


def test_a_field_of_another_type_is_named_without_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Names and counts go into the log, customers' data do not."""
    text = told(caplog, b'{"totalForCustomer":"Contoso","quantity":{}}\n{"quantity":"Contoso"}\n')
    assert "quantity (" in text
    assert "totalForCustomer (" in text
    assert "Contoso" not in text


def test_a_large_page_is_looked_at_from_all_over(caplog: pytest.LogCaptureFixture) -> None:
    """Some hundred lines tell what the API sends: what is new at the end of a page is told too."""
    text = told(caplog, b'{"totalForCustomer":1}\n' * 1000 + b'{"totalForTheCustomer":1}\n' * 1000)
    assert re.search(r"totalForTheCustomer in \d+ of 250 lines looked at", text)


def test_a_charge_that_is_on_no_line_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A renamed charge field would make every total zero."""
    text = told(caplog, b'{"totalForTheCustomer":1}\n')
    assert "no line has totalForCustomer" in text
    assert "totalForTheCustomer in 1 of 1 lines" in text


@pytest.mark.parametrize("line", [b"[1]", b'"text"', b"null", b"[" * 100_000 + b"]" * 100_000])
def test_a_line_that_is_no_object_is_told(line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is stored like any other; this only tells."""
    assert "a line (" in told(caplog, line + b"\n")


def test_a_kind_of_lines_that_is_not_documented_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to hold it against."""
    items = LineItemsKey("D0500033K3", "office", "usage_line_items")
    assert "not documented" in told(caplog, b"{}\n", items)
