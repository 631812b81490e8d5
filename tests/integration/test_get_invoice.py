"""One invoice by HTTP: from Partner Center, from its list, or from storage, and every way to fail."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError
from pydantic import SecretStr

from get_invoice import get_invoice, recent_list
from get_invoice.answer import Answer
from local.simulated import Invoice, SimulatedEntraId, SimulatedPartnerCenter, faults
from local.simulated.invoices import invoice_json
from local.simulated.lines import total, total_charges
from shared.keys import LineItemsKey
from shared.storage.blobs import InvoiceMetadata
from shared.storage.blocks import Part, Staged
from tests.running_app import RunningApp

ID, LEGACY_ID, VOIDED_ID, AMENDMENT_ID = "G000024135", "D0500034A7", "G000024140", "GV00024140"
UNKNOWN_ID = "G000099999"


def listed(partner_center: SimulatedPartnerCenter, invoice_id: str = ID) -> bytes:
    """The invoice's JSON text as Partner Center writes it."""
    return invoice_json(partner_center.invoices[invoice_id]).encode()


def parsed(answer: Answer) -> dict[str, Any]:
    """A good answer's invoice, its amounts as decimals."""
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    invoice: dict[str, Any] = json.loads(answer.body, parse_float=Decimal)
    return invoice


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """An error's members; it is a problem as RFC 9457 has it, and says nothing of the app's insides."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    members: dict[str, Any] = json.loads(answer.body)
    assert members.keys() - {"correlationId"} == {"type", "title", "status", "detail"}
    assert members["status"] == status
    text = answer.body.decode()
    for word in ("Traceback", 'File "', "Bearer", "AccountKey", "shared.", "azure.", "127.0.0.1"):
        assert word not in text
    return members


def only(partner_center: SimulatedPartnerCenter, *invoice_ids: str) -> None:
    """Leave these invoices alone in the world: the others take their time to be fetched."""
    partner_center.invoices = {id: partner_center.invoices[id] for id in invoice_ids}


def put_text(app: RunningApp, text: bytes) -> None:
    """Store this text as the invoice."""
    about = InvoiceMetadata("0" * 16, "0" * 16, datetime.now(UTC))
    app.archive.put_invoice(ID, text, about, replacing=None)


@contextmanager
def down(partner_center: SimulatedPartnerCenter) -> Iterator[None]:
    """Nobody listens at Partner Center's address."""
    port = urlsplit(partner_center.url).port
    partner_center.stop()
    yield
    partner_center.start(port or 0)


# --- from Partner Center --------------------------------------------------------------------------


def test_an_invoice_by_id_is_what_partner_center_gives(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Where the API allows it, the answer is its very bytes, by one request and without the list."""
    partner_center.options.by_id_allowed = True
    answer = app.get_invoice(ID)
    assert answer.body == listed(partner_center)
    assert parsed(answer)["id"] == ID
    assert not answer.headers.keys() & {"Age", "Cache-Status"}
    assert [request.path for request in partner_center.requests] == [f"/v1/invoices/{ID}"]


def test_an_app_without_a_user_gets_it_from_the_list(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """By id an app is refused (900329); the list has the same invoice, every digit of it."""
    for invoice in partner_center.invoices.values():
        answer = app.get_invoice(invoice.id)
        assert answer.body == invoice_json(invoice).encode()
        assert parsed(answer)["totalCharges"] == total_charges(invoice)


def test_digits_that_no_float_has_are_kept(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """An amount of 22 digits and one that ends in zeros are answered as they were written."""
    exact = Decimal("0.1999968000511991808131")
    invoice = partner_center.invoices["D0500035B1"]
    partner_center.put(replace(invoice, adjustment=exact, paid_amount=Decimal("1.10")))
    body = app.get_invoice(invoice.id).body
    assert b'"totalCharges":0.1999968000511991808131,' in body
    assert b'"paidAmount":1.10,' in body


def test_an_indented_answer_with_a_byte_order_mark_is_read(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Both by id and from the list, such an answer is given on without the mark."""
    partner_center.options.pretty = partner_center.options.byte_order_mark = True
    for by_id_allowed in (True, False):
        partner_center.options.by_id_allowed = by_id_allowed
        expected = json.loads(listed(partner_center), parse_float=Decimal)
        assert parsed(app.get_invoice(ID)) == expected


def test_an_invoice_that_only_the_list_knows_is_found(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A 404 by id is no answer yet: newer invoices are in the list alone."""
    partner_center.options.by_id_allowed = True
    partner_center.options.by_id_unknown = frozenset({ID})
    assert app.get_invoice(ID).body == listed(partner_center)


def test_an_invoice_on_a_later_page_of_the_list_is_found(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A list that comes in pages is followed until the invoice is there."""
    partner_center.options.default_list_page = 1
    last = [id for id in partner_center.invoices if id.startswith("D")][-1]
    assert app.get_invoice(last).body == listed(partner_center, last)
    assert len(partner_center.requests.matching("offset=")) >= 1


def test_an_amendment_is_found_in_the_invoice_that_it_corrects(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A correction that is listed only inside its voided invoice can be asked for by its own id."""
    [amendment] = partner_center.invoices[VOIDED_ID].amendments
    assert amendment.id == AMENDMENT_ID
    invoice = parsed(app.get_invoice(AMENDMENT_ID))
    assert (invoice["id"], invoice["amendsOf"]) == (AMENDMENT_ID, VOIDED_ID)
    assert invoice["documentType"] == "adjustment_note"
    assert invoice["totalCharges"] == total_charges(amendment)


@pytest.mark.parametrize(
    "spelling", [LEGACY_ID, f"Recurring-{LEGACY_ID}", f"recurring-{LEGACY_ID.lower()}"]
)
@pytest.mark.parametrize("by_id_allowed", [True, False])
def test_the_prefixed_id_means_the_same_invoice(
    app: RunningApp, partner_center: SimulatedPartnerCenter, spelling: str, by_id_allowed: bool
) -> None:
    """The id as links spell it, in upper or lower case, is as good as the bare one."""
    partner_center.options.by_id_allowed = by_id_allowed
    assert app.get_invoice(spelling).body == listed(partner_center, LEGACY_ID)


def test_one_token_serves_all_requests(
    app: RunningApp, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """Ten invoices, by id and then from the list, cost one token."""
    before = len(entra_id.token_requests)
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: app.get_invoice(ID), range(10)))
    assert {answer.body for answer in answers} == {listed(partner_center)}
    assert len(entra_id.token_requests) - before == 1


# --- errors ---------------------------------------------------------------------------------------


def test_an_unknown_invoice_is_not_found(app: RunningApp) -> None:
    """404 for an id that neither the API nor its list knows, with the id for the caller to see."""
    members = problem(app.get_invoice(UNKNOWN_ID), 404)
    assert UNKNOWN_ID in members["detail"]
    assert members["correlationId"]


@pytest.mark.parametrize(
    "wanted",
    ["", "summary", "unbilled", "..", "G0000/24135", "G000024135?x=y", "G" * 40, "G0000\u0662"],
)
def test_what_is_no_id_is_told_without_asking_anyone(
    app: RunningApp, partner_center: SimulatedPartnerCenter, entra_id: SimulatedEntraId, wanted: str
) -> None:
    """400 for anything that cannot be an invoice id; no request leaves the app."""
    before = len(entra_id.requests)
    assert "invoice id" in problem(app.get_invoice(wanted), 400)["detail"]
    assert len(partner_center.requests) == 0
    assert len(entra_id.requests) == before


@pytest.mark.parametrize(("asked", "told"), [(57, "57"), (None, "30")])
@pytest.mark.parametrize("by_id", [True, False])
def test_throttling_is_handed_on(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    asked: float | None,
    told: str,
    by_id: bool,
) -> None:
    """503 with the Retry-After of Partner Center, or half a minute where it gives none."""
    partner_center.faults.add(
        faults.throttled(asked), match=lambda path: (ID in path) is by_id, times=None
    )
    answer = app.get_invoice(ID)
    problem(answer, 503)
    assert answer.headers["Retry-After"] == told


def test_a_wrong_secret_is_a_refusal(app: RunningApp) -> None:
    """502 when Entra ID gives no token; the answer has neither the secret nor Entra ID's words."""
    secret = SecretStr("a-secret~that.is-wrong")
    wrong = RunningApp(app.services.settings.model_copy(update={"client_secret": secret}))
    answer = wrong.get_invoice(ID)
    problem(answer, 502)
    assert secret.get_secret_value() not in answer.body.decode()
    assert b"AADSTS" not in answer.body


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_everywhere_is_a_refusal(
    app: RunningApp, partner_center: SimulatedPartnerCenter, status: int
) -> None:
    """502 when Partner Center refuses the list too, with the id that the app's log has it under."""
    body = '{"code":"900308","description":"insufficient privileges of app-secret-name"}'
    partner_center.faults.add(faults.status(status, body), times=None)
    answer = app.get_invoice(ID)
    members = problem(answer, 502)
    sent = {request.headers["ms-correlationid"] for request in partner_center.requests}
    assert sent == {members["correlationId"]}
    assert b"app-secret-name" not in answer.body


def test_no_error_has_a_token_or_a_secret(
    app: RunningApp, entra_id: SimulatedEntraId, partner_center: SimulatedPartnerCenter
) -> None:
    """Whatever fails, the answer has neither the secret nor a token that was used."""
    bodies = [app.get_invoice(UNKNOWN_ID).body, app.get_invoice("no id!").body]
    for act in (
        faults.status(403, '{"code":"900329"}'),
        faults.throttled(57),
        faults.server_error(),
        faults.reset(),
    ):
        partner_center.faults.clear()
        partner_center.faults.add(act, times=None)
        bodies.append(app.get_invoice(ID).body)
    sent = {request.headers["authorization"].split()[1] for request in partner_center.requests}
    for secret in {entra_id.client_secret, *sent}:
        assert not any(secret.encode() in body for body in bodies)


# --- from storage ---------------------------------------------------------------------------------


def test_the_stored_copy_is_served_while_partner_center_is_down(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """200 with the stored invoice.json; Age and Cache-Status say what it is."""
    stored_at = datetime.now(UTC) - timedelta(minutes=90)
    text = listed(partner_center)
    app.archive.put_invoice(
        ID, text, InvoiceMetadata("0" * 16, "0" * 16, stored_at), replacing=None
    )
    with down(partner_center):
        answer = app.get_invoice(f"OneTime-{ID}")
    assert answer.body == text
    assert parsed(answer)["id"] == ID
    assert answer.headers["Cache-Status"] == "archive; hit"
    assert 5400 <= int(answer.headers["Age"]) < 5415


def test_a_copy_without_a_mark_is_as_old_as_its_blob(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A stored invoice.json that this app did not write is served too."""
    put_text(app, b"{}")
    blob = app.container.get_blob_client(f"{ID}/invoice.json")
    blob.upload_blob(listed(partner_center), overwrite=True)
    with down(partner_center):
        answer = app.get_invoice(ID)
    assert answer.body == listed(partner_center)
    assert 0 <= int(answer.headers["Age"]) < 60


def test_without_a_copy_there_is_no_answer(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """504 when Partner Center is down and nothing of the invoice is stored."""
    with down(partner_center):
        problem(app.get_invoice(ID), 504)


def test_a_failing_partner_center_is_bridged_by_the_copy(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A 5xx is a 502 without a stored copy, and a 200 from storage with one."""
    only(partner_center, ID)
    partner_center.faults.add(faults.server_error(), times=None)
    problem(app.get_invoice(ID), 502)
    partner_center.faults.clear()
    app.list_invoices()
    partner_center.faults.add(faults.status(503, faults.HTML), times=None)
    answer = app.get_invoice(ID)
    assert answer.body == listed(partner_center)
    assert answer.headers["Cache-Status"] == "archive; hit"
    assert 0 <= int(answer.headers["Age"]) < 60


def test_one_failure_is_retried_before_storage_is_asked(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A single 5xx costs a retry, not the fresh answer."""
    only(partner_center, ID)
    app.list_invoices()
    partner_center.faults.add(faults.status(503))
    assert "Cache-Status" not in app.get_invoice(ID).headers


def test_the_copy_does_not_hide_that_an_invoice_is_unknown_refused_or_throttled(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Only silence and failure are bridged: 404, 502 and 503 are told although a copy is stored."""
    only(partner_center, ID)
    app.list_invoices()
    partner_center.faults.add(faults.status(403), times=None)
    problem(app.get_invoice(ID), 502)
    partner_center.faults.clear()
    partner_center.faults.add(faults.throttled(57), times=None)
    problem(app.get_invoice(ID), 503)
    partner_center.faults.clear()
    del partner_center.invoices[ID]
    problem(app.get_invoice(ID), 404)


def test_nobody_waits_longer_than_15_seconds(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A service that hangs, or lets its answer trickle, is answered for in time: 504, or the copy."""
    app.archive.put_invoice(
        LEGACY_ID,
        listed(partner_center, LEGACY_ID),
        InvoiceMetadata("0" * 16, "0" * 16, datetime.now(UTC)),
        replacing=None,
    )
    partner_center.faults.add(faults.no_answer(40), match=f"/{ID}", times=None)
    partner_center.faults.add(faults.trickle(40, pieces=40), match=f"/{LEGACY_ID}", times=None)

    def timed(invoice_id: str) -> tuple[Answer, float]:
        began = time.monotonic()
        return app.get_invoice(invoice_id), time.monotonic() - began

    with ThreadPoolExecutor(2) as threads:
        (hung, waited), (trickled, waited_too) = threads.map(timed, (ID, LEGACY_ID))
    assert max(waited, waited_too) < 15
    problem(hung, 504)
    assert trickled.body == listed(partner_center, LEGACY_ID)
    assert trickled.headers["Cache-Status"] == "archive; hit"


def test_the_stored_copy_is_served_while_entra_id_fails(
    app: RunningApp, partner_center: SimulatedPartnerCenter, entra_id: SimulatedEntraId
) -> None:
    """An invoice that is stored can be read while Entra ID's answers are cut off."""
    text = listed(partner_center)
    put_text(app, text)
    entra_id.faults.add(faults.cut_body(), match="token", times=None)
    try:
        answer = app.get_invoice(ID)
    finally:
        entra_id.faults.clear()
    assert (answer.status, answer.body) == (200, text)


def test_requests_that_hang_do_not_keep_others_from_the_stored_copy(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many answers trickle at once, the stored copy is served for each of them."""
    monkeypatch.setattr("get_invoice.invoice._PARTNER_CENTER_SECONDS", 1.0, raising=False)
    monkeypatch.setattr("get_invoice.invoice._SECONDS", 5.0, raising=False)
    text = listed(partner_center)
    put_text(app, text)
    partner_center.faults.add(faults.trickle(12, pieces=12), times=None)
    with ThreadPoolExecutor(34) as threads:
        answers = list(threads.map(lambda _: app.get_invoice(ID), range(34)))
    assert {answer.status for answer in answers} == {200}


# --- ?expand=lineItems ----------------------------------------------------------------------------

BILLING = LineItemsKey(ID, "one_time", "billing_line_items")


def expanded(app: RunningApp, invoice_id: str = ID) -> list[dict[str, Any]]:
    """The member that expand adds."""
    entries: list[dict[str, Any]] = parsed(app.get_invoice(invoice_id, expand=True))["lineItems"]
    return entries


def test_expand_tells_of_lines_that_are_on_no_detail_any_more(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in storage and in the manifest, so they are here, and nothing more is to come."""
    monkeypatch.setattr(recent_list, "_SECONDS", 0.0)
    app.list_invoices()
    app.drain()
    before = expanded(app)
    partner_center.put(replace(partner_center.invoices[ID], details=()))
    assert [entry["status"] for entry in expanded(app)] == ["complete"] * len(before)
    app.list_invoices()
    app.drain()
    assert [entry["status"] for entry in expanded(app)] == ["complete"] * len(before)
    app.container.upload_blob(f"{ID}/invoice.json", b"{", overwrite=True)
    assert [entry["status"] for entry in expanded(app)] == ["complete"] * len(before)


def test_expand_leaves_the_invoice_as_it_is(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The member lineItems comes behind the others, whose text stays byte for byte."""
    body = app.get_invoice(ID, expand=True).body
    assert body.startswith(listed(partner_center)[:-1] + b',"lineItems":[')


def test_details_whose_lines_are_not_there_are_missing(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Before anything is fetched, each detail of the invoice is there, and missing."""
    named = {"billingProvider": "one_time", "status": "missing"}
    assert expanded(app) == [
        {**named, "invoiceLineItemType": "billing_line_items"},
        {**named, "invoiceLineItemType": "usage_line_items"},
    ]
    assert expanded(app, "D0500035B1") == []
    assert partner_center.requests.matching("lineitems") == []


def test_details_that_are_being_fetched_tell_their_pages(app: RunningApp) -> None:
    """Pages that are staged and not committed make a detail in progress."""
    part = Part.after(Staged())
    for page in range(2):
        app.archive.stage_block(BILLING, part, page, b"{}\n")
    billing, usage = expanded(app)
    assert (billing["status"], billing["pagesStaged"]) == ("in_progress", 2)
    assert (usage["status"], "pagesStaged" in usage) == ("missing", False)


def test_details_whose_lines_are_there_are_complete(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """After a run each detail has what the manifest has, with exact totals as numbers."""
    only(partner_center, ID, VOIDED_ID, LEGACY_ID)
    app.list_invoices()
    app.drain()
    invoice = partner_center.invoices[ID]
    for invoice_id in (ID, VOIDED_ID, AMENDMENT_ID, LEGACY_ID):
        entries = expanded(app, invoice_id)
        assert entries
        assert all(entry.pop("status") == "complete" for entry in entries)
        manifest = app.manifest(invoice_id)["lineItems"]
        assert sorted(entries, key=str) == sorted(manifest, key=str)
    billing = expanded(app)[0]
    assert billing["total"] == total(invoice, "one_time", "billing_line_items")
    assert (billing["lines"], billing["currency"]) == (2000, "EUR")
    assert app.read(billing["blob"]).count(b"\n") == 2000


def test_lines_of_an_earlier_version_are_not_complete(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """When the stored invoice has changed since its lines were fetched, they are not said to be all."""
    only(partner_center, ID)
    app.list_invoices()
    app.drain()
    invoice = partner_center.invoices[ID]
    partner_center.put(replace(invoice, adjustment=Decimal(5), revision=1))
    app.list_invoices()
    assert {entry["status"] for entry in expanded(app)}.isdisjoint({"complete"})
    app.drain()
    assert {entry["status"] for entry in expanded(app)} == {"complete"}


def test_expand_adds_to_the_stored_copy_too(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """While Partner Center is down, the stored invoice is expanded like a fresh one."""
    only(partner_center, ID)
    app.list_invoices()
    app.drain()
    with down(partner_center):
        answer = app.get_invoice(ID, expand=True)
    assert answer.headers["Cache-Status"] == "archive; hit"
    assert [entry["status"] for entry in parsed(answer)["lineItems"]] == ["complete"] * 2


# --- the trigger ----------------------------------------------------------------------------------


def call(invoice_id: str, params: Mapping[str, str] | None = None) -> Answer:
    """Call the decorated function as the host does."""
    request = func.HttpRequest(
        method="GET",
        url=f"http://localhost/api/invoices/{invoice_id}",
        params=params,
        route_params={"invoiceId": invoice_id},
        body=b"",
    )
    response = get_invoice(request, cast(func.Context, None))  # only telemetry looks at it
    return Answer(response.status_code, response.get_body(), dict(response.headers))


def in_title_case(answer: Answer) -> Answer:
    """The SDK gives headers in lower case; HTTP does not mind."""
    headers = {name.title(): value for name, value in answer.headers.items()}
    return replace(answer, headers=headers)


@pytest.mark.usefixtures("trigger")
def test_the_trigger_answers_for_an_invoice(partner_center: SimulatedPartnerCenter) -> None:
    """The function decodes the route and expand, and gives the answer on."""
    answer = in_title_case(call(ID))
    assert answer.body == listed(partner_center)
    assert answer.headers["Content-Type"] == "application/json"
    answer = in_title_case(call(ID, {"expand": "lineItems"}))
    assert len(parsed(answer)["lineItems"]) == 2
    problem(in_title_case(call("nonsense")), 400)
    problem(in_title_case(call(UNKNOWN_ID)), 404)


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("expand", ["foo", "", "lineItems,foo"])
def test_an_expand_that_is_unknown_is_told(
    partner_center: SimulatedPartnerCenter, expand: str
) -> None:
    """400 for any expand but lineItems, without asking anyone."""
    members = problem(in_title_case(call(ID, {"expand": expand})), 400)
    assert "lineItems" in members["detail"]
    assert len(partner_center.requests) == 0


def test_missing_settings_are_named(trigger: pytest.MonkeyPatch) -> None:
    """500 with the names of the settings that need attention, and without the values of others."""
    secret = os.environ["PARTNER_CENTER_CLIENT_SECRET"]
    trigger.delenv("PARTNER_CENTER_TENANT_ID")
    trigger.setenv("LINE_ITEMS_PAGE_SIZE", "many")
    members = problem(in_title_case(call(ID)), 500)
    assert "PARTNER_CENTER_TENANT_ID" in members["detail"]
    assert "LINE_ITEMS_PAGE_SIZE" in members["detail"]
    assert secret not in members["detail"]
    # Settings that were put right count at once.
    trigger.setenv("PARTNER_CENTER_TENANT_ID", "contoso.example")
    detail = problem(in_title_case(call(ID)), 500)["detail"]
    assert "PARTNER_CENTER_TENANT_ID" not in detail


def test_what_nobody_has_foreseen_is_a_problem_without_details(
    trigger: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with nothing of the error in it; the log has the whole of it."""
    trigger.setattr("get_invoice.invoice_answer", _fail)
    members = problem(in_title_case(call(ID)), 500)
    assert "the reactor" not in json.dumps(members)
    assert "the reactor" in caplog.text


def _fail(*_: object, **__: object) -> Answer:
    raise RuntimeError("the reactor")


def test_the_worlds_invoices_are_as_the_tests_take_them(
    partner_center: SimulatedPartnerCenter,
) -> None:
    """The ids above are those of a new-commerce, a legacy and a voided invoice."""
    world: dict[str, Invoice] = partner_center.invoices
    assert world[ID].currency == "EUR"
    assert world[LEGACY_ID].prefixed_id == f"Recurring-{LEGACY_ID}"
    assert [amendment.id for amendment in world[VOIDED_ID].amendments] == [AMENDMENT_ID]
    assert UNKNOWN_ID not in world


def test_a_burst_of_requests_lists_once(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The list is kept for some seconds: not every request goes through all invoices."""
    with ThreadPoolExecutor(8) as threads:
        ids = list(partner_center.invoices) * 3
        answers = list(threads.map(app.get_invoice, ids))
    assert {answer.status for answer in answers} == {200}
    lists = [r for r in partner_center.requests if r.path == "/v1/invoices"]
    assert len(lists) == 1


def test_a_change_is_seen_after_some_seconds(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is given up, and then Partner Center's own answer counts."""
    app.get_invoice(ID)
    partner_center.put(replace(partner_center.invoices[ID], state="paid"))
    assert 0 < recent_list._SECONDS <= 15
    monkeypatch.setattr(recent_list, "_SECONDS", 0)
    assert b'"state":"paid"' in app.get_invoice(ID).body


# --- a way back, and errors as what they are -------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_invoice_that_fails_by_id_is_found_in_the_list(
    app: RunningApp, partner_center: SimulatedPartnerCenter, status: int
) -> None:
    """What by id answers for newer invoices is not known: whatever it is, the list is asked."""
    fault = faults.status(status, '{"code":"800003","description":"Unexpected service error"}')
    partner_center.faults.add(fault, match=f"/v1/invoices/{ID}", times=None)
    answer = app.get_invoice(ID)
    assert (answer.status, answer.headers.get("Cache-Status")) == (200, None)


@pytest.mark.parametrize(
    ("code", "status", "answered", "told"),
    [
        ("AuthorizationFailure", 403, 500, "AuthorizationFailure"),
        ("BlobArchived", 409, 500, "BlobArchived"),
        ("LeaseIdMissing", 412, 500, "LeaseIdMissing"),
        ("ServerBusy", 503, 504, "no answer in time"),
        (None, 429, 504, "no answer in time"),
    ],
)
def test_an_error_of_storage_is_told_as_what_it_is(
    app: RunningApp,
    monkeypatch: pytest.MonkeyPatch,
    code: str | None,
    status: int,
    answered: int,
    told: str,
) -> None:
    """A refusal is not a timeout: the code says what to look at."""

    def failing(*_: object, **__: object) -> None:
        error = HttpResponseError("no")
        error.status_code = status
        error.error_code = code  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(app.archive, "listed", failing)
    answer = app.get_invoice(ID, expand=True)
    assert answer.status == answered
    assert told in json.loads(answer.body)["detail"]
