"""Cutting a text that comes in pieces behind its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LONGEST_LINE = 64 << 20


def whole_lines(pieces: Iterable[bytes], at_least: int) -> Iterator[bytes]:
    """Cut a text behind the first line that makes `at_least` bytes full; the last line may lack its newline.

    However it comes in pieces, the blocks are the same. Raises ValueError for a line that has no end.
    """
    rest: list[bytes] = []
    length = 0
    for piece in pieces:
        while end := piece.find(b"\n", max(at_least - 1 - length, 0)) + 1:
            text = b"".join([*rest, piece[:end]])
            rest, length, piece = [], 0, piece[end:]
            yield text
        rest.append(piece)
        length += len(piece)
        if length > at_least + LONGEST_LINE:
            raise ValueError(f"a line has more than {LONGEST_LINE >> 20} MiB")
    if length:
        yield b"".join(rest)
