"""A look at an invoice: one detail after the other is fetched again, and what has changed is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from fetch_line_items.result import Done, Failed, Later, Result
from shared.details import details_of, parse_invoice
from shared.errors import LinesWouldVanish
from shared.keys import LineItemsKey
from shared.log import also_about, get_logger
from shared.looks import refresh_manifest, send_look
from shared.messages import LineItemsMessage, Look
from shared.services import Services
from shared.storage.archive import Archive

_log = get_logger(__name__)


def look_at(
    message: LineItemsMessage,
    look: Look,
    services: Services,
    fetch: Callable[[LineItemsMessage], Result],
) -> Result:
    """Go on with a look: at the invoice's first detail, or at the one that the message names.

    The next detail has a message of its own. A detail that fails stops no other: its lines stay as
    they are, and the log says why. After the last one the look counts, unless it has failed.
    """
    invoice_id = message.invoice_id or message.key.invoice_id
    also_about(invoice=invoice_id)
    if look.left:
        send_look(services.queue, invoice_id, look.due, timedelta(seconds=look.left))
        return Done()
    if services.archive.manifest(invoice_id)[0].next_check_at != look.due:
        _log.info("Invoice %s: this look has been overtaken by another one", invoice_id)
        return Done()
    keys = _details(services.archive, invoice_id)
    key = message.key if message.billing_provider else next(iter(keys), None)
    if key is not None:
        match fetch(_at(message, key, look)):
            case Later() as later:
                return later
            case Failed(error):
                _log.error("%s could not be looked at, and stays as it is: %s", key, error)
                look = replace(look, failed=look.failed or not isinstance(error, LinesWouldVanish))
            case Done(changed=True):
                # The manifest has been written since, and has ordered another look.
                due = services.archive.manifest(invoice_id)[0].next_check_at
                look = replace(look, due=due or look.due, changed=True)
        if following := keys[keys.index(key) + 1 :] if key in keys else []:
            return Later(
                _at(message, following[0], look, anew=True), 0, "the next detail is looked at"
            )
    if look.failed or not look.changed:
        refresh_manifest(services, invoice_id, look=look.due, failed=look.failed)
    return Done()


def _at(
    message: LineItemsMessage, key: LineItemsKey, look: Look, *, anew: bool = False
) -> LineItemsMessage:
    if message.billing_provider and not anew:
        return message
    return LineItemsMessage(
        invoice_id=key.invoice_id,
        billing_provider=key.billing_provider,
        invoice_line_item_type=key.invoice_line_item_type,
        look=look,
    )


def _details(archive: Archive, invoice_id: str) -> list[LineItemsKey]:
    """List the details of the stored invoice, which a run of the timer has taken apart before."""
    stored = archive.invoice(invoice_id)
    return list(details_of(parse_invoice(stored.text).invoice).links) if stored else []
