"""The queue's messages, in all the forms that people write them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetch_line_items.decode import decode_message
from shared.content import Content
from shared.errors import InvalidInput
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.messages import (
    FilePosition,
    GraphPosition,
    LineItemsMessage,
    Look,
    Progress,
    V1Position,
)
from shared.storage.blocks import OldPart, Staged

LINK = "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
KEY = LineItemsKey("D0500033K3", "azure", "usage_line_items")
FIELDS = {
    "invoiceId": "d0500033k3",
    "billingProvider": "AZURE",
    "invoiceLineItemType": "UsageLineItems",
}
FORMS = [
    json.dumps({"link": LINK}),
    json.dumps(FIELDS),
    json.dumps({"link": LINK, **FIELDS, "currencyCode": "USD", "unknown": 1}),
    LINK,
    LINK.removeprefix("/"),
    f'"{LINK}"',
    f"\ufeff {LINK}\n",
    json.dumps({"Link": f" {LINK} ", "INVOICEID": "", "currencyCode": ""}),
    json.dumps({name.lower(): value for name, value in FIELDS.items()}),
]


@pytest.mark.parametrize("text", FORMS)
def test_every_form_means_the_same_lines_plain_and_in_base64(text: str) -> None:
    """JSON with a link, with the three fields, or the bare link, also base64-encoded."""
    assert decode_message(text.encode()).key == KEY
    assert decode_message(base64.b64encode(text.encode())).key == KEY
    assert decode_message(base64.encodebytes(text.encode())).key == KEY


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no lines"),
        ("{}", "names no lines"),
        ('{"link": null}', "names no lines"),
        ('{"invoiceId": "D0500033K3", "billingProvider": "azure"}', "names no lines"),
        ('{"invoiceId": "../D0500033K3"}', "is not an invoice id"),
        ('{"link": "', "not valid JSON"),
        ('{"link": 5}', "link: Input should be a valid string"),
        ('{"link": "https://evil.example/invoices/D0500033K3/lineitems/a/b"}', "is refused"),
        (json.dumps({**FIELDS, "invoiceId": "../D0500033K3"}), "is not an invoice id"),
        (json.dumps({**FIELDS, "billingProvider": "quantum"}), "'quantum' is not a known"),
        (
            json.dumps({**FIELDS, "link": "/invoices/D1111111K3/lineitems/Azure/UsageLineItems"}),
            "the same",
        ),
        (json.dumps({"link": LINK, "invoiceId": "D1111111K3"}), "expected the same"),
        (json.dumps({**FIELDS, "currencyCode": "USD&x=y"}), "currencyCode: String should match"),
        (json.dumps({**FIELDS, "progress": {"run": "x", "correlationId": "y"}}), "progress.run"),
        ("hello", "is not a line items link"),
    ],
)
def test_what_cannot_be_understood_says_why(text: str, problem: str) -> None:
    """The error names the thing that is wrong, or what was expected."""
    with pytest.raises(InvalidInput, match=problem):
        decode_message(text.encode())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_clear_error(body: bytes) -> None:
    """No message can raise anything but InvalidInput."""
    with suppress(InvalidInput):
        _ = decode_message(body).key


@given(
    st.dictionaries(
        st.sampled_from(
            ["link", "invoiceId", "billingProvider", "invoiceLineItemType", "version", "progress"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=50)
        | st.lists(st.none(), max_size=2),
    )
)
def test_any_json_is_a_message_or_a_clear_error(fields: dict[str, object]) -> None:
    """Fields of any type raise nothing but InvalidInput."""
    with suppress(InvalidInput):
        _ = decode_message(json.dumps(fields).encode()).key


@given(
    pages=st.integers(0, 50_000),
    lines=st.integers(0, 10**8),
    total=st.decimals(allow_nan=False, allow_infinity=False, places=22),
    token=st.none() | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1),
)
def test_a_follow_up_message_comes_back_as_it_went_out(
    pages: int, lines: int, total: Decimal, token: str | None
) -> None:
    """Position, token and the exact sum survive the way through the queue."""
    progress = Progress(
        run="0123456789abcdef",
        correlation_id="57eb2ca7-755f-450f-9187-eae1e75a0114",
        staged=Staged("0123456789", pages, pages),
        pages=pages,
        lines=lines,
        total=total,
        position=V1Position("v1", pages, lines, lines, token),
    )
    message = LineItemsMessage(link=LINK, version="0123456789abcdef", progress=progress)
    assert decode_message(message.encode().encode()) == message


def test_the_timers_message_is_the_documented_one() -> None:
    """Link, id, provider, type and currency are spelled as in responses."""
    message = LineItemsMessage.of(KEY, link=LINK, currency="USD", version="0123456789abcdef")
    assert json.loads(message.encode()) == {
        "link": LINK,
        "invoiceId": "D0500033K3",
        "billingProvider": "azure",
        "invoiceLineItemType": "usage_line_items",
        "currencyCode": "USD",
        "version": "0123456789abcdef",
    }


OLD = {
    "run": "0123456789abcdef",
    "parts": [{"id": "aaaaaaaaaaaaaaaa", "pages": 2}, {"id": "bbbbbbbbbbbbbbbb", "pages": 1}],
    "correlationId": "57eb2ca7-755f-450f-9187-eae1e75a0114",
    "pages": 3,
    "lines": 5000,
    "total": "1.10",
    "totalCount": 2000,
    "token": "next, please",
    "attempt": 2,
    "restarts": 1,
    "fetchedFor": "fedcba9876543210",
}


def old_follow_up(**progress: object) -> Progress:
    """What is understood of a follow-up message that release 0.1 has sent."""
    message = decode_message(json.dumps({"link": LINK, "progress": OLD | progress}).encode())
    assert message.progress
    return message.progress


def test_a_follow_up_of_release_0_1_goes_on_where_it_was() -> None:
    """Its pages, sum and position count, and its blocks are those that its parts name."""
    assert old_follow_up() == Progress(
        run="0123456789abcdef",
        correlation_id="57eb2ca7-755f-450f-9187-eae1e75a0114",
        fetched_for="fedcba9876543210",
        staged=Staged(
            end=3,
            blocks=3,
            old=(OldPart("aaaaaaaaaaaaaaaa", 2), OldPart("bbbbbbbbbbbbbbbb", 1)),
        ),
        pages=3,
        lines=5000,
        total=Decimal("1.10"),
        position=V1Position("v1", 3, 5000, 2000, "next, please"),
        attempt=2,
        restarts=1,
    )


def test_a_follow_up_of_release_0_1_that_has_reached_nothing_begins() -> None:
    """Throttled at its first page, it carries no more than its run and its attempts."""
    progress = old_follow_up(parts=[], pages=0, lines=0, total="0", token=None)
    assert (progress.position, progress.staged, progress.attempt) == (None, Staged(), 2)


def test_a_follow_up_of_release_0_1_with_too_many_parts_starts_over() -> None:
    """It could not be sent on any more: 1,815 parts fill a message of the queue."""
    parts = [{"id": f"{number:016x}", "pages": 1} for number in range(1815)]
    progress = old_follow_up(parts=parts, pages=1815, lines=18150)
    assert (progress.position, progress.lines, progress.run) == (None, 0, OLD["run"])


V1 = V1Position("v1", 50_000, 10**8, 10**8, "t" * 200)
EXPORT = GraphPosition(
    operation="o" * 64,
    version="0123456789abcdef",
    etag="e" * 200,
    file=50_000,
    inside=FilePosition(10**12, 2**32 - 1, 50_000, 10**8),
)


@pytest.mark.parametrize("position", [V1, EXPORT])
def test_a_follow_up_message_stays_small(position: V1Position | GraphPosition) -> None:
    """However long the fetch, what it carries is of one size: the queue takes 64 KiB."""
    message = LineItemsMessage(
        link=LINK,
        version="0123456789abcdef",
        progress=Progress(
            fetched_for="0123456789abcdef",
            staged=Staged("f" * 10, 50_000, 50_000),
            content=Content(10**15, 2**32 - 1),
            azure=True,
            pages=50_000,
            lines=10**8,
            total=Decimal("9" * 30 + "." + "9" * 22),
            position=position,
            attempt=12,
            restarts=3,
        ),
        look=Look(due=datetime(2026, 11, 26, tzinfo=UTC), changed=True),
    )
    assert len(message.encode()) < 1_400


def test_a_link_that_is_too_long_to_go_on_with_is_put_shortly() -> None:
    """Follow-up messages and metadata have to carry it."""
    message = decode_message(f"{LINK}?x={'x' * 50_000}".encode())
    assert message.link == link_of(KEY)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("run", "correlationId", "staged", "pages", "lines", "total", "position"),
                *("parts", "token", "totalCount", "attempt", "restarts", "fetchedFor"),
            ]
        ),
        st.none()
        | st.integers()
        | st.just(10**40)
        | st.text(max_size=40)
        | st.just({"source": "v1", "pages": 10**9, "lines": -1})
        | st.just({"part": "0123456789", "end": 10**9, "blocks": 1, "old": [["a", 1]]})
        | st.just([{"id": "a" * 16, "pages": 10**9}, None, 5]),
    )
)
def test_any_progress_is_understood_or_a_clear_error(progress: dict[str, object]) -> None:
    """What a person or another release has written into it raises nothing but InvalidInput."""
    with suppress(InvalidInput):
        decode_message(json.dumps({"link": LINK, "progress": progress}).encode())


def test_the_trace_of_a_message_is_a_w3c_one() -> None:
    """It comes back as it was sent; and none leaves no trace in the text."""
    sent = f"00-{'a' * 32}-{'b' * 16}-01"
    message = LineItemsMessage(invoice_id="D0500033K3")
    assert "traceparent" not in message.encode()
    message = replace(message, traceparent=sent)
    assert decode_message(message.encode().encode()).traceparent == sent


@pytest.mark.parametrize(
    "sent",
    [
        "a?sig=b",
        f"00-{'0' * 32}-{'0' * 16}-01",
        f"00-{'A' * 32}-{'b' * 16}-01",
        f"ff-{'a' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'b' * 16}-01-more",
        "x" * 40_000,
        5,
        ["x"],
        {"trace": "x"},
        None,
    ],
    ids=lambda sent: str(sent)[:20],
)
def test_a_trace_that_is_none_does_not_fail_the_message(sent: object) -> None:
    """It counts as not there: lines are fetched whatever somebody says of their trace."""
    message = decode_message(json.dumps({"link": LINK, "traceparent": sent}).encode())
    assert message == LineItemsMessage(link=LINK)
