"""What is to be done for an invoice: how the listed one differs from what is in storage of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_invoices.versions import digest, invoice_version
from shared.details import LOST_LINES, details_of, log_problems, parse_invoice
from shared.keys import LineItemsKey
from shared.models import Invoice
from shared.storage.blobs import InvoiceMetadata
from shared.storage.inventory import InvoiceBlobs
from shared.storage.metadata import now


@dataclass(frozen=True)
class Difference:
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


def difference_of(invoice_id: str, text: bytes, stored: InvoiceBlobs, run: str) -> Difference:
    content, at = digest(text), now()
    problems: list[str] = []
    try:
        parsed = parse_invoice(text)
        problems, invoice = parsed.problems, parsed.invoice
        version = invoice_version(parsed.fields)
    except (ValueError, RecursionError) as error:
        problems, invoice, version = [str(error)], None, content
    log_problems("Invoice %s is not as documented; it is stored as it is: %s", invoice_id, problems)
    missing = _missing(invoice, version, stored) if invoice else {}
    return Difference(
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
    return InvoiceMetadata(content, version, stored_at, enqueued_at, waits, run)


def _missing(invoice: Invoice, version: str, stored: InvoiceBlobs) -> dict[LineItemsKey, str]:
    """The lines that are not in storage, or are there for an invoice that has changed since."""
    details = details_of(invoice)
    log_problems(LOST_LINES, invoice.id, details.problems)
    there = stored.current(version)
    return {key: link for key, link in details.links.items() if key not in there}
