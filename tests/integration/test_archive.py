"""The container, its manifests and the queue, on real storage (Azurite)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared import looks
from shared.errors import InvalidInput, Overtaken
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.messages import LineItemsMessage
from shared.settings import Settings
from shared.storage.blobs import InvoiceMetadata, LinesMetadata, ManifestMetadata, StoredLines
from shared.storage.blocks import OldPart, Part, Staged
from shared.storage.inventory import inventory_of
from shared.storage.manifest import manifest_of
from shared.storage.names import key_of_blob, lines_blob
from tests.running_app import RunningApp

INVOICE = "G000024130"
BILLING = LineItemsKey(INVOICE, "one_time", "billing_line_items")
USAGE = LineItemsKey(INVOICE, "one_time", "usage_line_items")
AZURE = LineItemsKey(INVOICE, "azure", "billing_line_items")
RUN, OTHER_RUN = "0123456789abcdef", "fedcba9876543210"
VERSION = "aaaabbbbccccdddd"
FIRST = Part.after(Staged())


def commit_staged(
    app: RunningApp,
    staged: Staged,
    key: LineItemsKey = BILLING,
    about: LinesMetadata | None = None,
    **condition: str | None,
) -> None:
    """Commit what is staged over what is there, or over another ETag (`replacing`)."""
    stored = app.archive.lines(key)
    replacing = condition.get("replacing", stored.etag if stored else None)
    app.archive.commit_lines(key, staged, about or LinesMetadata(), replacing=replacing)


def commit(
    app: RunningApp,
    key: LineItemsKey = BILLING,
    *,
    lines: bytes = b'{"n":1}\n',
    run: str = RUN,
    version: str = VERSION,
    total: str | None = None,
    **metadata: Any,
) -> None:
    """Stage one page and commit it."""
    part = Part.after(Staged())
    app.archive.stage_block(key, part, 0, lines)
    about = LinesMetadata(
        lines=lines.count(b"\n"),
        pages=1,
        version=version,
        run=run,
        total=None if total is None else Decimal(total),
        **metadata,
    )
    commit_staged(app, part.with_block(Staged(), blocks=1, end=1), key, about)


def put_invoice(
    app: RunningApp, *details: LineItemsKey, version: str = VERSION, **fields: Any
) -> None:
    """Store an invoice that has these details."""
    invoice = {
        "id": INVOICE,
        "currencyCode": "EUR",
        "invoiceDetails": [
            {"billingProvider": d.billing_provider, "invoiceLineItemType": d.invoice_line_item_type}
            for d in details
        ],
    }
    put_text(app, json.dumps(invoice | fields).encode(), version=version)


def put_text(app: RunningApp, text: bytes, *, version: str = VERSION) -> None:
    """Store this text as the invoice."""
    about = InvoiceMetadata("0" * 16, version, datetime.now(UTC))
    etag = inventory_of(app.archive, INVOICE).etag
    app.archive.put_invoice(INVOICE, text, about, replacing=etag)


def refreshed(app: RunningApp) -> dict[str, Any]:
    """Write the manifest and read it."""
    looks.refresh_manifest(app.services, INVOICE)
    return app.manifest(INVOICE)


# --- lines ----------------------------------------------------------------------------------------


def of_first(blocks: int, end: int | None = None) -> Staged:
    """So many blocks of the first part, without a gap unless `end` says so."""
    return FIRST.with_block(Staged(), blocks=blocks, end=blocks if end is None else end)


def test_staged_pages_are_invisible_until_the_commit(app: RunningApp) -> None:
    """Before the commit there is no blob; after it there is the whole of it."""
    for page in range(3):
        app.archive.stage_block(BILLING, FIRST, page, b"%d\n" % page)
        assert app.blobs() == set()
        assert app.archive.lines(BILLING) is None
    commit_staged(app, of_first(3))
    assert app.blobs() == {lines_blob(BILLING)}
    assert app.read(lines_blob(BILLING)) == b"0\n1\n2\n"


def test_staged_pages_do_not_change_the_blob_that_is_there(app: RunningApp) -> None:
    """While another run stages its pages, readers see the lines of the last commit."""
    commit(app, lines=b"old\n")
    app.archive.stage_block(BILLING, FIRST, 0, b"new\n")
    assert app.read(lines_blob(BILLING)) == b"old\n"
    commit_staged(app, of_first(1))
    assert app.read(lines_blob(BILLING)) == b"new\n"


def test_blocks_are_committed_in_the_order_of_their_numbers(app: RunningApp) -> None:
    """The order is not that of their arrival, and numbers may have gaps."""
    numbers = [*range(0, 15), *range(1000, 1015)]
    for number in reversed(numbers):
        app.archive.stage_block(BILLING, FIRST, number, b"%05d\n" % number)
    commit_staged(app, of_first(30, end=1015))
    assert app.read(lines_blob(BILLING)) == b"".join(b"%05d\n" % number for number in numbers)


def test_staging_a_page_twice_is_harmless(app: RunningApp) -> None:
    """A page that is staged again, as after a crash, is there once, with its last content."""
    app.archive.stage_block(BILLING, FIRST, 0, b"a\n")
    app.archive.stage_block(BILLING, FIRST, 1, b"half of b")
    app.archive.stage_block(BILLING, FIRST, 1, b"b\n")
    assert app.archive.staged_pages(BILLING) == 2
    commit_staged(app, of_first(2))
    assert app.read(lines_blob(BILLING)) == b"a\nb\n"


def test_the_commit_of_another_run_makes_the_blocks_gone(app: RunningApp) -> None:
    """What one run has staged is gone when another commits: Overtaken, and its blob stays."""
    app.archive.stage_block(BILLING, FIRST, 0, b"mine\n")
    commit(app, lines=b"theirs\n", run=OTHER_RUN)
    with pytest.raises(Overtaken, match="Of 1 staged blocks 0 are left"):
        commit_staged(app, of_first(1))
    stored = app.archive.lines(BILLING)
    assert stored
    assert stored.about.run == OTHER_RUN
    assert app.read(lines_blob(BILLING)) == b"theirs\n"


@pytest.mark.parametrize("before", [True, False])
def test_pages_staged_after_the_commit_of_another_run_do_not_replace_it(
    app: RunningApp, before: bool
) -> None:
    """Whoever began before that commit may have older lines, also where nothing had been staged."""
    if before:
        commit(app, lines=b"old\n")
    seen = app.archive.lines(BILLING)
    commit(app, lines=b"theirs\n", run=OTHER_RUN)
    app.archive.stage_block(BILLING, FIRST, 0, b"mine\n")
    with pytest.raises(Overtaken, match=INVOICE):
        commit_staged(app, of_first(1), replacing=seen.etag if seen else None)
    assert app.read(lines_blob(BILLING)) == b"theirs\n"


def test_no_lines_do_not_replace_those_of_another_run(app: RunningApp) -> None:
    """A blob that has appeared since is not emptied by who found nothing there."""
    commit(app, lines=b"theirs\n", run=OTHER_RUN)
    with pytest.raises(Overtaken):
        commit_staged(app, Staged(), replacing=None)
    assert app.read(lines_blob(BILLING)) == b"theirs\n"


def test_a_commit_with_a_page_missing_is_refused(app: RunningApp) -> None:
    """A blob never appears with a gap in it."""
    app.archive.stage_block(BILLING, FIRST, 0, b"a\n")
    app.archive.stage_block(BILLING, FIRST, 2, b"c\n")
    with pytest.raises(Overtaken):
        commit_staged(app, of_first(3))
    assert app.blobs() == set()


def test_what_storage_refuses_is_not_told_as_overtaken(app: RunningApp) -> None:
    """A lease answers 412 like a condition that does not hold, and nobody has written."""
    commit(app)
    app.archive.stage_block(BILLING, FIRST, 0, b"new\n")
    lease = app.container.get_blob_client(lines_blob(BILLING)).acquire_lease()
    with pytest.raises(HttpResponseError, match="lease"):
        commit_staged(app, of_first(1))
    lease.release()


def test_no_lines_are_an_empty_blob(app: RunningApp) -> None:
    """A detail without lines gets a blob of nothing, with metadata like others."""
    commit_staged(app, Staged(), about=LinesMetadata(total=Decimal(0)))
    assert app.read(lines_blob(BILLING)) == b""
    stored = app.archive.lines(BILLING)
    assert stored
    assert (stored.about.lines, stored.about.total) == (0, Decimal(0))


def test_the_metadata_of_a_commit_come_back(app: RunningApp) -> None:
    """What a commit says of its lines is what is known of them, with every digit of the total."""
    about = LinesMetadata(
        lines=2,
        pages=1,
        total=Decimal("1234567890.1999968000511991808131"),
        currency="EUR",
        link=link_of(BILLING),
        source="v1",
        fetched_at="2024-02-09T06:00:12.345678+00:00",
        correlation_id="57eb2ca7-755f-450f-9187-eae1e75a0114",
        run=RUN,
        version=VERSION,
    )
    app.archive.stage_block(BILLING, FIRST, 0, b"1\n2\n")
    commit_staged(app, of_first(1), about=about)
    expected = StoredLines(BILLING, 4, about)
    assert app.archive.lines(BILLING) == expected
    assert inventory_of(app.archive, INVOICE).lines == {BILLING: expected}
    kind = app.container.get_blob_client(lines_blob(BILLING)).get_blob_properties().content_settings
    assert kind.content_type == "application/x-ndjson"


def test_metadata_that_someone_else_has_set_count_as_unknown(app: RunningApp) -> None:
    """Numbers that are none, an amount that is none: the blob is there, and nothing more is known."""
    odd = {"lines": "many", "pages": "-1", "total": "NaN", "fetched_at": "once"}
    app.container.create_container()
    app.container.upload_blob(lines_blob(BILLING), b"x\n", metadata=odd)
    stored = app.archive.lines(BILLING)
    assert stored == StoredLines(BILLING, 2, LinesMetadata(fetched_at="once"))


def test_lines_of_release_0_1_are_those_of_v1(app: RunningApp) -> None:
    """Their metadata name no source: there was one."""
    app.container.create_container()
    app.container.upload_blob(lines_blob(BILLING), b"{}\n", metadata={"lines": "1"})
    assert refreshed(app)["lineItems"][0]["source"] == "v1"


def test_lines_without_a_charge_have_no_total(app: RunningApp) -> None:
    """Where the metadata have no total there is none, which is not zero."""
    commit(app)
    stored = app.archive.lines(BILLING)
    assert stored
    assert stored.about.total is None


def test_only_blobs_of_lines_of_the_invoice_are_its_lines(app: RunningApp) -> None:
    """invoice.json, manifests, other people's blobs and other invoices' lines are passed over."""
    commit(app)
    commit(app, LineItemsKey(f"{INVOICE}1", "one_time", "billing_line_items"))
    put_invoice(app, BILLING)
    looks.refresh_manifest(app.services, INVOICE)
    for name in ("notes.txt", "one_time/billing_line_items.csv", "somebody/else.jsonl", "a.jsonl"):
        app.container.upload_blob(f"{INVOICE}/{name}", b"")
    assert list(inventory_of(app.archive, INVOICE).lines) == [BILLING]


@pytest.mark.parametrize("key", [BILLING, USAGE, AZURE])
def test_a_blobs_name_and_its_key_are_two_ways_to_say_the_same(key: LineItemsKey) -> None:
    """The name of a blob leads back to the key that it was made of."""
    assert key_of_blob(lines_blob(key)) == key


# --- pages under way ------------------------------------------------------------------------------


def test_staged_pages_counts_each_page_once(app: RunningApp) -> None:
    """A page that two invocations have both staged is one page; a commit leaves none."""
    other = Part.after(Staged())
    assert app.archive.staged_pages(BILLING) == 0
    for page in range(3):
        app.archive.stage_block(BILLING, FIRST, page, b"x\n")
    for page in (0, 3):
        app.archive.stage_block(BILLING, other, page, b"x\n")
    assert app.archive.staged_pages(BILLING) == 4
    commit_staged(app, of_first(3))
    assert app.archive.staged_pages(BILLING) == 0


def test_a_blob_is_made_of_the_blocks_of_its_own_chain(app: RunningApp) -> None:
    """Blocks say which one their part follows: the last part is enough to find all of them.

    Of a part that several have gone on from, each goes on for itself; what a part has staged beyond
    where it was followed does not count.
    """
    first = of_first(1)
    left, right = Part.after(first), Part.after(first)
    app.archive.stage_block(BILLING, FIRST, 0, b"first\n")
    app.archive.stage_block(BILLING, FIRST, 1, b"not counted\n")
    app.archive.stage_block(BILLING, left, 1, b"left\n")
    app.archive.stage_block(BILLING, right, 1, b"right\n")
    last = Part.after(left.with_block(first, blocks=1, end=2))
    app.archive.stage_block(BILLING, last, 2, b"last\n")
    app.archive.stage_block(BILLING, last, 3, b"not reached\n")
    commit_staged(app, last.with_block(left.with_block(first, blocks=1, end=2), blocks=1, end=3))
    assert app.read(lines_blob(BILLING)) == b"first\nleft\nlast\n"


def test_blocks_of_release_0_1_come_first(app: RunningApp) -> None:
    """Pages that an old follow-up message counts stand before what was staged since."""
    blob = app.container.get_blob_client(lines_blob(BILLING))
    app.container.create_container()
    for page, old in enumerate((RUN, RUN, OTHER_RUN)):
        blob.stage_block(f"{old}-{page:05d}", b"old %d\n" % page)
    staged = Staged(end=3, blocks=3, old=(OldPart(RUN, 2), OldPart(OTHER_RUN, 1)))
    part = Part.after(staged)
    app.archive.stage_block(BILLING, part, 3, b"new\n")
    assert app.archive.staged_pages(BILLING) == 4
    commit_staged(app, part.with_block(staged, blocks=1, end=4))
    assert app.read(lines_blob(BILLING)) == b"old 0\nold 1\nold 2\nnew\n"


def test_pages_staged_beside_a_committed_blob_count_alone(app: RunningApp) -> None:
    """Committed pages are no staged ones."""
    commit(app)
    app.archive.stage_block(BILLING, FIRST, 0, b"x\n")
    assert app.archive.staged_pages(BILLING) == 1


# --- invoices -------------------------------------------------------------------------------------


@pytest.mark.parametrize("enqueued_at", [None, datetime(2024, 2, 9, 6, 0, 12, 345678, UTC)])
def test_an_invoice_and_its_metadata_come_back(
    app: RunningApp, enqueued_at: datetime | None
) -> None:
    """An invoice.json is the very bytes that were put, and says of itself what was noted."""
    text = '{"id":"G000024130","totalCharges":1.10,"currencySymbol":"€"}'.encode()
    about = InvoiceMetadata("0" * 16, VERSION, datetime.now(UTC), enqueued_at)
    app.archive.put_invoice(INVOICE, text, about, replacing=None)
    stored = app.archive.invoice(INVOICE)
    assert stored
    assert (stored.text, stored.about) == (text, about)


def test_new_metadata_leave_the_text_of_an_invoice(app: RunningApp) -> None:
    """They change what is said of the invoice, not the invoice, and only as it was seen."""
    put_text(app, b"{}")
    about = InvoiceMetadata("1" * 16, "2" * 16, datetime.now(UTC), datetime.now(UTC))
    etag = inventory_of(app.archive, INVOICE).etag
    assert etag
    assert app.archive.set_invoice_metadata(INVOICE, about, replacing=etag) != etag
    stored = app.archive.invoice(INVOICE)
    assert stored
    assert (stored.text, stored.about) == (b"{}", about)
    with pytest.raises(Overtaken, match="by somebody else since"):
        app.archive.set_invoice_metadata(INVOICE, about, replacing=etag)


def test_of_two_that_store_an_invoice_one_is_overtaken(app: RunningApp) -> None:
    """A write replaces what its writer has seen, or nothing; else it is not done."""
    about = InvoiceMetadata("0" * 16, VERSION, datetime.now(UTC))
    first = app.archive.put_invoice(INVOICE, b"first", about, replacing=None)
    with pytest.raises(Overtaken):
        app.archive.put_invoice(INVOICE, b"late", about, replacing=None)
    app.archive.put_invoice(INVOICE, b"second", about, replacing=first)
    with pytest.raises(Overtaken):
        app.archive.put_invoice(INVOICE, b"late", about, replacing=first)
    stored = app.archive.invoice(INVOICE)
    assert stored
    assert stored.text == b"second"


def test_an_invoice_that_someone_else_has_put_says_nothing_of_itself(app: RunningApp) -> None:
    """An invoice.json without this app's metadata can be read all the same."""
    put_text(app, b"{}")
    blob = app.container.get_blob_client(f"{INVOICE}/invoice.json")
    for metadata in ({}, {"content": "x", "version": "y", "stored_at": "some day"}):
        blob.upload_blob(b"{}", overwrite=True, metadata=metadata)
        stored = app.archive.invoice(INVOICE)
        assert stored
        assert stored.about is None


def manifest_text(app: RunningApp) -> bytes | None:
    """The manifest as it is, None where there is none."""
    name = f"{INVOICE}/manifest.json"
    return app.read(name) if name in app.blobs() else None


# --- container and queue --------------------------------------------------------------------------


def test_nothing_is_there_before_the_container_is(app: RunningApp) -> None:
    """Reading from a container that does not exist finds nothing, and does not create it."""
    assert app.archive.invoice(INVOICE) is None
    assert app.archive.lines(BILLING) is None
    assert inventory_of(app.archive, INVOICE).lines == {}
    assert app.archive.staged_pages(BILLING) == 0
    assert not app.container.exists()


@pytest.mark.parametrize("write", ["stage", "commit", "invoice", "manifest"])
@pytest.mark.parametrize("deleted", [False, True])
def test_the_container_is_created_when_missing(app: RunningApp, write: str, deleted: bool) -> None:
    """Whatever is written first creates the container, also after someone has deleted it."""
    if deleted:
        put_text(app, b"{}")
        app.container.delete_container()
    match write:
        case "stage":
            app.archive.stage_block(BILLING, FIRST, 0, b"x\n")
            assert app.archive.staged_pages(BILLING) == 1
        case "commit":
            commit_staged(app, Staged())
        case "invoice":
            put_text(app, b"{}")
        case _:
            looks.refresh_manifest(app.services, INVOICE)
    assert app.container.exists()


def test_pages_that_were_deleted_with_the_container_are_gone(app: RunningApp) -> None:
    """A commit after the container was deleted says that its blocks are gone."""
    app.archive.stage_block(BILLING, FIRST, 0, b"x\n")
    app.container.delete_container()
    with pytest.raises(Overtaken):
        commit_staged(app, of_first(1))


def test_threads_that_find_no_container_create_it_together(app: RunningApp) -> None:
    """Four first pages at once all arrive, whoever of them creates the container."""
    together = threading.Barrier(4)

    def stage(page: int) -> None:
        together.wait(10)
        app.archive.stage_block(BILLING, FIRST, page, b"%d\n" % page)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(stage, range(4)))
    assert app.archive.staged_pages(BILLING) == 4


def test_a_connection_string_that_is_none_is_named(environment: dict[str, str]) -> None:
    """A storage setting that is no connection string is told with the other settings, by name."""
    environment["INVOICES_STORAGE"] = "https://x.blob.core.windows.net"
    with pytest.raises(InvalidInput, match="INVOICES_STORAGE"):
        Settings.from_environment(environment)


@pytest.fixture
def message() -> LineItemsMessage:
    return LineItemsMessage(link=link_of(BILLING), currency_code="EUR")


@pytest.fixture
def missing_queue(app: RunningApp) -> Iterator[RunningApp]:
    with suppress(ResourceNotFoundError):
        app.queue.delete_queue()
    yield app
    app.queue.clear_messages()


def test_the_queue_is_created_when_missing(
    missing_queue: RunningApp, message: LineItemsMessage
) -> None:
    """The first message creates the queue, also after someone has deleted it."""
    for _ in range(2):
        missing_queue.services.queue.send(message)
        assert missing_queue.take_messages() == [message]
        missing_queue.queue.delete_queue()
    missing_queue.services.queue.send(message)
    assert missing_queue.waiting() == 1


def test_a_message_arrives_as_plain_json(app: RunningApp, message: LineItemsMessage) -> None:
    """What the trigger gets is the JSON text itself, and it stays until someone takes it."""
    app.services.queue.send(message)
    [peeked] = app.queue.peek_messages()
    assert json.loads(peeked.content) == {"link": link_of(BILLING), "currencyCode": "EUR"}
    assert peeked.expires_on is None or peeked.expires_on.year > 2100


def test_a_message_with_a_delay_is_not_seen_at_once(
    app: RunningApp, message: LineItemsMessage
) -> None:
    """A delayed message is in the queue, and nobody gets it before its time."""
    app.services.queue.send(message, delay=300)
    assert app.waiting() == 1
    assert app.take_messages() == []


# --- manifests ------------------------------------------------------------------------------------


def test_a_manifest_says_what_is_there(app: RunningApp) -> None:
    """The manifest has the invoice's charge and currency, each committed blob, and what they sum to."""
    put_invoice(app, BILLING, USAGE, totalCharges=10)
    commit(app, total="7.5", currency="EUR", fetched_at="2024-02-09T06:00:12+00:00")
    manifest = refreshed(app)
    assert datetime.fromisoformat(manifest.pop("updatedAt")).utcoffset() is not None
    assert manifest == {
        "invoiceId": INVOICE,
        "currencyCode": "EUR",
        "totalCharges": 10,
        "complete": False,
        "state": "fetching",
        "reason": "the usage lines of one_time are not there yet",
        "checkedAt": None,
        "checks": 0,
        "reconciliation": {
            "billing": [],
            "amendments": None,
            "azurePlans": None,
            "unknown": ["one_time/billing_line_items"],
        },
        "lineTotal": Decimal("7.5"),
        "difference": Decimal("2.5"),
        "lineItems": [
            {
                "billingProvider": "one_time",
                "invoiceLineItemType": "billing_line_items",
                "source": "v1",
                "blob": f"{INVOICE}/one_time/billing_line_items.jsonl",
                "bytes": len(app.read(f"{BILLING}.jsonl")),
                "lines": 1,
                "total": Decimal("7.5"),
                "currency": "EUR",
                "fetchedAt": "2024-02-09T06:00:12+00:00",
                "earlier": [],
            }
        ],
    }


def test_amounts_are_json_numbers_with_all_digits(app: RunningApp) -> None:
    """Amounts are written digit by digit, as numbers: more than a float or 28 digits can hold."""
    charges = "12345678901234567890.1999968000511991808131"
    text = b'{"id":"G000024130","invoiceDetails":[],"totalCharges":%s}' % charges.encode()
    put_text(app, text)
    commit(app, total="0.0000000000000000000000000000000000000001")
    looks.refresh_manifest(app.services, INVOICE)
    written = app.read(f"{INVOICE}/manifest.json").decode()
    difference = "12345678901234567890.1999968000511991808130999999999999999999"
    assert f'"totalCharges":{charges},' in written
    assert f'"difference":{difference},' in written
    total = json.loads(written, parse_float=Decimal)["lineTotal"]
    assert total == Decimal("1e-40")
    assert Decimal(charges) - total != total  # the default context rounds; the manifest did not


def test_a_charge_that_comes_as_a_string_is_a_number_too(app: RunningApp) -> None:
    """An amount in quotation marks counts like one without."""
    put_invoice(app, totalCharges="1.10")
    looks.refresh_manifest(app.services, INVOICE)
    assert b'"totalCharges":1.10,' in app.read(f"{INVOICE}/manifest.json")


def test_usage_explains_and_does_not_add(app: RunningApp) -> None:
    """The line total sums the billing lines of all providers; usage is listed with its own total."""
    put_invoice(app, BILLING, USAGE, AZURE, totalCharges=3)
    commit(app, BILLING, total="1.1")
    commit(app, AZURE, total="2.2")
    commit(app, USAGE, total="1000")
    manifest = refreshed(app)
    assert manifest["lineTotal"] == Decimal("3.3")
    assert manifest["difference"] == Decimal("-0.3")
    assert {entry["total"] for entry in manifest["lineItems"]} == {
        Decimal("1.1"),
        Decimal("2.2"),
        Decimal(1000),
    }


def test_complete_when_every_detail_is_there_for_the_invoice_as_it_stands(app: RunningApp) -> None:
    """One missing blob, or one fetched for an earlier version, leaves the manifest incomplete.

    When it was last complete is remembered: that is how a deleted blob is told from one on its way.
    """
    put_invoice(app, BILLING, USAGE)
    commit(app, BILLING)
    assert refreshed(app)["complete"] is False
    commit(app, USAGE, version="0" * 16)
    assert refreshed(app)["complete"] is False
    commit(app, USAGE, run=OTHER_RUN)
    assert refreshed(app)["complete"] is True
    complete_at = app.metadata(f"{INVOICE}/manifest.json")["complete_at"]
    put_invoice(app, BILLING, USAGE, version="1" * 16)
    assert refreshed(app)["complete"] is False
    assert app.metadata(f"{INVOICE}/manifest.json")["complete_at"] == complete_at


def test_a_detail_that_cannot_be_followed_leaves_it_incomplete(app: RunningApp) -> None:
    """An invoice with a detail of an unknown kind is never said to be all there."""
    put_invoice(app, BILLING, LineItemsKey(INVOICE, "carrier_pigeon", "billing_line_items"))
    commit(app)
    assert refreshed(app)["complete"] is False


@pytest.mark.parametrize("details", [[], None])
def test_an_invoice_without_details_is_complete(
    app: RunningApp, details: list[object] | None
) -> None:
    """Where there is nothing to fetch, nothing is missing; the whole charge is the difference."""
    put_invoice(app, totalCharges=5, invoiceDetails=details)
    manifest = refreshed(app)
    assert (manifest["complete"], manifest["lineTotal"], manifest["difference"]) == (True, 0, 5)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b'{"id":"G000024130","invoiceDetails":{}}',
        b'{"id":"G000024130","amendments":{}}',
        b'{"id":"G000024130","invoiceDetails":[null]}',
    ],
)
def test_a_broken_stored_invoice_leaves_the_manifest_incomplete(
    app: RunningApp, text: bytes
) -> None:
    """An invoice.json that cannot be understood is no exception: the lines are listed, not complete."""
    put_text(app, text)
    commit(app, total="7.5", currency="EUR")
    manifest = refreshed(app)
    assert manifest["complete"] is False
    assert (manifest["totalCharges"], manifest["difference"]) == (None, None)
    assert (manifest["lineTotal"], manifest["currencyCode"]) == (Decimal("7.5"), "EUR")


def test_a_stored_invoice_that_is_nested_too_deeply_is_only_incomplete(app: RunningApp) -> None:
    """It is broken like any other."""
    put_text(app, b"[" * 100_000)
    assert refreshed(app)["complete"] is False


@pytest.mark.parametrize("charges", [b"NaN", b'"a lot"', b"1e9999999", b"[]"])
def test_charges_that_are_no_amount_count_as_unknown(app: RunningApp, charges: bytes) -> None:
    """Whether every line is there does not depend on them; nothing is said of the difference."""
    put_text(app, b'{"id":"G000024130","invoiceDetails":[],"totalCharges":%s}' % charges)
    manifest = refreshed(app)
    assert manifest["complete"] is True
    assert (manifest["totalCharges"], manifest["difference"]) == (None, None)


def test_lines_without_a_stored_invoice_are_not_complete(app: RunningApp) -> None:
    """Where no invoice.json says what there should be, the manifest lists what there is."""
    commit(app, total="7.5")
    manifest = refreshed(app)
    assert manifest["complete"] is False
    assert [entry["blob"] for entry in manifest["lineItems"]] == [lines_blob(BILLING)]


def test_two_writers_that_race_end_with_what_both_know(app: RunningApp) -> None:
    """However two fetches commit and write the manifest at once, it knows both commits in the end."""
    put_invoice(app, BILLING, USAGE)
    for turn in range(8):
        run = f"{turn:016x}"
        together = threading.Barrier(2)

        def finish(
            items: LineItemsKey, run: str = run, together: threading.Barrier = together
        ) -> None:
            together.wait(10)
            commit(app, items, run=run, fetched_at=run)
            looks.refresh_manifest(app.services, INVOICE)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(finish, (BILLING, USAGE)))
        manifest = app.manifest(INVOICE)
        assert manifest["complete"] is True
        assert [entry["fetchedAt"] for entry in manifest["lineItems"]] == [run, run]


@pytest.fixture
def in_between(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens while a manifest is made, each the next time."""
    make = manifest_of
    happenings: list[Callable[[], object]] = []

    def made(*args: Any) -> Any:
        manifest = make(*args)
        if happenings:
            happenings.pop(0)()
        return manifest

    monkeypatch.setattr("shared.looks.manifest_of", made)
    return happenings


def test_a_writer_that_was_overtaken_looks_again(
    app: RunningApp, in_between: list[Callable[[], object]]
) -> None:
    """A manifest that was made before another one was written is made anew, not written over it."""

    def other_writer() -> None:
        commit(app)
        app.archive.put_manifest(INVOICE, b"theirs", ManifestMetadata(), replacing=None)

    in_between.append(other_writer)
    assert [entry["lines"] for entry in refreshed(app)["lineItems"]] == [1]


def test_a_manifest_deleted_in_between_is_written_all_the_same(
    app: RunningApp, in_between: list[Callable[[], object]]
) -> None:
    """A manifest that someone deletes while its successor is made does not stop that one."""
    refreshed(app)
    in_between.append(app.container.get_blob_client(f"{INVOICE}/manifest.json").delete_blob)
    assert refreshed(app)["invoiceId"] == INVOICE


def test_a_manifest_that_is_always_written_by_others_is_an_error(
    app: RunningApp, in_between: list[Callable[[], object]]
) -> None:
    """A writer that is overtaken every time gives up and says so, instead of going on for ever."""

    def other_writer() -> None:
        _, etag = app.archive.manifest(INVOICE)
        app.archive.put_manifest(INVOICE, b"theirs", ManifestMetadata(), replacing=etag)

    in_between.extend([other_writer] * 10)
    with pytest.raises(TimeoutError, match=INVOICE):
        looks.refresh_manifest(app.services, INVOICE)
    assert in_between == []
    assert manifest_text(app) == b"theirs"
