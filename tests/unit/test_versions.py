"""Which changes of an invoice are a reason to fetch its lines again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from list_invoices.versions import invoice_version
from local.simulated.invoices import invoice_json, small_world, voided
from shared.json_text import loads

LEGACY, *_, NEW = small_world()


def listed() -> dict[str, Any]:
    fields: dict[str, Any] = loads(invoice_json(LEGACY))
    return fields


@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.update(paidAmount=Decimal("-17.5"), state="paid"),
        lambda i: i.update(pdfDownloadLink="/elsewhere", taxReceipts=[{"id": "1"}]),
        lambda i: i.update(totalCharges=Decimal(f"{i['totalCharges']}000")),
        lambda i: i["invoiceDetails"].reverse(),
        lambda i: i.update(dict(reversed(i.copy().items()))),
        lambda i: i["links"]["self"].update(uri="/invoices/other"),
    ],
)
def test_payment_and_spelling_are_no_reason(change: Callable[[dict[str, Any]], None]) -> None:
    """A payment, a new download link, another order or spelling leave the version as it is."""
    changed = listed()
    change(changed)
    assert invoice_version(changed) == invoice_version(listed())


@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.update(totalCharges=i["totalCharges"] + Decimal("1E-22")),
        lambda i: i.update(documentType="void_note"),
        lambda i: i.update(currencyCode="EUR"),
        lambda i: i["invoiceDetails"].pop(),
        lambda i: i["invoiceDetails"][0].update(billingProvider="marketplace"),
        lambda i: i.update(amendments=[{"id": "G000000002", "totalCharges": 1}]),
        lambda i: i.update(somethingNew=True),
    ],
)
def test_charges_details_and_the_unknown_are(change: Callable[[dict[str, Any]], None]) -> None:
    """Anything else may touch the lines, also a field that nobody knows yet."""
    changed = listed()
    change(changed)
    assert invoice_version(changed) != invoice_version(listed())


def test_a_void_changes_the_version() -> None:
    """A void turns the document type and nests an amendment."""
    assert invoice_version(loads(invoice_json(voided(NEW)))) != invoice_version(
        loads(invoice_json(NEW))
    )


def test_the_version_does_not_depend_on_the_process() -> None:
    """The same invoice has the same version tomorrow and on another instance."""
    fields = json.loads('{"id": "G000000001", "totalCharges": 1.5}', parse_float=Decimal)
    assert invoice_version(fields) == invoice_version(copy.deepcopy(fields)) == "9c620659b7dcacc8"
