"""A file as it comes, unpacked as it comes: gzip of one or several members, or plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from zlib_ng import zlib_ng

from shared.api.files import GZIP

_WBITS = zlib_ng.MAX_WBITS | 16


def unzipped(pieces: Iterable[bytes], *, most: int) -> Iterator[bytes]:
    """Unpack, in pieces of `most` bytes at the most; what does not begin like gzip is plain.

    Raises ValueError for what is empty, cut off or corrupt, its checksums included.
    """
    pieces = iter(pieces)
    first = b""
    while len(first) < len(GZIP) and (piece := next(pieces, b"")):
        first += piece
    if not first:
        raise ValueError("it is empty")  # not even gzip around no rows
    both = chain([first], pieces)
    return _unzipped(both, most) if first.startswith(GZIP) else both


def _unzipped(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    unpacker = None
    for piece in pieces:
        while True:
            if unpacker is None:
                piece = piece.lstrip(b"\0")  # what fills up behind a member
                if not piece:
                    break
                unpacker = zlib_ng.decompressobj(_WBITS)
            try:
                unpacked = unpacker.decompress(piece, most)
            except zlib_ng.error as error:  # type: ignore[misc] # its stub has it wrong
                raise ValueError(f"it is corrupt ({error})") from None
            if unpacked:
                yield unpacked
            if unpacker.eof:
                piece, unpacker = unpacker.unused_data, None
                continue
            piece = unpacker.unconsumed_tail
            if not piece and len(unpacked) < most:
                break
    if unpacker is not None:
        raise ValueError("it is cut off")
