"""What a message orders, held against what stands: is it done, and what does it leave unsaid."""

from __future__ import annotations

from shared.archive import Archive
from shared.invoice_list import find_invoice
from shared.links import LineItems
from shared.messages import LineItemsMessage, iso_currency
from shared.models import Invoice
from shared.partner_center import Operation, PartnerCenter
from shared.stored import StoredInvoice, StoredLines


def is_done(message: LineItemsMessage, stored: StoredLines, run: str, archive: Archive) -> bool:
    """Whether what stands in storage is what this message is to bring there.

    That is what this very run has committed, the version that was ordered, or a newer one: the
    version of the invoice as it now stands in storage. A message written by hand carries no version.
    """
    if stored.run == run:
        return True
    if message.version is None or stored.version is None:
        return False
    invoice = archive.read_invoice(stored.items.invoice_id)
    return stored.version in (message.version, _version(invoice))


def complete_by_hand(
    message: LineItemsMessage,
    items: LineItems,
    archive: Archive,
    partner_center: PartnerCenter,
    operation: Operation,
) -> tuple[LineItemsMessage, str | None]:
    """Complete a message written by hand: give it the invoice's currency, and tell the version.

    They are read off the stored invoice, the currency else off Partner Center's list. The version is
    None where no invoice is stored. Raises PartnerCenterError.
    """
    stored = archive.read_invoice(items.invoice_id)
    if message.currency_code is None:
        text = stored.text if stored else find_invoice(partner_center, operation, items.invoice_id)
        message = message.model_copy(update={"currency_code": text and _currency(text)})
    return message, _version(stored)


def _version(stored: StoredInvoice | None) -> str | None:
    return stored.mark.version if stored and stored.mark else None


def _currency(invoice: bytes) -> str | None:
    try:
        return iso_currency(Invoice.from_json(invoice).currency_code)
    except ValueError:
        return None  # not as documented; list_invoices tells so
