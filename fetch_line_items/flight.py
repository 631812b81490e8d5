"""A page in flight: it is asked for, arrives, and is delivered, unless it has been cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b

from fetch_line_items.lines import Lines
from fetch_line_items.source import Deliver
from fetch_line_items.sums import Sums
from shared.content import Content
from shared.messages import V1Position

Ask = Callable[[V1Position, int], Lines]
"""Asks for so many lines at a position; raises ApiError."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What has to be known of a page in flight; its bytes stay with the thread that delivers it."""

    lines: int
    sums: Sums
    content: Content
    total_count: int
    next_link: str | None
    token: str | None
    fingerprint: str


class Flight:
    """A page on its way: first it arrives, then it is delivered, unless it has been cancelled."""

    def __init__(self, position: V1Position, size: int) -> None:
        self.position = position
        self.size = size
        self.arrived: Future[Arrived] = Future()
        self.delivered: Future[None] = Future()
        self._lock = threading.Lock()
        self._cancelled = self._delivers = False

    def came_short(self) -> bool:
        """Whether it has failed, or has arrived with fewer lines than asked for."""
        if not self.arrived.done():
            return False
        return bool(self.arrived.exception()) or self.arrived.result().lines < self.size

    def cancel(self) -> None:
        """See to it that nothing is delivered any more; wait for that only if it has begun."""
        with self._lock:
            self._cancelled = True
        if self._delivers:
            self.delivered.exception()

    def run(self, ask: Ask, deliver: Deliver) -> None:
        """Ask for the page and deliver it; what goes wrong is in `arrived` and `delivered`."""
        if self._cancelled:
            return
        try:
            lines = ask(self.position, self.size)
            self.arrived.set_result(arrived(lines))
            if lines.count and self._may_deliver():
                deliver(self.position.pages, lines.block)
            self.delivered.set_result(None)
        except BaseException as error:
            if not self.arrived.done():
                self.arrived.set_exception(error)
            self.delivered.set_exception(error)

    def _may_deliver(self) -> bool:
        with self._lock:
            self._delivers = not self._cancelled
        return self._delivers


def arrived(lines: Lines) -> Arrived:
    """Note what has to be known of a page, without its bytes."""
    return Arrived(
        lines=lines.count,
        sums=lines.sums,
        content=Content.of(lines.block),
        total_count=lines.total_count,
        next_link=lines.next_link,
        token=lines.token,
        fingerprint=_fingerprint(lines.block),
    )


def _fingerprint(block: bytes) -> str:
    """Tell a page from others, also in another process: by its length and both of its ends."""
    ends = b"%d %b %b" % (len(block), block[:2048], block[-2048:])
    return blake2b(ends, digest_size=8).hexdigest()
