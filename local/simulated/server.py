"""Runs a simulated service: an aiohttp application on a port of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from local.simulated.faults import Faults

HOST = "127.0.0.1"


@dataclass
class ReceivedRequest:
    """A request as it came in, and when and how it was answered (None: not yet, or not at all)."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # by lower-cased name
    started: float
    status: int | None = None
    ended: float | None = None
    body: bytes = b""

    @property
    def path_and_query(self) -> str:
        """What followed the host in the URL, as received."""
        return f"{self.path}?{self.query}" if self.query else self.path


class RequestLog:
    """Every request a service has received, in order; may be read while more come in."""

    def __init__(self) -> None:
        self._requests: list[ReceivedRequest] = []

    def add(self, request: ReceivedRequest) -> None:
        """Note a request."""
        self._requests.append(request)

    def clear(self) -> None:
        """Forget the requests so far."""
        self._requests.clear()

    def __iter__(self) -> Iterator[ReceivedRequest]:
        return iter(self._requests.copy())

    def __len__(self) -> int:
        return len(self._requests)

    def matching(self, part: str) -> list[ReceivedRequest]:
        """Give the requests with this in their path or query."""
        return [request for request in self if part in request.path_and_query]

    def most_at_once(self, part: str = "") -> int:
        """Tell how many requests with this in their path or query were in flight together."""
        requests = self.matching(part)
        steps = [(request.started, 1) for request in requests]
        steps += [(request.ended, -1) for request in requests if request.ended is not None]
        level = most = 0
        for _, step in sorted(steps):
            level += step
            most = max(most, level)
        return most


class Service(ABC):
    """A service that listens on a port while its context is open.

    `faults` befall its requests before it sees them, `requests` has them all.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests = RequestLog()
        self.url = ""
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None

    @abstractmethod
    def application(self) -> web.Application:
        """Make the application to run."""

    def tls(self) -> ssl.SSLContext | None:
        """Give the TLS context, for a service that speaks https."""
        return None

    def start(self, port: int = 0) -> Self:
        """Listen on this port, or a free one; `url` says which."""
        listening: Future[int] = Future()
        tls = self.tls()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(port, tls, listening)), daemon=True
        )
        self._thread.start()
        self.url = f"{'https' if tls else 'http'}://{HOST}:{listening.result()}"
        return self

    def stop(self) -> None:
        """Hang up on everybody, and listen no more."""
        self._stop()
        self._stop = lambda: None
        if self._thread:
            self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self if self._thread else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, port: int, tls: ssl.SSLContext | None, listening: Future[int]) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        application = self.application()
        application.middlewares.insert(0, self._receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        try:
            await runner.setup()
            site = web.TCPSite(runner, HOST, port, ssl_context=tls, reuse_address=True)
            await site.start()
            listening.set_result(runner.addresses[0][1])
            await stopped.wait()
        except OSError as error:
            listening.set_exception(error)
        finally:
            _hang_up(runner)
            await runner.cleanup()

    @web.middleware
    async def _receive(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        received = _received(request)
        self.requests.add(received)
        try:
            received.body = await request.read()
            act = self.faults.take(request.raw_path)
            if act:
                response = await act(request, lambda: handler(request))
            else:
                response = await handler(request)
            if request.transport and not request.transport.is_closing():
                received.status = response.status
            return response
        except ConnectionError:
            return web.Response(status=500)  # reaches nobody: the caller has hung up
        finally:
            received.ended = time.monotonic()


def _hang_up(runner: web.AppRunner) -> None:
    # A client that keeps its connection open would otherwise hold up the end of TLS.
    for connection in runner.server.connections if runner.server else ():
        if connection.transport:
            connection.transport.abort()


def _received(request: web.Request) -> ReceivedRequest:
    path, _, query = request.raw_path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return ReceivedRequest(request.method, path, query, headers, time.monotonic())
