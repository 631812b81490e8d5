"""What a message asks for: is it in storage already, what does it leave open, where do its lines come from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from fetch_line_items.graph_export import GraphExport
from fetch_line_items.new_commerce import is_before_history, is_exported
from fetch_line_items.partner_center_pages import PartnerCenterPages
from fetch_line_items.source import Source
from shared.api.exchange import RequestContext
from shared.api.invoice_list import find_invoice
from shared.details import parse_invoice
from shared.errors import StalePosition
from shared.keys import LineItemsKey
from shared.messages import GraphPosition, LineItemsMessage, Progress, V1Position, iso_currency
from shared.models import Invoice
from shared.services import Services
from shared.storage.archive import Archive
from shared.storage.blobs import StoredInvoice, StoredLines


@dataclass(frozen=True)
class Job:
    """What is to be fetched: `message` and `progress` lack nothing any more, `source` has the lines.

    `stored` is what is in storage before the work begins.
    """

    message: LineItemsMessage
    progress: Progress
    stored: StoredLines | None
    source: Source[Any]


def job_of(
    message: LineItemsMessage, progress: Progress, services: Services, context: RequestContext
) -> Job | None:
    """Say what there is to do; None where it is in storage already. Raises ApiError."""
    stored = services.archive.lines(message.key)
    if stored and is_in_storage(message, progress.run, stored, services.archive):
        return None
    if message.version is None and progress.position is None:
        message, progress = _completed(message, progress, services, context)
    elif message.progress is not None and not progress.staged.blocks:
        # It has waited, and nothing has come: what comes is to be of the invoice as it is now.
        progress = _for_now(progress, services.archive.invoice(message.key.invoice_id))
    return Job(message, progress, stored, _source(message, progress, stored, services, context))


def is_in_storage(
    message: LineItemsMessage, run: str, stored: StoredLines, archive: Archive
) -> bool:
    """Whether what is `stored` is what this message is to bring there.

    That is what this very run has committed, the version that was enqueued, or a newer one: the
    version of the invoice as it now is in storage. A message written by hand carries no version; and
    no lines may be those that were not published yet, for whatever version.
    """
    if stored.about.run == run:
        return True
    if message.version is None or stored.about.version is None or not stored.size:
        return False
    invoice = archive.invoice(stored.key.invoice_id)
    return stored.about.version in (message.version, invoice and invoice.version)


def _completed(
    message: LineItemsMessage, progress: Progress, services: Services, context: RequestContext
) -> tuple[LineItemsMessage, Progress]:
    """Complete a message written by hand: give it the invoice's currency, and note the version.

    They are read off the stored invoice, the currency else off Partner Center's list. The version is
    None where no invoice is stored.
    """
    invoice_id = message.key.invoice_id
    stored = services.archive.invoice(invoice_id)
    if message.currency_code is None:
        invoice = invoice_of(invoice_id, stored, services, context)
        message = replace(
            message, currency_code=iso_currency(invoice.currency_code if invoice else None)
        )
    return message, replace(progress, fetched_for=stored.version if stored else None)


def _for_now(progress: Progress, invoice: StoredInvoice | None) -> Progress:
    """Go on for the invoice as it is now.

    Where it has changed, what was asked for before is asked for anew: it would be the old lines.
    """
    version, position = invoice.version if invoice else None, progress.position
    if version is None or version == progress.fetched_for:
        return progress
    match position:
        case GraphPosition():
            position = position.without_operation()
        case V1Position():
            position = V1Position()
    return replace(progress, fetched_for=version, position=position)


def _source(
    message: LineItemsMessage,
    progress: Progress,
    stored: StoredLines | None,
    services: Services,
    context: RequestContext,
) -> Source[Any]:
    """Choose where the lines come from: from where they have come so far, else as the key says."""
    key, position = message.key, progress.position
    if isinstance(position, GraphPosition) and not is_exported(key):
        raise StalePosition(f"Microsoft Graph has no export of {key}")
    exported = services.settings.new_commerce_source == "graph" and is_exported(key)
    if isinstance(position, GraphPosition) or (position is None and exported):
        return GraphExport(
            services.graph,
            services.files,
            key,
            settle_days=services.settings.settle_days,
            # A message written by hand has them brought whatever is stored.
            known_etag=stored.about.etag if stored and (message.version or message.look) else None,
            is_look=message.look is not None,
            is_before_history=lambda: _is_before_history(key, services, context),
            context=context,
        )
    return PartnerCenterPages(
        services.partner_center,
        key,
        message.currency_code,
        settings=services.settings,
        context=context,
    )


def _is_before_history(key: LineItemsKey, services: Services, context: RequestContext) -> bool:
    stored = services.archive.invoice(key.invoice_id)
    invoice = invoice_of(key.invoice_id, stored, services, context)
    return invoice is not None and is_before_history(key, invoice)


def invoice_of(
    invoice_id: str, stored: StoredInvoice | None, services: Services, context: RequestContext
) -> Invoice | None:
    """Read the stored invoice, else the listed one, as far as it is as documented.

    list_invoices logs what is not.
    """
    known = stored or find_invoice(services.partner_center, context, invoice_id)
    with suppress(ValueError):
        return parse_invoice(known.text).invoice if known else None
    return None
