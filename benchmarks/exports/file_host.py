"""The host of the files: a process of its own that sends them from disk, at the least cost there is.

`python -m benchmarks.exports.file_host FOLDER` tells its URL and serves until it is stopped.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.simulated import ROOT
from local.processes import Child, Piece


class FileHost(Piece):
    """The process; `url` is where the folder is."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", __name__, str(folder)]
        self._child = Child(command, env={}, cwd=ROOT)
        self.url = ""

    def start(self) -> None:
        """Start it."""
        self._child.start()
        self.url = self._child.first_line(30).strip()

    def stop(self) -> None:
        """Stop it."""
        self._child.stop(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        """Send a file: the kernel copies it, nothing of it comes through this process."""
        path = self.folder / urlsplit(self.path).path.removeprefix("/")
        with path.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            self.connection.sendfile(file)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve."""
    _Handler.folder = Path(sys.argv[1])
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
