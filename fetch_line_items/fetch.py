"""One delivery of one message: steps of a source are staged as blocks, a commit makes the blob appear."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import Any

from azure.core.exceptions import AzureError

from fetch_line_items.details import enqueue_details
from fetch_line_items.drift import report_drift
from fetch_line_items.job import Job, is_in_storage, job_of
from fetch_line_items.look import look_at
from fetch_line_items.result import Done, Later, Result, after_error
from fetch_line_items.source import Source, Step
from fetch_line_items.sums import Sums
from fetch_line_items.waiting import note_wait
from shared import telemetry
from shared.amounts import total_of
from shared.api.exchange import RequestContext
from shared.content import NOTHING, Content
from shared.errors import ApiError, ArchiveError, Fatal, LinesWouldVanish, Overtaken
from shared.links import link_of
from shared.log import also_about, get_logger
from shared.looks import refresh_manifest
from shared.messages import GraphPosition, LineItemsMessage, Progress
from shared.reconciliation import record
from shared.services import Services
from shared.storage.blobs import LinesMetadata, StoredLines
from shared.storage.blocks import MOST_BLOCKS, Part
from shared.storage.metadata import now

_log = get_logger(__name__)

_LOG_EVERY_SECONDS = 10.0
_INVOCATION_SECONDS = 540.0
"""Of host.json's functionTimeout; what is left is for the commit."""


def fetch_lines(message: LineItemsMessage, services: Services) -> Result:
    """Do what `message` asks for: bring lines into storage, or as many as the time budget allows.

    What is left is to go on later, with the message that the result carries.
    """
    if message.look is None and not message.names_an_invoice:
        return _fetch(message, services)
    try:
        if message.look is None:
            return enqueue_details(message, services)
        return look_at(message, message.look, services, lambda each: _fetch(each, services))
    except (ApiError, ArchiveError, AzureError) as error:  # around the fetch, which has its own
        return after_error(message, message.progress or Progress(), error)


def _fetch(message: LineItemsMessage, services: Services) -> Result:
    key, turn = message.key, _Turn(message, services)
    also_about(
        invoice=key.invoice_id,
        provider=key.billing_provider,
        type=key.invoice_line_item_type,
        correlation=turn.progress.correlation_id,
    )
    try:
        result: Result = turn.run()
    except (ApiError, ArchiveError, AzureError) as error:
        result = after_error(turn.message, turn.progress, error)
    if isinstance(result, Later):
        note_wait(services.archive, key, result.delay)
    return result


class _Turn:
    """The work of one invocation; `progress` says at any time how far the fetch has come."""

    def __init__(self, message: LineItemsMessage, services: Services) -> None:
        self.message = message
        self.progress = message.progress or Progress(fetched_for=message.version)
        self._services = services
        self._archive = services.archive
        self._key = message.key
        self._part = Part.after(self.progress.staged)
        self._sums, self._is_from_the_start = Sums(), not self.progress.staged.blocks
        self._began = began = time.monotonic()
        self._until = began + services.settings.time_budget_seconds
        # An answer that was asked for at the end of the budget may still take its time.
        self._context = RequestContext(
            self.progress.correlation_id, deadline=began + _INVOCATION_SECONDS
        )

    def run(self) -> Done | Later:
        """Do the message's job, unless that is in storage; where there is more to do, that is for later."""
        job = job_of(self.message, self.progress, self._services, self._context)
        if job is None:
            self._log("in storage already")
        else:
            also_about(source=job.source.name)
            try:
                if result := self._do(job):
                    return result
            finally:
                telemetry.link_took(time.monotonic() - self._began, job.source.name)
        refresh_manifest(self._services, self._key.invoice_id)
        return Done(changed=True)

    def _do(self, job: Job) -> Done | Later | None:
        """Stage, and commit after the last step; None where it did."""
        self.message, self.progress = job.message, job.progress
        step = self._stage(job.source)
        if not step.last:
            message = replace(self.message, progress=self.progress)
            return Later(message, step.wait or 0, step.reason or self.so_far())
        if job.stored and step.unchanged:
            return self._keep(job.stored)
        if job.stored and self._is_the_same(job.stored):
            self._record_sums(job.stored.about.run)
            return self._keep(job.stored)
        self._commit(job)
        return None

    def so_far(self) -> str:
        """Say how far the fetch has come."""
        return f"{self.progress.lines} lines so far"

    @property
    def _content(self) -> Content | None:
        return self.progress.content if self.progress.staged.blocks else NOTHING

    # -- steps become blocks

    def _stage(self, source: Source[Any]) -> Step:
        """Stage what the source gives, as far as there is time; give the last step."""

        def deliver(number: int, block: bytes) -> None:
            self._archive.stage_block(self._key, self._part, number, block)
            if number == 0:
                report_drift(self._key, source.name, block)

        logged = time.monotonic()
        with closing(source.steps(self.progress.position, deliver, self._has_time)) as steps:
            for step in steps:
                self._count(step)
                telemetry.count_lines(
                    source.name, pages=step.pages, lines=step.lines, size=step.content.size
                )
                if step.last or step.wait is not None:
                    break
                if time.monotonic() - logged > _LOG_EVERY_SECONDS:
                    logged = time.monotonic()
                    self._log(self.so_far())
        return step

    def _count(self, step: Step) -> None:
        progress = self.progress
        staged = self._part.with_block(progress.staged, blocks=step.blocks, end=step.end)
        if staged.blocks > MOST_BLOCKS:
            raise Fatal(
                f"{self._key} has more than {MOST_BLOCKS} blocks, the most of a blob: if these are "
                "pages, raise LINE_ITEMS_PAGE_SIZE"
            )
        content = self._content
        totals = [total for total in (progress.total, step.sums.total) if total is not None]
        self._sums.add(step.sums)
        self.progress = replace(
            progress,
            staged=staged,
            content=content and content.then(step.content),
            azure=progress.azure or step.sums.azure,
            pages=progress.pages + step.pages,
            lines=progress.lines + step.lines,
            total=total_of(totals) if totals else None,
            position=step.position,
            attempt=0,
        )

    def _has_time(self) -> bool:
        return time.monotonic() < self._until

    # -- blocks become a blob

    def _is_the_same(self, stored: StoredLines) -> bool:
        """Whether what is staged is, byte for byte, what is stored."""
        content = self._content
        if content is None or content.size != stored.size:
            return False
        return stored.about.lines == self.progress.lines and content == self._archive.content(
            stored
        )

    def _keep(self, stored: StoredLines) -> Done:
        """Leave the stored lines as they are, and note for what they are right as well."""
        version, position = self.progress.fetched_for, self.progress.position
        about = replace(stored.about, version=version or stored.about.version)
        if isinstance(position, GraphPosition) and position.etag not in (None, about.etag):
            about = replace(about, etag=position.etag, operation=position.operation)
        if about != stored.about:
            self._archive.set_lines_metadata(stored, about)
        # Who has committed them may have died before the manifest. A look writes it at its end.
        if about != stored.about or self.message.look is None:
            refresh_manifest(self._services, self._key.invoice_id)
        self._log(f"nothing has changed, {about.lines} lines are in storage")
        return Done()

    def _commit(self, job: Job) -> None:
        stored, lines = job.stored, self.progress.lines
        if not lines:
            self._check_nothing_vanishes(stored)
        self._record_sums(self.progress.run)
        if stored and stored.size:
            self._archive.keep_lines(stored)
            if lines < stored.about.lines:
                text = "%s: %d lines, where %d were stored; those are kept as a snapshot"
                _log.warning(text, self._key, lines, stored.about.lines)
        about, etag = self._metadata(job.source.name), stored.etag if stored else None
        try:
            self._archive.commit_lines(self._key, self.progress.staged, about, replacing=etag)
        except Overtaken:
            if not self._is_in_storage():
                raise
        self._log(f"{self.progress.lines} lines of {job.source.name}, in storage")

    def _record_sums(self, run: str | None) -> None:
        """Note what the lines of this run come to, unless other invocations have seen some of them."""
        if self._is_from_the_start and run:
            record(self._archive, self._key, self._sums.part(run))

    def _is_in_storage(self) -> bool:
        """Whether somebody else has committed what this was to bring: where it has none, none too."""
        there = self._archive.lines(self._key)
        if there is None:
            return False
        if not self.progress.lines and not there.size:
            return there.about.version == self.progress.fetched_for
        return is_in_storage(self.message, self.progress.run, there, self._archive)

    def _check_nothing_vanishes(self, stored: StoredLines | None) -> None:
        if stored and stored.size:
            raise LinesWouldVanish(
                f"Microsoft gives no lines for {self._key}, of which {stored.about.lines} are stored; "
                "the blob stays as it is (delete it to have the empty answer stored)"
            )

    def _metadata(self, source: str) -> LinesMetadata:
        message, progress = self.message, self.progress
        export = progress.position if isinstance(progress.position, GraphPosition) else None
        return LinesMetadata(
            lines=progress.lines,
            pages=progress.pages,
            total=progress.total,
            currency=message.currency_code and message.currency_code.upper(),
            link=message.link or link_of(self._key),
            source=source,
            fetched_at=now().isoformat(),
            correlation_id=progress.correlation_id,
            run=progress.run,
            version=progress.fetched_for,
            etag=export.etag if export else None,
            operation=export.operation if export else None,
            crc=self._content.crc if self._content else None,
            azure=progress.azure,
        )

    def _log(self, what: str) -> None:
        _log.info("%s: %s", self._key, what)
