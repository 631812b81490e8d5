"""From the body of a page to the block that is stored: the items' own text, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from fetch_line_items.azure_plan import CATEGORY, NAME, any_azure, is_azure
from fetch_line_items.charges import camel_case, total_of_odd
from shared.amounts import is_amount, total_of
from shared.api.collection import parse_page
from shared.json_text import loads

# A string, which stays, or white space outside of strings, which goes.
_WHITE_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one page: `block` ends each with a newline.

    `total` sums their charges, None where they have none. `azure`: some are those of an Azure plan. The rest is as in `Page`, whose body is
    not kept: a page in flight is in memory once.
    """

    block: bytes
    count: int
    total: Decimal | None
    azure: bool
    total_count: int
    next_link: str | None
    token: str | None


class LineReader:
    """Reads answers whose lines have their charge in `charge_field` (None: no charge)."""

    def __init__(self, charge_field: str | None) -> None:
        self._field = charge_field
        if charge_field:
            self._decoder = _decoder(charge_field)

    def read(self, body: bytes) -> Lines:
        """Split a body; raises ValueError if it is cut off or no page."""
        page = parse_page(body)
        total, azure = self._looked_at(body, page.items)
        return Lines(
            block=_block(body, page.items),
            count=len(page.items),
            total=total,
            azure=azure,
            total_count=page.total_count,
            next_link=page.next_link,
            token=page.token,
        )

    def _looked_at(self, body: bytes, items: list[msgspec.Raw]) -> tuple[Decimal | None, bool]:
        """Give the sum of the charges, and whether some lines are those of an Azure plan."""
        if not self._field:
            return None, False
        try:
            # One more pass over the body, which builds nothing of the other fields.
            found = self._decoder.decode(body).items or []
            total = total_of(item.charge for item in found if item.charge is not None)
        except (msgspec.DecodeError, ArithmeticError):
            return self._odd(items)
        if not is_amount(total):
            return self._odd(items)
        return total, any_azure((item.category for item in found), (item.sku for item in found))

    def _odd(self, items: list[msgspec.Raw]) -> tuple[Decimal, bool]:
        lines = [loads(bytes(item)) for item in items]
        charges = [line.get(self._field) if isinstance(line, dict) else None for line in lines]
        return total_of_odd(charges, self._field or ""), any(map(is_azure, lines))


def _decoder(field: str) -> msgspec.json.Decoder[Any]:
    """Make a decoder of pages that reads one decimal of each item, and what it is of."""
    fields = [
        ("charge", Decimal | None, msgspec.field(name=field, default=None)),
        ("category", str | None, msgspec.field(name=camel_case(CATEGORY), default=None)),
        ("sku", str | None, msgspec.field(name=camel_case(NAME), default=None)),
    ]
    item = msgspec.defstruct("Item", fields, gc=False)
    return msgspec.json.Decoder(msgspec.defstruct("Page", [("items", list[item] | None, None)]))  # type: ignore[valid-type]


def _block(body: bytes, items: list[msgspec.Raw]) -> bytes:
    """Join items as they are; where the body is pretty-printed, each is set into one line."""
    if not items:
        return b""
    if b"\n" in body or b"\r" in body:
        return b"\n".join([*map(_in_one_line, items), b""])
    return b"\n".join([*items, b""])


def _in_one_line(item: msgspec.Raw) -> bytes:
    text = bytes(item)
    # A line break inside a string is always escaped: the ones here stand between tokens.
    return _WHITE_SPACE.sub(rb"\1", text) if b"\n" in text or b"\r" in text else text
