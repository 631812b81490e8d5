"""One invoice, blob or message that fails, whoever is to blame, is named and stops nothing else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from local.simulated import SimulatedPartnerCenter, history
from shared.errors import ArchiveError, Fatal, Retriable
from shared.keys import LineItemsKey
from tests.by_hand import next_page, page, rows, serve
from tests.running_app import RunningApp

ODD = "D000000000"
NEW = LineItemsKey("G000000001", "one_time", "billing_line_items")


@pytest.fixture
def stored(app: RunningApp, partner_center: SimulatedPartnerCenter) -> RunningApp:
    """Three invoices, all of them in storage; then one is paid, and as many come."""
    partner_center.invoices = {i.id: i for i in history(1, per_month=1, line_count=1)[:3]}
    app.list_invoices()
    app.drain()
    partner_center.put(replace(partner_center.invoices[ODD], paid_amount=Decimal(-5)))
    for invoice in list(partner_center.invoices.values()):
        partner_center.put(replace(invoice, id=f"{invoice.id[0]}9{invoice.id[2:]}"))
    return app


def lease(container: ContainerClient) -> None:
    container.get_blob_client(f"{ODD}/invoice.json").acquire_lease(-1)


def lease_manifest(container: ContainerClient) -> None:
    container.get_blob_client(f"{ODD}/manifest.json").acquire_lease(-1)


def archive_manifest(container: ContainerClient) -> None:
    container.get_blob_client(f"{ODD}/manifest.json").set_standard_blob_tier("Archive")


REFUSALS = [
    (lease, "lease"),
    (lease_manifest, "lease"),
    (archive_manifest, "archived"),
]


@pytest.mark.parametrize(("refuse", "told"), REFUSALS)
def test_a_blob_that_storage_refuses_stops_no_other(
    stored: RunningApp,
    partner_center: SimulatedPartnerCenter,
    caplog: pytest.LogCaptureFixture,
    refuse: Callable[[ContainerClient], None],
    told: str,
) -> None:
    """All others are stored and enqueued; then the run fails, names the invoice and says what it was."""
    refuse(stored.container)
    with pytest.raises(
        ArchiveError, match=f"1 invoices failed, all others are done: {ODD}; .*{told}"
    ):
        stored.list_invoices()
    assert set(partner_center.invoices) <= {name.split("/")[0] for name in stored.blobs()}
    new = {message.key.invoice_id for message in stored.take_messages()}
    assert new == {invoice for invoice in partner_center.invoices if invoice[1] == "9"}
    assert f"Invoice {ODD}: HttpResponseError" in caplog.text or "ResourceExists" in caplog.text


ODD_METADATA: list[dict[str, str]] = [
    {},
    {"content": "x"},
    {"content": "x", "version": "y", "stored_at": "some day"},
    {"Content": "x", "VERSION": "y", "stored_at": "2024-01-08T00:00:00"},
    {"enqueued_at": "9999-12-31T23:59:59+00:00", "stored_at": "0001-01-01T00:00:00+14:00"},
    {"hdi_isfolder": "true", "lines": "-1", "total": "1e999999"},
]


BLOBS = ("invoice.json", "manifest.json", "office/billing_line_items.jsonl")


@pytest.mark.parametrize("metadata", ODD_METADATA)
def test_metadata_of_another_tool_stop_nothing(
    stored: RunningApp, metadata: dict[str, str]
) -> None:
    """What is not this app's counts as unknown: the invoice is stored or fetched once more."""
    for blob in BLOBS:
        stored.container.get_blob_client(f"{ODD}/{blob}").set_blob_metadata(metadata)
    stored.list_invoices()
    stored.drain()
    assert stored.manifest(ODD)["complete"] is True
    assert stored.list_invoices().enqueued == 0


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"null", b"[" * 100_000, b'{"id":"\xff"}'])
def test_a_text_that_somebody_has_spoiled_is_written_anew(stored: RunningApp, text: bytes) -> None:
    """What is read back from storage is data from outside like any other."""
    for blob in ("invoice.json", "manifest.json"):
        stored.container.get_blob_client(f"{ODD}/{blob}").upload_blob(text, overwrite=True)
    stored.get_invoice(ODD, expand=True)
    stored.list_invoices()
    stored.drain()
    assert stored.manifest(ODD)["complete"] is True
    assert json.loads(stored.read(f"{ODD}/invoice.json"))["id"] == ODD


def test_blobs_that_are_not_the_apps_are_passed_over(stored: RunningApp) -> None:
    """Directories of a data lake account, other tools' files, names that look almost like ours."""
    for name in (
        ODD,
        f"{ODD}/office",
        "x",
        "a/b/c/d.jsonl",
        f"{ODD}/Office/x.jsonl",
        "%2e%2e/y.jsonl",
    ):
        stored.container.upload_blob(name, b"", metadata={"hdi_isfolder": "true"})
    stored.list_invoices()
    stored.drain()
    assert stored.manifest(ODD)["complete"] is True
    assert len(stored.manifest(ODD)["lineItems"]) == 3


def test_a_failure_of_the_queue_is_told_and_heals(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invoices whose messages could not be sent are enqueued by the next run."""

    def refused(*_: object, **__: object) -> None:
        raise HttpResponseError("the queue is full")

    with monkeypatch.context() as patched:
        patched.setattr(stored.services.queue, "send", refused)
        with pytest.raises(ArchiveError, match=r"3 invoices failed, .*the queue is full"):
            stored.list_invoices()
    assert stored.list_invoices().enqueued == 8


# --- what must not keep lines waiting, or hide them ------------------------------------------------


@pytest.mark.parametrize("ahead", [timedelta(days=30), timedelta(hours=7), timedelta(minutes=6)])
def test_a_note_from_the_future_does_not_keep_lost_lines_waiting(
    app: RunningApp, partner_center: SimulatedPartnerCenter, ahead: timedelta
) -> None:
    """The clock was ahead when the lines were enqueued, and the messages are lost."""
    partner_center.invoices = {i.id: i for i in history(1, per_month=1, line_count=1)[:1]}
    app.list_invoices()
    app.queue.clear_messages()
    about, etag = app.archive.invoice_metadata(ODD)
    assert about
    assert etag
    noted = replace(about, enqueued_at=datetime.now(UTC) + ahead)
    app.archive.set_invoice_metadata(ODD, noted, replacing=etag)
    assert app.list_invoices().enqueued == 3


def listed(partner_center: SimulatedPartnerCenter, *invoices: object) -> None:
    serve(partner_center, "/v1/invoices", lambda *_: page(invoices))


@pytest.mark.parametrize("links", [{"self": {"uri": ""}}, {"self": {}}, {}, None])
def test_an_empty_uri_counts_as_no_link(
    app: RunningApp, partner_center: SimulatedPartnerCenter, links: object
) -> None:
    """The detail is known by its names."""
    detail = {"billingProvider": "one_time", "invoiceLineItemType": "billing_line_items"}
    detail_with = detail | {"links": links}
    listed(partner_center, {"id": "G000000001", "invoiceDetails": [detail_with]})
    assert app.list_invoices().enqueued == 1


def test_a_link_that_no_message_can_carry_is_asked_for_by_its_names(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A message of the queue holds 64 KiB, metadata less."""
    uri = f"/invoices/G000000001/lineitems/OneTime/BillingLineItems?x={'x' * 70_000}"
    listed(
        partner_center, {"id": "G000000001", "invoiceDetails": [{"links": {"self": {"uri": uri}}}]}
    )
    assert app.list_invoices().enqueued == 1
    (message,) = app.take_messages()
    assert message.link == "/invoices/G000000001/lineitems/OneTime/BillingLineItems"


@pytest.mark.parametrize("spelled", ["marketplace", "Marketplace", "MARKETPLACE"])
def test_lines_that_are_listed_under_marketplace_are_fetched_as_onetime(
    app: RunningApp, partner_center: SimulatedPartnerCenter, spelled: str
) -> None:
    """Its old name; beside a detail of one_time it is one link all the same."""
    uri = "/invoices/OneTime-G000000001/lineitems/Marketplace/UsageLineItems"
    usage = {"invoiceLineItemType": "usage_line_items"}
    details = [
        usage | {"billingProvider": spelled, "links": {"self": {"uri": uri}}},
        usage | {"billingProvider": "one_time"},
    ]
    invoice = {"id": "G000000001", "currencyCode": "USD", "invoiceDetails": details}
    listed(partner_center, invoice)
    serve(partner_center, "lineitems", lambda *_: page([{"n": 1, "billingPreTaxTotal": 1.5}]))
    assert app.list_invoices().enqueued == 1
    app.drain()
    (asked,) = partner_center.requests.matching("lineitems")
    assert "provider=onetime" in asked.path_and_query
    assert app.manifest("G000000001")["complete"] is True


@pytest.mark.parametrize("where", ["invoice", "amendment"])
@pytest.mark.parametrize("odd", ['"billToName":"Caf\\ud83d"', '"rate":NaN', '"x":1e999'])
def test_an_odd_text_does_not_hide_the_amendments(
    app: RunningApp, partner_center: SimulatedPartnerCenter, odd: str, where: str
) -> None:
    """A correction that is not found is money that nobody bills."""
    detail = '{"billingProvider":"one_time","invoiceLineItemType":"billing_line_items"}'
    more = {"invoice": "", "amendment": "", where: f",{odd}"}
    correction = f'{{"id":"G000000901","invoiceDetails":[{detail}]{more["amendment"]}}}'
    text = f'{{"id":"G000000900","amendments":[{correction}]{more["invoice"]}}}'
    serve(partner_center, "/v1/invoices", lambda *_: f'{{"items":[{text}]}}'.encode())
    assert app.list_invoices().enqueued == 1
    assert app.read("G000000901/invoice.json").decode() == correction


def test_no_lines_where_there_are_charges_are_not_final(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Lines are published late: an empty first answer is all there is, but does not settle the invoice."""
    detail = {"billingProvider": "one_time", "invoiceLineItemType": "billing_line_items"}
    invoice = {"id": NEW.invoice_id, "totalCharges": 20.0, "currencyCode": "USD"}
    listed(partner_center, invoice | {"invoiceDetails": [detail]})
    ready: list[Any] = []
    serve(partner_center, "lineitems", lambda *_: page(ready))
    app.list_invoices()
    (message,) = app.take_messages()
    app.fetch(message)
    manifest = app.manifest(NEW.invoice_id)
    assert (manifest["complete"], manifest["state"]) == (True, "settling")
    assert manifest["reason"] == "Partner Center gives no lines though 20.00 USD are charged"
    ready.extend(rows(20))
    app.look(NEW.invoice_id)
    manifest = app.manifest(NEW.invoice_id)
    assert (manifest["state"], manifest["lineTotal"], manifest["difference"]) == ("settled", 20, 0)


def test_a_list_that_brings_nothing_new_has_an_end(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Page after page of the same invoices, each with a token never seen before."""
    asked: list[int] = []

    def answer(*_: object) -> bytes:
        asked.append(1)
        return page([{"id": "G000000001"}], next=next_page(f"token-{len(asked)}"))

    serve(partner_center, "/v1/invoices", answer)
    with pytest.raises(Fatal, match="101 pages in a row with nothing new"):
        app.list_invoices()


def test_failures_are_counted_in_the_log(
    stored: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    """The run's last line says how many there were."""
    lease(stored.container)
    with caplog.at_level(logging.INFO), pytest.raises(ArchiveError):
        stored.list_invoices()
    assert "enqueued=8, broken=0, failed=1, looks=0)" in caplog.text


def test_an_invoice_that_is_listed_twice_with_other_contents_is_told(
    app: RunningApp, partner_center: SimulatedPartnerCenter, caplog: pytest.LogCaptureFixture
) -> None:
    """The first counts; what pages repeat as it is, is no news."""
    one, other = ({"id": "G000000001", "totalCharges": charges} for charges in (1, 2))
    listed(partner_center, one, one, other)
    app.list_invoices()
    assert "G000000001 is listed twice with different contents" in caplog.text
    assert json.loads(app.read("G000000001/invoice.json")) == one


def test_an_invoice_with_more_problems_than_anyone_reads_does_not_flood_the_log(
    app: RunningApp, partner_center: SimulatedPartnerCenter, caplog: pytest.LogCaptureFixture
) -> None:
    """The first are told, and how many there are."""
    details = [5] * 3000 + [{"billingProvider": "quantum"}] * 3000
    listed(partner_center, {"id": "G000000001", "invoiceDetails": details})
    app.list_invoices()
    assert caplog.text.count("is not as documented") == 21
    assert caplog.text.count("cannot be fetched") == 21
    assert "3000 problems in all" in caplog.text


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize(
    "body", [b"{}", b'{"items":{}}', b"", b"[]", b'{"items":[', b'{"items":5}']
)
def test_a_list_that_is_none_changes_nothing(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, body: bytes
) -> None:
    """An answer without a list is a broken one; the run fails, and is retried."""
    before = stored.blobs()
    serve(partner_center, "/v1/invoices", lambda *_: body)
    with pytest.raises(Retriable, match="broken or cut off"):
        stored.list_invoices()
    assert stored.blobs() == before


@pytest.mark.parametrize("items", [[], None])
def test_an_empty_list_deletes_nothing(
    stored: RunningApp, partner_center: SimulatedPartnerCenter, items: object
) -> None:
    """What Partner Center no longer lists stays in storage."""
    before = stored.blobs()
    serve(partner_center, "/v1/invoices", lambda *_: json.dumps({"items": items}).encode())
    assert stored.list_invoices().invoices == 0
    assert stored.blobs() == before


@pytest.mark.parametrize("status", [403, 500])
def test_a_listing_that_is_refused_fails_the_run(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Without it nothing can be compared: the run says so, changes nothing, and is retried."""
    before = stored.blobs()

    def refused(*_: object, **__: object) -> None:
        error = HttpResponseError("not authorized to list")
        error.status_code = status
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(stored.archive, "listed", refused)
        with pytest.raises(HttpResponseError, match="not authorized to list"):
            stored.list_invoices()
    assert stored.blobs() == before
    assert stored.waiting() == 0
