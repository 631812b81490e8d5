"""Fetch the lines of one link: pages are staged as blocks, a commit makes the blob appear whole."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, HttpResponseError

from fetch_line_items.drift import report_drift
from fetch_line_items.order import complete_by_hand, is_done
from fetch_line_items.paging import Pager, Position, Step
from fetch_line_items.requests import LineItemsRequests
from shared.amounts import total_of, written
from shared.archive import MOST_BLOCKS, Archive
from shared.errors import Fatal, LinesWouldVanish, Overtaken, Retriable, Throttled
from shared.manifest import refresh_manifest
from shared.messages import LineItemsMessage, Part, Progress
from shared.orders import Orders
from shared.partner_center import Operation, PartnerCenter
from shared.settings import Settings

_log = logging.getLogger(__name__)

_SHORTEST_DELAY, _FIRST_DELAY, _LONGEST_DELAY = 2.0, 10.0, 3600.0
_MOST_ATTEMPTS = 12
"""Messages in a row without a page: together about four hours before a failure is told as one."""
_MOST_RESTARTS = 3
_TELL_EVERY_SECONDS = 10.0
_GRACE_SECONDS = 120.0


@dataclass
class Fetch:
    """Brings the lines that `message` orders into storage, or as many as the time budget allows.

    One invocation's part of the work: `run` once. What is left goes on in a follow-up message.
    """

    message: LineItemsMessage
    partner_center: PartnerCenter
    archive: Archive
    orders: Orders
    settings: Settings

    def __post_init__(self) -> None:
        self._items = self.message.items()
        self._began = time.monotonic()
        self._part = _new_id()
        self._before = self.message.progress or Progress(
            run=_new_id(), correlation_id=str(uuid.uuid4()), fetched_for=self.message.version
        )
        # What is staged without a gap; pages behind a gap do not count.
        self._progress = self._before

    def run(self) -> None:
        """Do the work, or hand it back with a delay where Partner Center or storage fails for now.

        Raises Fatal, InvalidInput or AzureError for what will not get better, LinesWouldVanish, and
        Retriable when it has not got better for hours.
        """
        try:
            self._work()
        except Retriable as error:
            self._hand_back(error)
        except Fatal as error:
            if not self._token_is_stale(error):
                raise
            self._start_over(error)
        except AzureError as error:
            if not _passes(error):
                raise
            self._hand_back(Retriable(f"Storage failed: {error}"))

    def _work(self) -> None:
        if self._is_done():
            _log.info("%s is in storage already", self._items)
            refresh_manifest(self.archive, self._items.invoice_id)
            return
        if self.message.version is None and not self._progress.pages:
            self._complete_by_hand()
        self._commit() if self._stage_pages() else self._go_on()

    # -- before: what is ordered, and does it stand already

    def _is_done(self) -> bool:
        self._stored = self.archive.stored_lines(self._items)
        return self._stored is not None and is_done(
            self.message, self._stored, self._progress.run, self.archive
        )

    def _complete_by_hand(self) -> None:
        self.message, version = complete_by_hand(
            self.message, self._items, self.archive, self.partner_center, self._operation()
        )
        self._progress = self._progress.model_copy(update={"fetched_for": version})

    # -- the pages

    def _stage_pages(self) -> bool:
        """Stage pages until the last one or the end of the time budget; say whether it was the last."""
        operation = self._operation()
        ask = LineItemsRequests(
            self.partner_center, self._items, self.message.currency_code, operation
        )
        told = time.monotonic()
        width = self.settings.concurrency
        try:
            with Pager(ask, self._stage, width=width, go_on=self._has_time) as pager:
                for step in self._steps(pager):
                    self._count(step)
                    if step.last:
                        return True
                    if time.monotonic() - told > _TELL_EVERY_SECONDS:
                        told = time.monotonic()
                        self._tell("so far")
            return False
        finally:
            operation.over.set()

    def _steps(self, pager: Pager) -> Iterator[Step]:
        progress = self._progress
        start = Position(progress.pages, progress.lines, progress.total_count, progress.token)
        pages = pager.by_token if self._items.by_token else pager.by_offset
        return pages(start, self.settings.page_size)

    def _stage(self, page: int, block: bytes) -> None:
        if page >= MOST_BLOCKS:
            raise Fatal(
                f"{self._items} has more than {MOST_BLOCKS} pages: raise LINE_ITEMS_PAGE_SIZE"
            )
        self.archive.stage_page(self._items, self._part, page, block)
        if page == 0:
            report_drift(self._items, block)

    def _count(self, step: Step) -> None:
        reached = step.reached
        own = reached.pages - self._before.pages
        self._progress = self._progress.model_copy(
            update={
                "parts": self._before.parts + ((Part(id=self._part, pages=own),) if own else ()),
                "pages": reached.pages,
                "lines": reached.lines,
                "total": total_of([self._progress.total, step.total]),
                "total_count": reached.total_count,
                "token": reached.token,
                "attempt": 0,
            }
        )

    def _operation(self) -> Operation:
        # The last page may be asked for at the end of the budget, and again once or twice.
        deadline = self._began + self.settings.time_budget_seconds + _GRACE_SECONDS
        return Operation(self._progress.correlation_id, deadline=deadline)

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < self.settings.time_budget_seconds

    # -- after: go on later, or commit

    def _go_on(self) -> None:
        self._tell("the time budget is used up, goes on in a follow-up message")
        self._follow_up(delay=0)

    def _hand_back(self, error: Retriable) -> None:
        """Go on later: as late as Partner Center asks for, or later with every message in vain."""
        # Being throttled is nobody's failure: it may last as long as it likes.
        attempt = self._progress.attempt + (not isinstance(error, Throttled))
        if attempt > _MOST_ATTEMPTS:
            raise error
        self._progress = self._progress.model_copy(update={"attempt": attempt})
        delay = _delay(error, attempt)
        _log.warning("%s goes on in %.0f s: %s", self._items, delay, error)
        self._follow_up(delay=delay)

    def _token_is_stale(self, error: Fatal) -> bool:
        """Whether Partner Center no longer takes the token of an earlier message.

        How long one lives is not documented, and a long throttling can outlast it.
        """
        before = self._before
        nothing_came = before.token is not None and self._progress.pages == before.pages
        return nothing_came and error.status in (400, 404, 410) and before.restarts < _MOST_RESTARTS

    def _start_over(self, error: Fatal) -> None:
        _log.warning("%s starts over, the token for its next page is stale: %s", self._items, error)
        self._progress = Progress(
            run=_new_id(),
            correlation_id=self._progress.correlation_id,
            fetched_for=self._progress.fetched_for,
            restarts=self._progress.restarts + 1,
        )
        self._follow_up(delay=0)

    def _follow_up(self, *, delay: float) -> None:
        follow_up = self.message.model_copy(update={"progress": self._progress})
        self.orders.send(follow_up, delay=delay)

    def _commit(self) -> None:
        if not self._progress.lines:
            self._check_nothing_vanishes()
        over = self._stored
        parts = [part.id for part in self._progress.parts for _ in range(part.pages)]
        try:
            self.archive.commit_lines(self._items, parts, self._metadata(), over=over)
        except Overtaken:
            if not self._is_done():
                _log.warning("%s: another run has committed; starting over", self._items)
                self.orders.send(self.message.model_copy(update={"progress": None}))
                return
        self._tell("in storage")
        refresh_manifest(self.archive, self._items.invoice_id)

    def _check_nothing_vanishes(self) -> None:
        if self._stored and self._stored.size:
            raise LinesWouldVanish(
                f"Partner Center gives no lines for {self._items}, of which {self._stored.lines} are stored; "
                "the blob stays as it is (delete it to have the empty answer stored)"
            )

    def _metadata(self) -> dict[str, str]:
        progress = self._progress
        metadata = {
            "lines": str(progress.lines),
            "pages": str(progress.pages),
            "total": written(progress.total) if self._items.charge_field else None,
            "currency": self.message.currency_code and self.message.currency_code.upper(),
            "link": self.message.link or self._items.link,
            "fetched_at": datetime.now(UTC).isoformat(),
            "correlation_id": progress.correlation_id,
            "run": progress.run,
            "version": progress.fetched_for,
        }
        return {name: value for name, value in metadata.items() if value}

    def _tell(self, what: str) -> None:
        progress = self._progress
        _log.info(
            "%s: %d lines on %d pages, %s (MS-CorrelationId %s)",
            self._items,
            progress.lines,
            progress.pages,
            what,
            progress.correlation_id,
        )


def _passes(error: AzureError) -> bool:
    """Whether storage may well do later what it did not do now."""
    if isinstance(error, HttpResponseError):
        return error.status_code in (408, 429) or (error.status_code or 0) >= 500
    return True  # no connection, or no answer


def _delay(error: Retriable, attempt: int) -> float:
    """Seconds until the follow-up message: as asked for, else doubled with each vain one before."""
    backoff = min(_FIRST_DELAY * 2 ** max(attempt - 1, 0), _LONGEST_DELAY)
    delay = backoff if error.delay is None else max(error.delay, _SHORTEST_DELAY)
    return delay + random.uniform(0, 0.1 * delay)  # noqa: S311 - spreads load, guards nothing


def _new_id() -> str:
    return uuid.uuid4().hex[:16]
