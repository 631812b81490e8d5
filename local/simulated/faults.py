"""Faults on demand: what a simulated service does instead of answering, or to its answer.

A fault is a function that gets the request and a way to have it answered normally. `Faults` says
which requests it befalls, and how often.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from aiohttp import Payload, web

Answer = Callable[[], Awaitable[web.StreamResponse]]
Act = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]
Match = str | Callable[[str], bool]

# The headers that a spoilt answer has, too.
_KEPT = ("Content-Type", "Content-Encoding", "Content-Range", "ETag", "Location", "Retry-After")

HTML = "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass
class Fault:
    """An act, and the requests it befalls: those whose path and query match, so many times."""

    act: Act
    match: Match = ""
    times: int | None = 1  # None: always
    probability: float = 1.0
    used: int = 0

    def befalls(self, path_and_query: str, chance: float) -> bool:
        """Tell whether a request has this fault."""
        if self.times is not None and self.used >= self.times:
            return False
        if callable(self.match):
            return self.match(path_and_query) and chance < self.probability
        return self.match in path_and_query and chance < self.probability


class Faults:
    """The faults to come; the first that fits a request, and isn't used up, befalls it."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self, act: Act, *, match: Match = "", times: int | None = 1, probability: float = 1.0
    ) -> Fault:
        """Have `act` befall the next `times` requests that match; None is all of them.

        `match` is a part of the path and query as received, or a function of them.
        """
        fault = Fault(act, match, times, probability)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, path_and_query: str) -> Act | None:
        """Use up the fault of this request, if it has one."""
        with self._lock:
            for fault in self._faults:
                # A certain fault takes no chance, so that it doesn't change what befalls the others.
                chance = self._random.random() if fault.probability < 1 else 0.0
                if fault.befalls(path_and_query, chance):
                    fault.used += 1
                    return fault.act
        return None


# --- instead of an answer -------------------------------------------------------------------------


def status(code: int, body: str = "", *, headers: dict[str, str] | None = None) -> Act:
    """Answer with this status and body: JSON, HTML or nothing."""
    content_type = "application/json" if body.startswith(("{", "[")) else "text/html"

    async def act(_request: web.Request, _answer: Answer) -> web.StreamResponse:
        return web.Response(
            status=code,
            body=body.encode(),
            headers={"Content-Type": content_type, **(headers or {})},
        )

    return act


def server_error() -> Act:
    """Answer 500 the documented way."""
    error = {"code": "800003", "description": "Unexpected service error", "data": []}
    return status(500, json.dumps(error | {"source": "PartnerFD"}))


def unauthorized() -> Act:
    """Answer 401, as to an expired token."""
    error = {"code": "400", "description": "Access denied", "data": [], "source": "PartnerFD"}
    return status(401, json.dumps(error))


def redirect(url: str) -> Act:
    """Answer 302 to this URL."""
    return status(302, headers={"Location": url})


def throttled(
    retry_after: float | None = 57, *, form: Literal["seconds", "date"] = "seconds"
) -> Act:
    """Answer 429; Retry-After is in seconds, an HTTP date, or absent (None)."""
    wait = 57 if retry_after is None else retry_after
    body = (
        '{ "statusCode": 429, "message": "Rate limit is exceeded. '
        f'Try again in {wait:.0f} seconds." }}'
    )

    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        # The date is made now, when it is asked for, not when the test set the fault.
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=wait), usegmt=True)
        value = until if form == "date" else f"{wait:.0f}"
        headers = {} if retry_after is None else {"Retry-After": value}
        return await status(429, body, headers=headers)(request, answer)

    return act


def no_answer(seconds: float) -> Act:
    """Say nothing for so long, then hang up."""

    async def act(request: web.Request, _answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return _hang_up(request)

    return act


def reset() -> Act:
    """Reset the connection (RST)."""

    async def act(request: web.Request, _answer: Answer) -> web.StreamResponse:
        if request.transport:
            # To close a socket that lingers for no time is to reset it.
            no_time = struct.pack("ii", 1, 0)
            connection = request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_time)
            request.transport.abort()
        return web.Response(status=500)  # reaches nobody

    return act


# --- to the answer --------------------------------------------------------------------------------


def cut_body(share: float = 0.5) -> Act:
    """Promise the whole body, send a share of it, and hang up."""

    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        code, headers, body = await whole(answer)
        response = web.StreamResponse(status=code, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: int(len(body) * share)])
        _hang_up(request)
        return response

    return act


def broken_body(share: float = 0.5) -> Act:
    """Send a share of the body as if it were all: nothing but the JSON tells."""

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        code, headers, body = await whole(answer)
        return web.Response(body=body[: int(len(body) * share)], status=code, headers=headers)

    return act


def trickle(seconds: float, *, pieces: int = 10) -> Act:
    """Send the body slowly: in so many pieces, over so many seconds."""

    async def act(request: web.Request, answer: Answer) -> web.StreamResponse:
        code, headers, body = await whole(answer)
        response = web.StreamResponse(status=code, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            await asyncio.sleep(seconds / pieces)
            await response.write(body[start : start + size])
        return response

    return act


def call(function: Callable[[], object]) -> Act:
    """Call a function, in a thread of its own, before the request is answered normally.

    It may change an invoice in the middle of a fetch, or hold the request back until an event.
    """

    async def act(_request: web.Request, answer: Answer) -> web.StreamResponse:
        await asyncio.to_thread(function)
        return await answer()

    return act


async def whole(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Give the status, the headers and the body of the answer that is to be spoilt."""
    response = await answer()
    if not isinstance(response, web.Response):
        raise TypeError("only an answer that is whole can be spoilt")
    headers = {k: v for k, v in response.headers.items() if k in _KEPT}
    return response.status, headers, await _body(response)


async def _body(response: web.Response) -> bytes:
    body = response.body
    if not isinstance(body, Payload):
        return bytes(body or b"")
    # A file, which would be read while it is sent.
    content = await body.as_bytes()
    await body.close()
    return content


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.close()
    return web.Response(status=500)  # reaches nobody
