"""What Partner Center lists and storage lacks: store it, enqueue it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from list_invoices.difference import Difference, difference_of
from list_invoices.failures import Failures
from list_invoices.state import state_of
from shared import telemetry
from shared.api.exchange import RequestContext
from shared.api.invoice_list import invoices_by_id, listed_invoices
from shared.auth.expiry import credential_days
from shared.errors import Overtaken
from shared.log import about, get_logger
from shared.looks import refresh_manifest, send_look
from shared.messages import LineItemsMessage
from shared.queue import LineItemsQueue
from shared.services import Services
from shared.storage.archive import Archive
from shared.storage.blobs import InvoiceMetadata
from shared.storage.inventory import InvoiceBlobs, inventory
from shared.storage.metadata import now
from shared.threads import InvocationThreads

_log = get_logger(__name__)

_LIST_SECONDS = 360.0
"""For the list, of host.json's functionTimeout: storing what is new needs the rest."""
_CREDENTIAL_DAYS = 30
"""From so many days before its end the credential is warned of."""
_AT_ONCE = 8
"""Invoices in work together: each is some small requests to storage."""
_OTHER_RUNS_SECONDS = 2.0
"""How long another run may take from storing an invoice until it has enqueued its lines."""


@dataclass(frozen=True)
class Outcome:
    """What a run did: invoices listed, written anew, not as documented and failed; messages sent.

    `looks` are those of the messages that were sent for looks that had been lost.
    """

    invoices: int = 0
    stored: int = 0
    enqueued: int = 0
    broken: int = 0
    failed: int = 0
    looks: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.invoices + other.invoices,
            self.stored + other.stored,
            self.enqueued + other.enqueued,
            self.broken + other.broken,
            self.failed + other.failed,
            self.looks + other.looks,
        )


def sync_invoices(services: Services) -> Outcome:
    """Store every invoice that is new or changed, and enqueue the lines that storage lacks.

    An invoice that cannot be understood is logged and stops no other; so is one that fails, and then
    the run raises ArchiveError at its end. Safe to run at any time, twice, several at once, and after
    any crash. Raises ApiError when the list cannot be had.
    """
    context = RequestContext(deadline=time.monotonic() + _LIST_SECONDS)
    with about(correlation=context.correlation_id):
        return _run(services, context)


def _run(services: Services, context: RequestContext) -> Outcome:
    looked, stored = time.monotonic(), inventory(services.archive)
    # Before the list is asked for, so that it is told also while Partner Center does not answer.
    state = state_of(stored, now())
    _log.info("State: %s", state)
    telemetry.oldest_unsettled(state.oldest_unsettled_days)
    if (days := credential_days(services.settings, now())) is not None:
        text = "The secret or certificate of the app registration ends: credential_days=%d"
        _log.log(logging.WARNING if days <= _CREDENTIAL_DAYS else logging.INFO, text, days)
    by_id, without_id = invoices_by_id(listed_invoices(services.partner_center, context))
    for invoice in without_id:
        _log.error("An invoice of the list has no usable id and is left out: %.200r", invoice.text)
    run, failures = context.correlation_id, Failures()
    compared = (
        failures.caught(
            i, partial(difference_of, i, by_id[i].text, stored.get(i, InvoiceBlobs()), run)
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
    others = {i: stored[i] for i in stored if i not in by_id and stored[i].has_anything}
    outcome += _heal_all(others, services, failures)
    _log.info("Listed: %s", replace(outcome, failed=len(failures.by_invoice)))
    failures.raise_for_any()
    return outcome


def _sync_all(differences: Iterable[Difference], services: Services, failures: Failures) -> Outcome:
    def sync(difference: Difference) -> Outcome:
        done = failures.caught(difference.id, lambda: _sync(difference, services))
        return done or Outcome(invoices=1)

    return _at_once(sync, differences)


def _heal_all(
    others: Mapping[str, InvoiceBlobs], services: Services, failures: Failures
) -> Outcome:
    """Heal what is in storage of invoices that are not listed."""

    def heal(invoice_id: str) -> Outcome:
        blobs = others[invoice_id]
        work = partial(_heal, invoice_id, blobs, blobs.version, services)
        return Outcome(looks=failures.caught(invoice_id, work) or 0)

    return _at_once(heal, others)


def _at_once[T](work: Callable[[T], Outcome], invoices: Iterable[T]) -> Outcome:
    with InvocationThreads(_AT_ONCE, thread_name_prefix="invoice") as threads:
        return sum(threads.map(work, invoices), Outcome())


def _heal(
    invoice_id: str,
    stored: InvoiceBlobs,
    version: str | None,
    services: Services,
    *,
    anew: bool = False,
) -> int:
    """Write a manifest that is not about what is there, or `anew`, and send a look that was lost; give how many."""
    manifest, lost = stored.manifest, stored.lost_look(now())
    if anew or not stored.is_in_manifest(version):
        manifest = refresh_manifest(services, invoice_id)
    if lost is None or manifest is None or manifest.next_check_at != lost:
        return 0
    send_look(services.queue, invoice_id, lost)
    _log.warning("Invoice %s: the look that was due on %s was lost", invoice_id, lost)
    return 1


def _sync(difference: Difference, services: Services) -> Outcome:
    archive, manifest = services.archive, difference.stored.manifest
    broken, looks = int(difference.broken), 0
    if difference.is_changed or difference.due:
        try:
            about, etag = _claim(difference, archive)
        except Overtaken:
            _log.info("Invoice %s is left to another run, which works on it", difference.id)
            return Outcome(1, broken=broken)
    if manifest is None:
        # Before the note: what is enqueued is under way only beside a manifest.
        refresh_manifest(services, difference.id)
    if difference.due:
        # First sent, then noted: a crash in between sends them again, which does no harm.
        _enqueue(difference, services.queue)
        _note(difference, about, etag, archive)
    if manifest:
        anew = difference.is_changed or bool(difference.due)
        version = difference.about.version
        looks = _heal(difference.id, difference.stored, version, services, anew=anew)
    return Outcome(1, int(difference.is_changed), len(difference.due), broken, looks=looks)


def _claim(difference: Difference, archive: Archive) -> tuple[InvoiceMetadata, str]:
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
            return there, now_etag
        if not _only_waits(seen.invoice, there):
            raise
        about, stored = replace(about, waits=there.waits), replace(seen, etag=now_etag)
        return _claim(replace(difference, about=about, stored=stored), archive)


def _note(difference: Difference, about: InvoiceMetadata, etag: str, archive: Archive) -> None:
    """Note when the messages were sent. Who has written since has its own note, unless it is a fetch."""
    try:
        noted = replace(about, enqueued_at=difference.at)
        archive.set_invoice_metadata(difference.id, noted, replacing=etag)
    except Overtaken:
        there, now_etag = archive.invoice_metadata(difference.id)
        if there is not None and now_etag is not None and _only_waits(about, there):
            _note(difference, there, now_etag, archive)


def _only_waits(before: InvoiceMetadata | None, there: InvoiceMetadata) -> bool:
    """Whether who has written since is no run, but a fetch that has noted that its message waits."""
    return before is not None and there == before and there.run == before.run


def _enqueue(difference: Difference, queue: LineItemsQueue) -> None:
    for key, link in difference.due.items():
        queue.send(
            LineItemsMessage.of(
                key, link=link, currency=difference.currency, version=difference.about.version
            )
        )
        _log.info("Enqueued %s", key)
