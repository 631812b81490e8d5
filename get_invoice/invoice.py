"""One invoice: as Partner Center gives it, or the stored copy where it cannot be reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from azure.core.exceptions import AzureError

from get_invoice.answer import Answer
from get_invoice.deadline import PARTNER_CENTER, within
from get_invoice.expand import with_line_items
from get_invoice.problem import (
    not_an_invoice_id,
    not_answered,
    storage_failed,
)
from get_invoice.recent_list import RecentList
from shared.api.exchange import RequestContext
from shared.api.invoice_list import ListedInvoice
from shared.api.partner_center import PartnerCenter
from shared.api.patience import Patience
from shared.errors import ApiError, InvalidInput, NoAnswer, NotFound, Retriable, Throttled
from shared.keys import invoice_id
from shared.log import about, get_logger
from shared.services import Services
from shared.storage.archive import Archive
from shared.storage.blobs import StoredInvoice

_log = get_logger(__name__)

# A caller waits 15 s at most: this much in all, and this much of it for Partner Center.
_SECONDS, _PARTNER_CENTER_SECONDS = 14.0, 9.0
_PATIENCE = Patience(attempts=2, longest_wait=1.0, connect_timeout=3.0, read_timeout=6.0)


def invoice_answer(
    name: str, services: Services, recent_list: RecentList, *, expand: bool
) -> Answer:
    """Answer for the invoice with the id `name`, bare or prefixed; `expand` adds its line items.

    The body is the JSON text that Partner Center gave, decimals untouched. Errors are answers too.
    """
    try:
        bare_id = invoice_id(name)
    except InvalidInput as error:
        return not_an_invoice_id(error)
    now = time.monotonic()
    context = RequestContext(patience=_PATIENCE, deadline=now + _PARTNER_CENTER_SECONDS)
    with about(invoice=bare_id, correlation=context.correlation_id):
        return _answer(bare_id, services, recent_list, context, until=now + _SECONDS, expand=expand)


def _answer(
    bare_id: str,
    services: Services,
    recent_list: RecentList,
    context: RequestContext,
    *,
    until: float,
    expand: bool,
) -> Answer:
    ask = partial(_ask, bare_id, services.partner_center, recent_list, context)
    try:
        found = _find(bare_id, ask, services.archive, context, until=until)
        if expand:
            text = within(until, lambda: with_line_items(found.body, bare_id, services.archive))
            found = replace(found, body=text)
    except ApiError as error:
        _log.warning("Invoice %s: %s: %s", bare_id, type(error).__name__, error)
        return not_answered(bare_id, error, context.correlation_id)
    except (AzureError, TimeoutError) as error:
        _log.warning("Invoice %s: storage: %s", bare_id, str(error) or "no answer in time")
        return storage_failed(error, context.correlation_id)
    return found


def _find(
    bare_id: str,
    ask: Callable[[], bytes],
    archive: Archive,
    context: RequestContext,
    *,
    until: float,
) -> Answer:
    try:
        return Answer(200, _live(ask, context))
    except Throttled:
        raise
    except Retriable as error:
        _log.warning("Invoice %s: %s; looking for the stored copy", bare_id, error)
        stored = within(until, lambda: archive.invoice(bare_id))
        if stored is None:
            raise
        return _stale(stored)


def _live(ask: Callable[[], bytes], context: RequestContext) -> bytes:
    try:
        return within(context.deadline, ask, PARTNER_CENTER)
    except TimeoutError:
        raise NoAnswer(
            f"Partner Center did not answer within {_PARTNER_CENTER_SECONDS} s"
        ) from None


def _ask(
    bare_id: str, partner_center: PartnerCenter, recent_list: RecentList, context: RequestContext
) -> bytes:
    """Ask by id, and look through the list where that fails, is refused or does not know the id.

    By id the API wants a user, and does not know newer new-commerce invoices (the article *Get
    invoice by ID*); the list has no such limits.
    """

    def the_invoice(body: bytes) -> bytes:
        if ListedInvoice.read(body).id != bare_id:
            raise ValueError(f"expected the invoice {bare_id}")
        return body

    try:
        return partner_center.get(f"/invoices/{bare_id}", the_invoice, context=context)
    except (Throttled, NoAnswer):
        raise
    except ApiError as error:
        _log.info("Invoice %s is looked up in the list: %s", bare_id, error)
    found = recent_list.find(bare_id, context)
    if found is None:
        raise NotFound(f"Partner Center lists no invoice {bare_id}", status=404)
    return found.text


def _stale(stored: StoredInvoice) -> Answer:
    age = datetime.now(UTC) - stored.stored_at
    headers = {
        "Content-Type": "application/json",
        "Cache-Status": "archive; hit",
        "Age": str(max(0, round(age.total_seconds()))),
    }
    return Answer(200, stored.text, headers)
