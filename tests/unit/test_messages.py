"""The queue's messages, in all the forms that people write them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.links import LineItems
from shared.messages import LineItemsMessage, Progress

LINK = "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
ITEMS = LineItems("D0500033K3", "azure", "usage_line_items")
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
    assert LineItemsMessage.decode(text.encode()).items() == ITEMS
    assert LineItemsMessage.decode(base64.b64encode(text.encode())).items() == ITEMS
    assert LineItemsMessage.decode(base64.encodebytes(text.encode())).items() == ITEMS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no lines"),
        ("{}", "names no lines"),
        ('{"link": null}', "names no lines"),
        ('{"invoiceId": "D0500033K3"}', "names no lines"),
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
        LineItemsMessage.decode(text.encode())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_clear_error(body: bytes) -> None:
    """No message can raise anything but InvalidInput."""
    with suppress(InvalidInput):
        LineItemsMessage.decode(body).items()


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
        LineItemsMessage.decode(json.dumps(fields).encode()).items()


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
        pages=pages,
        lines=lines,
        total=total,
        token=token,
    )
    message = LineItemsMessage(link=LINK, version="0123456789abcdef", progress=progress)
    assert LineItemsMessage.decode(message.encode().encode()) == message


def test_the_timers_message_is_the_documented_one() -> None:
    """Link, id, provider, type and currency are spelled as in responses."""
    message = LineItemsMessage.order(ITEMS, link=LINK, currency="USD", version="0123456789abcdef")
    assert json.loads(message.encode()) == {
        "link": LINK,
        "invoiceId": "D0500033K3",
        "billingProvider": "azure",
        "invoiceLineItemType": "usage_line_items",
        "currencyCode": "USD",
        "version": "0123456789abcdef",
    }
