"""The bytes of an exported file: its rows as lines, zipped, in the form that the switches say."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

from local.simulated.data_sets import ExportFile
from local.simulated.exports import export_lines
from local.simulated.rows import PERIOD

_ZIPPED = zlib.MAX_WBITS | 16  # a gzip header without a time: the same rows are the same bytes


class FileShape(NamedTuple):
    """What the bytes of a file depend on beside its rows."""

    members: int
    plain: bool
    final_newline: bool
    blank_lines: bool
    byte_order_mark: bool
    carriage_returns: bool


@dataclass
class ShapeOptions:
    """Switches for the bytes of files; nobody has told what real ones have but gzip and lines."""

    members: int = 1  # gzip members in a file
    plain: bool = False  # not zipped
    final_newline: bool = True
    blank_lines: bool = False  # one after each line
    byte_order_mark: bool = False
    carriage_returns: bool = False  # before each newline

    @property
    def shape(self) -> FileShape:
        """The switches as they are now."""
        return FileShape(*(getattr(self, name) for name in FileShape._fields))


def write_file(file: ExportFile, shape: FileShape, target: IO[bytes]) -> None:
    """Write a file, without holding more of it than a period of its rows."""
    zipper = _zipper()
    for piece in _pieces(file, shape):
        if shape.plain:
            target.write(piece or b"")
        elif piece is None:
            target.write(zipper.flush())
            zipper = _zipper()
        else:
            target.write(zipper.compress(piece))
    if not shape.plain:
        target.write(zipper.flush())


def _zipper() -> zlib._Compress:
    return zlib.compressobj(level=1, wbits=_ZIPPED)


def _pieces(file: ExportFile, shape: FileShape) -> Iterator[bytes | None]:
    """Give the text of a file; None is where another member begins: in the middle of a line."""
    if shape.byte_order_mark:
        yield codecs.BOM_UTF8
    start, count = file.start, file.stop - file.start
    for member in range(1, shape.members):
        cut = file.start + count * member // shape.members
        if cut < start or cut == file.stop:
            yield None  # fewer lines than members: this one is empty
            continue
        line = b"".join(_text(file, shape, cut, cut + 1))
        yield from _text(file, shape, start, cut)
        yield from (line[: len(line) // 2], None, line[len(line) // 2 :])
        start = cut + 1
    yield from _text(file, shape, start, file.stop)


def _text(file: ExportFile, shape: FileShape, start: int, stop: int) -> Iterator[bytes]:
    end = (b"\r\n" if shape.carriage_returns else b"\n") * (2 if shape.blank_lines else 1)
    invoice, type = file.data_set.invoice, file.data_set.type
    for begin in range(start, stop, PERIOD):
        until = min(begin + PERIOD, stop)
        text = end.join(export_lines(invoice, type, begin, until))
        yield text if until == file.stop and not shape.final_newline else text + end
