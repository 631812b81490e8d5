"""A message that names an invoice alone: each detail of it is enqueued, to be fetched whatever is stored."""

from __future__ import annotations

from fetch_line_items.job import invoice_of
from fetch_line_items.result import Done
from shared.api.exchange import RequestContext
from shared.details import LOST_LINES, details_of, log_problems
from shared.errors import InvalidInput
from shared.log import also_about, get_logger
from shared.messages import LineItemsMessage
from shared.services import Services

_log = get_logger(__name__)


def enqueue_details(message: LineItemsMessage, services: Services) -> Done:
    """Enqueue a message for each detail of the invoice, as it is stored, else as it is listed.

    Raises InvalidInput where there is no such invoice, and ApiError.
    """
    invoice_id, context = message.invoice_id or "", RequestContext()
    also_about(invoice=invoice_id, correlation=context.correlation_id)
    stored = services.archive.invoice(invoice_id)
    invoice = invoice_of(invoice_id, stored, services, context)
    if invoice is None:
        raise InvalidInput(
            f"The message names {invoice_id}, which is not among the invoices, or cannot be read"
        )
    details = details_of(invoice)
    log_problems(LOST_LINES, invoice_id, details.problems)
    for key, link in details.links.items():
        services.queue.send(
            LineItemsMessage.of(key, link=link, currency=invoice.currency_code, version=None)
        )
    _log.info("Enqueued all %d details of %s", len(details.links), invoice_id)
    return Done()
