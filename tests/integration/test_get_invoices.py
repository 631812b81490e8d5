"""`GET /api/invoices`: what is stored, from one listing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from get_invoice.answer import Answer
from get_invoice.invoices import COLUMNS, list_answer
from local.simulated import SimulatedPartnerCenter
from shared.errors import InvalidInput
from shared.storage.archive import Archive
from tests.by_hand import page, rows, serve
from tests.running_app import RunningApp

URL = "https://app.example/api/invoices"


@pytest.fixture
def stored(app: RunningApp, partner_center: SimulatedPartnerCenter) -> RunningApp:
    """An app that has brought everything, but the largest invoices."""
    for large in ("D0500033K3", "G000024130"):
        del partner_center.invoices[large]
    app.list_invoices()
    app.drain()
    return app


def ask(app: RunningApp, accept: str = "*/*", **params: str) -> Answer:
    return list_answer(URL, params, {"accept": accept}, app.archive)


def listed(app: RunningApp, **params: str) -> dict[str, Any]:
    answer = ask(app, **params)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    members: dict[str, Any] = json.loads(answer.body, parse_float=Decimal, parse_int=Decimal)
    return members


def test_the_list_says_what_the_manifests_say(stored: RunningApp) -> None:
    """For each stored invoice, to the digit."""
    found = {each["invoiceId"]: each for each in listed(stored)["value"]}
    assert found.keys() == {name.partition("/")[0] for name in stored.blobs()}
    for name, each in found.items():
        manifest = stored.manifest(name)
        invoice = json.loads(stored.read(f"{name}/invoice.json"), parse_float=Decimal)
        assert each["state"] == manifest["state"]
        assert each["totalCharges"] == manifest["totalCharges"]
        assert each["lineTotal"] == manifest["lineTotal"]
        assert each["difference"] == manifest["difference"]
        assert each["lines"] == sum(entry["lines"] for entry in manifest["lineItems"])
        assert each["currencyCode"] == invoice["currencyCode"]
        assert each["invoiceType"] == invoice["invoiceType"]
        assert each["documentType"] == invoice["documentType"]
        for day in ("invoiceDate", "billingPeriodStartDate", "billingPeriodEndDate"):
            assert each[day] == (invoice[day][:10] if day in invoice else None)
        sources = {entry["source"] for entry in manifest["lineItems"]}
        assert each["source"] == (", ".join(sorted(sources)) or None)
        latest = max((entry["fetchedAt"] for entry in manifest["lineItems"]), default=None)
        assert each["fetchedAt"] == latest
        assert each["earlierVersions"] == 0


def test_the_list_is_one_listing(stored: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """No blob is read, only manifests are listed, and Microsoft is not asked."""
    asked: list[str] = []
    request = requests.Session.request

    def noted(self: requests.Session, method: str, url: str, **others: Any) -> requests.Response:
        asked.append(f"{method} {url}")
        return request(self, method, url, **others)

    monkeypatch.setattr(requests.Session, "request", noted)
    assert listed(stored)["value"]
    (listing,) = asked
    assert listing.startswith("GET ")
    assert "comp=list" in listing
    assert "delimiter=in&" in listing


def test_next_links_lead_through_the_whole_list(stored: RunningApp) -> None:
    """Each invoice once; the last page has no link."""
    seen, params = [], {"pageSize": "3", "code": "secret"}
    while params:
        page_ = listed(stored, **params)
        seen += [each["invoiceId"] for each in page_["value"]]
        link = page_.get("nextLink", "")
        assert "secret" not in link
        assert link == "" or link.startswith(f"{URL}?")
        params = dict(parse_qsl(urlsplit(link).query))
    everything = listed(stored)
    assert seen == [each["invoiceId"] for each in everything["value"]]
    assert everything["totalCount"] == len(seen)


def test_filters_leave_what_is_wanted(stored: RunningApp) -> None:
    """And count only that."""
    found = listed(stored, currency="EUR", state="settled")
    assert found["totalCount"] == len(found["value"]) > 0
    assert {(each["currencyCode"], each["state"]) for each in found["value"]} == {
        ("EUR", "settled")
    }
    assert listed(stored, **{"from": "2099-01-01"}) == {"totalCount": 0, "value": []}


def test_as_csv_it_has_the_same_rows(stored: RunningApp) -> None:
    """All of them, with stable columns, and numbers as the reader's spreadsheet wants them."""
    answer = ask(stored, accept="text/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    head, *lines = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))
    assert head == list(COLUMNS)
    everything = listed(stored)["value"]
    assert len(lines) == len(everything)
    for line, each in zip(lines, everything, strict=True):
        row = dict(zip(head, line, strict=True))
        assert row["invoiceId"] == each["invoiceId"]
        assert Decimal(row["totalCharges"]) == each["totalCharges"]
    german = ask(stored, format="csv", locale="de-DE").body
    assert german.startswith(b"\xef\xbb\xbfinvoiceId;invoiceDate;")
    assert lines[0][7].replace(".", ",").encode() in german


def test_an_invoice_that_is_being_fetched_is_in_the_list(app: RunningApp) -> None:
    """With what is known of it before its first line has come."""
    app.list_invoices()
    found = {each["invoiceId"]: each for each in listed(app)["value"]}
    assert found.keys() == {name.partition("/")[0] for name in app.blobs()}
    assert {each["lines"] for each in found.values()} == {0}
    assert found["G000024130"]["state"] == "fetching"
    assert found["G000024130"]["totalCharges"] is not None


def test_earlier_versions_are_counted(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Those of lines that have been replaced, each once."""
    app.list_invoices()
    for count in (1, 2, 3):
        partner_center.faults.clear()
        serve(partner_center, "lineitems", lambda *_, count=count: page(rows(count)))
        app.fetch("/invoices/D050001234/lineitems/office/billinglineitems")
    (found,) = [each for each in listed(app)["value"] if each["invoiceId"] == "D050001234"]
    assert (found["earlierVersions"], found["lines"], found["lineTotal"]) == (2, 3, 3)


def test_what_is_odd_in_the_container_stops_nothing(stored: RunningApp) -> None:
    """What is no invoice is left out, what is known of one is told, whatever its metadata hold."""
    expected = listed(stored)["totalCount"]
    stored.container.upload_blob("notes.txt", b"x")
    stored.container.upload_blob("somebody/else/notes.jsonl", b"x")
    stored.container.upload_blob("notes 2026/invoice.json", b"{}")
    stored.container.upload_blob("Recurring-D0500099A2/invoice.json", b"{}")
    stored.container.upload_blob("D0500099A3/notes.txt", b"x")
    for folder in (
        "D0500099A4",
        "D0500099A4/office",
    ):  # of a data lake: they outlive what was in them
        stored.container.upload_blob(folder, b"", metadata={"hdi_isfolder": "true"})
    odd = {
        "state": "Settled by hand",
        "line_count": "-1",
        "line_total": "NaN",
        "fetched_at": "never",
        "invoice_date": "yesterday",
        "charges": "1e999999",
        "currency": "<b>",
    }
    stored.container.upload_blob("D0500099A1/manifest.json", b"{}", metadata=odd)
    found = listed(stored)
    assert found["totalCount"] == expected + 1
    (odd_one,) = [each for each in found["value"] if each["invoiceId"] == "D0500099A1"]
    assert odd_one["totalCharges"] is odd_one["difference"] is odd_one["currencyCode"] is None
    assert (odd_one["state"], odd_one["lines"], odd_one["lineTotal"]) == ("fetching", None, None)


def test_invoices_of_an_older_release_are_told_of_after_the_next_run(
    app: RunningApp,
) -> None:
    """What their blobs did not say of themselves is written once; nothing is fetched for that."""
    said = {
        "invoice.json": ("content", "version", "stored_at"),
        "manifest.json": ("updated_at", "complete_at"),
    }
    app.list_invoices()
    app.drain()
    before = listed(app)
    for name in app.blobs():
        if known := said.get(name.partition("/")[2]):
            metadata = app.metadata(name)
            kept = {each: metadata[each] for each in known if each in metadata}
            app.container.get_blob_client(name).set_blob_metadata(kept)
    for each in listed(app)["value"]:
        assert each["totalCharges"] is each["lines"] is each["lineTotal"] is each["source"] is None
    app.list_invoices()
    assert app.waiting() == 0
    assert listed(app) == before
    assert app.list_invoices().stored == 0


def test_an_empty_container_is_an_empty_list(app: RunningApp) -> None:
    """Also where it is not there yet."""
    assert listed(app) == {"totalCount": 0, "value": []}


def test_a_query_that_cannot_be_understood_is_told(app: RunningApp) -> None:
    """Before storage is asked."""
    with pytest.raises(InvalidInput, match="state must be"):
        ask(app, state="done")


def test_a_refusal_of_storage_is_an_error(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a shorter list."""

    def refused(*_: object, **__: object) -> Iterator[Any]:
        raise HttpResponseError("AuthorizationPermissionMismatch")

    monkeypatch.setattr(Archive, "listed_manifests", refused)
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        ask(app)


@pytest.mark.parametrize("name", ["invoice.json", "office/billing_line_items.jsonl"])
def test_an_invoice_without_a_manifest_is_being_fetched(stored: RunningApp, name: str) -> None:
    """Whatever of it is there, from one crash to the next run."""
    expected = listed(stored)["totalCount"]
    stored.container.upload_blob(f"D0500099A1/{name}", b"{}")
    found = listed(stored)
    assert found["totalCount"] == expected + 1
    assert found["value"][-1]["invoiceId"] == "D0500099A1"
    assert found["value"][-1]["state"] == "fetching"
    stored.list_invoices()
    healed = listed(stored)
    assert [each["invoiceId"] for each in healed["value"]] == [
        each["invoiceId"] for each in found["value"]
    ]
    assert healed["value"][:-1] == found["value"][:-1]


def test_a_payment_changes_nothing_of_a_row(
    stored: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Whoever writes a manifest writes all that a list shows."""
    before = listed(stored)
    paid = replace(
        partner_center.invoices["G000024135"], paid_amount=Decimal("-17.50"), state="paid"
    )
    partner_center.put(paid)
    assert stored.list_invoices().stored == 1
    assert listed(stored) == before


def test_lines_fetched_by_hand_have_their_currency(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Before a run of the timer has stored their invoice."""
    serve(partner_center, "lineitems", lambda *_: page(rows(1)))
    link = "/invoices/D050001234/lineitems/office/billinglineitems"
    app.fetch(json.dumps({"link": link, "currencyCode": "EUR"}))
    (row,) = listed(app)["value"]
    assert (row["currencyCode"], row["state"]) == ("EUR", "fetching")
