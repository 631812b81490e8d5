"""A small load client: so many connections, each asking again as soon as it has its answer."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What came of it; latencies are in milliseconds."""

    per_second: float
    median_ms: float
    p99_ms: float


def load(url: str, headers: Mapping[str, str], *, connections: int, seconds: float) -> Load:
    """Ask for `url` for so long; RuntimeError for any answer but 200."""
    return asyncio.run(_load(url, headers, connections, seconds))


async def _load(url: str, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    began = time.perf_counter()
    asking = (_ask(url, headers, began + seconds) for _ in range(connections))
    latencies = [taken for each in await asyncio.gather(*asking) for taken in each]
    lasted = time.perf_counter() - began
    p99 = sorted(latencies)[int(len(latencies) * 0.99)]
    return Load(len(latencies) / lasted, statistics.median(latencies) * 1000, p99 * 1000)


async def _ask(url: str, headers: Mapping[str, str], until: float) -> list[float]:
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, "Accept": "application/json"} | dict(headers)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 24)
    latencies = []
    while (asked := time.perf_counter()) < until:
        writer.write(request)
        await _answer(reader)
        latencies.append(time.perf_counter() - asked)
    writer.close()
    await writer.wait_closed()
    return latencies


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if head.split(maxsplit=2)[1] != b"200":
        raise RuntimeError(f"an answer is not 200: {head[:100]!r} {body[:300]!r}")
