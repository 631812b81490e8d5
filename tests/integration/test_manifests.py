"""A manifest says what is in storage, whatever came between: a crash, a refusal, a person, another tool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from azure.core.exceptions import HttpResponseError

from local.simulated import SimulatedGraph, SimulatedPartnerCenter
from local.simulated.invoices import new_commerce
from shared.messages import LineItemsMessage
from shared.storage.archive import Archive
from tests.by_hand import page, rows, serve
from tests.running_app import RunningApp

ID = "D0500034A7"
LINK = f"/invoices/{ID}/lineitems/office/billinglineitems"
LINES = f"{ID}/office/billing_line_items.jsonl"
MANIFEST = f"{ID}/manifest.json"


class Crash(BaseException):
    """The process dies here."""


def crash(*_: object, **__: object) -> None:
    raise Crash


def refuse(*_: object, **__: object) -> None:
    raise HttpResponseError("ServerBusy")


@pytest.fixture
def stored(app: RunningApp, partner_center: SimulatedPartnerCenter) -> RunningApp:
    """An app that has brought one invoice, which adds up."""
    invoice = replace(partner_center.invoices[ID], adjustment=Decimal(0))
    partner_center.invoices.clear()
    partner_center.put(invoice)
    app.list_invoices()
    app.drain()
    assert app.manifest(ID)["state"] == "settled"
    return app


def die_before_the_manifest(
    app: RunningApp, message: str | LineItemsMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliver a message to a process that commits its lines, and comes no further."""
    with monkeypatch.context() as dying:
        dying.setattr(Archive, "put_manifest", crash)
        with pytest.raises(Crash):
            app.fetch(message)


def lines_of(app: RunningApp, invoice_id: str = ID) -> dict[str, int]:
    """How many lines the manifest tells of, by blob; the list tells of as many."""
    told = {entry["blob"]: entry["lines"] for entry in app.manifest(invoice_id)["lineItems"]}
    assert app.archive.manifest(invoice_id)[0].summary.lines == sum(told.values())
    return told


def is_written_once(app: RunningApp) -> bool:
    """Whether a run of the timer writes the manifest, and the next one does not."""
    etags = [app.archive.manifest(ID)[1]]
    for _ in range(2):
        app.list_invoices()
        assert app.waiting() == 0
        etags.append(app.archive.manifest(ID)[1])
    return etags[0] != etags[1] == etags[2]


def test_other_lines_brought_by_hand_are_told_after_a_crash(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message comes back and finds its own lines: who has committed them had not come to the manifest."""
    serve(partner_center, "lineitems", lambda *_: page(rows(7)))
    die_before_the_manifest(stored, LINK, monkeypatch)
    stored.fetch(LINK)
    assert lines_of(stored)[LINES] == 7
    manifest = stored.manifest(ID)
    assert (manifest["state"], len(manifest["lineItems"][-1]["earlier"])) == ("settling", 1)


def test_usage_that_is_none_is_told_after_a_crash(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An empty blob is fetched again when its message comes back, and stays as it is; the invoice settles."""
    invoice = new_commerce("G098000001", date(2026, 11, 8), billing=3, usage=0)
    partner_center.invoices.clear()
    partner_center.put(invoice)
    graph.options.without_lines = "empty"
    graph.options.looks_until_ready = 0
    graph_app.list_invoices()
    billing, usage = sorted(
        graph_app.take_messages(), key=lambda each: each.invoice_line_item_type or ""
    )
    graph_app.fetch(billing)
    die_before_the_manifest(graph_app, usage, monkeypatch)
    graph_app.fetch(usage)
    assert sorted(lines_of(graph_app, invoice.id).values()) == [0, 3]
    assert graph_app.manifest(invoice.id)["state"] == "settled"


def test_a_manifest_that_nobody_came_to_is_written_by_the_timer(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the message is lost; once, and nothing is fetched for that."""
    serve(partner_center, "lineitems", lambda *_: page(rows(7)))
    die_before_the_manifest(stored, LINK, monkeypatch)
    assert lines_of(stored)[LINES] != 7
    assert is_written_once(stored)
    assert lines_of(stored)[LINES] == 7


def test_an_invoice_that_has_changed_is_judged_after_a_refusal(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that has stored it fails at the manifest; the next one writes that."""
    serve(partner_center, "lineitems", lambda *_: page(rows(4)))
    partner_center.put(replace(partner_center.invoices[ID], details=(), adjustment=Decimal(9)))
    with monkeypatch.context() as busy:
        busy.setattr(Archive, "put_manifest", refuse)
        with pytest.raises(Exception, match="ServerBusy"):
            stored.list_invoices()
    assert stored.manifest(ID)["state"] == "settled"
    assert is_written_once(stored)
    manifest = stored.manifest(ID)
    assert (manifest["state"], manifest["totalCharges"]) == ("settling", 9)


def test_lines_that_are_right_for_another_version_are_told_after_a_refusal(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stay, and their metadata say so; where the manifest is kept from being written, the timer writes it."""
    partner_center.put(replace(partner_center.invoices[ID], adjustment=Decimal(9)))
    stored.list_invoices()
    with monkeypatch.context() as busy:
        busy.setattr(Archive, "put_manifest", refuse)
        for message in stored.take_messages():
            stored.result(message)
    stored.queue.clear_messages()  # they would go on in ten seconds
    assert stored.manifest(ID)["state"] == "fetching"
    assert is_written_once(stored)
    assert (stored.manifest(ID)["state"], stored.manifest(ID)["complete"]) == ("settling", True)


def put_lines(app: RunningApp) -> None:
    app.container.upload_blob(
        f"{ID}/one_time/billing_line_items.jsonl", b"{}\n", metadata={"lines": "1"}
    )


def put_other_lines(app: RunningApp) -> None:
    put_lines(app)
    app.list_invoices()
    app.container.upload_blob(
        f"{ID}/one_time/billing_line_items.jsonl",
        b"{}\n{}\n",
        metadata={"lines": "2"},
        overwrite=True,
    )


def delete_lines(app: RunningApp) -> None:
    app.container.delete_blob(LINES)


def delete_manifest(app: RunningApp) -> None:
    app.container.delete_blob(MANIFEST)


def make_manifest_old(app: RunningApp) -> None:
    kept = {"updated_at": app.metadata(MANIFEST)["updated_at"]}
    app.container.get_blob_client(MANIFEST).set_blob_metadata(kept)


def leave_lines_alone(app: RunningApp) -> None:
    delete_manifest(app)
    app.container.delete_blob(f"{ID}/invoice.json")


@pytest.mark.parametrize(
    "change",
    [
        put_lines,
        put_other_lines,
        delete_lines,
        delete_manifest,
        make_manifest_old,
        leave_lines_alone,
    ],
)
def test_what_others_do_is_told_of_invoices_that_are_not_listed_any_more(
    stored: RunningApp,
    partner_center: SimulatedPartnerCenter,
    change: Callable[[RunningApp], None],
) -> None:
    """The next run of the timer writes the manifest, and the one after it does not."""
    partner_center.invoices.clear()
    change(stored)
    assert is_written_once(stored)
    there = {name for name in stored.blobs() if name.endswith(".jsonl")}
    assert lines_of(stored).keys() == there


def test_a_manifest_is_written_by_hand(stored: RunningApp) -> None:
    """A message for an invoice has it told anew, also where no line of it has changed."""
    delete_manifest(stored)
    stored.fetch(f'{{"invoiceId": "{ID}"}}')
    stored.drain()
    assert sum(lines_of(stored).values()) == 4


def test_a_manifest_that_cannot_be_written_stops_no_other(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run names the invoice at its end, listed or not."""
    partner_center.invoices.clear()
    partner_center.put(new_commerce("G098000001", date(2026, 11, 8), billing=3, usage=0))
    delete_manifest(stored)
    put = Archive.put_manifest

    def refuse_one(self: Archive, invoice_id: str, *others: object, **options: object) -> None:
        if invoice_id == ID:
            refuse()
        put(self, invoice_id, *others, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as busy:
        busy.setattr(Archive, "put_manifest", refuse_one)
        with pytest.raises(Exception, match=f"1 invoices failed.*: {ID};"):
            stored.list_invoices()
    assert "G098000001/manifest.json" in stored.blobs()
    stored.list_invoices()
    assert MANIFEST in stored.blobs()
