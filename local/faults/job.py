"""The whole job from nothing: the timer, every message, and one look, in processes that may die."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from unittest.mock import patch

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage

from fetch_line_items import act_on
from fetch_line_items.decode import decode_message
from fetch_line_items.fetch import fetch_lines
from list_invoices.sync import Outcome, sync_invoices
from local.faults.deliveries import LEASE_SECONDS, Deliveries
from local.faults.pieces import Ground
from local.faults.wire import Crash, Fault, Process, Request, Wire
from local.faults.world import RESTATED, STEP_BY_STEP
from local.stack import POISON
from shared.errors import ApiError, ArchiveError
from shared.services import Services
from shared.storage.accounts import line_items_queue

_log = logging.getLogger(__name__)
TIMER = "list_invoices"
_COMMIT_SECONDS = "fetch_line_items.graph_export._COMMIT_SECONDS"
"""What an invocation keeps for the commit: with all that it has, its time is over behind a block."""
_MOST_RUNS = 7
_MOST_DELIVERED = 200
_PUBLISHED_AT = 300.0
"""On the clock of the deliveries: what is late is asked for again after ten minutes."""


class Job:
    """One job, of which one request may meet a fault.

    What a process had in memory is gone with it: the next one has settings, clients and tokens of its own.
    """

    def __init__(self, ground: Ground, fault: Fault | None = None) -> None:
        queues = [line_items_queue(ground.settings), line_items_queue(ground.settings, POISON)]
        self.deliveries = Deliveries(*queues)
        self.wire = Wire(ground.places, fault, self.deliveries.observe)
        self.asked: list[Request] = []
        self.failures: list[str] = []
        self._ground = ground
        # Of two deaths around one request the message comes back once behind what it has sent, in
        # all its follow-ups, and once by turns with them.
        self._comes_back_at_once = fault is not None and fault.kind == "dead after"
        self._begin_process()

    def run(self) -> None:
        """List the invoices, and deliver every message; a month later Microsoft restates one of them.

        `asked` has what was asked for in all.
        """
        self.deliveries.clear()
        try:
            self.list_invoices()
            self.deliver_all()
            self._ground.partner_center.put(RESTATED)
            self.deliveries.hasten_looks(RESTATED.id)
            self.deliver_all()
        finally:
            self.asked = self.wire.sent.copy()

    def heals(self) -> bool:
        """Run the timer once more; say whether there was anything to do, which is then done."""
        first = self.list_invoices()
        if not first.enqueued and not first.stored:
            return False
        self.deliver_all()
        again = self.list_invoices()
        if again.enqueued or again.stored:
            raise RuntimeError("each run of the timer finds something to do")
        return True

    def list_invoices(self) -> Outcome:
        """Run the timer's function, again as its host does where it fails or dies."""
        for _ in range(_MOST_RUNS):
            try:
                return self._in_process(TIMER, sync_invoices)
            except Crash:
                _log.info("The process has died in a run of the timer")
            except (ApiError, ArchiveError, AzureError) as error:
                self._note_failure(TIMER, error)
        raise RuntimeError(f"the timer has failed {_MOST_RUNS} times")

    def deliver_all(self) -> None:
        """Deliver messages until there are none, as their host does."""
        for _ in range(_MOST_DELIVERED):
            message = self.deliveries.next()
            if message is None:
                return
            if self.deliveries.clock >= _PUBLISHED_AT:
                self._ground.publish()
            self._deliver(message)
        raise RuntimeError(f"the queue is not empty after {_MOST_DELIVERED} deliveries")

    def _deliver(self, message: QueueMessage) -> None:
        text = str(message.content).encode()
        about = decode_message(text)
        work = f"the look at {about.invoice_id}" if about.look else about.subject

        def fetch(services: Services) -> None:
            is_hurried = about.subject in STEP_BY_STEP
            update = {"time_budget_seconds": 0} if is_hurried else {}
            services.settings = self._settings.model_copy(update=update)
            is_left_inside = is_hurried and not about.look
            with patch(_COMMIT_SECONDS, 540.0) if is_left_inside else nullcontext():
                act_on(fetch_lines(decode_message(text), services), services.queue)
            self.deliveries.done(message)

        try:
            self._in_process(work, fetch)
        except Crash:
            _log.info("The process has died with a message for %s", about.subject)
            self.deliveries.abandoned(message, 0 if self._comes_back_at_once else LEASE_SECONDS)
        except Exception as error:
            self._note_failure(work, error)
            self.deliveries.failed(message)

    def _in_process[T](self, work: str, do: Callable[[Services], T]) -> T:
        try:
            with self._process.at_work(work):
                return do(self._services)
        except Crash:
            self._begin_process()
            raise

    def _begin_process(self) -> None:
        self._settings = self._ground.settings
        self._process, self._services = Process(self.wire), Services(self._settings)

    def _note_failure(self, work: str, error: Exception) -> None:
        _log.warning("%s has failed", work, exc_info=error)
        self.failures.append(f"{work} has failed: {type(error).__name__}: {error}")
