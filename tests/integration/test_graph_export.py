"""New-commerce lines through Microsoft Graph's export: asked for, looked at, brought file by file."""

from __future__ import annotations

from datetime import date

import pytest

from local.simulated import SimulatedGraph, SimulatedPartnerCenter
from local.simulated.exports import export_jsonl, export_total
from local.simulated.invoices import new_commerce
from local.simulated.model import BILLING, USAGE
from tests.running_app import RunningApp

INVOICE = new_commerce("G098765430", date(2026, 11, 8), billing=450, usage=2001, currency="EUR")


@pytest.fixture(autouse=True)
def _invoice(partner_center: SimulatedPartnerCenter) -> None:
    partner_center.invoices.clear()
    partner_center.put(INVOICE)


def test_an_invoice_comes_from_the_export(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Its lines are the rows' own bytes, and add up to what it charges."""
    graph.options.files = 3
    graph_app.list_invoices()
    graph_app.drain()
    for type in (BILLING, USAGE):
        name = f"{INVOICE.id}/one_time/{type}.jsonl"
        assert graph_app.read(name) == b"".join(export_jsonl(INVOICE, type))
    manifest = graph_app.manifest(INVOICE.id)
    print(manifest, graph_app.metadata(name))
    assert (manifest["complete"], manifest["difference"]) == (True, 0)
    assert manifest["lineTotal"] == export_total(INVOICE, BILLING)
