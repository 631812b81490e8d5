"""What has to be in storage after a run, and what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from benchmarks.simulated import office, one_time
from local.azurite import ACCOUNT, KEY
from local.simulated.lines import jsonl
from local.simulated.model import BILLING, OFFICE, ONE_TIME, Invoice

_LINES_AT_ONCE = 2000
# Each line has an order id with a serial number in it. dlt spells it its own way.
_ORDER_ID = re.compile(rb'"order_?[iI]d": ?"([^"]*)"')


@dataclass(frozen=True)
class Content:
    """How many lines there are, a checksum of their order ids in order, and one of all bytes."""

    lines: int
    orders: str
    content: str


@cache
def expected(lines: int, *, by_token: bool) -> Content:
    """Make the lines once more, and sum them up."""
    invoice = one_time(lines) if by_token else office(lines)
    return content(_pages(invoice, ONE_TIME if by_token else OFFICE))


def _pages(invoice: Invoice, provider: str) -> Iterator[bytes]:
    page: list[bytes] = []
    for line in jsonl(invoice, provider, BILLING):
        page.append(line)
        if len(page) == _LINES_AT_ONCE:
            yield b"".join(page)
            page = []
    yield b"".join(page)


def stored(container: ContainerClient, suffix: str = ".jsonl") -> Content:
    """Sum up the blobs of lines: one, or several in the order of their names."""
    names = sorted(blob.name for blob in container.list_blobs() if _is_lines(blob.name, suffix))
    chunks = (chunk for name in names for chunk in container.download_blob(name).chunks())
    return content(chunks)


def _is_lines(name: str, suffix: str) -> bool:
    if "/line_items" in name:  # dlt: a folder for each table, child tables beside it
        return "/line_items/" in name
    return name.endswith(suffix)


def content(chunks: Iterable[bytes]) -> Content:
    """Sum up text that comes in pieces of any size."""
    everything, orders, lines = hashlib.sha256(), hashlib.sha256(), 0
    rest = b""
    for chunk in chunks:
        everything.update(chunk)
        text = rest + chunk
        whole = _up_to_a_whole_object(text)
        found = _ORDER_ID.findall(text, 0, whole)
        lines += len(found)
        orders.update(b"\n".join([*found, b""]))
        rest = text[whole:]
    found = _ORDER_ID.findall(rest)
    orders.update(b"\n".join([*found, b""]) if found else b"")
    return Content(lines + len(found), orders.hexdigest(), everything.hexdigest())


def _up_to_a_whole_object(text: bytes) -> int:
    # An order id is never cut in two: pieces end behind an object's end.
    return text.rfind(b"}") + 1


def new_container(service: BlobServiceClient, name: str) -> tuple[ContainerClient, str]:
    """Make an empty container, and give it with an address that anyone may write to."""
    container = service.create_container(name)
    signature = generate_container_sas(
        ACCOUNT,
        name,
        account_key=KEY,
        permission=ContainerSasPermissions(read=True, write=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=9),
    )
    return container, f"{container.url}?{signature}"
