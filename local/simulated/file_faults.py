"""Faults of an exported file that its status and its length don't tell: one has to unzip and read it.

They spoil a file that is asked for as a whole.
"""

from __future__ import annotations

import gzip

from aiohttp import web

from local.simulated.faults import Act, Answer, whole

_GZIP_MAGIC = b"\x1f\x8b"


def corrupt_gzip() -> Act:
    """Let the checksum at the end of the file be wrong."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        status, headers, body = await whole(answer)
        # A member ends with four bytes of checksum and four of length.
        wrong = bytes([body[-8] ^ 0xFF])
        return web.Response(status=status, headers=headers, body=body[:-8] + wrong + body[-7:])

    return act


def trailing_garbage(garbage: bytes = b"\0garbage") -> Act:
    """Let something follow that is no gzip member."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        status, headers, body = await whole(answer)
        return web.Response(status=status, headers=headers, body=body + garbage)

    return act


def broken_line() -> Act:
    """Let the line in the middle be half a line: the file is whole, but that is no JSON."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        status, headers, body = await whole(answer)
        zipped = body.startswith(_GZIP_MAGIC)
        text = _with_broken_line(gzip.decompress(body) if zipped else body)
        body = gzip.compress(text, compresslevel=1, mtime=0) if zipped else text
        return web.Response(status=status, headers=headers, body=body)

    return act


def _with_broken_line(text: bytes) -> bytes:
    lines = text.split(b"\n")
    middle = (len(lines) - 1) // 2
    lines[middle] = lines[middle][: len(lines[middle]) // 2]
    return b"\n".join(lines)
