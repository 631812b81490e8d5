"""From the body of a page to the block that is stored: the items' own text, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from fetch_line_items.charges import sums_of_odd
from fetch_line_items.fields import MOST_IN_FULL, FieldNames, camel_case
from fetch_line_items.sums import Sums, sums_of
from shared.api.collection import parse_page
from shared.json_text import loads
from shared.models import LineItem

_OPEN = ord("{")
# A string, which stays, or white space outside of strings, which goes.
_WHITE_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one page: `block` ends each with a newline.

    The rest is as in `Page`, whose body is not kept: a page in flight is in memory once.
    """

    block: bytes
    count: int
    sums: Sums
    total_count: int
    next_link: str | None
    token: str | None


class LineReader:
    """Reads answers whose lines are of this kind (None: of one that has no documented type)."""

    def __init__(self, kind: type[LineItem] | None) -> None:
        self._field = kind.charge_field if kind else None
        if kind and kind.charge_field:
            self._names = [FieldNames(kind, camel_case, in_full=each) for each in (True, False)]
            self._decoders = [_decoder(names) for names in self._names]
            self._left_in_full = MOST_IN_FULL

    def read(self, body: bytes) -> Lines:
        """Split a body; raises ValueError if it is cut off, no page, or has items that are no lines."""
        page = parse_page(body)
        if any(memoryview(item)[0] != _OPEN for item in page.items):
            raise ValueError("an item is no JSON object")
        return Lines(
            block=_block(body, page.items),
            count=len(page.items),
            sums=self._sums(body, page.items),
            total_count=page.total_count,
            next_link=page.next_link,
            token=page.token,
        )

    def _sums(self, body: bytes, items: list[msgspec.Raw]) -> Sums:
        if not self._field:
            return Sums()
        which = 0 if self._left_in_full > 0 else 1
        self._left_in_full -= len(items)
        names = self._names[which]
        try:
            # One more pass over the body, which builds nothing of the other fields.
            sums = sums_of(self._decoders[which].decode(body).items or [], names)
        except (msgspec.DecodeError, ArithmeticError):
            pass
        else:
            if sums.charged == len(items) or not names.is_spelled_otherwise(body):
                return sums
        return sums_of_odd([loads(bytes(item)) for item in items], names)


def _decoder(names: FieldNames) -> msgspec.json.Decoder[Any]:
    """Make a decoder of pages that reads some fields of each item."""
    items = list[names.struct()] | None  # type: ignore[misc,valid-type]
    return msgspec.json.Decoder(msgspec.defstruct("Page", [("items", items, None)]))


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
