"""From the list to the blobs, on real sockets and real storage."""

from __future__ import annotations

import re
from decimal import Decimal

from local.simulated import SimulatedPartnerCenter
from local.simulated.lines import line_total, total, total_charges
from tests.running_app import RunningApp, expected_blobs, with_nested


def test_every_line_of_every_invoice_arrives_exactly(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """After a timer run and an empty queue, each blob holds the very bytes of each line, in order."""
    invoices = partner_center.invoices.values()
    outcome = app.list_invoices()
    expected = expected_blobs(invoices)
    assert outcome.enqueued == len(expected) == app.drain()
    stored = {name: app.read(name) for name in app.blobs() if name.endswith(".jsonl")}
    assert stored.keys() == expected.keys()
    for name, content in expected.items():
        assert stored[name] == content, name


def test_every_manifest_adds_up(app: RunningApp, partner_center: SimulatedPartnerCenter) -> None:
    """Each manifest is complete, sums the billing lines exactly and shows the difference."""
    app.list_invoices()
    app.drain()
    for invoice in with_nested(partner_center.invoices.values()):
        manifest = app.manifest(invoice.id)
        assert manifest["complete"] is True, invoice.id
        assert manifest["totalCharges"] == total_charges(invoice)
        assert manifest["lineTotal"] == line_total(invoice)
        assert Decimal(manifest["difference"]) == invoice.adjustment
        assert invoice.adjustment or manifest["difference"] == 0
        assert not re.search(rb"\dE", app.read(f"{invoice.id}/manifest.json"))
        for entry in manifest["lineItems"]:
            said = (entry["billingProvider"], entry["invoiceLineItemType"])
            assert entry["total"] == total(invoice, *said)


def test_a_second_run_with_nothing_new_enqueues_nothing(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """What is in storage is neither ordered nor asked for again."""
    app.list_invoices()
    app.drain()
    partner_center.requests.clear()
    outcome = app.list_invoices()
    assert (outcome.stored, outcome.enqueued, app.waiting()) == (0, 0, 0)
    assert partner_center.requests.matching("lineitems") == []
