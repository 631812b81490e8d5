"""Bring the order of the difference: what Partner Center lists, less what is in storage."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from list_invoices.inventory import InvoiceState, take_inventory
from shared.archive import Archive
from shared.details import details_of, read_invoice
from shared.invoice_list import invoices_by_id, listed_invoices
from shared.links import LineItems
from shared.manifest import refresh_manifest
from shared.messages import LineItemsMessage
from shared.models import Invoice
from shared.models.resource import loads
from shared.orders import Orders
from shared.partner_center import Operation, PartnerCenter
from shared.stored import InvoiceMark
from shared.threads import InvocationThreads
from shared.versions import digest, invoice_version

_log = logging.getLogger(__name__)

ENQUEUE_AGAIN_AFTER = timedelta(hours=6)
"""How long lines that were ordered and are not there count as under way; then a message was lost."""


_AT_ONCE = 8
"""Invoices in work together: each is some small requests to storage."""


@dataclass(frozen=True)
class Outcome:
    """What a run did: invoices listed, written anew and broken; messages sent."""

    invoices: int = 0
    stored: int = 0
    enqueued: int = 0
    broken: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.invoices + other.invoices,
            self.stored + other.stored,
            self.enqueued + other.enqueued,
            self.broken + other.broken,
        )


@dataclass(frozen=True)
class _Listed:
    """An invoice of the list as far as it could be read; `invoice` is None where it is broken."""

    id: str
    text: bytes
    content: str
    version: str
    invoice: Invoice | None
    broken: bool

    @classmethod
    def read(cls, invoice_id: str, text: bytes) -> _Listed:
        content = digest(text)
        not_documented = "Invoice %s is not as documented; it is stored as it is: %s"
        try:
            read = read_invoice(text)
            version = invoice_version(loads(text))
        except (ValueError, RecursionError) as error:
            _log.error(not_documented, invoice_id, error)
            return cls(invoice_id, text, content, content, None, broken=True)
        for problem in read.problems:
            _log.error(not_documented, invoice_id, problem)
        return cls(invoice_id, text, content, version, read.invoice, broken=bool(read.problems))


def sync_invoices(partner_center: PartnerCenter, archive: Archive, orders: Orders) -> Outcome:
    """Store every invoice that is new or changed, and order the lines that storage lacks.

    An invoice that cannot be understood is told in the log and stops no other. Safe to run at any
    time, twice, and after any crash. Raises PartnerCenterError when the list cannot be had.
    """
    operation = Operation()
    _log.info("Listing invoices, MS-CorrelationId %s", operation.correlation_id)
    states = take_inventory(archive)
    by_id, without_id = invoices_by_id(listed_invoices(partner_center, operation))
    for text in without_id:
        _log.error("An invoice of the list has no usable id and is left out: %.200r", text)

    def sync_one(invoice_id: str, text: bytes) -> Outcome:
        state = states.get(invoice_id, InvoiceState())
        return _sync_invoice(_Listed.read(invoice_id, text), state, archive, orders)

    with InvocationThreads(_AT_ONCE, thread_name_prefix="invoice") as threads:
        done = threads.map(sync_one, by_id.keys(), by_id.values())
        outcome = sum(done, Outcome(invoices=len(without_id), broken=len(without_id)))
    _log.info("Listed: %s", outcome)
    return outcome


def _sync_invoice(
    listed: _Listed, state: InvoiceState, archive: Archive, orders: Orders
) -> Outcome:
    now = datetime.now(UTC)
    missing = _missing(listed, state)
    due = missing if _is_due(listed, state, now) else {}
    mark = _mark(listed, state, now)
    changed = mark != state.mark
    if changed:
        archive.put_invoice(listed.id, listed.text, mark)
    if due:
        # First sent, then noted: a crash in between sends them again, which does no harm.
        _order(listed, due, orders)
        archive.mark_invoice(listed.id, replace(mark, enqueued_at=now))
    if changed or due or not state.has_manifest:
        refresh_manifest(archive, listed.id)
    return Outcome(1, int(changed), len(due), int(listed.broken))


def _mark(listed: _Listed, state: InvoiceState, now: datetime) -> InvoiceMark:
    """What invoice.json has to say of itself: the mark it has, if it is this very invoice."""
    mark = state.mark
    if mark and mark.content == listed.content and mark.version == listed.version:
        return mark
    still_ordered = mark.enqueued_at if mark and mark.version == listed.version else None
    return InvoiceMark(listed.content, listed.version, now, still_ordered)


def _missing(listed: _Listed, state: InvoiceState) -> dict[LineItems, str]:
    """The lines that are not in storage, or are there for an invoice that has changed since."""
    if listed.invoice is None:
        return {}
    details = details_of(listed.invoice)
    for problem in details.problems:
        _log.error("Invoice %s: some of its lines cannot be fetched: %s", listed.id, problem)
    return {
        items: link
        for items, link in details.links.items()
        if state.lines.get(items) != listed.version
    }


def _is_due(listed: _Listed, state: InvoiceState, now: datetime) -> bool:
    """Whether what is missing is to be ordered; else it is under way.

    Under way is what was ordered for this version and not long ago. A manifest that has been
    complete since, or is not there at all, says that someone has deleted blobs: then it is due.
    """
    mark = state.mark
    if mark is None or mark.version != listed.version or mark.enqueued_at is None:
        return True
    if not state.has_manifest or (state.complete_at and state.complete_at >= mark.enqueued_at):
        return True
    return now - mark.enqueued_at > ENQUEUE_AGAIN_AFTER


def _order(listed: _Listed, lines: dict[LineItems, str], orders: Orders) -> None:
    currency = listed.invoice.currency_code if listed.invoice else None
    for items, link in lines.items():
        orders.send(
            LineItemsMessage.order(items, link=link, currency=currency, version=listed.version)
        )
        _log.info("Enqueued %s", items)
