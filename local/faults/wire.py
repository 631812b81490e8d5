"""Every request of the app's, on its way out of this process: it is noted, and one of them meets a fault."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, get_args
from unittest.mock import patch
from urllib.parse import SplitResult, parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, ProtocolError

from local.azurite import ACCOUNT

Place = Literal["Partner Center", "Graph", "files", "container", "queue", "Entra ID"]
Kind = Literal["never delivered", "answer lost", "dead before", "dead after"]
PLACES: tuple[Place, ...] = get_args(Place)
KINDS: tuple[Kind, ...] = get_args(Kind)
SIGN_IN = "a process"
"""What signs in: whichever of its works comes first."""

# What each run makes up anew, and what of a query tells requests apart: never a signature.
_OWN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TELLING = ("comp", "prefix", "offset", "seekOperation")

Forward = Callable[[], requests.Response]
Observe = Callable[[requests.PreparedRequest, requests.Response], None]
"""Is shown each answer, whoever gets it."""


class Crash(BaseException):
    """The process is gone. No `except` of the app's catches it."""


@dataclass(frozen=True, order=True)
class Request:
    """A request by what it has in common with that of another job: the `number`-th of its like.

    `work` is what asks: the timer, or the fetch of a link in all its messages.
    """

    place: Place
    work: str
    like: str
    number: int

    def __str__(self) -> str:
        return f"{self.place}: {self.like} #{self.number} of {self.work}"


@dataclass(frozen=True, order=True)
class Fault:
    """What one request is to meet."""

    request: Request
    kind: Kind

    def __str__(self) -> str:
        return f"{self.kind}: {self.request}"


class Wire:
    """What the processes of one run send, one after the other; the first to meet the fault has it.

    `places` says by its port who is asked.
    """

    def __init__(
        self, places: Mapping[int, Place], fault: Fault | None, observe: Observe = lambda *_: None
    ) -> None:
        self.sent: list[Request] = []
        self.fault_is_met = False
        self.observe = observe
        self._places = places
        self._fault = fault
        self._numbers = Counter[tuple[Place, str, str]]()
        self._lock = threading.Lock()

    def sends(self, work: str, request: requests.PreparedRequest) -> Kind | None:
        """Note a request, and say which fault it meets."""
        parts = urlsplit(request.url or "")
        place = self._places[parts.port or 0]
        what = place, work if place != "Entra ID" else SIGN_IN, _like(request.method or "", parts)
        with self._lock:
            self._numbers[what] += 1
            sent = Request(*what, self._numbers[what])
            self.sent.append(sent)
            if self._fault is None or self.fault_is_met or self._fault.request != sent:
                return None
            self.fault_is_met = True
            return self._fault.kind


class Process:
    """A process of the app, whose threads send nothing after its death."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._is_dead = False
        self._in_flight = 0
        self._landed = threading.Condition()

    @contextmanager
    def at_work(self, work: str) -> Iterator[None]:
        """Let what runs in the block, and in the threads that it starts, be this process.

        Raises Crash where it dies, whatever becomes of its threads.
        """
        token = _at_work.set((self, work))
        try:
            yield
        finally:
            _at_work.reset(token)
            if self._is_dead:
                # What was on its way arrives before the next process begins.
                with self._landed:
                    self._landed.wait_for(lambda: not self._in_flight)
                raise Crash

    def send(
        self, work: str, request: requests.PreparedRequest, forward: Forward
    ) -> requests.Response:
        """Send a request, unless its fault comes before that; give the answer, unless it is lost."""
        with self._flying():
            self._check_alive()
            kind = self._wire.sends(work, request)
            if kind == "dead before":
                self._die()
            if kind == "never delivered":
                raise _unreachable(request)
            response = forward()
            self._wire.observe(request, response)
            if kind == "dead after":
                self._is_dead = True
            if kind is not None or self._is_dead:
                response.close()  # as the system does
            self._check_alive()
            if kind == "answer lost":
                raise _hung_up(request)
            return response

    @contextmanager
    def _flying(self) -> Iterator[None]:
        with self._landed:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._landed:
                self._in_flight -= 1
                self._landed.notify_all()

    def _die(self) -> None:
        self._is_dead = True
        raise Crash

    def _check_alive(self) -> None:
        if self._is_dead:
            raise Crash


_at_work: ContextVar[tuple[Process, str] | None] = ContextVar("at_work", default=None)
"""Threads have it from who starts them."""


@contextmanager
def tapped() -> Iterator[None]:
    """Let every request of a `Process` go through its wire; the requests of others pass by."""
    send = HTTPAdapter.send

    def sending(
        adapter: HTTPAdapter, request: requests.PreparedRequest, *args: object, **kwargs: object
    ) -> requests.Response:
        def forward() -> requests.Response:
            return send(adapter, request, *args, **kwargs)  # type: ignore[arg-type]

        if at_work := _at_work.get():
            process, work = at_work
            return process.send(work, request, forward)
        return forward()

    with patch.object(HTTPAdapter, "send", sending):
        yield


def _like(method: str, url: SplitResult) -> str:
    telling = [f"{name}={value}" for name, value in parse_qsl(url.query) if name in _TELLING]
    path = _OWN_ID.sub("*", url.path.removeprefix(f"/{ACCOUNT}"))
    return f"{method} {path}{'?' if telling else ''}{'&'.join(telling)}"


def _unreachable(request: requests.PreparedRequest) -> requests.ConnectionError:
    """What `HTTPAdapter.send` raises where nobody listens."""
    connection = HTTPConnection(urlsplit(request.url or "").hostname or "")
    error = NewConnectionError(connection, "[Errno 111] Connection refused")
    return requests.ConnectionError(error, request=request)


def _hung_up(request: requests.PreparedRequest) -> requests.ConnectionError:
    """What it raises where the connection breaks before the answer."""
    error = ConnectionResetError(104, "Connection reset by peer")
    return requests.ConnectionError(ProtocolError("Connection aborted.", error), request=request)
