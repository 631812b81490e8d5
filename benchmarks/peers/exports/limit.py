"""The limit: the same files unpacked and moved to storage as bytes, over as many connections.

Nothing is parsed, summed or checked but gzip's own checksum, and which files there are is known. The
HTTP client is the bare one of the standard library.
"""

from __future__ import annotations

import base64
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local
from urllib.parse import urlsplit

from benchmarks.peers.exports.job import ExportJob, job
from benchmarks.peers.job import tell

_BLOCK = 4 << 20
_AT_ONCE = 1 << 18
_IN_FLIGHT = 4
"""Blocks of a file on their way to storage."""


class Pipe:
    """Moves files; each thread has a connection of its own to storage."""

    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._upload = urlsplit(job.upload_url)
        self._connections = local()
        self._uploads = ThreadPoolExecutor(job.connections * _IN_FLIGHT)

    def run(self) -> None:
        """Move all files and commit them."""
        with self._uploads, ThreadPoolExecutor(self._job.connections) as threads:
            ids = [
                each for ids in threads.map(self._move, range(len(self._job.urls))) for each in ids
            ]
        blocks = "".join(f"<Latest>{block_id}</Latest>" for block_id in ids)
        body = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{blocks}</BlockList>"
        self._put("comp=blocklist", [body.encode()])

    def _move(self, number: int) -> list[str]:
        ids: list[str] = []
        pending: deque[Future[None]] = deque()
        for block in _blocks(self._job.urls[number]):
            if len(pending) == _IN_FLIGHT:
                pending.popleft().result()
            # As long as the app's own, so that the list of blocks is as long too.
            ids.append(base64.urlsafe_b64encode(f"{number:05d}-{len(ids):012d}".encode()).decode())
            pending.append(self._uploads.submit(self._put, f"comp=block&blockid={ids[-1]}", block))
        for upload in pending:
            upload.result()
        return ids

    def _put(self, query: str, pieces: list[bytes]) -> None:
        if not hasattr(self._connections, "storage"):
            self._connections.storage = HTTPConnection(self._upload.netloc, timeout=120)
        connection: HTTPConnection = self._connections.storage
        headers = {"Content-Length": str(sum(map(len, pieces)))}
        path = f"{self._upload.path}/{self._job.blob}?{self._upload.query}&{query}"
        connection.request("PUT", path, body=pieces, headers=headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 201:
            raise RuntimeError(f"{response.status}: {body[:500]!r}")


def _blocks(url: str) -> Iterator[list[bytes]]:
    """Unpack a file as it comes; a block is a list of its pieces, which nobody has to join."""
    block: list[bytes] = []
    for piece in _unpacked(url):
        block.append(piece)
        if sum(map(len, block)) >= _BLOCK:
            yield block
            block = []
    if block:
        yield block


def _unpacked(url: str) -> Iterator[bytes]:
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=120)
    connection.request("GET", address.path)
    response = connection.getresponse()
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while piece := response.read1(_AT_ONCE):
        while piece:
            yield unpacker.decompress(piece, _BLOCK)
            piece = unpacker.unconsumed_tail
    yield unpacker.flush()
    if not unpacker.eof:
        raise RuntimeError("a file was cut off")
    connection.close()


if __name__ == "__main__":
    tell(Pipe(job()).run)
