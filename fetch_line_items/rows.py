"""The rows of an export's file: each is checked to be a JSON object, counted, and its charge summed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from zlib_ng.zlib_ng import crc32

from fetch_line_items.charges import sums_of_odd
from fetch_line_items.fields import MOST_IN_FULL, FieldNames, as_it_is, camel_case
from fetch_line_items.sums import Sums, sums_of
from shared.content import Content
from shared.errors import StalePosition
from shared.json_text import loads, without_byte_order_mark
from shared.messages import FilePosition
from shared.models import LineItem
from shared.whole_lines import whole_lines

BLOCK_BYTES = 4 << 20
_OPEN, _CLOSE = b"{}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are a block: each ends with a newline. The file goes on at `reached`."""

    block: bytes
    content: Content
    lines: int
    sums: Sums
    reached: FilePosition


class _Summed(NamedTuple):
    block: bytes
    lines: int
    sums: Sums


class _Spelling(NamedTuple):
    """How the fields of rows are spelled, and what reads those."""

    names: FieldNames
    decoder: msgspec.json.Decoder[Any]


class RowReader:
    """Reads rows of this kind, their fields in any case."""

    def __init__(self, kind: type[LineItem]) -> None:
        self._field = kind.charge_field or ""
        self._in_full = _spellings(kind, in_full=True)
        self._in_brief = _spellings(kind, in_full=False)
        self._left_in_full = MOST_IN_FULL  # of all files

    @property
    def _spellings(self) -> list[_Spelling]:
        return self._in_full if self._left_in_full > 0 else self._in_brief

    def rows(self, unpacked: Iterable[bytes], start: FilePosition) -> Iterator[Rows]:
        """Cut a file into blocks of rows, from `start` on.

        Raises ValueError for what is no row, with its number; StalePosition where the file is not the
        one that was read up to `start`.
        """
        position = start
        for text in whole_lines(_behind(unpacked, start), BLOCK_BYTES):
            rows = self._read(text, position)
            position = rows.reached
            yield rows

    def _read(self, text: bytes, position: FilePosition) -> Rows:
        rows = text if position.offset else without_byte_order_mark(text)
        block, lines, sums = self._plain(rows) or self._odd(rows, position.lines)
        self._left_in_full -= lines
        content = Content.of(block)
        # To sum up each byte once: mostly all of them go on as they are.
        passed = content if block is text else Content.of(text)
        reached = FilePosition(
            offset=position.offset + len(text),
            crc=Content(position.offset, position.crc).then(passed).crc,
            blocks=position.blocks + bool(lines),
            lines=position.lines + lines,
        )
        return Rows(block, content, lines, sums, reached)

    def _plain(self, text: bytes) -> _Summed | None:
        """Read rows in one pass, which builds nothing of their other fields; None where one is odd."""
        for spelling in self._spellings:
            try:
                rows = spelling.decoder.decode_lines(text)
                sums = sums_of(rows, spelling.names)
            except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
                return None
            if charged := sums.charged:
                break
        if not _is_one_a_line(len(rows), text):
            return None
        if charged < len(rows) and spelling.names.is_spelled_otherwise(text):
            return None
        return _Summed(text, len(rows), sums)

    def _odd(self, text: bytes, before: int) -> _Summed:
        """Read rows one by one, unless only what is around them is odd."""
        lines = _lines(text)
        block = b"".join([line + b"\n" for line in lines])
        if plain := self._plain(block):
            return plain
        rows = [self._fields(line, before + number) for number, line in enumerate(lines, 1)]
        # In the same order as above, whatever else is odd in the block.
        names = [spelling.names for spelling in self._spellings]
        return _Summed(block, len(lines), sums_of_odd(rows, *names))

    def _fields(self, row: bytes, number: int) -> dict[str, Any]:
        try:
            # msgspec does not look at the bytes of texts that nobody asks for: nor is it done here.
            fields = loads(row.decode(errors="surrogateescape"))
        except ValueError as error:
            raise ValueError(f"line {number} is no JSON ({error})") from None
        if not isinstance(fields, dict):
            raise ValueError(f"line {number} is no JSON object")
        return fields


def _spellings(kind: type[LineItem], *, in_full: bool) -> list[_Spelling]:
    """Give the two ways in which fields are spelled: which one the service has is not known."""
    both = (FieldNames(kind, spelled, in_full=in_full) for spelled in (as_it_is, camel_case))
    return [_Spelling(names, msgspec.json.Decoder(names.struct())) for names in both]


def _behind(unpacked: Iterable[bytes], start: FilePosition) -> Iterator[bytes]:
    """Pass over what is staged already; raises StalePosition where it is something else."""
    left, crc = start.offset, 0
    for piece in unpacked:
        passed, piece = piece[:left], piece[left:]
        crc, left = crc32(passed, crc), left - len(passed)
        if not left and crc != start.crc:
            break
        if piece:
            yield piece
    if left or crc != start.crc:
        raise StalePosition("A file of the export has changed since its beginning was staged")


def _lines(text: bytes) -> list[bytes]:
    """Give the lines, without carriage returns at their ends, but for the blank ones."""
    lines = text.split(b"\n")
    if b"\r" in text:
        lines = [line.rstrip(b"\r") for line in lines]
    return [line for line in lines if line and not line.isspace()]


def _is_one_a_line(objects: int, text: bytes) -> bool:
    """Tell of a text of so many JSON objects whether each is a line by itself, with nothing around it.

    No object has a newline in it if each stands between braces that close and open: inside, a comma
    would have to be there too.
    """
    lines, start = 0, 0
    while (end := text.find(b"\n", start)) > 0:
        if text[start] != _OPEN or text[end - 1] != _CLOSE:
            return False
        lines, start = lines + 1, end + 1
    return lines == objects and start == len(text)
