"""Secrets where they must not be: signatures of files in logs, messages and metadata, tokens at their host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

from local.soak.pieces import Pieces
from local.stack import CONTAINER

_LEFT_INSIDE = re.compile(r'"inside":\{"offset":[1-9]')
_SIGNED = re.compile(r"\bsig(=|%3D)", re.I)


class MessageWatch:
    """Reads every text that was ever put on a queue, off what Azurite keeps: it forgets after a while."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self.texts: list[str] = []

    def look(self) -> None:
        """Read what has come since the last look."""
        for path in self._folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    file.seek(self._read.get(path, 0))
                    self.texts.append(file.read().decode(errors="replace"))
                    self._read[path] = file.tell()

    def left_inside(self) -> int:
        """Count the messages that continue in the middle of a file."""
        return sum(len(_LEFT_INSIDE.findall(text)) for text in self.texts)


def leaks(pieces: Pieces, messages: list[str]) -> Iterator[str]:
    """Say where a secret is, a line each; nothing if all are kept."""
    stack = pieces.stack
    signatures = {
        value
        for request in stack.graph.files.requests
        for name, value in parse_qsl(request.query)
        if name == "sig"
    }
    places = {f"host {number}'s log": host.log() for number, host in enumerate(pieces.hosts, 1)}
    places["a message"] = texts = "\n".join(messages)
    if "invoiceId" not in texts:
        yield "no message was seen"
    for blob in stack.container.list_blobs(include=["metadata"]):
        places[f"the metadata of {CONTAINER}/{blob.name}"] = str(blob.metadata)
    for place, text in places.items():
        if _SIGNED.search(text) or any(signature in text for signature in signatures):
            yield f"a signature is in {place}"
    for request in stack.graph.files.requests:
        if "authorization" in request.headers:
            yield f"the files' host got a token with {request.path}"
