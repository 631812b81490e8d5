"""Queue trigger: one message asks for the lines of one link."""

from __future__ import annotations

import azure.functions as func

from fetch_line_items.decode import decode_message
from fetch_line_items.fetch import fetch_lines
from fetch_line_items.result import Failed, Later, Result
from shared import telemetry
from shared.log import about, get_logger
from shared.memory import keep_freed_memory, share_freed_memory
from shared.queue import LineItemsQueue
from shared.services import get_services
from shared.storage.accounts import LINE_ITEMS_QUEUE

bp = func.Blueprint()
keep_freed_memory()
share_freed_memory()

_MOST_DELIVERIES = 5
"""host.json's maxDequeueCount: a message that has failed so often goes to the poison queue."""

_log = get_logger(__name__)


@bp.function_name("fetch_line_items")
@bp.queue_trigger(arg_name="message", queue_name=LINE_ITEMS_QUEUE, connection="AzureWebJobsStorage")
def fetch_line_items(message: func.QueueMessage, context: func.Context) -> None:
    """Fetch what the message asks for; an exception hands it back to the queue, in the end as poison."""
    with telemetry.invocation("fetch_line_items", context) as trace, about():
        # Before any work, so that a message that kills the process can be told from the others.
        _log.info("Message %s, delivery %s", message.id, message.dequeue_count)
        try:
            services, wanted = get_services(), decode_message(message.get_body())
            if trace:
                trace.go_on(wanted.traceparent)
            act_on(fetch_lines(wanted, services), services.queue)
        except Exception as error:
            _tell_failed(error, message.dequeue_count or 0)
            raise


def _tell_failed(error: Exception, delivery: int) -> None:
    """Log why a delivery has failed: Azure keeps no word of it beside the poison message."""
    if delivery < _MOST_DELIVERIES:
        text = "Delivery %d of %d has failed, the message comes back: %s: %s"
        _log.warning(text, delivery, _MOST_DELIVERIES, type(error).__name__, error)
    else:
        text = "Delivery %d of %d has failed, the message goes to the poison queue: %s: %s"
        _log.error(text, delivery, _MOST_DELIVERIES, type(error).__name__, error)


def act_on(result: Result, queue: LineItemsQueue) -> None:
    """Send what is to go on later; raise what has failed."""
    match result:
        case Later():
            wording = "%s: %s; continues in a follow-up message after %.0f s"
            _log.log(result.level, wording, result.message.subject, result.reason, result.delay)
            queue.send(result.message, delay=result.delay)
        case Failed(error):
            raise error
