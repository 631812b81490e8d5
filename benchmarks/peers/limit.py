"""The limit: the same pages go from Partner Center to storage as bytes, over as many connections.

Nothing is parsed, signed or checked: the number of pages is known, the upload's address carries its
signature, and the HTTP client is the bare one of the standard library. By token, the token is cut
out of the page's head; a page arrives while the one before it is uploaded.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from threading import local
from urllib.parse import SplitResult, urlsplit

from benchmarks.peers.job import Job, job, tell


class Pipe:
    """Moves pages; each thread has a connection of its own to either side."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._upload = urlsplit(job.upload_url)
        self._blob_path = f"{self._upload.path}/{job.blob}?{self._upload.query}"
        self._connections = local()

    def run(self) -> None:
        """Move all pages and commit them."""
        pages = self._by_token() if self._job.by_token else self._by_offset()
        blocks = "".join(f"<Latest>{_block_id(page)}</Latest>" for page in range(pages))
        body = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{blocks}</BlockList>"
        self._put("comp=blocklist", body.encode())

    def _by_offset(self) -> int:
        pages = range(-(-self._job.lines // self._job.page_size))
        with ThreadPoolExecutor(self._job.connections) as threads:
            for _ in threads.map(self._move, pages):
                pass
        return len(pages)

    def _move(self, page: int) -> None:
        size = self._job.page_size
        body = self._get(f"{self._job.path}?size={size}&offset={page * size}", {})
        self._stage(page, body)

    def _by_token(self) -> int:
        uploads: list[Future[None]] = []
        with ThreadPoolExecutor(1) as thread:
            for page, body in enumerate(self._pages_by_token()):
                if uploads:
                    uploads.pop().result()  # as in the app, two pages are in memory at most
                uploads.append(thread.submit(self._stage, page, body))
        uploads.pop().result()
        return page + 1

    def _pages_by_token(self) -> Iterator[bytes]:
        path = f"{self._job.path}&size={self._job.page_size}"
        body = self._get(path, {})
        yield body
        while token := _token(body):
            headers = {"MS-ContinuationToken": token}
            body = self._get(f"{path}&seekOperation=Next", headers)
            yield body

    def _stage(self, page: int, body: bytes) -> None:
        self._put(f"comp=block&blockid={_block_id(page)}", body)

    def _get(self, path: str, headers: dict[str, str]) -> bytes:
        connection = self._connection(urlsplit(self._job.partner_center_url))
        headers = {"Authorization": f"Bearer {self._job.token}"} | headers
        connection.request("GET", path, headers=headers)
        return _checked(connection.getresponse(), 200)

    def _put(self, query: str, body: bytes) -> None:
        connection = self._connection(self._upload)
        connection.request("PUT", f"{self._blob_path}&{query}", body=body)
        _checked(connection.getresponse(), 201)

    def _connection(self, url: SplitResult) -> HTTPConnection:
        known: dict[str, HTTPConnection] = self._connections.__dict__
        if url.netloc not in known:
            known[url.netloc] = HTTPConnection(url.netloc, timeout=120)
        return known[url.netloc]


def _checked(response: HTTPResponse, status: int) -> bytes:
    body = response.read()
    if response.status != status:
        raise RuntimeError(f"{response.status}: {body[:500]!r}")
    return body


def _block_id(page: int) -> str:
    # As long as the app's own, so that the list of blocks is as long too.
    return base64.b64encode(f"{0:016x}-{page:05d}!!".encode()).decode()


def _token(body: bytes) -> str | None:
    _, found, rest = body[:300].partition(b'"continuationToken":"')
    return rest.partition(b'"')[0].decode() if found else None


if __name__ == "__main__":
    tell(Pipe(job()).run)
