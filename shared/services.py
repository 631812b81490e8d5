"""The process's one Partner Center client, archive and queue, made when first needed."""

from __future__ import annotations

from functools import cache

from shared.archive import Archive
from shared.auth import Tokens
from shared.orders import Orders
from shared.partner_center import PartnerCenter
from shared.settings import get_settings
from shared.storage import invoices_container, line_items_queue


@cache
def get_partner_center() -> PartnerCenter:
    """Give the client; raises InvalidInput when settings are missing or wrong."""
    settings = get_settings()
    return PartnerCenter(settings, Tokens(settings))


@cache
def get_archive() -> Archive:
    """Give the container of the invoices."""
    return Archive(invoices_container(get_settings()))


@cache
def get_orders() -> Orders:
    """Give the queue `invoice-line-items`."""
    return Orders(line_items_queue(get_settings()))
