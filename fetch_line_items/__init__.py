"""Queue trigger: one message orders the lines of one link."""

from __future__ import annotations

import logging

import azure.functions as func

from fetch_line_items.fetch import Fetch
from shared.messages import LineItemsMessage
from shared.services import get_archive, get_orders, get_partner_center
from shared.settings import get_settings
from shared.storage import LINE_ITEMS_QUEUE

bp = func.Blueprint()

_log = logging.getLogger(__name__)


@bp.function_name("fetch_line_items")
@bp.queue_trigger(arg_name="message", queue_name=LINE_ITEMS_QUEUE, connection="AzureWebJobsStorage")
def fetch_line_items(message: func.QueueMessage) -> None:
    """Fetch what the message orders; an exception hands it back to the queue, in the end as poison."""
    # Before any work, so that a message that kills the process can be told from the others.
    _log.info("Message %s, delivery %s", message.id, message.dequeue_count)
    Fetch(
        LineItemsMessage.decode(message.get_body()),
        partner_center=get_partner_center(),
        archive=get_archive(),
        orders=get_orders(),
        settings=get_settings(),
    ).run()
