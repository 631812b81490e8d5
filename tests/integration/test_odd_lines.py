"""Lines as people have reported them, and siblings: nothing is lost, doubled or asked for without end."""

from __future__ import annotations

import base64
import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobClient, BlockState

from fetch_line_items.decode import decode_message
from local.simulated import SimulatedPartnerCenter
from shared.errors import ApiError, Fatal, Overtaken, Refused
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.storage.blocks import Part, Staged
from tests.by_hand import next_page, numbers, page, rows, serve
from tests.running_app import RunningApp

OFFICE = LineItemsKey("D000000001", "office", "billing_line_items")
TOKEN = "MS-ContinuationToken"
NEW = LineItemsKey("G000000001", "one_time", "billing_line_items")


def ask(key: LineItemsKey) -> str:
    return json.dumps({"link": link_of(key), "currencyCode": "USD"})


def drain(app: RunningApp, most: int = 60, **settings: Any) -> None:
    """Work on what the queue has now and what comes of it, but not for ever."""
    for _ in range(most):
        message = app.queue.receive_message() if app.waiting() else None
        if message is None:
            return
        app.fetch(message.content, **settings)
        app.queue.delete_message(message)
    raise AssertionError(f"more than {most} messages")


# --- by token -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(10, 5), (5, 10)])
def test_a_token_goes_on_with_the_page_size_that_it_was_given_for(
    app: RunningApp, partner_center: SimulatedPartnerCenter, before: int, after: int
) -> None:
    """A token may be the number of the page, whatever LINE_ITEMS_PAGE_SIZE is by then."""

    def answer(query: dict[str, str], headers: Any) -> bytes:
        size, token = int(query["size"]), headers.get("MS-ContinuationToken", "AAAAAA==")
        (number,) = struct.unpack("<i", base64.b64decode(token))
        part = rows(20)[number * size : (number + 1) * size]
        if (number + 1) * size >= 20:
            return page(part)
        return page(part, next=next_page(base64.b64encode(struct.pack("<i", number + 1)).decode()))

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(NEW), page_size=before, time_budget_seconds=0)
    drain(app, page_size=after, time_budget_seconds=0)
    assert numbers(app.read(f"{NEW}.jsonl")) == list(range(20))


@pytest.mark.usefixtures("no_waits")
def test_a_next_link_without_a_token_is_not_the_end(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """More is promised and cannot be asked for: it is asked again later, and nothing is committed."""
    serve(partner_center, "lineitems", lambda *_: page(rows(10), next=next_page(None)))
    app.fetch(ask(NEW), page_size=10)
    assert (app.waiting(), app.blobs()) == (1, set())


def test_empty_pages_have_an_end(app: RunningApp, partner_center: SimulatedPartnerCenter) -> None:
    """Each answer is empty and has a token never seen before: that fails, over messages too."""
    asked: list[int] = []

    def answer(*_: object) -> bytes:
        asked.append(1)
        return page([], next=next_page(f"token-{len(asked)}"))

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(NEW), time_budget_seconds=0)
    with pytest.raises(Fatal, match="more than 100 empty pages in a row"):
        drain(app, most=150, time_budget_seconds=0)
    assert len(asked) == 101


@pytest.mark.parametrize(
    "following",
    [
        {"ContinuationToken": "more"},
        {"continuationtoken": "more"},
        {
            "links": {
                "next": {
                    "Uri": "/invoices/G000000001/lineitems",
                    "Headers": [{"Key": TOKEN, "Value": "more"}],
                }
            }
        },
        {"Links": {"Next": {"uri": "", "headers": [{"key": TOKEN.lower(), "value": "more"}]}}},
    ],
)
def test_a_token_in_another_spelling_is_a_token(
    app: RunningApp, partner_center: SimulatedPartnerCenter, following: dict[str, object]
) -> None:
    """The end is where there is none, however it is spelled."""

    def answer(_: dict[str, str], headers: Any) -> bytes:
        if "MS-ContinuationToken" in headers:
            return page(rows(4)[2:])
        return json.dumps({"items": rows(2)} | following).encode()

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(NEW), page_size=2)
    assert numbers(app.read(f"{NEW}.jsonl")) == [0, 1, 2, 3]


@pytest.mark.usefixtures("no_waits")
def test_a_token_that_no_header_can_carry_is_a_broken_answer(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Nor would it fit into the follow-up message."""
    serve(partner_center, "lineitems", lambda *_: page(rows(2), next=next_page("t" * 70_000)))
    app.fetch(ask(NEW))
    assert (app.waiting(), app.blobs()) == (1, set())


# --- by offset ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("totalCount", count) for count in (9, "9", " 9 ", 9.0, "9.0", "9e0")),
        *(("TotalCount", 9), ("totalcount", "9")),
    ],
)
def test_a_total_count_counts_however_it_is_spelled(
    app: RunningApp, partner_center: SimulatedPartnerCenter, name: str, count: object
) -> None:
    """Pages that are shorter than asked for, without a next link: the count alone says that there is more."""

    def answer(query: dict[str, str], _: Any) -> bytes:
        start = int(query["offset"])
        return json.dumps({name: count, "items": rows(9)[start : start + 2]}).encode()

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(OFFICE))
    assert numbers(app.read(f"{OFFICE}.jsonl")) == list(range(9))


@pytest.mark.parametrize("count", [None, "", "many", -5, True, [9], {}, "NaN", 1e300, "9" * 5000])
def test_a_total_count_that_is_none_is_passed_over(
    app: RunningApp, partner_center: SimulatedPartnerCenter, count: object
) -> None:
    """The other signs decide."""
    body = json.dumps({"totalCount": count, "items": rows(2)}).encode()
    serve(partner_center, "lineitems", lambda *_: body)
    app.fetch(ask(OFFICE))
    assert numbers(app.read(f"{OFFICE}.jsonl")) == [0, 1]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("budget", [240, 0], ids=["one message", "a message a page"])
def test_equal_lines_on_small_pages_are_real(
    app: RunningApp, partner_center: SimulatedPartnerCenter, size: int, budget: int
) -> None:
    """Two pages of the same lines are looked into, and are there where the offset is honoured."""
    line = {"n": 7, "totalForCustomer": "1.00"}

    def answer(query: dict[str, str], _: Any) -> bytes:
        return page([line] * max(0, min(size, 6 - int(query["offset"]))))

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(OFFICE), page_size=size, time_budget_seconds=budget)
    drain(app, page_size=size, time_budget_seconds=budget)
    assert numbers(app.read(f"{OFFICE}.jsonl")) == [7] * 6


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("budget", [240, 0], ids=["one message", "a message a page"])
def test_an_offset_that_is_ignored_is_told_at_once(
    app: RunningApp, partner_center: SimulatedPartnerCenter, lines: int, budget: int
) -> None:
    """Also with one line a page, and where each page has a message of its own."""
    serve(partner_center, "lineitems", lambda *_: page(rows(lines)))
    app.services.queue.send(decode_message(ask(OFFICE).encode()))
    with pytest.raises(Fatal, match="ignores the offset"):
        drain(app, page_size=lines, time_budget_seconds=budget)
    assert len(partner_center.requests.matching("lineitems")) <= 12
    assert app.blobs() == set()


def test_a_refusal_while_the_offset_is_looked_into_is_told_as_one(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Credentials that end then are no offset that is ignored."""

    def answer(query: dict[str, str], _: Any) -> bytes | web.Response:
        far = int(query["offset"]) >= 10**9
        return web.Response(status=403) if far else page(rows(1))

    serve(partner_center, "lineitems", answer)
    with pytest.raises(Refused, match="roles in Partner Center"):
        app.fetch(ask(OFFICE), page_size=1, concurrency=1)


def test_no_content_is_no_lines(app: RunningApp, partner_center: SimulatedPartnerCenter) -> None:
    """That the API answers 204 is not known; where it does, there are none."""
    serve(partner_center, "lineitems", lambda *_: web.Response(status=204))
    app.fetch(ask(OFFICE))
    assert app.read(f"{OFFICE}.jsonl") == b""


@pytest.mark.usefixtures("no_waits")
def test_no_content_does_not_end_a_link_that_is_paged_by_token(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """An answer without a body says neither that there is more nor that there is not."""

    def answer(_: dict[str, str], headers: Any) -> bytes | web.Response:
        if "MS-ContinuationToken" in headers:
            return web.Response(status=204)
        return page(rows(2), next=next_page("more"))

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(NEW), page_size=2)
    assert (app.waiting(), app.blobs()) == (1, set())


# --- storage --------------------------------------------------------------------------------------


def test_an_immutable_blob_is_told_and_not_fetched_for_ever(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retention policy answers the commit with 409, like a race; it is none."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    app.fetch(ask(OFFICE))
    partner_center.faults.clear()
    serve(partner_center, "lineitems", lambda *_: page(rows(4)))

    def refused(*_: object, **__: object) -> None:
        error = ResourceExistsError("not permitted as the blob is immutable due to a policy")
        error.status_code = 409
        error.error_code = "BlobImmutableDueToPolicy"  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(BlobClient, "commit_block_list", refused)
    with pytest.raises(AzureError, match="immutable"):
        app.fetch(ask(OFFICE))
    assert app.waiting() == 0


def test_what_is_always_overtaken_has_an_end(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting over because others have committed is counted over messages."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    stage = app.archive.stage_block

    def stage_and_be_overtaken(*args: Any) -> None:
        stage(*args)
        blob = app.container.get_blob_client(f"{OFFICE}.jsonl")
        blob.upload_blob(b"theirs\n", overwrite=True)

    monkeypatch.setattr(app.archive, "stage_block", stage_and_be_overtaken)
    app.fetch(ask(OFFICE))
    with pytest.raises(Exception, match=r"written by somebody else|staged blocks"):
        drain(app)
    assert len(partner_center.requests.matching("lineitems")) == 4


@pytest.mark.parametrize("stored", [False, True])
def test_an_upload_that_another_tool_broke_off_is_no_obstacle(
    app: RunningApp, partner_center: SimulatedPartnerCenter, stored: bool
) -> None:
    """Ids of another length keep ours out: its blocks go, and what was committed stays until the commit."""
    lines = rows(3)
    serve(partner_center, "lineitems", lambda *_: page(lines))
    if stored:
        app.fetch(ask(OFFICE))
        lines += rows(5)[3:]
    else:
        app.container.create_container()
    app.container.get_blob_client(f"{OFFICE}.jsonl").stage_block("short", b"x")
    app.fetch(ask(OFFICE))
    if stored:
        assert numbers(app.read(f"{OFFICE}.jsonl")) == [0, 1, 2]
        assert app.metadata(f"{OFFICE}.jsonl")["lines"] == "3"
    drain(app)
    assert numbers(app.read(f"{OFFICE}.jsonl")) == list(range(len(lines)))


def test_what_is_committed_stays_as_it_is_while_others_blocks_are_discarded(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tool's ids may be the same in both of its uploads: the committed blocks are asked for.

    Azurite takes the others all the same, so it is the request that is looked at.
    """
    app.container.create_container()
    blob = app.container.get_blob_client(f"{OFFICE}.jsonl")
    blob.stage_block("short", b"old\n")
    blob.commit_block_list([BlobBlock("short")])
    blob.stage_block("other", b"new\n")
    commit, states = BlobClient.commit_block_list, list[Any]()

    def committing(self: BlobClient, blocks: list[BlobBlock], **kwargs: Any) -> Any:
        states.extend(block.state for block in blocks)
        return commit(self, blocks, **kwargs)

    monkeypatch.setattr(BlobClient, "commit_block_list", committing)
    with pytest.raises(Overtaken):
        app.archive.stage_block(OFFICE, Part.after(Staged()), 0, b"ours\n")
    assert states == [BlockState.COMMITTED]
    assert blob.download_blob().readall() == b"old\n"


def test_a_block_list_that_is_full_is_no_obstacle(
    app: RunningApp, partner_center: SimulatedPartnerCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that were given up count for a week: at 100,000 they are discarded."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    app.container.create_container()
    app.container.get_blob_client(f"{OFFICE}.jsonl").stage_block("0" * 22, b"x")
    stage = BlobClient.stage_block

    def full(self: BlobClient, *args: Any, **kwargs: Any) -> Any:
        if any(block.id == "0" * 22 for block in self.get_block_list("uncommitted")[1]):
            error = ResourceExistsError("too many blocks")
            error.error_code = "BlockCountExceedsLimit"  # type: ignore[attr-defined]
            raise error
        return stage(self, *args, **kwargs)

    def none_yet(self: BlobClient, *args: Any, **kwargs: Any) -> Any:
        with suppress(ResourceNotFoundError):
            return full(self, *args, **kwargs)
        return stage(self, *args, **kwargs)

    monkeypatch.setattr(BlobClient, "stage_block", none_yet)
    app.fetch(ask(OFFICE))
    assert numbers(app.read(f"{OFFICE}.jsonl")) == [0, 1, 2]


def test_blocks_beside_an_upload_of_another_tool_are_told(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """What did not come by blocks cannot be committed again without them, and is not thrown away."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    app.container.create_container()
    blob = app.container.get_blob_client(f"{OFFICE}.jsonl")
    blob.upload_blob(b"somebody's")
    blob.stage_block("short", b"x")
    with pytest.raises(Exception, match="uploaded by another tool"):
        app.fetch(ask(OFFICE))
    assert app.read(f"{OFFICE}.jsonl") == b"somebody's"


def test_what_storage_refuses_is_not_told_as_a_race(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """The manifest is in the archive tier; nobody has changed it."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    app.fetch(ask(OFFICE))
    manifest = app.container.get_blob_client(f"{OFFICE.invoice_id}/manifest.json")
    manifest.set_standard_blob_tier("Archive")
    partner_center.faults.clear()
    serve(partner_center, "lineitems", lambda *_: page(rows(4)))
    with pytest.raises(HttpResponseError, match="archived"):
        app.fetch(ask(OFFICE))
    assert numbers(app.read(f"{OFFICE}.jsonl")) == [0, 1, 2, 3]


# --- messages -------------------------------------------------------------------------------------


def test_a_follow_up_of_release_0_1_that_fills_its_message_starts_over(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """With 1,815 parts it could not be sent on any more."""
    serve(partner_center, "lineitems", lambda *_: page(rows(3)))
    progress = {
        "run": "0" * 16,
        "correlationId": "0" * 36,
        "parts": [{"id": f"{n:016x}", "pages": 1} for n in range(1815)],
        "pages": 1815,
        "lines": 18150,
        "total": "18150",
    }
    app.fetch(json.dumps({"link": link_of(OFFICE), "currencyCode": "USD", "progress": progress}))
    drain(app)
    assert numbers(app.read(f"{OFFICE}.jsonl")) == [0, 1, 2]


def test_a_link_of_one_page_a_message_ends_however_long_it_is(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """Two hundred messages, each a part: the message stays of one size, and all blocks are found."""

    def answer(query: dict[str, str], _: Any) -> bytes:
        start = int(query["offset"])
        return page(rows(200)[start : start + 1])

    serve(partner_center, "lineitems", answer)
    app.fetch(ask(OFFICE), page_size=1, time_budget_seconds=0)
    sizes = set()
    while message := app.queue.receive_message():
        sizes.add(len(message.content))
        app.fetch(message.content, page_size=1, time_budget_seconds=0)
        app.queue.delete_message(message)
    assert numbers(app.read(f"{OFFICE}.jsonl")) == list(range(200))
    assert max(sizes) - min(sizes) < 20


def test_more_pages_than_a_blob_has_blocks_are_told(
    app: RunningApp, partner_center: SimulatedPartnerCenter
) -> None:
    """At 2,000 lines a page that is 100,000,000 lines; the error says what to do."""
    serve(partner_center, "lineitems", lambda *_: page(rows(10)))
    at_the_end = {
        "run": "0" * 16,
        "correlationId": "0" * 36,
        "staged": {"part": "0123456789", "end": 50_000, "blocks": 50_000},
        "pages": 50_000,
        "lines": 500_000,
        "position": {"source": "v1", "pages": 50_000, "lines": 500_000},
    }
    message = {"link": link_of(OFFICE), "currencyCode": "USD", "progress": at_the_end}
    with pytest.raises(ApiError, match=r"more than 50000 blocks.* raise LINE_ITEMS_PAGE_SIZE"):
        app.fetch(json.dumps(message), page_size=10)
