"""`GET /api/invoices/{id}/lineItems/{provider}/{type}`: the stored lines, as they are or as a table."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from azure.core import MatchConditions

from get_invoice import line_items
from get_invoice.answer import Answer
from get_invoice.line_items import lines_answer
from local.simulated import SimulatedPartnerCenter
from shared.amounts import total_of
from shared.errors import InvalidInput
from shared.keys import LineItemsKey
from shared.storage.archive import Archive
from shared.storage.blobs import ReadLines
from tests.by_hand import page, serve
from tests.running_app import RunningApp

KEY = LineItemsKey("D050001234", "office", "billing_line_items")
LINK = "/invoices/D050001234/lineitems/office/billinglineitems"
BLOB = "D050001234/office/billing_line_items.jsonl"
LINES = [
    {"customerId": "a14e7c5b-1", "customerName": "=cmd|' /C calc'!A0", "totalForCustomer": 1.10},
    {"customerId": "A14E7C5B-2", "customerName": '서울, "Ltd"; Süd', "totalForCustomer": "-0.5"},
    {"customerId": "a14e7c5b-1", "customerName": "Contoso", "mpnId": 18, "carbon": {"kg": 1}},
]


@pytest.fixture
def stored(app: RunningApp, partner_center: SimulatedPartnerCenter) -> RunningApp:
    """An app that has brought some lines."""
    serve(partner_center, "lineitems", lambda *_: page(LINES))
    app.fetch(LINK)
    return app


def ask(
    app: RunningApp,
    headers: Mapping[str, str] | None = None,
    *,
    key: Any = KEY,
    **params: str,
) -> Answer:
    return lines_answer(key, params, headers or {}, app.archive)


def table(body: bytes, separator: str = ",") -> list[dict[str, str]]:
    text = body.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


def problem(answer: Answer, status: int) -> dict[str, Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    members: dict[str, Any] = json.loads(answer.body)
    return members


def test_json_lines_are_the_stored_bytes(stored: RunningApp) -> None:
    """Whatever they are, with a name that a file can have."""
    answer = ask(stored)
    assert answer.body == stored.read(BLOB)
    assert answer.status == 200
    assert answer.headers == {
        "Content-Type": "application/x-ndjson; charset=utf-8",
        "Content-Disposition": 'attachment; filename="D050001234_office_billing_line_items.jsonl"',
        "Vary": "Accept, Accept-Encoding",
    }


@pytest.mark.parametrize(
    ("headers", "params"), [({"accept": "text/csv"}, {}), ({"accept": "*/*"}, {"format": "csv"})]
)
def test_csv_has_a_row_for_each_line(
    stored: RunningApp, headers: dict[str, str], params: dict[str, str]
) -> None:
    """By `Accept` or by `format`; nothing is left out, nothing is reckoned with by a spreadsheet."""
    answer = ask(stored, headers, **params)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert '.csv"' in answer.headers["Content-Disposition"]
    rows = table(answer.body)
    assert [row["customerName"] for row in rows] == [
        "'=cmd|' /C calc'!A0",
        '서울, "Ltd"; Süd',
        "Contoso",
    ]
    assert [row["totalForCustomer"] for row in rows] == ["1.1", "-0.5", ""]
    assert rows[2]["mpnId"] == "18"
    assert json.loads(rows[2]["otherFields"]) == {"carbon": {"kg": 1}}


def test_a_locale_is_that_of_the_readers_excel(stored: RunningApp) -> None:
    """Decimal and list separators, and the mark by which Excel knows UTF-8."""
    answer = ask(stored, format="csv", locale="de-DE")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    rows = table(answer.body, ";")
    assert [row["totalForCustomer"] for row in rows] == ["1,1", "-0,5", ""]
    assert rows[1]["customerName"] == '서울, "Ltd"; Süd'


@pytest.mark.parametrize("customer", ["a14e7c5b-1", "A14E7C5B-1", "org:a14e7c5b-1"])
def test_the_lines_of_one_customer_are_those_alone(stored: RunningApp, customer: str) -> None:
    """In any spelling of the id, as they stand."""
    lines = stored.read(BLOB).split(b"\n")
    assert ask(stored, customerId=customer).body == b"\n".join([lines[0], lines[2], b""])
    answer = ask(stored, format="csv", customerId=customer)
    assert len(table(answer.body)) == 2
    name = "D050001234_office_billing_line_items_a14e7c5b-1.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_a_customer_without_lines_has_none(stored: RunningApp) -> None:
    """Part of an id, or another field that holds it, does not count."""
    assert ask(stored, customerId="a14e7c5b").body == b""
    assert ask(stored, customerId="Contoso").body == b""
    assert table(ask(stored, format="csv", customerId="nobody").body) == []


def test_who_can_unpack_gets_it_packed(stored: RunningApp) -> None:
    """By gzip, as browsers and clients ask for it by themselves."""
    answer = ask(stored, {"accept-encoding": "br, gzip;q=0.8"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == stored.read(BLOB)
    assert "Content-Encoding" not in ask(stored, {"accept-encoding": "gzip;q=0, br"}).headers


def test_earlier_versions_are_to_be_had(
    stored: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """By the snapshot that the manifest names."""
    before = stored.read(BLOB)
    partner_center.faults.clear()
    serve(partner_center, "lineitems", lambda *_: page([*LINES, {"totalForCustomer": 5}]))
    stored.fetch(LINK)
    (entry,) = stored.manifest("D050001234")["lineItems"]
    snapshot = entry["earlier"][0]["snapshot"]
    answer = ask(stored, snapshot=snapshot)
    assert answer.body == before
    assert f'_{snapshot.replace(":", "-")}.jsonl"' in answer.headers["Content-Disposition"]
    assert ask(stored).body == stored.read(BLOB) != before


@pytest.mark.parametrize("kind", [("office", "usage_line_items"), ("one_time", "usage_line_items")])
def test_lines_that_are_not_stored_are_told(stored: RunningApp, kind: tuple[str, str]) -> None:
    """404, also for an invoice or a snapshot that there is not."""
    problem(ask(stored, key=LineItemsKey("D050001234", *kind)), 404)
    problem(ask(stored, key=LineItemsKey("D050009999", *kind)), 404)
    told = problem(ask(stored, snapshot="2026-11-26T20:41:04.4560000Z"), 404)
    assert "no version 2026-11-26T20:41:04.4560000Z" in told["detail"]


def test_a_query_that_cannot_be_understood_is_refused(stored: RunningApp) -> None:
    """It would bring the lines of all customers, or today's."""
    with pytest.raises(InvalidInput, match="unknown parameter 'customerid'"):
        ask(stored, customerid="a14e7c5b-1")
    with pytest.raises(InvalidInput, match="snapshot must be"):
        ask(stored, snapshot="yesterday")


def test_lines_without_documentation_are_json_lines_only(stored: RunningApp) -> None:
    """There is no table of them: 406."""
    blob = stored.container.get_blob_client(BLOB)
    blob.set_blob_metadata(stored.metadata(BLOB) | {"source": "graph"})
    assert ask(stored).body == stored.read(BLOB)
    assert "JSON lines" in problem(ask(stored, format="csv"), 406)["detail"]


@pytest.mark.parametrize(
    "line",
    [
        rb'{"customerId": "a14e7c5b-1", "customerName": "half of \ud83d"}',
        b'{"customerId": "a14e7c5b-1", "customerName": "no UTF-8: \xff"}',
        rb'{"customerId": "\u0061\u00314e7c5b-1"}',
    ],
)
def test_a_line_that_is_odd_stops_no_statement(stored: RunningApp, line: bytes) -> None:
    """It is this customer's, in a table, too."""
    metadata = stored.metadata(BLOB)
    text = stored.read(BLOB) + line + b"\n"
    stored.container.upload_blob(BLOB, text, overwrite=True, metadata=metadata)
    assert ask(stored, customerId="a14e7c5b-1").body.endswith(b"\n" + line + b"\n")
    rows = table(ask(stored, format="csv", customerId="a14e7c5b-1").body)
    assert len(rows) == 3


@pytest.mark.parametrize("line", [b"[]", b"{", b'{"customerId": "a14e7c5b-1"', b"", b"\xff"])
def test_a_broken_line_is_told_by_its_number(stored: RunningApp, line: bytes) -> None:
    """Never a table or a statement with a line less."""
    good = stored.read(BLOB)
    metadata = stored.metadata(BLOB)
    broken = good + line + b"\n" + good
    stored.container.upload_blob(BLOB, broken, overwrite=True, metadata=metadata)
    assert ask(stored).body == broken
    assert "Line 4 " in problem(ask(stored, format="csv"), 500)["detail"]
    if b"a14e7c5b-1" in line:
        assert "Line 4 " in problem(ask(stored, customerId="a14e7c5b-1"), 500)["detail"]


def test_a_line_without_an_end_is_told(stored: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not fill the memory."""
    monkeypatch.setattr("shared.whole_lines.LONGEST_LINE", 10)
    monkeypatch.setattr("get_invoice.lines._BLOCK_BYTES", 10)
    metadata = stored.metadata(BLOB)
    stored.container.upload_blob(BLOB, b"x" * 100, overwrite=True, metadata=metadata)
    assert "Line 1 " in problem(ask(stored, format="csv"), 500)["detail"]


def test_a_last_line_without_its_end_counts(stored: RunningApp) -> None:
    """As somebody may have written it."""
    lines = stored.read(BLOB).removesuffix(b"\n")
    metadata = stored.metadata(BLOB)
    stored.container.upload_blob(BLOB, lines, overwrite=True, metadata=metadata)
    assert len(table(ask(stored, format="csv").body)) == 3


def test_no_lines_are_a_table_without_rows(stored: RunningApp) -> None:
    """With its columns."""
    metadata = stored.metadata(BLOB)
    stored.container.upload_blob(BLOB, b"", overwrite=True, metadata=metadata)
    assert ask(stored).body == b""
    answer = ask(stored, format="csv")
    assert table(answer.body) == []
    assert answer.body.startswith(b"partnerId,")


def test_what_is_too_large_for_an_answer_is_told(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a part of it: 413 says what can be asked for."""
    monkeypatch.setattr(line_items, "_MOST_BYTES", 100)
    assert "customerId" in problem(ask(stored), 413)["detail"]


def reading(monkeypatch: pytest.MonkeyPatch, pieces: Callable[[], Iterator[bytes]]) -> None:
    """Let lines come like this."""
    read_lines = Archive.read_lines

    def replaced(*arguments: Any) -> ReadLines | None:
        read = read_lines(*arguments)
        return ReadLines(read.stored, pieces()) if read else None

    monkeypatch.setattr(Archive, "read_lines", replaced)


def test_storage_that_trickles_is_not_waited_for(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a part: the answer ends in time, and so does the work for it."""
    collected, ended = line_items._collected, threading.Event()

    def trickling() -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b"{}\n"

    def until_it_ends(pieces: Iterable[bytes]) -> bytes:
        try:
            return collected(pieces)
        finally:
            ended.set()

    reading(monkeypatch, trickling)
    monkeypatch.setattr(line_items, "_collected", until_it_ends)
    monkeypatch.setattr(line_items, "_SECONDS", 0.2)
    with pytest.raises(TimeoutError):
        ask(stored)
    assert ended.wait(5)


def test_storage_that_hangs_takes_nobody_elses_turn(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is given up has no turn any more, whenever storage says something again."""
    again = threading.Event()

    def hanging() -> Iterator[bytes]:
        again.wait(30)
        yield from ()

    monkeypatch.setattr(line_items, "_AT_ONCE", threading.BoundedSemaphore(1))
    with monkeypatch.context() as patched:
        reading(patched, hanging)
        patched.setattr(line_items, "_SECONDS", 0.2)
        with pytest.raises(TimeoutError):
            ask(stored)
    assert ask(stored).status == 200
    again.set()


def test_lines_that_are_deleted_while_they_are_read_are_gone(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404, as for lines that never were."""

    def deleted() -> Iterator[bytes]:
        yield b"{}\n"
        stored.container.delete_blob(BLOB)
        yield stored.container.download_blob(BLOB).readall()

    reading(monkeypatch, deleted)
    problem(ask(stored), 404)


@pytest.mark.parametrize("times", [1, 2])
def test_lines_that_are_replaced_while_they_are_read_are_read_again(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Once; then it is told, and nobody gets a mixture."""
    read_lines, left = Archive.read_lines, [*range(times)]

    def replaced(*arguments: Any) -> ReadLines:
        read = read_lines(*arguments)
        assert read
        about, whole = read

        def pieces() -> Iterator[bytes]:
            first, *others = whole
            if left:
                yield first[:10]
                left.pop()
                stored.container.upload_blob(BLOB, stored.read(BLOB), overwrite=True)
                stored.container.download_blob(
                    BLOB, etag=about.etag, match_condition=MatchConditions.IfNotModified
                )
            yield from (first, *others)

        return ReadLines(about, pieces())

    monkeypatch.setattr(Archive, "read_lines", replaced)
    answer = ask(stored)
    if times == 1:
        assert answer.body == stored.read(BLOB)
    else:
        assert "being replaced" in problem(answer, 503)["detail"]
        assert answer.headers["Retry-After"] == "20"


def test_answers_in_memory_are_few_at_once(
    stored: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes too often waits a while and is then asked to come again; a turn is given back."""
    monkeypatch.setattr(line_items, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(line_items, "_TURN_SECONDS", 0.05)
    with line_items._AT_ONCE:
        answer = ask(stored)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "20")
    assert ask(stored).status == 200
    monkeypatch.setattr(line_items, "_MOST_BYTES", 10)
    assert ask(stored).status == 413
    monkeypatch.setattr(line_items, "_MOST_BYTES", 10_000)
    assert ask(stored).status == 200


def test_totals_of_the_tables_are_those_of_the_manifests(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Of every kind of lines, added up from the cells."""
    del partner_center.invoices["D0500033K3"]
    app.list_invoices()
    app.drain()
    compared = 0
    for name in {each.partition("/")[0] for each in app.blobs()}:
        for entry in app.manifest(name)["lineItems"]:
            key = LineItemsKey(name, entry["billingProvider"], entry["invoiceLineItemType"])
            rows = table(ask(app, key=key, format="csv").body)
            assert len(rows) == entry["lines"]
            if entry["total"] is not None:
                field = {"azure": "postTaxTotal"}.get(key.billing_provider, "totalForCustomer")
                if key.invoice_line_item_type == "usage_line_items":
                    field = "billingPreTaxTotal"
                cells = (row[field] for row in rows)
                assert total_of(Decimal(cell) for cell in cells if cell) == entry["total"]
                compared += 1
    assert compared > 5
