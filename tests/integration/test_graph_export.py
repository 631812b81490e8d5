"""New-commerce lines by Microsoft Graph's export: asked for, looked at, brought file by file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fetch_line_items.result import Done, Failed, Later
from local.simulated import Invoice, SimulatedGraph, SimulatedPartnerCenter, faults
from local.simulated.exports import export_jsonl, export_total
from local.simulated.file_faults import broken_line, corrupt_gzip, trailing_garbage
from local.simulated.invoices import new_commerce
from local.simulated.lines import jsonl
from local.simulated.model import BILLING, ONE_TIME, USAGE
from shared.api.exchange import RequestContext
from shared.api.export import Manifest
from shared.api.patience import Patience
from shared.errors import ApiError, BrokenFile, Fatal, NoAnswer, Refused
from shared.keys import LineItemsKey
from shared.messages import GraphPosition, LineItemsMessage
from tests.running_app import RunningApp

INVOICE = new_commerce("G098765430", date(2026, 11, 8), billing=450, usage=1001, currency="EUR")
EXPORT, OPERATIONS, MANIFESTS = "/export", "/operations/", "/manifests/"


@pytest.fixture(autouse=True)
def _one_invoice(partner_center: SimulatedPartnerCenter) -> None:
    partner_center.invoices.clear()
    partner_center.put(INVOICE)


def blob(type: str, invoice: Invoice = INVOICE) -> str:
    return f"{invoice.id}/one_time/{type}.jsonl"


def rows(type: str, invoice: Invoice = INVOICE) -> bytes:
    return b"".join(export_jsonl(invoice, type))


def order(type: str = BILLING, invoice: Invoice = INVOICE, **fields: Any) -> LineItemsMessage:
    """What a person orders, or the timer where there is a version."""
    return LineItemsMessage(
        invoice_id=invoice.id,
        billing_provider=ONE_TIME,
        invoice_line_item_type=type,
        currency_code="EUR",
        **fields,
    )


def results(
    app: RunningApp, message: LineItemsMessage, *, most: int = 100, **settings: Any
) -> Iterator[Later | Done | Failed]:
    """Deliver a message, and each that continues it, until that has come to an end."""
    for _ in range(most):
        result = app.result(message, **settings)
        yield result
        if not isinstance(result, Later):
            return
        # As the queue carries it.
        message = LineItemsMessage.validated(json.loads(result.message.encode()))
    raise AssertionError(f"no end after {most} messages")


def fetched(app: RunningApp, message: LineItemsMessage, **settings: Any) -> list[Later]:
    """Fetch to the end, which is good; give the messages that it took on the way."""
    *later, last = results(app, message, **settings)
    assert last == Done(), last
    return [each for each in later if isinstance(each, Later)]


def failure(app: RunningApp, message: LineItemsMessage, **settings: Any) -> Exception:
    """Fetch to the end, which is a failure."""
    *_, last = results(app, message, **settings)
    assert isinstance(last, Failed), last
    return last.error


def position_of(later: Later) -> GraphPosition:
    assert later.message.progress
    position = later.message.progress.position
    assert isinstance(position, GraphPosition)
    return position


def exports(graph: SimulatedGraph) -> int:
    """How many were asked for."""
    return len(graph.requests.matching(EXPORT))


def downloads(graph: SimulatedGraph) -> list[str]:
    """The names of the files that were asked for, in order."""
    return [request.path.rpartition("/")[2] for request in graph.files.requests]


# --- what comes, and from where -------------------------------------------------------------------


def test_an_invoice_comes_from_the_export(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Both kinds of its lines are the rows' own bytes, and they add up to what it charges."""
    graph.options.files = 3
    graph_app.list_invoices()
    graph_app.drain()
    assert {graph_app.read(blob(BILLING)), graph_app.read(blob(USAGE))} == {
        rows(BILLING),
        rows(USAGE),
    }
    manifest = graph_app.manifest(INVOICE.id)
    assert (manifest["complete"], manifest["difference"]) == (True, 0)
    assert manifest["lineTotal"] == export_total(INVOICE, BILLING)
    billing, usage = manifest["lineItems"]
    assert (billing["source"], usage["source"]) == ("graph", "graph")
    assert billing["bytes"] == len(rows(BILLING))
    assert usage["total"] == export_total(INVOICE, USAGE)
    metadata = graph_app.metadata(blob(BILLING))
    assert (metadata["lines"], metadata["pages"], metadata["source"]) == ("450", "3", "graph")
    assert metadata["etag"] == billing["etag"]
    assert metadata["operation"] in graph.requests.matching(OPERATIONS)[0].path + (
        graph.requests.matching(OPERATIONS)[-1].path
    )


def test_all_columns_are_asked_for(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Each kind of lines from its own export, by the bare id."""
    for type in (BILLING, USAGE):
        fetched(graph_app, order(type))
    asked = [(r.path, json.loads(r.body)) for r in graph.requests.matching(EXPORT)]
    body = {"invoiceId": INVOICE.id, "attributeSet": "full"}
    root = "/v1.0/reports/partners/billing"
    assert asked == [
        (f"{root}/reconciliation/billed/export", body),
        (f"{root}/usage/billed/export", body),
    ]


@pytest.mark.parametrize("source", ["setting", "legacy"])
def test_what_is_not_exported_is_not_asked_of_graph(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    source: str,
) -> None:
    """With NEW_COMMERCE_SOURCE v1, and of ids that do not begin with G, all lines are Partner Center's."""
    invoice = INVOICE if source == "setting" else replace(INVOICE, id="D098765430")
    partner_center.put(invoice)
    settings = {"new_commerce_source": "v1"} if source == "setting" else {}
    fetched(graph_app, order(invoice=invoice), **settings)
    assert graph_app.read(blob(BILLING, invoice)) == b"".join(jsonl(invoice, ONE_TIME, BILLING))
    assert graph_app.metadata(blob(BILLING, invoice))["source"] == "v1"
    assert not list(graph.requests)


@pytest.mark.parametrize("manifest_in", ["inline", "navigation_link", "string"])
@pytest.mark.parametrize("files", [0, 1, 10])
def test_a_manifest_is_found_in_each_of_its_places(
    graph_app: RunningApp, graph: SimulatedGraph, manifest_in: Any, files: int
) -> None:
    """In the answer, behind a link or named by a text; with many files, one or none."""
    graph.options.manifest_in = manifest_in
    graph.options.files = files
    if not files:
        graph.options.without_lines = "empty"
        graph.invoices[INVOICE.id] = replace(INVOICE, details=())
    fetched(graph_app, order(USAGE))
    assert graph_app.read(blob(USAGE)) == rows(USAGE) * bool(files)
    assert graph_app.metadata(blob(USAGE))["pages"] == str(files)


@pytest.mark.parametrize(
    "shape",
    [
        {"members": 5},
        {"final_newline": False},
        {"blank_lines": True},
        {"byte_order_mark": True},
        {"carriage_returns": True},
        {"plain": True},
        {"content_encoding": True},
        {"members": 3, "final_newline": False, "byte_order_mark": True, "carriage_returns": True},
    ],
    ids=lambda shape: " ".join(shape),
)
@pytest.mark.usefixtures("small_blocks")
def test_the_rows_are_the_same_whatever_the_files_look_like(
    graph_app: RunningApp, graph: SimulatedGraph, shape: dict[str, Any]
) -> None:
    """Several gzip members, none, blank lines, marks: what reaches storage are the rows' own bytes."""
    graph.options = replace(graph.options, files=3, **shape)
    fetched(graph_app, order(USAGE))
    assert graph_app.read(blob(USAGE)) == rows(USAGE)
    assert graph_app.metadata(blob(USAGE))["lines"] == "1001"


@pytest.mark.usefixtures("small_blocks")
def test_rows_of_any_size_come_whole(
    graph_app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Also those that are larger than a block."""
    invoice = replace(INVOICE, large_tags=True)
    partner_center.put(invoice)
    fetched(graph_app, order(USAGE))
    assert max(map(len, rows(USAGE, invoice).split(b"\n"))) > 100_000
    assert graph_app.read(blob(USAGE)) == rows(USAGE, invoice)
    assert graph_app.manifest(INVOICE.id)["lineItems"][0]["total"] == export_total(invoice, USAGE)


# --- not ready yet --------------------------------------------------------------------------------


def test_an_export_that_is_not_ready_is_waited_for_in_the_queue(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Each look is a message, as late as the service says; the export is asked for once."""
    graph.options.looks_until_ready = 5
    later = fetched(graph_app, order())
    assert [each.delay for each in later] == [10] * 5
    assert [position_of(each).looks for each in later] == [1, 2, 3, 4, 5]
    assert (exports(graph), len(graph.requests.matching(OPERATIONS))) == (1, 6)
    assert graph_app.read(blob(BILLING)) == rows(BILLING)


@pytest.mark.parametrize(
    "switches",
    [{}, {"unknown_status": "processing"}, {"status_case": str.lower}, {"says_completed": True}],
    ids=str,
)
def test_without_retry_after_the_looks_grow_apart(
    graph_app: RunningApp, graph: SimulatedGraph, switches: dict[str, Any]
) -> None:
    """From 10 seconds to 5 minutes, whatever the status is called."""
    graph.options = replace(graph.options, looks_until_ready=7, retry_after=None, **switches)
    delays = [each.delay for each in fetched(graph_app, order())]
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_an_export_that_never_ends_is_asked_for_anew_and_in_the_end_fails(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 60 looks; nothing waits for ever."""
    graph.options.looks_until_ready = 10**6
    looks = islice(results(graph_app, order()), 60)
    later = [each for each in looks if isinstance(each, Later)]
    assert [position_of(each).looks for each in later] == [*range(1, 60), 1]
    assert exports(graph) == 2
    monkeypatch.setattr("fetch_line_items.graph_export._MOST_LOOKS", 3)
    error = failure(graph_app, later[-1].message)
    assert "is still running after 3 looks" in str(error)
    assert exports(graph) == 4


@pytest.mark.usefixtures("no_waits")
def test_the_operation_stands_in_the_message_when_anything_goes_wrong(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """The export that was asked for goes on with the next message."""
    graph.faults.add(faults.status(503), match=OPERATIONS, times=4)
    (later,) = fetched(graph_app, order())
    assert position_of(later).operation
    assert exports(graph) == 1


# --- goes on where it was -------------------------------------------------------------------------


def test_a_budget_that_is_over_goes_on_with_the_next_file(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Each file is downloaded once, though each needs a message; the export is asked for once."""
    graph.options.files = 10
    later = fetched(graph_app, order(USAGE), time_budget_seconds=0)
    assert [position_of(each).file for each in later] == list(range(1, 10))
    assert len(downloads(graph)) == len(set(downloads(graph))) == 10
    assert exports(graph) == 1
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_an_export_of_ten_thousand_files_goes_on_file_by_file(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """Its manifest is read whole, and what a message carries of it stays of one size."""
    many = new_commerce("G098765431", date(2026, 11, 8), billing=10_000, usage=0)
    partner_center.put(many)
    graph.options.files = 10_000
    later = list(islice(results(graph_app, order(invoice=many), time_budget_seconds=0), 6))
    positions = [position_of(each) for each in later if isinstance(each, Later)]
    assert [position.file for position in positions] == [1, 2, 3, 4, 5, 6]
    sizes = [len(each.message.encode()) for each in later if isinstance(each, Later)]
    assert max(sizes) < 1_500
    assert graph_app.archive.staged_pages(LineItemsKey(many.id, ONE_TIME, BILLING)) == 6


@pytest.mark.usefixtures("small_blocks")
def test_a_file_of_many_minutes_goes_on_at_its_line(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is unpacked again, and no block is staged twice."""
    staged = count_blocks(graph_app, monkeypatch)
    graph.options.files = 2
    monkeypatch.setattr("fetch_line_items.graph_export._COMMIT_SECONDS", 540)
    later = fetched(graph_app, order(USAGE))
    assert len(later) > 10
    assert {position_of(each).file for each in later} == {0, 1}
    assert all(position_of(each).inside.offset for each in later if position_of(each).inside.lines)
    assert len(staged) == len(set(staged))
    assert graph_app.read(blob(USAGE)) == rows(USAGE)
    metadata = graph_app.metadata(blob(USAGE))
    assert (metadata["pages"], metadata["lines"]) == ("2", "1001")
    assert Decimal(metadata["total"]) == export_total(INVOICE, USAGE)


def count_blocks(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the number of each block that is staged."""
    numbers: list[int] = []
    stage = app.archive.stage_block

    def staging(key: Any, part: Any, number: int, block: bytes) -> None:
        numbers.append(number)
        stage(key, part, number, block)

    monkeypatch.setattr(app.archive, "stage_block", staging)
    return numbers


def halfway(app: RunningApp, type: str = USAGE, **settings: Any) -> LineItemsMessage:
    """Fetch the first file, and give the message that continues."""
    later = app.result(order(type), time_budget_seconds=0, **settings)
    assert isinstance(later, Later)
    return later.message


def test_an_expired_signature_is_renewed(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Where a look gives no fresh one, by another export; what has come stays."""
    graph.options.files = 10
    message = halfway(graph_app)
    graph.files.expire_all()
    assert fetched(graph_app, message) == []
    assert exports(graph) == 2
    assert len(set(downloads(graph))) == 10
    assert downloads(graph).count(downloads(graph)[0]) == 1
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_signatures_that_are_refused_in_a_row_are_each_one_time_in_vain(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Three other exports are asked for before it is a failure, though each takes another look as well."""
    graph.files.faults.add(faults.status(403), match="part-", times=3)
    assert fetched(graph_app, order(USAGE)) == []
    assert exports(graph) == 4
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_a_look_may_give_a_fresh_signature(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Then there is no need of another export."""
    graph.options = replace(graph.options, files=10, fresh_sas_on_look=True)
    message = halfway(graph_app)
    graph.files.expire_all()
    fetched(graph_app, message)
    assert exports(graph) == 1
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_a_signature_may_expire_between_two_files(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """In one invocation, too."""
    graph.options.files = 10
    graph.files.faults.add(faults.call(graph.files.expire_all), match="part-", times=1)
    fetched(graph_app, order(USAGE))
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_an_operation_that_is_gone_is_asked_for_anew(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """With the same data it goes on where it was."""
    graph.options.files = 10
    message = halfway(graph_app)
    graph.faults.add(faults.status(410, '{"error":{"code":"Gone"}}'), match=OPERATIONS)
    fetched(graph_app, message)
    assert exports(graph) == 2
    assert len(downloads(graph)) == 10
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_an_operation_that_is_gone_each_time_is_a_failure(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """It is asked for anew three times."""
    graph.faults.add(faults.status(410, '{"error":{"code":"Gone"}}'), match=OPERATIONS, times=None)
    assert "is gone" in str(failure(graph_app, order()))
    assert exports(graph) == 4


@pytest.mark.parametrize("old_versions", [True, False])
def test_another_version_of_the_data_starts_over(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    old_versions: bool,
) -> None:
    """What is committed is never a mix, whether the old files are still there or not."""
    graph.options = replace(graph.options, files=10, old_versions=old_versions)
    message = halfway(graph_app)
    new = replace(INVOICE, revision=1)
    partner_center.put(new)
    graph.files.expire_all()
    fetched(graph_app, message)
    assert graph_app.read(blob(USAGE)) == rows(USAGE, new)
    assert graph_app.metadata(blob(USAGE))["lines"] == "1001"


def test_data_that_change_each_time_have_an_end(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """After three times from the beginning it is a failure."""
    graph.options = replace(graph.options, files=10, old_versions=False)
    revisions = iter(range(1, 100))

    def publish() -> None:
        partner_center.put(replace(INVOICE, revision=next(revisions)))

    def third(path: str) -> bool:
        return "part-" in path and len(graph.files.requests) % 5 == 4

    graph.files.faults.add(faults.call(publish), match=third, times=None)
    error = failure(graph_app, order(USAGE), time_budget_seconds=0)
    assert "published" in str(error)
    assert blob(USAGE) not in graph_app.blobs()


def test_a_message_that_is_delivered_twice_mixes_nothing(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Two that go on from the same file each count their own blocks, and one of them commits."""
    graph.options.files = 4
    message = halfway(graph_app)
    left, right = (graph_app.result(message, time_budget_seconds=0) for _ in range(2))
    assert isinstance(left, Later)
    assert isinstance(right, Later)
    fetched(graph_app, right.message)
    fetched(graph_app, left.message)
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


# --- not yet, never, none -------------------------------------------------------------------------


def test_what_is_published_late_is_asked_for_again(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """After 10 minutes, doubled up to 6 hours, each time by another export; then it comes."""
    graph.options.unpublished.add((INVOICE.id, BILLING))
    delays: list[float] = []
    for result in results(graph_app, order()):
        if isinstance(result, Later):
            delays.append(result.delay)
        if len(delays) == 9:
            graph.options.unpublished.clear()
    minutes = [delay / 60 for delay in delays]
    assert minutes == [10, 20, 40, 80, 160, 320, 360, 360, 360]
    assert exports(graph) == 10
    assert graph_app.read(blob(BILLING)) == rows(BILLING)


@pytest.mark.parametrize(("days", "asked"), [(0, 1), (1, 1 + 6 + 4), (2, 1 + 6 + 8)])
def test_usage_that_is_never_published_is_none(
    graph_app: RunningApp, graph: SimulatedGraph, days: int, asked: int
) -> None:
    """After SETTLE_DAYS days; an invoice without usage is normal, and its manifest complete."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    for message in graph_app.take_messages():
        fetched(graph_app, message, settle_days=days)
    assert graph_app.read(blob(USAGE)) == b""
    assert exports(graph) == asked + 1
    manifest = graph_app.manifest(INVOICE.id)
    assert (manifest["complete"], manifest["difference"]) == (True, 0)


@pytest.mark.parametrize(("days", "asked"), [(0, 1), (1, 11)])
def test_billing_lines_that_are_never_published_are_a_failure(
    graph_app: RunningApp, graph: SimulatedGraph, days: int, asked: int
) -> None:
    """After SETTLE_DAYS days; they are never taken for none."""
    graph.options.unpublished.add((INVOICE.id, BILLING))
    error = failure(graph_app, order(), settle_days=days)
    assert re.search(rf"has not published {INVOICE.id}/one_time/billing.*no data", str(error))
    assert exports(graph) == asked
    assert blob(BILLING) not in graph_app.blobs()


def test_usage_that_was_there_is_never_replaced_by_none(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """It fails with a message that says so, and the blob stays."""
    fetched(graph_app, order(USAGE))
    graph.options.unpublished.add((INVOICE.id, USAGE))
    error = failure(graph_app, order(USAGE), settle_days=0)
    assert "1001 are stored" in str(error)
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


@pytest.mark.parametrize(
    ("type", "day", "source"),
    [
        (BILLING, date(2024, 2, 8), "v1"),
        (BILLING, date(2024, 3, 8), "graph"),
        (USAGE, date(2022, 9, 8), "v1"),
        (USAGE, date(2022, 10, 8), "graph"),
    ],
)
@pytest.mark.parametrize("has_period", [True, False], ids=["period", "date alone"])
def test_what_is_older_than_the_exports_comes_from_v1(
    graph_app: RunningApp,
    partner_center: SimulatedPartnerCenter,
    type: str,
    day: date,
    source: str,
    has_period: bool,
) -> None:
    """Once the export has no data, and only then, by the invoice's billing period."""
    invoice = replace(INVOICE, invoice_date=day, has_billing_period=has_period)
    partner_center.put(invoice)
    later = fetched(graph_app, order(type))
    expected = jsonl(invoice, ONE_TIME, type) if source == "v1" else export_jsonl(invoice, type)
    assert graph_app.read(blob(type)) == b"".join(expected)
    metadata = graph_app.metadata(blob(type))
    assert (metadata["source"], "operation" in metadata) == (source, source == "graph")
    assert [each.delay for each in later] == ([0] if source == "v1" else [])


def test_an_invoice_of_unknown_age_counts_as_late(
    graph_app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Nothing says that v1 has it."""
    partner_center.invoices.clear()
    result = graph_app.result(order())
    assert isinstance(result, Later)
    assert (result.delay, position_of(result).no_data) == (600, 1)


@pytest.mark.parametrize("code", ["1234", "InternalError"])
def test_another_failure_is_tried_three_times_more(
    graph_app: RunningApp, graph: SimulatedGraph, code: str
) -> None:
    """Then it is a failure that names the code."""
    graph.options.fails_with = code
    error = failure(graph_app, order())
    assert re.search(rf"has failed: .*\(code {code}\)", str(error))
    assert exports(graph) == 4


# --- what waits is under way ----------------------------------------------------------------------


def test_a_run_of_the_timer_starts_no_second_chain(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a message waits, and some hours after that; then it was lost."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    messages = {each.key.invoice_line_item_type: each for each in graph_app.take_messages()}
    fetched(graph_app, messages[BILLING])
    later = graph_app.result(messages[USAGE])
    assert isinstance(later, Later)
    waits_until = datetime.now(UTC) + timedelta(seconds=later.delay)
    for hours, enqueued in [(0, 0), (5.9, 0), (6.2, 1)]:
        moment = waits_until + timedelta(hours=hours)
        monkeypatch.setattr("list_invoices.difference.now", lambda moment=moment: moment)
        assert graph_app.list_invoices().enqueued == enqueued, hours


def test_an_invoice_that_changes_while_its_message_waits_has_one_chain(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """What comes in the end is of the invoice as it is then, so nothing is fetched twice."""
    graph.options.unpublished |= {(INVOICE.id, USAGE), (INVOICE.id, BILLING)}
    graph_app.list_invoices()
    waiting = [graph_app.result(message) for message in graph_app.take_messages()]
    changed = replace(INVOICE, adjustment=Decimal("5.00"))
    partner_center.put(changed)
    assert graph_app.list_invoices().enqueued == 0
    graph.options.unpublished.clear()
    for result in waiting:
        assert isinstance(result, Later)
        fetched(graph_app, result.message)
    assert graph_app.manifest(INVOICE.id)["complete"]
    assert graph_app.list_invoices().enqueued == 0


def test_a_note_in_the_middle_of_a_run_is_kept(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run goes on with what it has seen: a fetch that notes that it waits is no other run."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    messages = {each.key.invoice_line_item_type: each for each in graph_app.take_messages()}
    partner_center.put(replace(INVOICE, adjustment=Decimal("5.00")))
    put = graph_app.archive.put_invoice

    def putting(*args: Any, **kwargs: Any) -> str:
        monkeypatch.setattr(graph_app.archive, "put_invoice", put)
        graph_app.result(messages[USAGE])
        return put(*args, **kwargs)

    monkeypatch.setattr(graph_app.archive, "put_invoice", putting)
    outcome = graph_app.list_invoices()
    assert (outcome.stored, outcome.enqueued) == (1, 2)
    assert graph_app.metadata(f"{INVOICE.id}/invoice.json")["waits"].startswith("one_time/usage")


def test_an_operation_that_is_not_there_yet_is_looked_at_again(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Who takes requests may know of it before who answers looks: no other export is asked for."""
    graph.faults.add(faults.status(404, '{"error":{"code":"NotFound"}}'), match=OPERATIONS)
    later = fetched(graph_app, order())
    assert [each.delay for each in later] == [10]
    assert exports(graph) == 1


@pytest.mark.parametrize("old_versions", [True, False])
@pytest.mark.usefixtures("no_waits")
def test_an_export_from_before_a_change_is_not_taken_for_one_of_after_it(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    old_versions: bool,
) -> None:
    """A message that has waited with nothing but its operation asks anew where the invoice has changed."""
    graph.options.old_versions = old_versions
    graph_app.list_invoices()
    (message,) = (m for m in graph_app.take_messages() if m.key.invoice_line_item_type == USAGE)
    graph.files.faults.add(faults.status(503), match="part-", times=4)
    waiting = graph_app.result(message)
    assert isinstance(waiting, Later)
    assert position_of(waiting).operation
    new = replace(INVOICE, revision=1)
    partner_center.put(new)
    graph_app.list_invoices()
    fetched(graph_app, waiting.message)
    graph_app.drain()
    assert graph_app.read(blob(USAGE)) == rows(USAGE, new)


def test_lines_that_wait_are_in_progress(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """So `?expand=lineItems` says."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    for message in graph_app.take_messages():
        graph_app.result(message)
    body = json.loads(graph_app.get_invoice(INVOICE.id, expand=True).body)
    assert [each["status"] for each in body["lineItems"]] == ["complete", "in_progress"]


# --- broken answers and files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (faults.cut_body(), "ended after|broke off"),
        (faults.broken_body(), "is cut off"),
        (corrupt_gzip(), "is corrupt"),
        (trailing_garbage(), "is corrupt"),
        (broken_line(), r"line 51 is no JSON"),
    ],
    ids=["cut off", "truncated", "checksum", "garbage behind", "broken line"],
)
@pytest.mark.usefixtures("small_blocks", "no_waits")
def test_a_broken_file_is_brought_again(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    caplog: pytest.LogCaptureFixture,
    act: faults.Act,
    text: str,
) -> None:
    """What came of it before counts for nothing; the log names the file, and the line."""
    graph.options.files = 10
    graph.files.faults.add(act, match="part-", times=3)
    fetched(graph_app, order(USAGE))
    assert graph_app.read(blob(USAGE)) == rows(USAGE)
    assert Decimal(graph_app.metadata(blob(USAGE))["total"]) == export_total(INVOICE, USAGE)
    assert re.search(rf"part-[0-9]+-[0-9a-f-]+\.c000\.json\.gz .*({text})", caplog.text)


@pytest.mark.parametrize(
    "act",
    [corrupt_gzip(), broken_line(), trailing_garbage(), faults.broken_body(0)],
    ids=["checksum", "line", "garbage behind", "empty"],
)
@pytest.mark.usefixtures("no_waits")
def test_a_file_that_stays_broken_is_a_failure_that_names_it(
    graph_app: RunningApp, graph: SimulatedGraph, act: faults.Act
) -> None:
    """And nothing of the export is committed."""
    graph.options.files = 3
    graph.files.faults.add(act, match="part-", times=None)
    error = failure(graph_app, order())
    assert isinstance(error, BrokenFile)
    assert re.search(r"The file part-\S+ is broken behind line [0-9]+", str(error))
    assert len(downloads(graph)) < 50
    assert blob(BILLING) not in graph_app.blobs()


@pytest.mark.parametrize("off_by", [-1, 1])
@pytest.mark.usefixtures("no_waits")
def test_a_manifest_that_counts_other_blobs_is_broken(
    graph_app: RunningApp, graph: SimulatedGraph, off_by: int
) -> None:
    """Nothing is fetched by it."""
    graph.options.blob_count_off_by = off_by
    assert "blobs" in str(failure(graph_app, order()))
    assert not downloads(graph)


def test_an_answer_without_location_is_asked_for_again_later(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Not at once: each question makes an export."""
    graph.options.location = "missing"
    result = graph_app.result(order())
    assert isinstance(result, Later)
    assert exports(graph) == 1


# --- throttling and refusals ----------------------------------------------------------------------


@pytest.mark.parametrize("match", [EXPORT, OPERATIONS, "part-"])
def test_throttling_of_any_call_goes_back_to_the_queue(
    graph_app: RunningApp, graph: SimulatedGraph, match: str
) -> None:
    """With the delay that is asked for, and without an attempt that counts."""
    graph.options.files = 3
    service = graph.files if match == "part-" else graph
    service.faults.add(faults.throttled(57), match=match, times=20)
    later = fetched(graph_app, order(), settle_days=0)
    assert 20 >= len(later) >= 5
    assert all(57 <= each.delay < 64 for each in later)
    assert all(each.message.progress and not each.message.progress.attempt for each in later)
    assert graph_app.read(blob(BILLING)) == rows(BILLING)


def test_a_missing_permission_says_which_and_who_grants_it(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """It fails the message at once."""
    graph.options.permitted = False
    error = graph_app.result(order())
    assert isinstance(error, Failed)
    assert isinstance(error.error, Refused)
    assert "PartnerBilling.Read.All" in str(error.error)
    assert "Global Administrator" in str(error.error)


def test_a_token_that_has_expired_is_replaced(
    graph_app: RunningApp, graph: SimulatedGraph, entra_id: Any
) -> None:
    """Once, as for any API."""
    graph.options.looks_until_ready = 1
    later = graph_app.result(order())
    entra_id.expire_all()
    assert isinstance(later, Later)
    fetched(graph_app, later.message)


def test_each_api_gets_its_own_token_and_the_files_host_none(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """Whatever both of them are asked."""
    graph.options.files = 3
    graph_app.list_invoices()
    graph_app.drain()
    tokens = [
        {request.headers.get("authorization") for request in service.requests}
        for service in (partner_center, graph, graph.files)
    ]
    assert tokens[2] == {None}
    assert not tokens[0] & tokens[1]


def test_no_netrc_adds_credentials(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the machine has for the files' host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    services, context = graph_app.services, RequestContext()
    key = LineItemsKey(INVOICE.id, ONE_TIME, BILLING)
    manifest = services.graph.look(services.graph.ask(key, context=context), context=context)
    assert isinstance(manifest, Manifest)
    with monkeypatch.context() as machine:
        machine.setenv("NETRC", str(netrc))
        with services.files.open(manifest, 0, context) as pieces:
            assert next(pieces)
    assert "authorization" not in next(iter(graph.files.requests)).headers


@pytest.mark.parametrize("fresh", [True, False])
def test_a_host_that_refuses_every_signature_is_a_failure(
    graph_app: RunningApp, graph: SimulatedGraph, fresh: bool
) -> None:
    """After some exports, whether a look gives fresh ones or not: there would be no end."""
    graph.options.fresh_sas_on_look = fresh
    graph.files.faults.add(faults.status(403), match="part-", times=None)
    error = failure(graph_app, order())
    assert isinstance(error, Fatal)
    assert "refuse" in str(error) or "403" in str(error)
    assert exports(graph) <= 4


# --- what is data from outside --------------------------------------------------------------------


def test_an_operation_elsewhere_is_refused_without_a_request(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """The token goes to the configured root only."""
    graph.options.location = "foreign"
    graph.options.foreign_location = partner_center.url
    error = failure(graph_app, order())
    assert "is refused" in str(error)
    assert not list(partner_center.requests)


Edit = Callable[[dict[str, Any]], None]


def edited(graph: SimulatedGraph, edit: Edit) -> None:
    """Let the operation's answers say something else."""

    async def act(_: web.Request, answer: faults.Answer) -> web.StreamResponse:
        response = await answer()
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        body = json.loads(response.body)
        edit(body)
        return web.json_response(body)

    graph.faults.add(act, match=OPERATIONS, times=None)


@pytest.mark.parametrize(
    "root",
    [
        "https://evil.example/data",
        "http://account.blob.core.windows.net/data",
        "https://account.blob.core.windows.net.evil.example/data",
        "https://evil.example\\.blob.core.windows.net/data",
        "https://evil.example/.blob.core.windows.net/data",
        "https://user:password@account.blob.core.windows.net/data",
        "https://account.blob.core.windows.net:8443/data",
        "https://account.blob.core.windows.net/data/../other",
        "https://account.blob.core.windows.net/data/%2e%2e/other",
        "https://account.blob.core.windows.net/data?x=1#",
        "https://[::1/data",
        "//account.blob.core.windows.net/data",
        "data",
    ],
)
def test_files_elsewhere_are_refused_without_a_request(
    graph_app: RunningApp, graph: SimulatedGraph, root: str
) -> None:
    """They are where Azure's blobs are, by https, or on this machine where Graph is."""

    def edit(operation: dict[str, Any]) -> None:
        operation["resourceLocation"]["rootDirectory"] = root

    edited(graph, edit)
    error = failure(graph_app, order())
    assert "refused" in str(error)
    assert not downloads(graph)


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.microsoft.com/v1.0/reports/partners/billing/manifests/1",
        "/reports/partners/billing/manifests/1",
        "{root}/reports/partners/billing/operations/1",
        "{root}/reports/partners/billing/manifests/../../me",
        "{root}/reports/partners/billing/manifests/1?x=1",
        "{root}.evil.example/reports/partners/billing/manifests/1",
    ],
)
def test_a_manifest_elsewhere_is_refused_without_a_request(
    graph_app: RunningApp, graph: SimulatedGraph, link: str
) -> None:
    """Whichever way its link is given."""

    def edit(operation: dict[str, Any]) -> None:
        operation["resourceLocation"] = link.format(root=graph.root)

    edited(graph, edit)
    assert "is refused" in str(failure(graph_app, order()))
    assert not graph.requests.matching(MANIFESTS)


@pytest.mark.parametrize(
    "change",
    [
        {"blobs": [{"name": "../other"}]},
        {"blobs": [{"name": "/other"}]},
        {"blobs": [{"name": 5}]},
        {"blobs": ["name"]},
        {"blobs": "name"},
        {"blobs": [{"name": "a"}, {"name": "a"}], "blobCount": 2},
        {"sasToken": None},
        {"sasToken": "sig=a\r\nHost: b"},
        {"rootDirectory": None},
        {"eTag": "a\nb"},
        {"blobCount": None},
    ],
    ids=str,
)
@pytest.mark.usefixtures("no_waits")
def test_a_manifest_that_makes_no_sense_is_broken(
    graph_app: RunningApp, graph: SimulatedGraph, change: dict[str, Any]
) -> None:
    """It is looked at again some times, then that is a failure; no file is asked for."""
    edited(graph, lambda operation: operation["resourceLocation"].update(change))
    assert "broken" in str(failure(graph_app, order()))
    assert not downloads(graph)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"status":5}', b"{}"], ids=str)
@pytest.mark.usefixtures("no_waits")
def test_an_operation_that_makes_no_sense_is_broken(
    graph_app: RunningApp, graph: SimulatedGraph, body: bytes
) -> None:
    """It is looked at again some times, then that is a failure; one more export is not asked for."""
    graph.faults.add(faults.status(200, body.decode()), match=OPERATIONS, times=None)
    assert "broken" in str(failure(graph_app, order()))
    assert exports(graph) == 1


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_waits")
def test_no_signature_is_in_a_log_a_message_an_error_or_metadata(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor a token, whatever goes wrong with the files."""
    caplog.set_level("DEBUG")
    graph.options.files = 8
    acts = [
        *(faults.reset(), faults.cut_body(), faults.status(403), faults.status(404)),
        *(faults.status(500), faults.redirect("//["), corrupt_gzip(), odd_headers()),
    ]
    said = [repr(result) for act in acts for result in _with_fault(graph_app, graph, act)]
    said += [repr(graph_app.metadata(name)) for name in graph_app.blobs()]
    text = caplog.text + "".join(said)
    signatures = {r.query.partition("sig=")[2].partition("&")[0] for r in graph.files.requests}
    assert len(signatures) > 1
    assert not [signature for signature in signatures if signature in text]
    assert "sig=" not in text
    tokens = {r.headers["authorization"].removeprefix("Bearer ") for r in graph.requests}
    assert not [token for token in tokens if token in text]


def odd_headers() -> faults.Act:
    """Answer with a header that no library takes apart."""

    async def act(request: web.Request, _: faults.Answer) -> web.StreamResponse:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nodd\r\n: x\r\nContent-Length: 0\r\n\r\n")
        request.transport.close()
        return web.Response()

    return act


def _with_fault(
    app: RunningApp, graph: SimulatedGraph, act: faults.Act
) -> Iterator[Later | Done | Failed]:
    fault = graph.files.faults.add(act, match="part-", times=4)
    yield from results(app, order(USAGE), time_budget_seconds=0)
    fault.times = 0


def every_file_is(graph: SimulatedGraph, text: bytes) -> None:
    """Give this text, whatever file is asked for."""

    async def act(_: web.Request, __: faults.Answer) -> web.StreamResponse:
        return web.Response(body=text)

    graph.files.faults.add(act, match="part-", times=None)


def test_a_key_that_is_not_in_pascal_case_counts_as_well(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Keys are read in any case, amounts as numbers or as texts."""
    text = b'{"total":"1.10"}\n{"TOTAL":2.20}\n{"Total":3.30E0}\n{"Other":1}\n{"Total":""}\n'
    every_file_is(graph, text)
    fetched(graph_app, order())
    assert graph_app.read(blob(BILLING)) == text
    assert Decimal(graph_app.metadata(blob(BILLING))["total"]) == Decimal("6.60")


def test_what_does_not_fit_the_documented_row_is_told(
    graph_app: RunningApp, graph: SimulatedGraph, caplog: pytest.LogCaptureFixture
) -> None:
    """By the names of the fields, never their values; the rows are stored all the same."""
    text = b'{"Total":1,"CarbonFootprint":"secret"}\n{"Total":1,"Quantity":"secret"}\n'
    every_file_is(graph, text)
    fetched(graph_app, order())
    kind = "BilledReconciliationLineItem"
    assert f"not in {kind}: CarbonFootprint in 1 of 2 lines" in caplog.text
    assert f"does not fit {kind}: Quantity (" in caplog.text
    assert "secret" not in caplog.text
    assert graph_app.read(blob(BILLING)) == text


@pytest.mark.parametrize("type", [BILLING, USAGE])
def test_the_documented_rows_fit_their_type(
    graph_app: RunningApp, caplog: pytest.LogCaptureFixture, type: str
) -> None:
    """Nothing of what Graph's documentation has is unknown."""
    fetched(graph_app, order(type))
    assert "does not fit" not in caplog.text
    assert "not in Billed" not in caplog.text


def test_plain_text_of_unknown_length_is_no_whole_file(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Cut off between two lines, nothing would tell."""
    cut = rows(USAGE)[: rows(USAGE).index(b"\n") + 1]

    async def act(request: web.Request, _: faults.Answer) -> web.StreamResponse:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + cut)
        request.transport.close()
        return web.Response()

    graph.files.faults.add(act, match="part-", times=4)
    (later,) = fetched(graph_app, order(USAGE))
    assert "whether the file" in later.reason
    assert graph_app.read(blob(USAGE)) == rows(USAGE)


def test_fresh_signatures_of_files_that_are_gone_lead_to_another_export(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """A look that gives another signature has its chance once."""
    graph.options = replace(graph.options, files=10, old_versions=False, fresh_sas_on_look=True)
    message = halfway(graph_app)
    new = replace(INVOICE, revision=1)
    partner_center.put(new)
    fetched(graph_app, message)
    assert graph_app.read(blob(USAGE)) == rows(USAGE, new)


def test_failures_far_apart_do_not_add_up(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Three in a row are the most, not three in ten days."""
    graph.options.unpublished.add((INVOICE.id, BILLING))
    message = order()
    for turn in range(40):
        graph.options.fails_with = "InternalError" if turn % 4 == 3 else None
        result = graph_app.result(message)
        assert isinstance(result, Later), turn
        message = result.message
    graph.options.fails_with = None
    graph.options.unpublished.clear()
    fetched(graph_app, message)


@pytest.mark.parametrize("without_lines", ["5000", "empty"])
def test_usage_that_is_none_sums_up_to_nothing(
    graph_app: RunningApp, graph: SimulatedGraph, without_lines: Any
) -> None:
    """Its type has a charge, so there is a total."""
    graph.options.without_lines = without_lines
    graph.invoices[INVOICE.id] = replace(INVOICE, details=())
    fetched(graph_app, order(USAGE), settle_days=0)
    assert graph_app.metadata(blob(USAGE))["total"] == "0"


def test_a_message_that_waited_before_it_asked_brings_the_invoice_as_it_is_then(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """A wait keeps other messages away, whatever the invoice's version: so it has to be for all."""
    graph_app.list_invoices()
    graph.faults.add(faults.throttled(300), match=EXPORT, times=2)
    waiting = [graph_app.result(message) for message in graph_app.take_messages()]
    partner_center.put(replace(INVOICE, adjustment=Decimal("5.00")))
    assert graph_app.list_invoices().enqueued == 0
    for result in waiting:
        assert isinstance(result, Later)
        fetched(graph_app, result.message)
    assert graph_app.manifest(INVOICE.id)["complete"]


def test_a_fetch_that_notes_while_the_timer_enqueues_keeps_no_note_away(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both notes stand, and the next run enqueues nothing."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    queue, send = graph_app.services.queue, graph_app.services.queue.send

    def sending(message: LineItemsMessage, **more: Any) -> None:
        send(message, **more)
        if message.key.invoice_line_item_type == USAGE and message.progress is None:
            graph_app.result(message)  # another host is that fast

    monkeypatch.setattr(queue, "send", sending)
    assert graph_app.list_invoices().enqueued == 2
    assert {"waits", "enqueued_at"} <= graph_app.metadata(f"{INVOICE.id}/invoice.json").keys()
    assert graph_app.list_invoices().enqueued == 0


def test_two_that_come_to_none_at_once_are_both_done(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does not begin the days of asking anew."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    (message,) = (m for m in graph_app.take_messages() if m.key.invoice_line_item_type == USAGE)
    commit = graph_app.archive.commit_lines

    def committing(*args: Any, **more: Any) -> None:
        monkeypatch.setattr(graph_app.archive, "commit_lines", commit)
        assert graph_app.result(message, settle_days=0) == Done()
        commit(*args, **more)

    monkeypatch.setattr(graph_app.archive, "commit_lines", committing)
    assert graph_app.result(message, settle_days=0) == Done()


def test_no_error_holds_what_led_to_it(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """The libraries' own errors have the signed URL, or the answer with the signature in it."""
    services, context = graph_app.services, RequestContext(patience=Patience(attempts=1))
    key = LineItemsKey(INVOICE.id, ONE_TIME, BILLING)
    manifest = services.graph.look(services.graph.ask(key, context=context), context=context)
    assert isinstance(manifest, Manifest)
    graph.faults.add(cut_short(), match=OPERATIONS)
    with pytest.raises(ApiError, match="broken") as broken:
        services.graph.look(services.graph.ask(key, context=context), context=context)
    partner_center.stop()
    elsewhere = replace(manifest, root=f"{partner_center.url}/nobody")
    with pytest.raises(NoAnswer) as refused, services.files.open(elsewhere, 0, context):
        pass
    for error in (broken.value, refused.value):
        assert (error.__context__, error.__cause__) == (None, None)


def cut_short() -> faults.Act:
    """Let a body be no UTF-8 at its end."""

    async def act(_: web.Request, answer: faults.Answer) -> web.StreamResponse:
        response = await answer()
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        return web.Response(body=response.body[:-1] + b"\xff", content_type="application/json")

    return act


def test_key_of_a_position_is_small(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """However many files there are, what continues fits into a message."""
    graph.options.files = 200
    later = graph_app.result(order(USAGE), time_budget_seconds=0)
    assert isinstance(later, Later)
    assert later.message.key == LineItemsKey(INVOICE.id, ONE_TIME, USAGE)
    assert len(later.message.encode()) < 2_000
