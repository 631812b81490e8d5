r"""JSON as it comes: decimals exact, the text of its parts untouched.

msgspec reads nearly all of it, and fast. It does not take half a surrogate pair (`\ud83d`), which
JSON allows and a server writes where it cuts a text in the middle of an emoji: that is read with the
standard library, here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_WHITE = re.compile(r"[^ \t\r\n]")
# It tells where a value ends; what a number is does not matter, and one of thousands of digits is refused.
_decoder = json.JSONDecoder(parse_float=str, parse_int=str)


def without_byte_order_mark(text: bytes) -> bytes:
    """Give the text itself."""
    return text.removeprefix(_BYTE_ORDER_MARK)


def loads(text: bytes | str) -> Any:
    """Parse JSON with every decimal exact; a byte order mark is passed over. Raises ValueError."""
    # pydantic's own JSON parser takes decimals through a float: 17 digits of 22 would be left.
    if isinstance(text, bytes):
        text = without_byte_order_mark(text).decode()
    try:
        return _loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError:
        raise
    except (ValueError, ArithmeticError):
        # A number that int or Decimal refuses, for its digits or its exponent, is JSON all the same.
        return json.loads(text, parse_float=_number, parse_int=_number)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("Infinity")  # as json's own floats have it


def well_formed(text: str) -> str:
    """Give a text that can be written: whole surrogate pairs as their character, halves as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def raw_members(json_object: bytes) -> dict[str, bytes]:
    """Give the text of each member of an object; raises ValueError for anything else."""
    text = json_object.decode()
    try:
        return {name: text[start:end].encode() for name, start, end in _members(text)}
    except RecursionError:
        raise ValueError("nested too deeply") from None


def raw_elements(json_array: bytes) -> list[bytes]:
    """Give the text of each element of an array; raises ValueError for anything else."""
    text = json_array.decode()
    try:
        return [text[start:end].encode() for start, end in _elements(text)]
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Give each member's name, and where its value begins and ends."""
    at = _after(text, 0, "{")
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        start = _after(text, at, ":")
        end = _decoder.raw_decode(text, start)[1]
        yield name, start, end
        at = _after_value(text, end, "}")
    _check_end(text, at)


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Give where each element begins and ends."""
    at = _after(text, 0, "[")
    while text[at] != "]":
        end = _decoder.raw_decode(text, at)[1]
        yield at, end
        at = _after_value(text, end, "]")
    _check_end(text, at)


def _after(text: str, at: int, mark: str) -> int:
    """Pass over white space and `mark`; give where the next thing starts."""
    at = _next(text, at)
    if text[at] != mark:
        raise ValueError(f"expected {mark} at {at}")
    return _next(text, at + 1)


def _after_value(text: str, at: int, end: str) -> int:
    at = _next(text, at)
    return at if text[at] == end else _after(text, at, ",")


def _next(text: str, at: int) -> int:
    match = _NOT_WHITE.search(text, at)
    if match is None:
        raise ValueError("a text that is cut off")
    return match.start()


def _check_end(text: str, at: int) -> None:
    if text[at + 1 :].strip():
        raise ValueError("a text with something behind it")
