"""From the body of a page to the block that is stored: the items' own text, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from fetch_line_items.charges import total_of_odd
from shared.amounts import is_amount, total_of
from shared.api.collection import parse_page
from shared.json_text import loads

# A string, which stays, or white space outside of strings, which goes.
_WHITE_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one page: `block` ends each with a newline.

    `total` sums their charges, None where they have none. The rest is as in `Page`, whose body is
    not kept: a page in flight is in memory once.
    """

    block: bytes
    count: int
    total: Decimal | None
    total_count: int
    next_link: str | None
    token: str | None


class LineReader:
    """Reads answers whose lines have their charge in `charge_field` (None: no charge)."""

    def __init__(self, charge_field: str | None) -> None:
        self._field = charge_field
        if charge_field:
            self._charges = _decoder(charge_field)

    def read(self, body: bytes) -> Lines:
        """Split a body; raises ValueError if it is cut off or no page."""
        page = parse_page(body)
        return Lines(
            block=_block(body, page.items),
            count=len(page.items),
            total=self._total(body, page.items),
            total_count=page.total_count,
            next_link=page.next_link,
            token=page.token,
        )

    def _total(self, body: bytes, items: list[msgspec.Raw]) -> Decimal | None:
        if not self._field:
            return None
        try:
            # One more pass over the body, which builds nothing of the other fields.
            found = [item.charge for item in self._charges.decode(body).items or []]
            total = total_of(charge for charge in found if charge is not None)
        except (msgspec.DecodeError, ArithmeticError):
            return total_of_odd([*map(self._charge, items)], self._field)
        return total if is_amount(total) else total_of_odd([*map(self._charge, items)], self._field)

    def _charge(self, item: msgspec.Raw) -> object:
        fields = loads(bytes(item))
        return fields.get(self._field) if isinstance(fields, dict) else None


def _decoder(field: str) -> msgspec.json.Decoder[Any]:
    """Make a decoder of pages that reads one decimal of each item."""
    charge = ("charge", Decimal | None, msgspec.field(name=field, default=None))
    item = msgspec.defstruct("Item", [charge], gc=False)
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
