"""What is made of stored lines while they are read: those of one customer, or a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Any

import msgspec

from get_invoice.columns import Columns
from get_invoice.csv_text import Dialect
from shared.json_text import loads
from shared.keys import bare_customer_id
from shared.whole_lines import whole_lines

_line = msgspec.json.Decoder(dict[str, Any])
_ROWS, _BLOCK_BYTES = 500, 1 << 20


class NotALine(Exception):
    """A stored line, counted from 1, is no JSON object."""

    def __init__(self, number: int, error: Exception) -> None:
        super().__init__(f"Line {number} of the stored lines is no JSON object: {error}")


def of_customer(pieces: Iterable[bytes], customer_id: str) -> Iterator[bytes]:
    """Leave the lines of one customer, by its bare id, as they are. Raises NotALine."""
    # Most lines are passed over by this alone; what is escaped may be anything.
    may_be = re.compile(rb"\\u|" + re.escape(customer_id.encode()), re.I)
    for number, line in _lines(pieces):
        if may_be.search(line) and customer_id in _customer_ids(line, number):
            yield line + b"\n"


def as_csv(pieces: Iterable[bytes], columns: Columns, dialect: Dialect) -> Iterator[bytes]:
    """Write lines as a table, its head first. Raises NotALine."""
    yield dialect.head(columns.names)
    for lines in batched(_lines(pieces), _ROWS, strict=False):
        yield dialect.rows(_cells(columns, line, number, dialect) for number, line in lines)


def _customer_ids(line: bytes, number: int) -> list[str]:
    try:
        fields = _fields(line)
    except ValueError as error:
        raise NotALine(number, error) from error
    found = (value for name, value in fields.items() if name.lower() == "customerid")
    return [bare_customer_id(value) for value in found if isinstance(value, str)]


def _fields(line: bytes) -> dict[str, Any]:
    try:
        return _line.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        fields = loads(line.decode(errors="replace"))
    if not isinstance(fields, dict):
        raise ValueError("it is none")
    return fields


def _cells(columns: Columns, line: bytes, number: int, dialect: Dialect) -> list[str]:
    try:
        return columns.cells(line, dialect)
    except ValueError as error:
        raise NotALine(number, error) from error


def _lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give the lines without their ends, and their numbers from 1."""
    number = 0
    try:
        for block in whole_lines(pieces, _BLOCK_BYTES):
            for line in block.removesuffix(b"\n").split(b"\n"):
                number += 1
                yield number, line
    except ValueError as error:
        raise NotALine(number + 1, error) from error
