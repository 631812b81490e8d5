"""Fetch the lines of one link: pages are staged as blocks, a commit makes the blob appear whole."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from fetch_line_items.drift import report_drift
from fetch_line_items.paging import Pager, Position, Step
from fetch_line_items.requests import LineItemsRequests
from shared.amounts import total_of, written
from shared.archive import MOST_BLOCKS, Archive
from shared.errors import BlocksGone, Fatal, LinesWouldVanish, Retriable, Throttled
from shared.invoice_list import find_invoice
from shared.manifest import refresh_manifest
from shared.messages import LineItemsMessage, Part, Progress
from shared.models import Invoice
from shared.orders import Orders
from shared.partner_center import Operation, PartnerCenter
from shared.settings import Settings

_log = logging.getLogger(__name__)

_FIRST_DELAY, _LONGEST_DELAY = 10.0, 3600.0
_MOST_ATTEMPTS = 12
"""Messages in a row without a page: together about four hours before a failure is told as one."""
_TELL_EVERY_SECONDS = 10.0


def fetch_lines(
    message: LineItemsMessage,
    *,
    partner_center: PartnerCenter,
    archive: Archive,
    orders: Orders,
    settings: Settings,
) -> None:
    """Bring the lines that `message` orders into storage, or as many as the time budget allows.

    What is left goes on in a follow-up message; so does, with a delay, what Partner Center throttles
    or fails to answer for now. Raises Fatal or InvalidInput for what will not get better,
    LinesWouldVanish, and Retriable when it has not got better for hours.
    """
    _Fetch(message, partner_center, archive, orders, settings).run()


class _Fetch:
    """One invocation's part of the work; `progress` is always what has been staged without a gap."""

    def __init__(
        self,
        message: LineItemsMessage,
        partner_center: PartnerCenter,
        archive: Archive,
        orders: Orders,
        settings: Settings,
    ) -> None:
        self._message = message
        self._items = message.items()
        self._partner_center = partner_center
        self._archive = archive
        self._orders = orders
        self._settings = settings
        self._began = time.monotonic()
        self._part = _new_id()
        self._progress = message.progress or Progress(
            run=_new_id(),
            correlation_id=str(uuid.uuid4()),
            fetched_for=message.version,
        )
        self._parts_before, self._pages_before = self._progress.parts, self._progress.pages

    def run(self) -> None:
        if self._is_done():
            _log.info("%s is in storage already", self._items)
            refresh_manifest(self._archive, self._items.invoice_id)
            return
        try:
            if not self._progress.pages:
                self._look_up_invoice()
            finished = self._stage_pages()
        except Retriable as error:
            self._hand_back(error)
        else:
            self._commit() if finished else self._go_on()

    # -- before: is there anything to do, and for which invoice

    def _is_done(self) -> bool:
        """Whether what stands in storage is what this message is to bring there.

        That is what this very run has committed, the version that was ordered, or a newer one: the
        version of the invoice as it now stands in storage.
        """
        stored = self._archive.stored_lines(self._items)
        if stored is None:
            return False
        if stored.run == self._progress.run:
            return True
        if self._message.version is None:
            return False
        return stored.version == self._message.version or stored.version == self._current_version()

    def _current_version(self) -> str | None:
        invoice = self._archive.read_invoice(self._items.invoice_id)
        return invoice.mark.version if invoice and invoice.mark else None

    def _look_up_invoice(self) -> None:
        """Complete a message written by hand: the currency, and the version that it will be true for."""
        if self._message.version is not None:
            return
        stored = self._archive.read_invoice(self._items.invoice_id)
        version = stored.mark.version if stored and stored.mark else None
        self._progress = self._progress.model_copy(update={"fetched_for": version})
        if self._message.currency_code is None:
            currency = self._currency(stored.text if stored else None)
            self._message = self._message.model_copy(update={"currency_code": currency})

    def _currency(self, text: bytes | None) -> str | None:
        """Read the currency off the stored invoice, else off the list of Partner Center."""
        operation = self._operation()
        text = text or find_invoice(self._partner_center, operation, self._items.invoice_id)
        try:
            return Invoice.from_json(text).currency_code if text else None
        except ValueError:
            return None

    # -- the pages

    def _stage_pages(self) -> bool:
        """Stage pages until the last one or the end of the time budget; say whether it was the last."""
        ask = LineItemsRequests(
            self._partner_center, self._items, self._message.currency_code, self._operation()
        )
        width = self._settings.concurrency
        told = time.monotonic()
        with Pager(ask, self._stage, width=width, go_on=self._has_time) as pager:
            for step in self._steps(pager):
                self._count(step)
                if step.last:
                    return True
                if time.monotonic() - told > _TELL_EVERY_SECONDS:
                    told = time.monotonic()
                    self._tell("so far")
        return False

    def _steps(self, pager: Pager) -> Iterator[Step]:
        progress = self._progress
        start = Position(progress.pages, progress.lines, progress.total_count, progress.token)
        pages = pager.by_token if self._items.by_token else pager.by_offset
        return pages(start, self._settings.page_size)

    def _stage(self, page: int, block: bytes) -> None:
        if page >= MOST_BLOCKS:
            raise Fatal(
                f"{self._items} has more than {MOST_BLOCKS} pages: raise LINE_ITEMS_PAGE_SIZE"
            )
        self._archive.stage_page(self._items, self._part, page, block)
        if page == 0:
            report_drift(self._items, block)

    def _count(self, step: Step) -> None:
        self._progress = self._progress.model_copy(
            update={
                "pages": step.reached.pages,
                "lines": step.reached.lines,
                "total_count": step.reached.total_count,
                "token": step.reached.token,
                "total": total_of([self._progress.total, step.total]),
                "parts": self._parts_before + self._own_part(step.reached.pages),
                "attempt": 0,
            }
        )

    def _own_part(self, pages: int) -> tuple[Part, ...]:
        own = pages - self._pages_before
        return (Part(id=self._part, pages=own),) if own else ()

    def _operation(self) -> Operation:
        deadline = self._began + self._settings.time_budget_seconds
        return Operation(self._progress.correlation_id, deadline=deadline)

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < self._settings.time_budget_seconds

    # -- after: go on later, or commit

    def _go_on(self) -> None:
        self._tell("the time budget is used up, goes on in a follow-up message")
        self._orders.send(self._follow_up())

    def _hand_back(self, error: Retriable) -> None:
        """Go on later: as late as Partner Center asks for, or later with every message in vain."""
        # Being throttled is nobody's failure: it may last as long as it likes.
        attempt = self._progress.attempt + (not isinstance(error, Throttled))
        if attempt > _MOST_ATTEMPTS:
            raise error
        backoff = min(_FIRST_DELAY * 2 ** max(attempt - 1, 0), _LONGEST_DELAY)
        delay = backoff if error.delay is None else error.delay
        delay += random.uniform(0, 0.1 * delay)  # noqa: S311 - spreads load, guards nothing
        self._progress = self._progress.model_copy(update={"attempt": attempt})
        _log.warning("%s goes on in %.0f s: %s", self._items, delay, error)
        self._orders.send(self._follow_up(), delay=delay)

    def _follow_up(self) -> LineItemsMessage:
        return self._message.model_copy(update={"progress": self._progress})

    def _commit(self) -> None:
        if not self._progress.lines:
            self._check_nothing_vanishes()
        try:
            parts = [part.id for part in self._progress.parts for _ in range(part.pages)]
            self._archive.commit_lines(self._items, parts, self._metadata())
        except BlocksGone:
            if not self._is_done():
                _log.warning("%s: another run has committed; starting over", self._items)
                self._orders.send(self._message.model_copy(update={"progress": None}))
                return
        self._tell("in storage")
        refresh_manifest(self._archive, self._items.invoice_id)

    def _check_nothing_vanishes(self) -> None:
        stored = self._archive.stored_lines(self._items)
        if stored and stored.lines:
            raise LinesWouldVanish(
                f"Partner Center gives no lines for {self._items}, of which {stored.lines} are stored; "
                "the blob stays as it is (delete it to have the empty answer stored)"
            )

    def _metadata(self) -> dict[str, str]:
        progress = self._progress
        metadata = {
            "lines": str(progress.lines),
            "pages": str(progress.pages),
            "link": self._message.link or self._items.link,
            "fetched_at": datetime.now(UTC).isoformat(),
            "correlation_id": progress.correlation_id,
            "run": progress.run,
        }
        if self._items.charge_field:
            metadata["total"] = written(progress.total)
        if self._message.currency_code:
            metadata["currency"] = self._message.currency_code.upper()
        if progress.fetched_for:
            metadata["version"] = progress.fetched_for
        return metadata

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


def _new_id() -> str:
    return uuid.uuid4().hex[:16]
