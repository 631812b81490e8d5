"""The timer's function: the difference between Partner Center's list and storage is ordered."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ExponentialRetry

from list_invoices import sync as sync_module
from local.simulated import Detail, Invoice, SimulatedPartnerCenter, faults, history
from local.simulated.invoices import invoice_json, voided
from shared.errors import Refused, Throttled
from shared.keys import LineItemsKey
from shared.storage import inventory as inventory_module
from shared.storage.archive import Archive
from shared.storage.inventory import InvoiceBlobs
from tests.e2e.conftest import wait_until
from tests.running_app import RunningApp, with_nested

VOIDED, CORRECTION = "G000024140", "GV00024140"


@pytest.fixture(autouse=True)
def _few_lines(partner_center: SimulatedPartnerCenter) -> None:
    """How many lines there are does not matter here."""
    for invoice in list(partner_center.invoices.values()):
        partner_center.put(with_few_lines(invoice))


def with_few_lines(invoice: Invoice) -> Invoice:
    few = tuple(replace(d, line_count=min(d.line_count, 5)) for d in invoice.details or ())
    nested = tuple(with_few_lines(amendment) for amendment in invoice.amendments)
    return replace(invoice, details=few if invoice.details else invoice.details, amendments=nested)


def details(partner_center: SimulatedPartnerCenter) -> set[LineItemsKey]:
    """Every kind of lines that Partner Center has, amendments included."""
    return {
        LineItemsKey(invoice.id, detail.provider, detail.type)
        for invoice in with_nested(partner_center.invoices.values())
        for detail in invoice.details or ()
    }


def test_each_invoice_is_stored_as_listed(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """invoice.json is the very text of the list, amendments have one of their own."""
    app.list_invoices()
    for invoice in partner_center.invoices.values():
        assert app.read(f"{invoice.id}/invoice.json").decode() == invoice_json(invoice)
    assert json.loads(app.read(f"{CORRECTION}/invoice.json"))["amendsOf"] == VOIDED


def test_one_message_for_each_detail(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Nothing is in storage, so everything is ordered, each with its link and currency."""
    app.list_invoices()
    messages = app.take_messages()
    assert {message.key for message in messages} == details(partner_center)
    assert len(messages) == len(details(partner_center))
    by_lines = {message.key: message for message in messages}
    usage = by_lines[LineItemsKey("D0500033K3", "azure", "usage_line_items")]
    assert usage.link == "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
    assert (
        by_lines[LineItemsKey("G000024135", "one_time", "usage_line_items")].currency_code == "EUR"
    )


def test_amendments_without_links_are_ordered(app: RunningApp) -> None:
    """A voided invoice nests its correction, whose lines are asked for by its own id."""
    app.list_invoices()
    by_lines = {message.key: message for message in app.take_messages()}
    correction = by_lines[LineItemsKey(CORRECTION, "one_time", "billing_line_items")]
    assert correction.link == f"/invoices/{CORRECTION}/lineitems/OneTime/BillingLineItems"


def test_what_is_under_way_is_not_ordered_twice(app: RunningApp) -> None:
    """A run while messages wait in the queue adds none."""
    first = app.list_invoices()
    assert (first.enqueued > 0, app.list_invoices().enqueued) == (True, 0)
    assert app.waiting() == first.enqueued


def run_at_once(app: RunningApp, runs: int = 3) -> int:
    """Let several timers fire at once; give how many messages their runs say they have sent."""
    together = threading.Barrier(runs)

    def run(_: int) -> int:
        together.wait(10)
        return app.list_invoices().enqueued

    with ThreadPoolExecutor(runs) as threads:
        return sum(threads.map(run, range(runs)))


@pytest.mark.parametrize("latency", [0, 0.1])
def test_runs_that_begin_at_once_enqueue_each_link_once(
    app: RunningApp, partner_center: SimulatedPartnerCenter, latency: float
) -> None:
    """Who comes second leaves an invoice to the first: no line is asked for twice."""
    partner_center.options.latency_seconds = latency
    assert run_at_once(app) == len(details(partner_center)) == app.waiting()
    app.drain()
    assert len(partner_center.requests.matching("lineitems")) == len(details(partner_center))
    assert app.list_invoices().enqueued == 0


def test_runs_that_find_the_same_lost_messages_enqueue_them_once(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the invoice itself has not changed, and nothing has to be stored."""
    app.list_invoices()
    app.queue.clear_messages()
    monkeypatch.setattr(inventory_module, "ENQUEUE_AGAIN_AFTER", timedelta(0))
    partner_center.options.latency_seconds = 0.3  # all have looked before one of them writes
    assert run_at_once(app) == len(details(partner_center)) == app.waiting()


def test_a_run_that_looks_as_soon_as_another_one_has_noted_enqueues_nothing(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is noted has a manifest already: without one it would look like deleted."""
    note, seen = app.archive.set_invoice_metadata, list[bool]()

    def noting(invoice_id: str, *args: Any, **kwargs: Any) -> str:
        etag = note(invoice_id, *args, **kwargs)
        blobs = inventory_module.inventory_of(app.archive, invoice_id)
        assert blobs.invoice
        key = LineItemsKey(invoice_id, "office", "billing_line_items")
        seen.append(blobs.under_way(key, blobs.invoice.version, datetime.now(UTC)))
        return etag

    monkeypatch.setattr(app.archive, "set_invoice_metadata", noting)
    app.list_invoices()
    assert seen == [True] * len(seen) != []


@pytest.mark.parametrize("again", [False, True], ids=["new", "lost messages"])
def test_a_write_whose_answer_is_lost_is_this_runs_own(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
    again: bool,
) -> None:
    """The SDK asks again and is refused by its own write: that is no other run to leave it to."""
    invoices = list(partner_center.invoices.values())
    partner_center.invoices = {invoice.id: invoice for invoice in invoices[1:3]}
    if again:
        app.list_invoices()
        app.queue.clear_messages()
        monkeypatch.setattr(inventory_module, "ENQUEUE_AGAIN_AFTER", timedelta(0))
    send, lost = RequestsTransport.send, set[str]()

    def losing(self: RequestsTransport, request: Any, **kwargs: Any) -> Any:
        response = send(self, request, **kwargs)
        written = request.method == "PUT" and response.status_code < 300
        if written and "/invoice.json" in request.url and request.url not in lost:
            lost.add(request.url)
            raise ServiceResponseError("the connection was closed")
        return response

    monkeypatch.setattr(RequestsTransport, "send", losing)
    monkeypatch.setattr(ExponentialRetry, "get_backoff_time", lambda *_: 0)
    assert app.list_invoices().enqueued == len(details(partner_center)) == app.waiting()
    assert lost


def test_a_run_that_looks_while_another_one_enqueues_leaves_it_to_that_one(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between storing and noting, an invoice looks like that of a run that has crashed; it is not."""
    looked, lock = threading.Event(), threading.Lock()
    send = app.services.queue.send

    def looking(archive: Archive) -> dict[str, InvoiceBlobs]:
        with lock:
            stored = inventory_module.inventory(archive)
        if stored:
            looked.set()
        return stored

    def sending(*args: Any, **kwargs: Any) -> None:
        assert looked.wait(10)
        send(*args, **kwargs)

    monkeypatch.setattr(sync_module, "inventory", looking)
    monkeypatch.setattr(app.services.queue, "send", sending)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(app.list_invoices)
        wait_until(lambda: f"{VOIDED}/invoice.json" in app.blobs(), "the first run's invoices")
        second = app.list_invoices()
        assert (first.result(30).enqueued, second.enqueued) == (len(details(partner_center)), 0)
    assert app.waiting() == len(details(partner_center))


def test_a_lost_message_heals_after_some_hours(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was ordered and is still missing after the documented time is ordered again."""
    app.list_invoices()
    app.queue.clear_messages()
    assert app.list_invoices().enqueued == 0
    assert timedelta(hours=1) <= inventory_module.ENQUEUE_AGAIN_AFTER <= timedelta(hours=24)
    monkeypatch.setattr(inventory_module, "ENQUEUE_AGAIN_AFTER", timedelta(0))
    assert app.list_invoices().enqueued == len(details(partner_center))


@pytest.mark.parametrize(
    "gone",
    [
        ["azure/usage_line_items.jsonl"],
        ["azure/usage_line_items.jsonl", "manifest.json"],
        ["azure/usage_line_items.jsonl", "invoice.json"],
        ["azure/usage_line_items.jsonl", "manifest.json", "invoice.json"],
    ],
)
def test_a_deleted_blob_heals_at_the_next_run(app: RunningApp, gone: list[str]) -> None:
    """Its invoice was complete since it was ordered, so someone has deleted it: order it again."""
    app.list_invoices()
    app.drain()
    for name in gone:
        app.container.delete_blob(f"D0500034A7/{name}")
    assert app.list_invoices().enqueued == 1
    app.drain()
    assert app.manifest("D0500034A7")["complete"] is True
    assert app.list_invoices().enqueued == 0


def test_a_deleted_manifest_is_written_again(app: RunningApp) -> None:
    """It is derived from what is there, so nothing has to be fetched for it."""
    app.list_invoices()
    app.drain()
    app.container.delete_blob("G000024135/manifest.json")
    assert app.list_invoices().enqueued == 0
    assert app.manifest("G000024135")["complete"] is True


def test_a_payment_is_stored_and_no_reason_to_fetch(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """PaidAmount and state change invoice.json, and no line is asked for."""
    app.list_invoices()
    app.drain()
    invoice = partner_center.invoices["G000024130"]
    partner_center.put(replace(invoice, paid_amount=Decimal("-17.50"), state="paid"))
    outcome = app.list_invoices()
    assert (outcome.stored, outcome.enqueued) == (1, 0)
    assert json.loads(app.read("G000024130/invoice.json"))["state"] == "paid"
    assert app.manifest("G000024130")["complete"] is True


def test_a_payment_while_lines_are_under_way_orders_nothing_twice(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The note of what was ordered survives the new invoice.json."""
    app.list_invoices()
    partner_center.put(replace(partner_center.invoices["G000024130"], state="paid"))
    assert app.list_invoices().enqueued == 0


@pytest.mark.parametrize("change", ["void", "charges", "detail"])
def test_a_changed_invoice_is_fetched_again(
    app: RunningApp, partner_center: SimulatedPartnerCenter, change: str
) -> None:
    """A void, other charges or another detail: the old lines stay until the new ones are whole."""
    app.list_invoices()
    app.drain()
    invoice = partner_center.invoices["G000024135"]
    changed = {
        "void": voided(invoice),
        "charges": replace(invoice, revision=1),
        "detail": replace(invoice, details=(invoice.details or ())[:1]),
    }[change]
    before = app.read("G000024135/one_time/billing_line_items.jsonl")
    partner_center.put(changed)
    outcome = app.list_invoices()
    assert outcome.enqueued == {"void": 3, "charges": 2, "detail": 1}[change]
    assert app.manifest("G000024135")["complete"] is False
    assert app.read("G000024135/one_time/billing_line_items.jsonl") == before
    app.drain()
    assert app.manifest("G000024135")["complete"] is True
    assert app.list_invoices().enqueued == 0


def list_of(*items: str, uri: str = "/invoices") -> web.Response:
    """An answer of the list, made by hand."""
    links = f'{{"self":{{"uri":"{uri}","method":"GET","headers":[]}}}}'
    return web.Response(
        text=f'{{"totalCount":{len(items)},"items":[{",".join(items)}],"links":{links}}}',
        content_type="application/json",
    )


def answering(response: web.Response) -> faults.Act:
    async def act(*_: object) -> web.StreamResponse:
        return response

    return act


BROKEN = [
    ('{"totalCharges":1.0}', "no usable id"),
    ("null", "no usable id"),
    ('{"id":"../../secrets"}', "no usable id"),
    ('{"id":"G000000009","invoiceDetails":"none"}', "not as documented"),
    ('{"id":"G000000009","amendments":5}', "not as documented"),
    ('{"id":"G000000009","invoiceDetails":[{"billingProvider":"quantum","invoiceLineItemType":"billing_line_items"}]}', "quantum"),
    ('{"id":"G000000009","invoiceDetails":[{"billingProvider":"office"}]}', "cannot be fetched"),
    ('{"id":"G000000009","invoiceDetails":[{"links":{"self":{"uri":"https://evil.example/x"}}}]}', "is refused"),
]  # fmt: skip


@pytest.mark.parametrize(("broken", "told"), BROKEN)
def test_one_broken_invoice_does_not_stop_the_others(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    caplog: pytest.LogCaptureFixture,
    broken: str,
    told: str,
) -> None:
    """It is told in the log and stored as far as possible; the others are stored and ordered."""
    good = invoice_json(partner_center.invoices["G000024135"])
    partner_center.faults.add(answering(list_of(broken, good)))
    with caplog.at_level(logging.ERROR):
        outcome = app.list_invoices()
    assert told in caplog.text
    assert outcome.enqueued == 2
    assert {message.key.invoice_id for message in app.take_messages()} == {"G000024135"}
    if "G000000009" in broken:
        assert app.read("G000000009/invoice.json").decode() == broken
        assert app.manifest("G000000009")["complete"] is False


def test_an_odd_currency_does_not_stop_an_order(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Lines are ordered without a currency that is no ISO code."""
    invoice = replace(partner_center.invoices["G000024135"], currency="US Dollars")
    partner_center.invoices = {invoice.id: invoice}
    assert app.list_invoices().enqueued == 2
    assert {message.currency_code for message in app.take_messages()} == {None}


def test_an_amendment_that_is_also_listed_is_taken_once(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The listed form has links and wins; runs do not swing between the two."""
    invoice = partner_center.invoices[VOIDED]
    partner_center.put(invoice.amendments[0])
    app.list_invoices()
    app.drain()
    assert "links" in json.loads(app.read(f"{CORRECTION}/invoice.json"))
    outcome = app.list_invoices()
    assert (outcome.stored, outcome.enqueued) == (0, 0)


@pytest.fixture
def long_list(partner_center: SimulatedPartnerCenter) -> SimulatedPartnerCenter:
    """Twelve legacy and twelve new-commerce invoices."""
    partner_center.invoices = {invoice.id: invoice for invoice in history(2, per_month=1)}
    return partner_center


GOOD_DETAIL = '{"billingProvider":"one_time","invoiceLineItemType":"billing_line_items"}'


@pytest.mark.parametrize(
    ("odd", "complete"),
    [
        ('"invoiceDate":"tomorrow","invoiceDetails":[%s]', True),
        ('"totalCharges":"much","invoiceDetails":[%s]', True),
        ('"links":5,"amendments":[null],"invoiceDetails":[%s]', True),
        ('"invoiceDetails":[null,%s,"x"]', False),
    ],
)
def test_what_is_odd_on_an_invoice_does_not_stop_its_good_details(
    app: RunningApp, partner_center: SimulatedPartnerCenter, odd: str, complete: bool
) -> None:
    """A bad date or amount counts as missing, a bad detail as lost; the others are fetched."""
    text = f'{{"id":"G000024135",{odd % GOOD_DETAIL}}}'
    partner_center.faults.add(answering(list_of(text)))
    outcome = app.list_invoices()
    assert (outcome.enqueued, outcome.broken) == (1, 1 + ("null]" in odd))
    app.drain()
    assert app.manifest("G000024135")["complete"] is complete
    assert app.read("G000024135/invoice.json").decode() == text


def by_pages(
    *pages: list[Invoice], links: list[str | None], total_count: int
) -> list[web.Response]:
    """Answers of a list that is paged in its own way."""
    made = []
    for page, link in zip(pages, links, strict=True):
        next_link = f',"next":{{"uri":"{link}"}}' if link else ""
        items = ",".join(map(invoice_json, page))
        text = (
            f'{{"totalCount":{total_count or len(page)},"items":[{items}],'
            f'"links":{{"self":{{"uri":"/invoices"}}{next_link}}}}}'
        )
        made.append(web.Response(text=text, content_type="application/json"))
    return made


@pytest.mark.parametrize(
    ("link", "total_count"), [("/invoices?size=2&offset=", 0), (None, 7)], ids=["empty", "count"]
)
def test_only_legacy_invoices_move_the_offset(
    app: RunningApp, partner_center: SimulatedPartnerCenter, link: str | None, total_count: int
) -> None:
    """Modern invoices come with every page: where no offset is told, they must not be counted."""
    listed = history(3, per_month=1)
    legacy, modern = (
        [i for i in listed if i.id[0] == "D"][:4],
        [i for i in listed if i.id[0] == "G"][:3],
    )
    pages = [legacy[:2] + modern, legacy[2:] + modern, modern]
    answers = by_pages(*pages, links=[link, None, None], total_count=total_count)
    for answer in answers:
        partner_center.faults.add(answering(answer), match="/v1/invoices")
    assert app.list_invoices().invoices == 7
    queries = [r.query for r in partner_center.requests if r.path == "/v1/invoices"]
    assert "offset=2" in queries[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"whole_list": True},
        {"default_list_page": 7},
        {"default_list_page": 1},
        {"default_list_page": 7, "next_links": "malformed"},
        {"default_list_page": 7, "ignore_list_paging": True},
        {"byte_order_mark": True, "pretty": True},
    ],
)
def test_every_way_of_paging_the_list(
    app: RunningApp, long_list: SimulatedPartnerCenter, options: dict[str, object]
) -> None:
    """Each invoice is found once, and a server that ignores paging causes no loop."""
    for name, value in options.items():
        setattr(long_list.options, name, value)
    assert app.list_invoices().invoices == 24
    assert {name.split("/")[0] for name in app.blobs()} == set(long_list.invoices)


def test_a_list_that_goes_on_at_another_host_is_refused(
    app: RunningApp, long_list: SimulatedPartnerCenter
) -> None:
    """The next link is data: nothing is asked of another host."""
    with SimulatedPartnerCenter() as elsewhere:
        long_list.options.default_list_page = 7
        long_list.options.foreign_next_link = elsewhere.url
        with pytest.raises(Exception, match="wrong place"):
            app.list_invoices()
        assert len(elsewhere.requests) == 0


def test_a_list_that_cannot_be_had_fails_the_run(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The trigger's retry policy takes it from there; nothing was changed."""
    partner_center.faults.add(faults.throttled(57), times=None)
    with pytest.raises(Throttled) as throttled:
        app.list_invoices()
    assert throttled.value.delay == 57
    partner_center.faults.clear()
    partner_center.faults.add(faults.status(403, "{}"), times=None)
    with pytest.raises(Refused, match="roles in Partner Center"):
        app.list_invoices()
    assert app.blobs() == set()


def test_a_crash_between_sending_and_noting_sends_again(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are sent first and noted afterwards: none is lost, some may come twice."""

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(app.archive, "set_invoice_metadata", crash)
        with pytest.raises(KeyboardInterrupt):
            app.list_invoices()
    sent = {message.key for message in app.take_messages()}
    assert sent
    app.list_invoices()
    assert sent <= {message.key for message in app.take_messages()}


def test_an_invoice_without_details_is_complete(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """There is nothing to fetch, and its manifest says so."""
    partner_center.invoices = {"D0500035B1": partner_center.invoices["D0500035B1"]}
    assert app.list_invoices().enqueued == 0
    manifest = app.manifest("D0500035B1")
    assert (manifest["complete"], manifest["lineItems"]) == (True, [])


def test_a_new_detail_of_an_old_invoice_is_fetched(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """What comes later belongs to the invoice as well."""
    invoice = Invoice("G000024999", "OneTime", partner_center.invoices["G000024130"].invoice_date)
    partner_center.invoices = {invoice.id: invoice}
    app.list_invoices()
    partner_center.put(replace(invoice, details=(Detail("one_time", "billing_line_items", 3),)))
    assert app.list_invoices().enqueued == 1
