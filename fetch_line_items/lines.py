"""From the body of an answer to the block that is stored: the items' own text, one a line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shared.amounts import is_amount, total_of
from shared.pages import Page, parse_page

_log = logging.getLogger(__name__)
_NO_CHARGE = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one page: `block` ends each with a newline, `total` sums their charges."""

    block: bytes
    count: int
    total: Decimal
    page: Page


class LineReader:
    """Reads answers whose lines have their charge in `charge_field` (None: no charge)."""

    def __init__(self, charge_field: str | None) -> None:
        self._field = charge_field
        if charge_field:
            self._decimals = _decoder(charge_field, Decimal | None, default=None)
            self._texts = _decoder(charge_field, msgspec.Raw, default=_NO_CHARGE)

    def read(self, body: bytes) -> Lines:
        """Split a body; raises ValueError if it is cut off or no page."""
        page = parse_page(body)
        return Lines(_block(page.items), len(page.items), self._total(body), page)

    def _total(self, body: bytes) -> Decimal:
        if not self._field:
            return Decimal(0)
        try:
            # One more pass over the body, which builds nothing of the other fields.
            total = total_of(
                charge for charge in _charges(self._decimals, body) if charge is not None
            )
        except (msgspec.ValidationError, ArithmeticError):
            return self._total_of_texts(body)
        return total if is_amount(total) else self._total_of_texts(body)

    def _total_of_texts(self, body: bytes) -> Decimal:
        """Sum a page in which some charge is no number; it adds nothing, and is told."""
        texts = [bytes(text).strip(b'"').decode() for text in _charges(self._texts, body)]
        said = [text for text in texts if text not in ("", "null")]
        amounts = [amount for amount in map(_amount, said) if amount is not None]
        if len(amounts) < len(said):
            odd = len(said) - len(amounts)
            _log.warning("%d of %d lines have no number in %s", odd, len(texts), self._field)
        return total_of(amounts)


def _decoder(field: str, kind: Any, *, default: Any) -> msgspec.json.Decoder[Any]:
    """Make a decoder of pages that reads one field of each item."""
    item = msgspec.defstruct("Item", [("charge", kind, msgspec.field(name=field, default=default))])
    return msgspec.json.Decoder(msgspec.defstruct("Page", [("items", list[item] | None, None)]))  # type: ignore[valid-type]


def _charges(decoder: msgspec.json.Decoder[Any], body: bytes) -> Iterator[Any]:
    return (item.charge for item in decoder.decode(body).items or [])


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if is_amount(amount) else None


def _block(items: list[msgspec.Raw]) -> bytes:
    """Join items as they are; only one that spans lines is set into one line."""
    if not items:
        return b""
    block = b"\n".join([*items, b""])
    if block.count(b"\n") == len(items) and b"\r" not in block:
        return block
    return b"\n".join([*map(_in_one_line, items), b""])


def _in_one_line(item: msgspec.Raw) -> bytes:
    text = bytes(item)
    # A line break inside a string is always escaped: the ones here stand between tokens.
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text
