"""The queue's function: the lines of one link, whole or not at all, exactly as received."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)

from fetch_line_items.decode import decode_message
from fetch_line_items.result import Later
from local.simulated import SimulatedPartnerCenter, faults
from local.simulated.invoices import new_commerce
from local.simulated.lines import jsonl, total
from shared.errors import ApiError, Fatal, InvalidInput, LinesWouldVanish, NotFound
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.messages import LineItemsMessage, V1Position
from tests.running_app import RunningApp

OFFICE = LineItemsKey("D0500033K3", "office", "billing_line_items")  # 4,500 lines
FULL = LineItemsKey("D0500033K3", "azure", "billing_line_items")  # 2,000 lines: a full page
USAGE = LineItemsKey("D0500033K3", "azure", "usage_line_items")  # 4,500 lines
EMPTY = LineItemsKey("D0500034A7", "azure", "usage_line_items")
NEW = LineItemsKey("G000024130", "one_time", "billing_line_items")  # 4,500 lines
NEW_USAGE = LineItemsKey("G000024130", "one_time", "usage_line_items")  # 2,001 lines
STALE = faults.status(400, '{"message":"The request is invalid."}')
KINDS = [OFFICE, FULL, USAGE, NEW, NEW_USAGE]


def blob(key: LineItemsKey) -> str:
    return f"{key}.jsonl"


def expected(partner_center: SimulatedPartnerCenter, key: LineItemsKey) -> bytes:
    invoice = partner_center.invoices[key.invoice_id]
    return b"".join(jsonl(invoice, key.billing_provider, key.invoice_line_item_type))


def by_hand(key: LineItemsKey) -> str:
    return f'{{"link": "{link_of(key)}"}}'


def requests_for(partner_center: SimulatedPartnerCenter, key: LineItemsKey) -> list[str]:
    """The line item requests that were answered or at least received, as path and query."""
    received = partner_center.requests.matching(f"{key.invoice_id}/lineitems")
    return [request.path_and_query for request in received]


@pytest.mark.parametrize("key", [*KINDS, EMPTY], ids=str)
def test_every_kind_of_lines_arrives_exactly(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """A message with nothing but a link is enough; the blob holds each line's own bytes in order."""
    app.fetch(by_hand(key))
    assert app.read(blob(key)) == expected(partner_center, key)
    assert app.waiting() == 0


def test_the_seconds_of_a_link_are_those_until_its_commit(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metric is told once, when the blob is there."""
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        "shared.telemetry.link_took",
        lambda _seconds, source: told.append((source, blob(FULL) in app.blobs())),
    )
    app.fetch(by_hand(FULL))
    assert told == [("v1", True)]


@pytest.mark.parametrize("key", KINDS, ids=str)
def test_the_blobs_metadata(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Lines, pages, total, currency, link, time and correlation id, as the contract names them."""
    app.fetch(by_hand(key))
    metadata = app.metadata(blob(key))
    invoice = partner_center.invoices[key.invoice_id]
    charges = total(invoice, key.billing_provider, key.invoice_line_item_type)
    lines = expected(partner_center, key).count(b"\n")
    assert int(metadata["lines"]) == lines
    assert int(metadata["pages"]) == -(-lines // 2000)
    assert (Decimal(metadata["total"]) if "total" in metadata else None) == charges
    assert metadata["currency"] == "USD"
    assert metadata["source"] == "v1"
    assert metadata["link"] == link_of(key)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", metadata["fetched_at"])
    sent = partner_center.requests.matching("lineitems")[-1].headers["ms-correlationid"]
    assert metadata["correlation_id"] == sent


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {"pretty": True},
        {"byte_order_mark": True},
        {"gzip": True},
        {"total_count": "whole"},
        {"total_count": "whole", "next_links": "none"},
        {"next_links": "none"},
        {"next_links": "malformed"},
        {"token_in": "top"},
        {"token_in": "next"},
        {"empty_page_at": 2},
        {"max_page_size": 700},
    ],
    ids=str,
)
def test_every_way_of_answering(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    key: LineItemsKey,
    options: dict[str, object],
) -> None:
    """The API's known quirks change nothing in what is stored."""
    for name, value in options.items():
        setattr(partner_center.options, name, value)
    app.fetch(by_hand(key))
    assert app.read(blob(key)) == expected(partner_center, key)


@pytest.mark.parametrize(
    ("key", "pages"), [(OFFICE, range(46, 50)), (NEW, range(45, 46))], ids=["offset", "token"]
)
def test_a_page_is_asked_for_once_over_follow_up_messages(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey, pages: range
) -> None:
    """Forty-five pages are forty-five requests, however many messages it takes.

    By offset, the last page is a full one here: what is behind it has to be looked for, with up to
    four requests in flight.
    """
    app.services.queue.send(decode_message(by_hand(key).encode()))
    messages = app.drain(page_size=100, time_budget_seconds=0.02)
    assert messages > 1
    asked = requests_for(partner_center, key)
    assert len(asked) in pages
    if key is OFFICE:
        assert len(asked) == len(set(asked))
    assert app.read(blob(key)) == expected(partner_center, key)
    correlations = {
        r.headers["ms-correlationid"] for r in partner_center.requests.matching("lineitems")
    }
    assert len(correlations) == 1


def test_every_page_a_message_of_its_own(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A time budget of nothing still makes a page of progress with each message."""
    app.services.queue.send(decode_message(by_hand(NEW).encode()))
    assert app.drain(page_size=500, time_budget_seconds=0) == 9
    assert app.read(blob(NEW)) == expected(partner_center, NEW)


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_a_follow_up_of_release_0_1_that_is_in_flight_continues(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Its pages, staged with ids of that release, are not asked for again, and end in the blob."""
    app.fetch(order(app, key), page_size=2000, time_budget_seconds=0)
    (message,) = app.take_messages()
    assert message.progress
    assert message.progress.position
    blob_client = app.container.get_blob_client(blob(key))
    first = b"".join(expected(partner_center, key).splitlines(keepends=True)[:2000])
    blob_client.stage_block(f"{'a' * 16}-00000", first)
    progress = {
        "run": message.progress.run,
        "parts": [{"id": "a" * 16, "pages": 1}],
        "correlationId": message.progress.correlation_id,
        "fetchedFor": message.progress.fetched_for,
        "pages": 1,
        "lines": 2000,
        "total": str(message.progress.total or 0),
        "totalCount": 2000,
        "attempt": 0,
        "restarts": 0,
    }
    position = message.progress.position
    if isinstance(position, V1Position) and position.token:
        progress["token"] = position.token
    old = json.loads(message.encode()) | {"progress": progress}
    partner_center.requests.clear()
    app.fetch(json.dumps(old), time_budget_seconds=0)
    app.drain()
    assert app.read(blob(key)) == expected(partner_center, key)
    assert app.metadata(blob(key))["lines"] == "4500"
    assert len(requests_for(partner_center, key)) == 2


def test_nothing_is_visible_before_the_last_page(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Staged pages are no blob, and the blob that stands stays until the new one is whole."""
    app.fetch(by_hand(USAGE), page_size=500, time_budget_seconds=0)
    assert app.blobs() == set()
    app.drain()
    before = app.read(blob(USAGE))
    partner_center.put(replace(partner_center.invoices[USAGE.invoice_id], revision=1))
    app.fetch(by_hand(USAGE), page_size=500, time_budget_seconds=0)
    assert app.read(blob(USAGE)) == before
    app.drain()
    assert app.read(blob(USAGE)) == expected(partner_center, USAGE) != before


def test_pages_are_fetched_several_at_a_time(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """By offset, as many as LINE_ITEMS_CONCURRENCY says; by token, one after the other."""
    partner_center.options.latency_seconds = 0.05
    app.fetch(by_hand(OFFICE), page_size=100, concurrency=3)
    assert partner_center.requests.most_at_once("lineitems") == 3
    partner_center.requests.clear()
    app.fetch(by_hand(NEW), page_size=500, concurrency=3)
    assert partner_center.requests.most_at_once("lineitems") == 1


# -- running twice


def order(app: RunningApp, key: LineItemsKey) -> LineItemsMessage:
    """What the timer orders for these lines."""
    app.list_invoices()
    return next(message for message in app.take_messages() if message.key == key)


def test_an_order_that_is_delivered_again_is_done_before_it_starts(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The version that was ordered stands already: no line is asked for again."""
    message = order(app, USAGE)
    app.fetch(message)
    partner_center.requests.clear()
    app.fetch(message)
    assert partner_center.requests.matching("lineitems") == []


def test_a_message_written_by_hand_always_fetches(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """It carries no version, so whoever wrote it wants it fetched; the timer accepts the result."""
    app.list_invoices()
    app.drain()
    partner_center.requests.clear()
    app.fetch(by_hand(USAGE))
    assert len(requests_for(partner_center, USAGE)) >= 3
    assert app.list_invoices().enqueued == 0


def test_a_follow_up_that_is_delivered_again_after_the_commit_is_done(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A crash between the commit and the message's end costs no second fetch."""
    app.fetch(by_hand(NEW), page_size=2500, time_budget_seconds=0)
    (follow_up,) = app.take_messages()
    app.fetch(follow_up)
    partner_center.requests.clear()
    app.container.delete_blob(f"{NEW.invoice_id}/manifest.json")
    app.fetch(follow_up)
    assert partner_center.requests.matching("lineitems") == []
    assert f"{NEW.invoice_id}/manifest.json" in app.blobs()


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_two_runs_at_once_end_in_the_same_blob(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Whichever commits first, nobody's pages are mixed, and nobody starts over without need."""
    message = order(app, key)
    partner_center.options.latency_seconds = 0.05
    failures: list[BaseException] = []

    def run() -> None:
        try:
            app.fetch(message, page_size=300)
        except BaseException as error:
            failures.append(error)

    runs = [threading.Thread(target=run) for _ in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert failures == []
    assert app.waiting() == 0
    assert app.read(blob(key)) == expected(partner_center, key)
    assert app.manifest(key.invoice_id)["lineItems"][0]["lines"] == 4500


def test_a_run_whose_pages_are_gone_starts_over_if_it_has_to(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A commit by hand in between removes staged pages; the newer version is fetched all the same."""
    old = order(app, NEW)
    app.fetch(old, page_size=2500, time_budget_seconds=0)
    app.fetch(by_hand(NEW))
    partner_center.put(replace(partner_center.invoices[NEW.invoice_id], revision=1))
    app.list_invoices()
    assert app.drain() >= 2
    assert app.read(blob(NEW)) == expected(partner_center, NEW)
    assert app.manifest(NEW.invoice_id)["complete"] is True
    assert app.list_invoices().enqueued == 0


def test_an_order_that_is_out_of_date_does_not_replace_the_newer_lines(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A delayed message of an older version finds the newer one in storage and is done."""
    old = order(app, NEW)
    partner_center.put(replace(partner_center.invoices[NEW.invoice_id], revision=1))
    app.fetch(order(app, NEW))
    partner_center.requests.clear()
    app.fetch(old)
    assert partner_center.requests.matching("lineitems") == []


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_an_order_that_is_overtaken_before_its_first_page_does_not_replace_the_newer_lines(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Its first answer is old and on its way while the invoice changes and the new lines arrive."""
    old = order(app, key)

    def change_and_fetch() -> None:
        partner_center.put(replace(partner_center.invoices[key.invoice_id], revision=1))
        app.fetch(order(app, key))

    async def held_up(_request: web.Request, answer: faults.Answer) -> web.StreamResponse:
        response = await answer()
        await asyncio.to_thread(change_and_fetch)
        return response

    partner_center.faults.add(held_up, match=f"{key.invoice_id}/lineitems")
    app.fetch(old)
    app.drain()
    assert app.read(blob(key)) == expected(partner_center, key)
    version = app.metadata(f"{key.invoice_id}/invoice.json")["version"]
    assert app.metadata(blob(key))["version"] == version


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_a_message_that_is_worked_on_twice_mixes_nothing(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Delivered twice and cut into pages differently, both chains go on and either may commit.

    Each invocation stages blocks of its own, so none counts on a block that another has replaced.
    """
    message = order(app, key)
    app.fetch(message, page_size=700, time_budget_seconds=0)
    (first,) = app.take_messages()
    app.fetch(first, page_size=300, time_budget_seconds=0)
    (left,) = app.take_messages()
    app.fetch(first, page_size=1100, time_budget_seconds=0)
    (right,) = app.take_messages()
    app.fetch(left)
    app.fetch(right)
    assert app.read(blob(key)) == expected(partner_center, key)
    assert app.metadata(blob(key))["lines"] == "4500"


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", ["stage_block", "commit_lines", "put_manifest"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_a_crash_at_any_step_ends_in_the_same_blob(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
    key: LineItemsKey,
    step: str,
    before: bool,
) -> None:
    """The message comes back, and its second delivery leaves what one without a crash would."""
    message = order(app, key)
    real: Callable[..., object] = getattr(app.archive, step)

    def crash(*args: object, **kwargs: object) -> None:
        if not before:
            real(*args, **kwargs)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(app.archive, step, crash)
        with pytest.raises(Crash):
            app.fetch(message)
    app.fetch(message)
    assert app.read(blob(key)) == expected(partner_center, key)
    manifest = app.manifest(key.invoice_id)
    assert sum(entry["lines"] for entry in manifest["lineItems"]) == 4500


# -- when Partner Center does not play along


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
@pytest.mark.parametrize(
    "fault",
    [
        faults.throttled(1),
        faults.throttled(None),
        faults.server_error(),
        faults.status(502, faults.HTML),
        faults.status(503, ""),
        faults.cut_body(),
        faults.broken_body(),
        faults.reset(),
        faults.unauthorized(),
    ],
    ids=["429", "429 bare", "500", "502 html", "503 empty", "cut", "broken", "reset", "401"],
)
def test_a_passing_failure_is_borne_where_it_stands(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey, fault: faults.Act
) -> None:
    """Throttling, server errors, broken bodies, resets and an expired token cost a retry, no line."""
    partner_center.faults.add(fault, match="lineitems", times=1)
    app.fetch(by_hand(key), page_size=1000)
    assert app.waiting() == 0
    assert app.read(blob(key)) == expected(partner_center, key)


def test_a_long_throttle_is_waited_for_in_the_queue(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The message goes back with the delay that Partner Center asks for, and what it has reached."""
    partner_center.faults.add(faults.throttled(57), match="seekOperation", times=None)
    app.fetch(by_hand(NEW), page_size=1000)
    assert (app.waiting(), app.take_messages()) == (1, [])
    properties = app.queue.peek_messages()
    assert list(properties) == []


def test_throttling_alone_never_becomes_a_failure(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """However often a message was delivered in vain, a 429 sends it back once more."""
    partner_center.faults.add(faults.throttled(57), times=None)
    message = decode_message(by_hand(NEW).encode())
    for _ in range(3):
        app.fetch(in_vain(app, message, attempt=12))
    assert app.waiting() == 3


def in_vain(app: RunningApp, message: LineItemsMessage, *, attempt: int) -> LineItemsMessage:
    """The follow-up of a message that cannot be worked on now, as if in vain so often."""
    later = app.result(message)
    assert isinstance(later, Later)
    assert later.message.progress
    return replace(later.message, progress=replace(later.message.progress, attempt=attempt))


def test_what_a_message_by_hand_lacks_is_looked_up_however_often_it_takes(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Usage wants a currency; where the list is throttled at first, it is asked for later."""
    partner_center.faults.add(faults.throttled(6), match="/v1/invoices", times=1)
    app.services.queue.send(LineItemsMessage(link=link_of(NEW_USAGE)))
    assert app.drain() == 2
    assert app.read(blob(NEW_USAGE)) == expected(partner_center, NEW_USAGE)


@pytest.mark.usefixtures("no_waits")
def test_an_outage_is_waited_for_and_told_in_the_end(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Server errors send the message back with growing delays; after hours they become a failure."""
    partner_center.faults.add(faults.server_error(), times=None)
    message = decode_message(by_hand(NEW).encode())
    later = app.result(in_vain(app, message, attempt=11))
    assert isinstance(later, Later)
    with pytest.raises(ApiError, match="answered 500"):
        app.fetch(later.message)


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_what_was_reached_survives_a_failure(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """Pages before the failing one are not asked for again by the follow-up message."""
    reached = "offset=2000" if key is USAGE else "seekOperation"
    partner_center.faults.add(faults.throttled(6), match=reached, times=1)
    app.fetch(by_hand(key), page_size=1000, concurrency=1)
    assert app.waiting() == 1
    first = len(requests_for(partner_center, key))
    app.drain(page_size=1000, concurrency=1)
    assert app.read(blob(key)) == expected(partner_center, key)
    assert len(requests_for(partner_center, key)) - first == {USAGE: 3, NEW: 4}[key]


@pytest.mark.parametrize("step", ["stage_block", "commit_lines", "put_manifest"])
def test_an_outage_of_storage_is_waited_for_in_the_queue(
    app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """The message does not fail; it goes on where it was once storage answers again."""

    def no_connection(*_: object, **__: object) -> None:
        raise ServiceRequestError("no connection")

    message = order(app, USAGE)
    with monkeypatch.context() as patched:
        patched.setattr(app.archive, step, no_connection)
        patched.setattr("fetch_line_items.result._FIRST_DELAY", 0.0)
        app.fetch(message)
    (follow_up,) = app.take_messages()
    app.fetch(follow_up)
    assert app.waiting() == 0
    assert app.read(blob(USAGE)) == expected(partner_center, USAGE)
    assert sum(entry["lines"] for entry in app.manifest(USAGE.invoice_id)["lineItems"]) == 4500


def test_a_failure_of_storage_without_a_status_is_waited_for(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity for storage, or an answer that was cut off: the SDK's errors have no status then."""

    def failed(*_: object, **__: object) -> None:
        raise ClientAuthenticationError("the identity endpoint is busy")

    with monkeypatch.context() as patched:
        patched.setattr(app.archive, "stage_block", failed)
        patched.setattr("fetch_line_items.result._FIRST_DELAY", 0.0)
        app.fetch(by_hand(USAGE))
    app.drain()
    assert app.read(blob(USAGE)) == expected(partner_center, USAGE)


def test_what_storage_refuses_is_told(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that is missing does not come by waiting: the message fails."""

    def refused(*_: object, **__: object) -> None:
        error = HttpResponseError("not authorized")
        error.status_code = 403
        raise error

    monkeypatch.setattr(app.archive, "stage_block", refused)
    with pytest.raises(HttpResponseError, match="not authorized"):
        app.fetch(by_hand(USAGE))
    assert app.waiting() == 0


def test_a_token_that_has_become_stale_starts_the_link_over(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Nothing is lost where a token does not live until the follow-up message is worked on."""
    app.fetch(order(app, NEW), time_budget_seconds=0)
    partner_center.faults.add(STALE, match="seekOperation")
    assert app.drain() >= 2
    assert app.read(blob(NEW)) == expected(partner_center, NEW)


def test_tokens_that_are_never_taken_are_told_in_the_end(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Starting over has an end, and it is a failure of the message."""
    partner_center.faults.add(STALE, match="seekOperation", times=None)
    app.fetch(order(app, NEW), time_budget_seconds=0)
    with pytest.raises(Fatal, match="The request is invalid"):
        app.drain(time_budget_seconds=0)
    first_pages = [r for r in requests_for(partner_center, NEW) if "seekOperation" not in r]
    assert len(first_pages) == 4


def test_a_token_that_repeats_is_told(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """It is a failure of this message, and nothing is stored."""
    partner_center.options.repeat_token_at = 3
    with pytest.raises(Fatal, match="repeats a continuation token"):
        app.fetch(by_hand(NEW), page_size=500)
    assert app.blobs() == set()


@pytest.mark.parametrize("key", [USAGE, NEW], ids=str)
def test_a_next_link_to_another_host_is_refused(
    app: RunningApp, partner_center: SimulatedPartnerCenter, key: LineItemsKey
) -> None:
    """The message fails by name, and the other host gets no request at all."""
    with SimulatedPartnerCenter() as elsewhere:
        partner_center.options.foreign_next_link = elsewhere.url
        with pytest.raises(Fatal, match="wrong place"):
            app.fetch(by_hand(key), page_size=1000)
        assert len(elsewhere.requests) == 0
    assert app.blobs() == set()


def test_an_empty_answer_never_replaces_lines(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The blob that has lines stays, and the message fails and says so."""
    app.fetch(by_hand(NEW))
    before = app.read(blob(NEW))
    invoice = partner_center.invoices[NEW.invoice_id]
    empty = new_commerce(invoice.id, invoice.invoice_date, billing=0, usage=0)
    partner_center.put(empty)
    with pytest.raises(LinesWouldVanish, match="4500 are stored"):
        app.fetch(by_hand(NEW))
    assert app.read(blob(NEW)) == before


def test_lines_that_partner_center_does_not_know_are_told(app: RunningApp) -> None:
    """An unknown invoice, or a kind of lines that it has not, fails with the API's own words."""
    with pytest.raises(NotFound, match="404"):
        app.fetch(by_hand(LineItemsKey("G000099999", "one_time", "billing_line_items")))
    with pytest.raises(Fatal, match="Invoice Line Item type is not valid"):
        app.fetch(by_hand(LineItemsKey("G000024130", "office", "billing_line_items")))


def test_what_does_not_fit_the_documented_type_is_told_by_field(
    app: RunningApp, partner_center: SimulatedPartnerCenter, caplog: pytest.LogCaptureFixture
) -> None:
    """An early sign that the API has changed, without a value in the log; the lines are stored."""
    with caplog.at_level(logging.WARNING):
        app.fetch(by_hand(NEW))
    told = [
        record.getMessage()
        for record in caplog.records
        if "OneTimeInvoiceLineItem" in record.getMessage()
    ]
    assert len(told) == 1, "the first page alone is looked at"
    assert re.search(r"not in OneTimeInvoiceLineItem: \w+ in \d+ of 250 lines", told[0])
    assert app.read(blob(NEW)) == expected(partner_center, NEW)


def test_progress_of_a_long_link_is_told(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines so far stand in the log while it lasts, with what they are lines of."""
    monkeypatch.setattr("fetch_line_items.fetch._LOG_EVERY_SECONDS", 0)
    with caplog.at_level(logging.INFO):
        app.fetch(by_hand(NEW), page_size=1000)
    about = "invoice=G000024130 provider=one_time type=billing_line_items source=v1"
    assert re.search(rf"{NEW}: 2000 lines so far {about} correlation=[0-9a-f-]{{36}}", caplog.text)
    assert f"{NEW}: 4500 lines of v1, in storage {about} correlation=" in caplog.text


# --- all lines of an invoice ----------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_an_invoice_alone_orders_every_detail(
    app: RunningApp, partner_center: SimulatedPartnerCenter, stored: bool
) -> None:
    """Each is fetched whatever is stored; the invoice is the stored one, else the listed one."""
    if stored:
        app.list_invoices()
        app.drain()
    partner_center.requests.clear()
    app.fetch('{"invoiceId": "Recurring-D0500033K3"}')
    app.drain()
    for key in (OFFICE, FULL, USAGE):
        assert requests_for(partner_center, key)
        assert app.read(blob(key)) == expected(partner_center, key)


def test_an_invoice_that_nobody_knows_is_refused(app: RunningApp) -> None:
    """The message fails, and names it."""
    with pytest.raises(InvalidInput, match="names D0599999Z9, which is not among the invoices"):
        app.fetch('{"invoiceId": "D0599999Z9"}')


def test_an_invoice_that_cannot_be_looked_up_now_is_looked_up_later(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """A failure that passes costs the order a delay."""
    partner_center.faults.add(faults.status(503), match="/v1/invoices", times=None)
    result = app.result('{"invoiceId": "D0500033K3"}')
    assert isinstance(result, Later)
    assert result.message.subject == "D0500033K3"
    partner_center.faults.clear()
    app.fetch(result.message.encode())
    assert app.waiting() == 3
