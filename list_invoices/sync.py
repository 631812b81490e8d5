"""The difference between what Partner Center lists and what is in storage: store it, enqueue it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from list_invoices.failures import Failures
from list_invoices.versions import digest, invoice_version
from shared.api.exchange import RequestContext
from shared.api.invoice_list import invoices_by_id, listed_invoices
from shared.details import details_of, parse_invoice
from shared.errors import Overtaken
from shared.keys import LineItemsKey
from shared.messages import LineItemsMessage
from shared.models import Invoice
from shared.queue import LineItemsQueue
from shared.services import Services
from shared.storage.archive import Archive
from shared.storage.blobs import InvoiceMetadata, now
from shared.storage.inventory import InvoiceBlobs, inventory
from shared.storage.manifest import refresh_manifest
from shared.threads import InvocationThreads

_log = logging.getLogger(__name__)

_LIST_SECONDS = 360.0
"""For the list, of host.json's functionTimeout: storing what is new needs the rest."""
_AT_ONCE = 8
"""Invoices in work together: each is some small requests to storage."""
_MOST_PROBLEMS = 20
"""Of an invoice, in the log; the rest is counted."""
_OTHER_RUNS_SECONDS = 2.0
"""How long another run may take from storing an invoice until it has enqueued its lines."""


@dataclass(frozen=True)
class Outcome:
    """What a run did: invoices listed, written anew, not as documented and failed; messages sent."""

    invoices: int = 0
    stored: int = 0
    enqueued: int = 0
    broken: int = 0
    failed: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.invoices + other.invoices,
            self.stored + other.stored,
            self.enqueued + other.enqueued,
            self.broken + other.broken,
            self.failed + other.failed,
        )


def sync_invoices(services: Services) -> Outcome:
    """Store every invoice that is new or changed, and enqueue the lines that storage lacks.

    An invoice that cannot be understood is logged and stops no other; so is one that fails, and then
    the run raises ArchiveError at its end. Safe to run at any time, twice, several at once, and after
    any crash. Raises ApiError when the list cannot be had.
    """
    context = RequestContext(deadline=time.monotonic() + _LIST_SECONDS)
    _log.info("Listing invoices, MS-CorrelationId %s", context.correlation_id)
    looked, stored = time.monotonic(), inventory(services.archive)
    by_id, without_id = invoices_by_id(listed_invoices(services.partner_center, context))
    for invoice in without_id:
        _log.error("An invoice of the list has no usable id and is left out: %.200r", invoice.text)
    run, failures = context.correlation_id, Failures()
    compared = (
        failures.caught(
            i, partial(_difference, i, by_id[i].text, stored.get(i, InvoiceBlobs()), run)
        )
        for i in by_id
    )
    differences = [difference for difference in compared if difference]
    outcome = Outcome(invoices=len(without_id), broken=len(without_id))
    outcome += _sync_all([each for each in differences if not each.is_begun], services, failures)
    if begun := [each for each in differences if each.is_begun]:
        # Another run is about to enqueue for them, or has crashed: then they have not changed by then.
        time.sleep(max(0, looked + _OTHER_RUNS_SECONDS - time.monotonic()))
        outcome += _sync_all(begun, services, failures)
    _log.info("Listed: %s", replace(outcome, failed=len(failures.by_invoice)))
    failures.raise_for_any()
    return outcome


@dataclass(frozen=True)
class _Difference:
    """An invoice of the list, beside what is in storage of it.

    `about` is what invoice.json has to say of itself, `due` maps the lines that have to be enqueued to
    their links. `broken`: not everything about the invoice is as documented.
    """

    id: str
    text: bytes
    about: InvoiceMetadata
    currency: str | None
    due: dict[LineItemsKey, str]
    broken: bool
    stored: InvoiceBlobs
    at: datetime

    @property
    def is_changed(self) -> bool:
        """Whether invoice.json has to be written."""
        return self.about != self.stored.invoice

    @property
    def is_begun(self) -> bool:
        """Whether a run has stored this very invoice, and has not noted that it has enqueued."""
        return bool(self.due) and not self.is_changed and self.about.enqueued_at is None


def _difference(invoice_id: str, text: bytes, stored: InvoiceBlobs, run: str) -> _Difference:
    content, at = digest(text), now()
    problems: list[str] = []
    try:
        parsed = parse_invoice(text)
        problems, invoice = parsed.problems, parsed.invoice
        version = invoice_version(parsed.fields)
    except (ValueError, RecursionError) as error:
        problems, invoice, version = [str(error)], None, content
    _log_problems(
        "Invoice %s is not as documented; it is stored as it is: %s", invoice_id, problems
    )
    missing = _missing(invoice, version, stored) if invoice else {}
    return _Difference(
        id=invoice_id,
        text=text,
        about=_about(content, version, stored.invoice, at, run),
        currency=invoice.currency_code if invoice else None,
        due={k: missing[k] for k in missing if not stored.under_way(k, version, at)},
        broken=bool(problems),
        stored=stored,
        at=at,
    )


def _about(
    content: str, version: str, stored: InvoiceMetadata | None, at: datetime, run: str
) -> InvoiceMetadata:
    """What invoice.json has to say of itself: what it says already, if it is this very invoice."""
    enqueued_at = stored.enqueued_at if stored and stored.version == version else None
    same = stored and (stored.content, stored.version) == (content, version)
    stored_at = stored.stored_at if stored and same else at
    waits = stored.waits if stored else {}
    return InvoiceMetadata(content, version, stored_at, enqueued_at, waits=waits, run=run)


def _missing(invoice: Invoice, version: str, stored: InvoiceBlobs) -> dict[LineItemsKey, str]:
    """The lines that are not in storage, or are there for an invoice that has changed since."""
    details = details_of(invoice)
    text = "Invoice %s: some of its lines cannot be fetched: %s"
    _log_problems(text, invoice.id, details.problems)
    there = stored.current(version, invoice.total_charges)
    return {key: link for key, link in details.links.items() if key not in there}


def _log_problems(text: str, invoice_id: str, problems: list[str]) -> None:
    for problem in problems[:_MOST_PROBLEMS]:
        _log.error(text, invoice_id, problem)
    if len(problems) > _MOST_PROBLEMS:
        _log.error(text, invoice_id, f"{len(problems)} problems in all")


def _sync_all(
    differences: Iterable[_Difference], services: Services, failures: Failures
) -> Outcome:
    def sync(difference: _Difference) -> Outcome:
        done = failures.caught(difference.id, lambda: _sync(difference, services))
        return done or Outcome(invoices=1)

    with InvocationThreads(_AT_ONCE, thread_name_prefix="invoice") as threads:
        return sum(threads.map(sync, differences), Outcome())


def _sync(difference: _Difference, services: Services) -> Outcome:
    archive, has_manifest = services.archive, difference.stored.manifest is not None
    broken = int(difference.broken)
    if difference.is_changed or difference.due:
        try:
            about, etag = _claim(difference, archive)
        except Overtaken:
            _log.info("Invoice %s is left to another run, which works on it", difference.id)
            return Outcome(1, broken=broken)
    if not has_manifest:
        # Before the note: what is enqueued is under way only beside a manifest.
        refresh_manifest(archive, difference.id)
    if difference.due:
        # First sent, then noted: a crash in between sends them again, which does no harm.
        _enqueue(difference, services.queue)
        noted = replace(about, enqueued_at=difference.at)
        with suppress(Overtaken):  # who has written since has its own note
            archive.set_invoice_metadata(difference.id, noted, replacing=etag)
    if has_manifest and (difference.is_changed or difference.due):
        refresh_manifest(archive, difference.id)
    return Outcome(1, int(difference.is_changed), len(difference.due), broken)


def _claim(difference: _Difference, archive: Archive) -> tuple[InvoiceMetadata, str]:
    """Write first what the run has seen as it was: of two runs at once, one gets Overtaken.

    Give what invoice.json says now, and its ETag.
    """
    seen, about = difference.stored, difference.about
    try:
        if difference.is_changed or seen.etag is None:
            etag = archive.put_invoice(difference.id, difference.text, about, replacing=seen.etag)
        else:
            etag = archive.set_invoice_metadata(difference.id, about, replacing=seen.etag)
        return about, etag
    except Overtaken:
        there, now_etag = archive.invoice_metadata(difference.id)
        if there is None or now_etag is None:
            raise
        if there.run == about.run:
            # The SDK asks again where an answer was lost: then it is this run that has written.
            return about, now_etag
        if there != seen.invoice or there.run != seen.invoice.run:
            raise
        # No other run: a fetch has noted that its message waits.
        about, stored = replace(about, waits=there.waits), replace(seen, etag=now_etag)
        return _claim(replace(difference, about=about, stored=stored), archive)


def _enqueue(difference: _Difference, queue: LineItemsQueue) -> None:
    for key, link in difference.due.items():
        queue.send(
            LineItemsMessage.of(
                key, link=link, currency=difference.currency, version=difference.about.version
            )
        )
        _log.info("Enqueued %s", key)
