"""Storage that keeps no lines, so that it takes any number of them; it knows what they were.

A process of its own that answers as Blob Storage does, as far as the peers ask. Of a block it keeps
the sums; of a small blob, such as a manifest, the text too. `python -m benchmarks.exports.sink` tells
its URL and serves until it is stopped.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

from benchmarks.exports.sums import Text, joined
from benchmarks.exports.xml import block_list, error, listing
from benchmarks.simulated import ROOT
from local.processes import Child, Piece

_ACCOUNT = "sink"
_MOST_KEPT = 1 << 23
"""A list of 50,000 blocks is 5 MB."""
_AT_ONCE = 1 << 18
_BLOCK_ID = re.compile(r"<(?:Latest|Uncommitted|Committed)>([^<]+)<")
_METADATA = "x-ms-meta-"


class Sink(Piece):
    """The process."""

    def __init__(self) -> None:
        self._child = Child([sys.executable, "-m", __name__], env={}, cwd=ROOT)
        self.url = ""

    def start(self) -> None:
        """Start it."""
        self._child.start()
        self.url = f"{self._child.first_line(30).strip()}/{_ACCOUNT}"

    def stop(self) -> None:
        """Stop it."""
        self._child.stop(10)

    @property
    def connection_string(self) -> str:
        """How to connect; any key is good."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey=c2luaw==;"
            f"BlobEndpoint={self.url};QueueEndpoint={self.url}"
        )

    def upload_url(self, container: str) -> str:
        """Give the address of a container, which is there as soon as somebody writes to it."""
        return f"{self.url}/{container}"

    def blobs(self, container: str) -> dict[str, tuple[Text, dict[str, str]]]:
        """Say what is committed in a container: of each blob the sums and the metadata."""
        with urlopen(f"{self.url}/{container}?comp=sums") as answer:  # noqa: S310 - it is http
            blobs = json.load(answer)
        return {name: (Text(**text), metadata) for name, (text, metadata) in blobs.items()}


@dataclass(frozen=True)
class _Blob:
    text: Text
    metadata: dict[str, str]
    kept: bytes = b""


@dataclass
class _Container:
    blobs: dict[str, _Blob] = field(default_factory=dict)
    staged: defaultdict[str, dict[str, Text]] = field(default_factory=lambda: defaultdict(dict))

    def commit(self, name: str, ids: list[str], metadata: dict[str, str]) -> None:
        staged = self.staged.pop(name, {})
        self.blobs[name] = _Blob(joined(staged[block_id] for block_id in ids), metadata)

    def sums(self) -> str:
        return json.dumps({n: (asdict(b.text), b.metadata) for n, b in self.blobs.items()})

    def listed(self, query: Mapping[str, str]) -> str:
        blobs = {name: (blob.text.size, blob.metadata) for name, blob in self.blobs.items()}
        return listing(blobs, query.get("prefix", ""), query.get("delimiter", ""))


_containers: dict[str, _Container] = {}
_lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece

    def setup(self) -> None:
        """Make the room that all bodies are read into."""
        super().setup()
        self._room = bytearray(_AT_ONCE)

    def do_PUT(self) -> None:
        """Take a block, a list of blocks, a blob, or a container."""
        container, blob, query = self._asked()
        text, kept = self._received()
        with _lock:
            match query.get("comp"):
                case "block":
                    container.staged[blob][query["blockid"]] = text
                case "blocklist":
                    container.commit(blob, _BLOCK_ID.findall(kept.decode()), self._metadata())
                case _ if blob:
                    container.blobs[blob] = _Blob(text, self._metadata(), kept)
        self._answer(201)

    def do_GET(self) -> None:
        """Give a blob or what is known of it, or a list."""
        container, blob, query = self._asked()
        with _lock:
            match query.get("comp"):
                case "sums":
                    self._answer(200, container.sums())
                case "list":
                    self._answer(200, container.listed(query))
                case "blocklist":
                    self._answer(200, block_list(container.staged[blob]))
                case _ if blob:
                    self._give(container.blobs.get(blob))
                case _:
                    self._answer(200)

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        """Delete a blob."""
        container, blob, _ = self._asked()
        container.blobs.pop(blob, None)
        self._answer(202)

    def _asked(self) -> tuple[_Container, str, Mapping[str, str]]:
        """Give container, name of a blob, and query."""
        url = urlsplit(self.path)
        _, _, container, *blob = url.path.split("/", 3)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with _lock:
            found = _containers.setdefault(container, _Container())
        return found, unquote("".join(blob)), query

    def _received(self) -> tuple[Text, bytes]:
        """Read the body: give size and checksum, and a small one itself."""
        left = size = int(self.headers.get("Content-Length") or 0)
        adler, kept = 1, b""
        view = memoryview(self._room)
        while left and (count := self.rfile.readinto(view[:left])):
            adler = zlib.adler32(view[:count], adler)
            if size <= _MOST_KEPT:
                kept += view[:count]
            left -= count
        return Text(0, size, adler), kept

    def _give(self, blob: _Blob | None) -> None:
        if blob is None:
            self._answer(404, error("BlobNotFound"), {"x-ms-error-code": "BlobNotFound"})
            return
        headers = {f"{_METADATA}{name}": value for name, value in blob.metadata.items()}
        last = len(blob.kept) - 1
        headers |= {"x-ms-blob-type": "BlockBlob", "Content-Range": f"bytes 0-{last}/{last + 1}"}
        self._answer(200, blob.kept.decode(), headers)

    def _metadata(self) -> dict[str, str]:
        return {
            name.lower().removeprefix(_METADATA): value
            for name, value in self.headers.items()
            if name.lower().startswith(_METADATA)
        }

    def _answer(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        content = body.encode()
        always = {
            "ETag": '"0x1"',
            "Last-Modified": self.date_time_string(),
            "Content-Type": "application/xml",
            "Content-Length": str(len(content)),
        }
        self.send_response(status)
        for name, value in (always | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
