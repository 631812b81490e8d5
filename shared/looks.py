"""Manifests are written anew, and each orders the look at its invoice that it announces.

A look is a message that waits in the queue until it is due. It carries the moment for which it was
ordered: one that is not the manifest's any more has been overtaken, and does nothing. So two can wait
for one invoice, and it is looked at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from shared.amounts import shown
from shared.errors import Overtaken
from shared.log import get_logger
from shared.messages import LineItemsMessage, Look
from shared.queue import LineItemsQueue
from shared.reconciliation import read_parts
from shared.services import Services
from shared.settling import SETTLED, settled_after
from shared.storage.blobs import ManifestMetadata
from shared.storage.inventory import inventory_of
from shared.storage.manifest import Findings, Manifest, manifest_of
from shared.storage.metadata import now

_log = get_logger(__name__)

_MOST_TRIES = 10
_LONGEST_HOP = timedelta(days=7)
"""A message cannot hide for longer."""


def refresh_manifest(
    services: Services, invoice_id: str, *, look: datetime | None = None, failed: bool = False
) -> ManifestMetadata:
    """Write the manifest of the invoice with this bare id, from what is in the container now.

    `look`: all lines have been looked at, as was due at that moment; it counts where that is the one
    that the manifest announces. `failed`: but for some, which could not be. Where another writer comes
    between, the manifest is made again, so that the last one written knows of every commit before it.
    Raises TimeoutError where others come between again and again.
    """
    archive, at = services.archive, now()
    ordered: set[datetime] = set()
    for _ in range(_MOST_TRIES):
        before, etag = archive.manifest(invoice_id)
        findings = Findings.of(
            invoice_id, archive.invoice(invoice_id), inventory_of(archive, invoice_id)
        )
        settled = settled_after(
            before,
            findings.stored.contents(findings.version),
            at,
            is_complete=not findings.missing,
            is_doubtful=bool(findings.doubts),
            fetched_at=findings.fetched_at,
            settle_days=services.settings.settle_days,
            looked=look is not None and look == before.next_check_at,
            failed=failed,
        )
        about = replace(settled, head=findings.head, summary=findings.summary)
        due = about.next_check_at
        if due and due != before.next_check_at and due not in ordered:
            # First sent, then noted: after a crash in between another one is sent, and noted.
            send_look(services.queue, invoice_id, due, due - at)
            ordered.add(due)
        # Without lines there is nothing to ask for: the first run of the timer saves a request an invoice.
        parts = read_parts(archive.reconciliation(invoice_id)[0]) if findings.stored.lines else {}
        manifest = manifest_of(findings, about, parts)
        with suppress(Overtaken):
            text = msgspec.json.encode(manifest)
            archive.put_manifest(invoice_id, text, about, replacing=etag)
            _tell(before, about, findings, manifest)
            return about
    raise TimeoutError(
        f"The manifest of {invoice_id} was changed {_MOST_TRIES} times in a row by others"
    )


def send_look(
    queue: LineItemsQueue, invoice_id: str, due: datetime, wait: timedelta = timedelta()
) -> None:
    """Send the message that has an invoice looked at when it is due, in hops where that is far off."""
    hop = min(wait, _LONGEST_HOP)
    left = round((wait - hop).total_seconds())
    message = LineItemsMessage(invoice_id=invoice_id, look=Look(due=due, left=left))
    queue.send(message, delay=hop.total_seconds())
    _log.info("Invoice %s will be looked at again on %s", invoice_id, due.isoformat())


def _tell(
    before: ManifestMetadata, about: ManifestMetadata, findings: Findings, manifest: Manifest
) -> None:
    has_changed = about.contents != before.contents
    if before.state == SETTLED and has_changed:
        text = "Invoice %s has changed after it had settled: %s"
        _log.warning(text, findings.invoice_id, _figures(findings, manifest))
    if about.state == SETTLED and (has_changed or before.state != SETTLED):
        text = "Invoice %s has settled after %d looks: %s"
        _log.info(text, findings.invoice_id, about.checks, _figures(findings, manifest))


def _figures(findings: Findings, manifest: Manifest) -> str:
    lines, total = findings.summary.lines, shown(findings.line_total)
    charges = findings.invoice.total_charges if findings.invoice else None
    charged, currency = "unknown" if charges is None else shown(charges), manifest.currency_code
    return f"{lines} lines, {total} of {charged} {currency or ''}; {manifest.reason}"
