"""Exports as nobody means them, of a flaky service or a hostile one: each comes to a clear end, in bounds."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from pydantic import ValidationError

from fetch_line_items.result import Done, Failed, Later
from local.simulated import SimulatedGraph, SimulatedPartnerCenter, faults
from local.simulated.invoices import new_commerce
from local.simulated.model import BILLING, USAGE
from shared.api.export import manifest_of
from shared.errors import ApiError, ArchiveError, BrokenFile, Fatal, Refused
from shared.messages import GraphPosition, LineItemsMessage, Progress
from tests.integration.test_graph_export import (
    EXPORT,
    MANIFESTS,
    OPERATIONS,
    blob,
    downloads,
    edited,
    exports,
    failure,
    fetched,
    halfway,
    order,
    position_of,
    results,
    rows,
)
from tests.running_app import RunningApp

# Some rows are enough, by the id that the other tests of exports order.
INVOICE = new_commerce("G098765430", date(2026, 11, 8), billing=6, usage=9, currency="EUR")
INVOICE_BLOB = f"{INVOICE.id}/invoice.json"
LONG = "x" * 100_000


@pytest.fixture(autouse=True)
def _one_invoice(partner_center: SimulatedPartnerCenter) -> None:
    partner_center.invoices.clear()
    partner_center.put(INVOICE)


def later(app: RunningApp, message: LineItemsMessage | None = None) -> Later:
    """Deliver a message once, which is to go on."""
    result = app.result(message or order())
    assert isinstance(result, Later), result
    return result


def in_manifest(graph: SimulatedGraph, **fields: Any) -> None:
    """Let the manifest say something else."""
    edited(graph, lambda operation: operation["resourceLocation"].update(fields))


def is_short(text: str) -> bool:
    """Whether somebody reads it: an error, or what a log has of one message."""
    return len(text) < 3_000


# --- asking for an export -------------------------------------------------------------------------


def located(graph: SimulatedGraph, location: Callable[[str], str]) -> None:
    """Let the export be said to be made elsewhere than where it is."""

    async def act(_: web.Request, answer: faults.Answer) -> web.StreamResponse:
        response = await answer()
        response.headers["Location"] = location(response.headers["Location"])
        return response

    graph.faults.add(act, match=EXPORT, times=None)


@pytest.mark.parametrize(
    "location",
    [
        lambda good: good + "0" * 60_000,
        lambda good: good.rpartition("/")[0] + "/",
        lambda good: good + "?x=1",
        lambda good: good + "/../../../me",
        lambda good: good + "%2f..%2fme",
        lambda good: f"{good}, {good}",
        lambda good: good.partition("/v1.0")[2],
        lambda good: good.replace("http://", "http://user:password@"),
        lambda good: good.replace("/v1.0/", "/beta/"),
        lambda good: good.replace("operations", "manifests"),
        lambda good: good + "\xe9",
    ],
)
def test_an_operation_that_is_none_is_refused_without_a_look(
    graph_app: RunningApp, graph: SimulatedGraph, location: Callable[[str], str]
) -> None:
    """Whatever its location is made of; one export was asked for, and the error can be read."""
    located(graph, location)
    error = failure(graph_app, order())
    assert "is refused" in str(error)
    assert is_short(str(error))
    assert (exports(graph), len(graph.requests)) == (1, 1)


def test_an_operation_is_the_same_in_any_case(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Hosts have no case, and whoever shouts at one may shout at the path behind it."""
    located(graph, lambda good: good.upper().replace(good.upper()[-36:], good[-36:]))
    fetched(graph_app, order())
    assert graph_app.read(blob(BILLING)) == rows(BILLING, INVOICE)


@pytest.mark.usefixtures("no_waits")
def test_a_location_that_no_header_has_room_for_is_no_answer(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """It is asked again some times, and then it is a failure."""
    located(graph, lambda good: good + LONG)
    error = failure(graph_app, order())
    assert is_short(str(error))
    assert exports(graph) <= 4 * 13


@pytest.mark.parametrize("status", [204, 302, 400, 404, 409, 410])
@pytest.mark.parametrize("match", [EXPORT, OPERATIONS, MANIFESTS])
def test_a_refusal_that_will_not_pass_has_an_end(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    status: int,
    match: str,
) -> None:
    """At once, or after three more exports where this one is gone; it can be read, and leads nowhere."""
    graph.options.manifest_in = "string"
    said = json.dumps({"error": {"code": LONG, "message": LONG}})
    act = faults.status(status, said, headers={"Location": f"{partner_center.url}/v1/invoices"})
    graph.faults.add(act, match=match, times=None)
    error = failure(graph_app, order())
    assert isinstance(error, Fatal)
    assert is_short(str(error))
    assert exports(graph) <= 4
    assert not list(partner_center.requests)


@pytest.mark.parametrize("body", ["", "[]", '{"error":"x"}', '{"error":{"code":{}}}', "[" * 10**5])
@pytest.mark.parametrize("match", [EXPORT, OPERATIONS])
def test_a_refusal_without_a_reason_is_one(
    graph_app: RunningApp, graph: SimulatedGraph, match: str, body: str
) -> None:
    """What its body is does not matter: the permission is named."""
    graph.faults.add(faults.status(403, body), match=match, times=None)
    error = failure(graph_app, order())
    assert isinstance(error, Refused)
    assert "PartnerBilling.Read.All" in str(error)


# --- operations and manifests ---------------------------------------------------------------------


def running(graph: SimulatedGraph, headers: dict[str, str], **fields: Any) -> None:
    """Let each look find the export on its way."""
    body = json.dumps({"status": "running"} | fields)
    graph.faults.add(faults.status(200, body, headers=headers), match=OPERATIONS, times=None)


@pytest.mark.parametrize(
    ("said", "delay"),
    [
        *(("-5", 10), ("soon", 10), ("", 10), ("1e3", 10), ("10, 20", 10), ("9" * 5_000, 10)),
        *(("0", 2), ("1", 2), ("Thu, 01 Jan 1970 00:00:00 GMT", 2)),
        *(("7200", 7200), ("259200", 21_600), ("Fri, 31 Dec 9999 23:59:59 GMT", 21_600)),
    ],
    ids=lambda value: str(value)[:12],
)
def test_the_next_look_is_neither_at_once_nor_in_days(
    graph_app: RunningApp, graph: SimulatedGraph, said: str, delay: float
) -> None:
    """A Retry-After that means nothing is passed over, and one that asks too much is cut."""
    running(graph, {"Retry-After": said})
    assert later(graph_app).delay == delay


def test_looks_that_follow_each_other_soon_last_for_hours_all_the_same(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """An export takes a quarter of an hour at times: it is not given up after ten minutes."""
    running(graph, {"Retry-After": "10"})
    delays = []
    for result in results(graph_app, order(), most=100):
        assert isinstance(result, Later)
        delays.append(result.delay)
        if exports(graph) > 1:
            break
    assert sum(delays) > 2 * 3600
    assert max(delays) == 300


@pytest.mark.parametrize(
    "fields",
    [
        {"status": LONG},
        {"status": "failed", "error": {"code": LONG, "message": LONG}},
        {"status": "failed", "error": {"code": [LONG], "message": {"x": LONG}}},
        {"status": "failed", "error": LONG},
        {"status": "succeeded", "resourceLocation": LONG},
        {"status": "succeeded", "resourceLocation": {"blobs": [], "blobCount": LONG}},
        {"status": "succeeded", "resourceLocation": [LONG]},
    ],
    ids=lambda fields: repr(fields)[:40],
)
@pytest.mark.usefixtures("no_waits")
def test_what_is_said_of_an_export_is_cut(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
) -> None:
    """An error or a log of megabytes hides what it is about."""
    monkeypatch.setattr("fetch_line_items.graph_export._MOST_LOOKS", 3)
    running(graph, {}, **fields)
    *delivered, last = results(graph_app, order(), most=20)
    assert isinstance(last, Failed)
    assert is_short(str(last.error))
    assert all(is_short(each.reason) for each in delivered if isinstance(each, Later))
    assert all(is_short(record.getMessage()) for record in caplog.records)


@pytest.mark.parametrize(
    "error", [None, {}, {"code": None}, {"code": True}], ids=lambda error: str(error)
)
def test_a_failure_without_a_code_is_one(
    graph_app: RunningApp, graph: SimulatedGraph, error: object
) -> None:
    """Three more exports are asked for; it is not taken for one without data."""
    running(graph, {}, status="failed", error=error)
    assert "has failed" in str(failure(graph_app, order(USAGE), settle_days=0))
    assert exports(graph) == 4


def test_a_code_that_is_a_number_is_the_same(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """5000 means that there are no data, however it is spelled."""
    running(graph, {}, status="FAILED", error={"Code": 5000})
    assert position_of(later(graph_app)).no_data == 1


@pytest.mark.parametrize("number", ["9" * 10_000, f"1e{10**20}"], ids=["digits", "exponent"])
def test_a_number_beyond_all_bounds_in_an_answer_is_passed_over(
    graph_app: RunningApp, graph: SimulatedGraph, number: str
) -> None:
    """Nobody asks for it."""
    graph.faults.add(
        faults.status(200, f'{{"status":"running","progress":{number}}}'), match=OPERATIONS
    )
    assert len(fetched(graph_app, order())) == 1


@pytest.mark.parametrize("match", [OPERATIONS, MANIFESTS])
def test_an_answer_of_graph_that_no_memory_holds_is_refused(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch, match: str
) -> None:
    """Once, and unpacked: a megabyte of gzip can be a gigabyte."""
    monkeypatch.setattr("shared.api.client._MOST_BYTES", 1 << 20)
    graph.options.manifest_in = "navigation_link"
    packed = gzip.compress(b" " * (8 << 20))

    async def bomb(*_: object) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    graph.faults.add(bomb, match=match, times=None)
    assert "larger than 1 MiB" in str(failure(graph_app, order()))
    assert len(graph.requests.matching(match)) == 1


@pytest.mark.parametrize("etag", [None, "", 5], ids=str)
def test_an_etag_that_is_none_counts_as_none(
    graph_app: RunningApp, graph: SimulatedGraph, etag: object
) -> None:
    """The directory and the names of the files tell versions of the data apart as well."""
    graph.options.files = 3
    in_manifest(graph, eTag=etag)
    fetched(graph_app, order(USAGE), time_budget_seconds=0)
    assert graph_app.read(blob(USAGE)) == rows(USAGE, INVOICE)
    assert "etag" not in graph_app.metadata(blob(USAGE))


@pytest.mark.parametrize("etag", ['"0x8DB"', 'W/"1"', "e" * 2_000])
def test_any_etag_that_a_message_can_carry_is_kept(
    graph_app: RunningApp, graph: SimulatedGraph, etag: str
) -> None:
    """Up to 2,000 characters; a longer one is a broken manifest."""
    in_manifest(graph, eTag=etag)
    fetched(graph_app, order())
    assert graph_app.metadata(blob(BILLING))["etag"] == etag


def test_marks_between_directory_and_signature_are_there_once(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """The directory may end with a slash, and the signature begin with a question mark."""

    def edit(operation: dict[str, Any]) -> None:
        manifest = operation["resourceLocation"]
        manifest["rootDirectory"] += "/"
        manifest["sasToken"] = f"?{manifest['sasToken']}"

    edited(graph, edit)
    fetched(graph_app, order())
    assert graph_app.read(blob(BILLING)) == rows(BILLING, INVOICE)


NAMES = [
    *("a b.gz", "100%.gz", "%2e%2e", "a%2Fb", "a?sig=x.gz", "a#b.gz", "a&b=c;d+e", "a\\b", "~"),
    *("dir=1/part", "\xe9\u4e2d\U0001f600.gz", "n" * 200),
]


def test_a_file_is_asked_for_by_its_very_name(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """Whatever it is made of; nothing of a name becomes a query, and the signature is not touched."""
    asked = []

    async def act(request: web.Request, _: faults.Answer) -> web.StreamResponse:
        path, query = request.raw_path.split("?", 1)
        asked.append((unquote(path.split("/PartitionType=default/")[1]), query))
        return web.Response(body=b'{"Total":1}\n')

    graph.files.faults.add(act, times=None)
    in_manifest(
        graph,
        blobs=[{"name": name} for name in NAMES],
        blobCount=len(NAMES),
        sasToken="se=2026-11-09T09%3A02%3A55Z&sig=a%2Fb%3D",
    )
    fetched(graph_app, order())
    assert sorted(asked) == sorted(
        (name, "se=2026-11-09T09%3A02%3A55Z&sig=a%2Fb%3D") for name in NAMES
    )
    assert graph_app.metadata(blob(BILLING))["lines"] == str(len(NAMES))


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b", "\ud83d", "a//b", "..", "./a", "n" * 2_001])
def test_a_name_that_is_none_of_a_file_is_a_broken_manifest(name: str) -> None:
    """It would stand in URLs and logs."""
    with pytest.raises(ValueError, match="a name that is none of a file"):
        manifest_of({"blobCount": 1, "blobs": [{"name": name}]})


def test_more_files_than_a_blob_has_blocks_are_told_before_one_is_asked_for(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """Each would be a block at least: it fails at once, not after hours."""
    files = [{"name": f"part-{number}"} for number in range(50_001)]
    in_manifest(graph, blobs=files, blobCount=len(files))
    assert "50001 files" in str(failure(graph_app, order()))
    assert not downloads(graph)


# --- files ----------------------------------------------------------------------------------------


def streamed(pieces: Callable[[], Iterator[bytes]], seconds: float = 0) -> faults.Act:
    """Answer with pieces, so many seconds apart, until the caller has had enough."""

    async def act(request: web.Request, _: faults.Answer) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in pieces():
            await response.write(piece)
            await asyncio.sleep(seconds)
        return response

    return act


def without_end(text: bytes) -> Iterator[bytes]:
    while True:
        yield text


@pytest.fixture
def short_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invocation has two seconds, the last one of them for the commit."""
    monkeypatch.setattr("fetch_line_items.fetch._INVOCATION_SECONDS", 2)
    monkeypatch.setattr("fetch_line_items.graph_export._COMMIT_SECONDS", 1)


@pytest.mark.usefixtures("short_invocation")
def test_a_file_without_end_stops_inside_an_invocation(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come of it counts, and the next message goes on there: as long as there is something new."""
    monkeypatch.setattr("fetch_line_items.rows.BLOCK_BYTES", 20_000)
    piece = b'{"Total":1}\n' * 1_000
    graph.files.faults.add(streamed(lambda: without_end(piece)), match="part-", times=None)
    result = later(graph_app)
    inside = position_of(result).inside
    assert inside.blocks > 0
    assert result.message.progress
    assert result.message.progress.total == inside.lines > 0


@pytest.mark.usefixtures("short_invocation")
def test_a_file_that_trickles_is_not_waited_for_beyond_the_invocation(
    graph_app: RunningApp, graph: SimulatedGraph
) -> None:
    """It is asked for again later, as where no answer comes at all."""
    act = streamed(lambda: without_end(b'{"Total":1}\n'), seconds=0.1)
    graph.files.faults.add(act, match="part-", times=None)
    result = later(graph_app)
    assert "did not come in time" in result.reason
    assert result.message.progress
    assert result.message.progress.attempt == 1


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("no_waits")
def test_a_row_without_end_is_a_broken_file(
    graph_app: RunningApp, graph: SimulatedGraph, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """Packed or plain, it is read as far as a row may be long, and in the end that is a failure."""
    monkeypatch.setattr("shared.whole_lines.LONGEST_LINE", 1 << 20)
    text = bytes(1 << 20)
    member = gzip.compress(text)
    act = streamed(lambda: without_end(member if packed else text))
    graph.files.faults.add(act, match="part-", times=None)
    error = failure(graph_app, order())
    assert isinstance(error, BrokenFile)
    assert "behind line 0: a line has more than 1 MiB" in str(error)


@pytest.mark.parametrize("status", [204, 206, 302, 400, 416])
def test_a_file_that_is_answered_otherwise_is_a_failure_that_names_it(
    graph_app: RunningApp, graph: SimulatedGraph, status: int
) -> None:
    """With the status, and without the address."""
    act = faults.status(status, "<Error/>", headers={"Location": "/other?sig=secret"})
    graph.files.faults.add(act, match="part-", times=None)
    error = failure(graph_app, order())
    assert f"answered {status} to a download of part-" in str(error)
    assert "sig=" not in str(error)
    assert len(downloads(graph)) == 1


@pytest.mark.usefixtures("no_waits")
def test_a_page_of_a_gateway_is_no_file(graph_app: RunningApp, graph: SimulatedGraph) -> None:
    """With status 200, too: it is a line that is no JSON."""
    graph.files.faults.add(faults.status(200, faults.HTML), match="part-", times=None)
    assert "line 1 is no JSON" in str(failure(graph_app, order()))
    assert blob(BILLING) not in graph_app.blobs()


@pytest.mark.parametrize(
    "act", [faults.status(503, faults.HTML), faults.reset()], ids=["503", "reset"]
)
@pytest.mark.usefixtures("no_waits")
def test_a_failing_host_of_files_is_waited_for_and_told_in_the_end(
    graph_app: RunningApp, graph: SimulatedGraph, act: faults.Act
) -> None:
    """After twelve messages in a row in which nothing came."""
    graph.files.faults.add(act, match="part-", times=None)
    *delivered, last = results(graph_app, order())
    assert isinstance(last, Failed)
    assert len(delivered) == 12
    assert exports(graph) == 1


def test_a_charge_with_more_digits_than_a_sum_takes_stops_nothing(
    graph_app: RunningApp, graph: SimulatedGraph, caplog: pytest.LogCaptureFixture
) -> None:
    """It is stored as it came, and told; the others are summed exactly."""
    odd = [f'{{"Total":{number}}}' for number in ("9" * 10_000, f"1e{10**20}", "1." + "3" * 10_000)]
    text = "\n".join([*odd, '{"Total":0.1}', '{"Total":0.2}', ""]).encode()
    graph.files.faults.add(streamed(lambda: iter([text])), match="part-", times=None)
    fetched(graph_app, order())
    assert graph_app.read(blob(BILLING)) == text
    assert graph_app.metadata(blob(BILLING))["total"] == "0.3"
    assert "3 of 5 lines have no number in Total" in caplog.text


# --- positions that somebody has written ----------------------------------------------------------

HUGE = 10**12
Change = Callable[[dict[str, Any]], object]


def at(**fields: Any) -> Change:
    return lambda progress: progress["position"].update(fields)


@pytest.mark.parametrize(
    "change",
    [
        at(file=3),
        at(file=HUGE),
        at(inside={"offset": HUGE}),
        at(inside={"offset": 12, "crc": 1}),
        at(inside={"blocks": HUGE}),
        at(inside={"lines": HUGE}),
        at(looks=HUGE),
        at(again=HUGE),
        at(noData=HUGE),
        at(version="0" * 16),
        at(version=None),
        at(etag="another"),
        at(operation="unknown"),
        at(operation=None, looks=HUGE),
        lambda progress: progress.update(pages=HUGE),
        lambda progress: progress.update(lines=HUGE),
        lambda progress: progress.update(attempt=HUGE, restarts=HUGE),
        lambda progress: progress["staged"].update(blocks=HUGE),
        lambda progress: progress["staged"].update(blocks=7, part="0123456789"),
        lambda progress: progress["staged"].update(end=0),
    ],
)
@pytest.mark.usefixtures("no_waits")
def test_a_position_that_somebody_has_written_has_an_end(
    graph_app: RunningApp, graph: SimulatedGraph, change: Change
) -> None:
    """The lines are whole, each once, or the error says what is wrong and nothing is there."""
    graph.options.files = 2
    fields = json.loads(halfway(graph_app).encode())
    change(fields["progress"])
    message = LineItemsMessage.validated(deepcopy(fields))
    try:
        *_, last = results(graph_app, message, most=20)
    except ValidationError as error:  # it names the number, and the trigger takes it as any failure
        last = Failed(error)
    if last == Done():
        assert graph_app.read(blob(USAGE)) == rows(USAGE, INVOICE)
        return
    assert isinstance(last, Failed)
    assert isinstance(last.error, ApiError | ArchiveError | ValidationError)
    assert blob(USAGE) not in graph_app.blobs()


@pytest.mark.parametrize("invoice", [INVOICE.id, "D098765430"])
def test_a_position_of_graph_for_what_it_has_no_export_of_starts_over(
    graph_app: RunningApp,
    graph: SimulatedGraph,
    partner_center: SimulatedPartnerCenter,
    invoice: str,
) -> None:
    """The key says where lines come from, whatever a message claims."""
    partner_center.put(replace(INVOICE, id="D098765430"))
    message = LineItemsMessage(
        invoice_id=invoice,
        billing_provider="one_time" if invoice[0] == "D" else "office",
        invoice_line_item_type=BILLING,
        progress=Progress(position=GraphPosition(operation="1")),
    )
    *delivered, last = results(graph_app, message)
    assert isinstance(delivered[0], Later)
    assert "has no export" in delivered[0].reason
    assert last == Done() or isinstance(last, Failed)
    assert not list(graph.requests)


def test_an_invoice_that_is_not_listed_has_an_end(
    graph_app: RunningApp, graph: SimulatedGraph, partner_center: SimulatedPartnerCenter
) -> None:
    """Somebody has mistyped an id: Graph has no data for it, and that is told after some days."""
    partner_center.invoices.clear()
    message = replace(order(), currency_code=None)
    assert "has not published" in str(failure(graph_app, message, settle_days=1))
    assert exports(graph) == 11


# --- what waits -----------------------------------------------------------------------------------


def test_a_note_that_storage_refuses_keeps_nobody_from_waiting(
    graph_app: RunningApp, graph: SimulatedGraph, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told; a run of the timer may enqueue the lines once more, and that is all."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    graph_app.container.get_blob_client(INVOICE_BLOB).acquire_lease(-1)
    assert later(graph_app, order(USAGE)).delay == 600
    assert "could not be noted" in caplog.text
    assert "waits" not in graph_app.metadata(INVOICE_BLOB)


@pytest.mark.parametrize(
    "waits",
    [
        *("x", "=", "one_time/usage_line_items", "one_time/usage_line_items=2026-11-26T00:00:00"),
        "one_time/usage_line_items=9999-12-31T23:59:59+00:00",
        "one_time/usage_line_items=0001-01-01T00:00:00+14:00",
        "\xe9=2026-11-26T00:00:00+00:00 " + "x=y " * 1_000,
    ],
    ids=lambda waits: waits[:60],
)
def test_waits_that_somebody_has_written_keep_no_lines_waiting(
    graph_app: RunningApp, graph: SimulatedGraph, waits: str
) -> None:
    """The lines are enqueued, and the next message that waits writes its note all the same."""
    graph.options.unpublished.add((INVOICE.id, USAGE))
    graph_app.list_invoices()
    graph_app.queue.clear_messages()
    invoice = graph_app.container.get_blob_client(INVOICE_BLOB)
    metadata = graph_app.metadata(INVOICE_BLOB)
    long_ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    invoice.set_blob_metadata(metadata | {"enqueued_at": long_ago, "waits": waits})
    assert graph_app.list_invoices().enqueued == 2
    later(graph_app, order(USAGE))
    about, _ = graph_app.archive.invoice_metadata(INVOICE.id)
    assert about
    assert about.waits["one_time/usage_line_items"] > datetime.now(UTC)


@pytest.mark.parametrize(
    ("ahead", "enqueued"),
    [(timedelta(days=6), 0), (timedelta(days=8), 1), (timedelta(hours=-7), 1)],
)
def test_a_wait_longer_than_any_message_keeps_no_lines_waiting(
    graph_app: RunningApp, ahead: timedelta, enqueued: int
) -> None:
    """A clock was far ahead when it was noted: a message hides for seven days at the most."""
    graph_app.list_invoices()
    graph_app.queue.clear_messages()
    fetched(graph_app, order())
    about, etag = graph_app.archive.invoice_metadata(INVOICE.id)
    assert about
    assert etag
    waits = {"one_time/usage_line_items": datetime.now(UTC) + ahead}
    noted = replace(about, enqueued_at=datetime.now(UTC) - timedelta(days=1), waits=waits)
    graph_app.archive.set_invoice_metadata(INVOICE.id, noted, replacing=etag)
    assert graph_app.list_invoices().enqueued == enqueued
