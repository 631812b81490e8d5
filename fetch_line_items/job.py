"""What a message asks for: is it in storage already, what does it leave open, where do its lines come from."""

from __future__ import annotations

from dataclasses import replace

from fetch_line_items.partner_center_pages import PartnerCenterPages
from fetch_line_items.source import Source
from shared.api.client import RequestContext
from shared.api.invoice_list import find_invoice
from shared.api.partner_center import PartnerCenter
from shared.messages import LineItemsMessage, Progress, iso_currency
from shared.models import Invoice
from shared.services import Services
from shared.storage.archive import Archive
from shared.storage.blobs import StoredLines


def is_in_storage(
    message: LineItemsMessage, run: str, stored: StoredLines | None, archive: Archive
) -> bool:
    """Whether what is `stored` is what this message is to bring there.

    That is what this very run has committed, the version that was enqueued, or a newer one: the
    version of the invoice as it now is in storage. A message written by hand carries no version.
    """
    if stored is None:
        return False
    if stored.about.run == run:
        return True
    if message.version is None or stored.about.version is None:
        return False
    invoice = archive.invoice(stored.key.invoice_id)
    return stored.about.version in (message.version, invoice and invoice.version)


def completed(
    message: LineItemsMessage,
    progress: Progress,
    archive: Archive,
    partner_center: PartnerCenter,
    context: RequestContext,
) -> tuple[LineItemsMessage, Progress]:
    """Complete a message written by hand: give it the invoice's currency, and note the version.

    They are read off the stored invoice, the currency else off Partner Center's list. The version is
    None where no invoice is stored. Raises ApiError.
    """
    stored = archive.invoice(message.key.invoice_id)
    if message.currency_code is None:
        known = stored or find_invoice(partner_center, context, message.key.invoice_id)
        message = replace(message, currency_code=_currency(known.text) if known else None)
    return message, replace(progress, fetched_for=stored.version if stored else None)


def source_of(message: LineItemsMessage, services: Services, context: RequestContext) -> Source:
    """Choose where the lines come from."""
    return PartnerCenterPages(
        services.partner_center,
        message.key,
        message.currency_code,
        settings=services.settings,
        context=context,
    )


def _currency(invoice: bytes) -> str | None:
    try:
        return iso_currency(Invoice.from_json(invoice).currency_code)
    except ValueError:
        return None  # not as documented; list_invoices logs it
