"""Timer trigger: what Partner Center lists is what should be in storage."""

from __future__ import annotations

import azure.functions as func

from list_invoices.sync import sync_invoices
from shared import telemetry
from shared.log import get_logger
from shared.services import get_services

bp = func.Blueprint()

_log = get_logger(__name__)


@bp.function_name("list_invoices")
@bp.timer_trigger(arg_name="timer", schedule="%INVOICE_SCHEDULE%")
# A month is long: an outage or a throttled hour on the day must not skip it.
@bp.retry(
    strategy="exponential_backoff",
    max_retry_count="6",
    minimum_interval="00:01:00",
    maximum_interval="00:30:00",
)
def list_invoices(timer: func.TimerRequest, context: func.Context) -> None:
    """Store new and changed invoices, and enqueue the lines that are missing."""
    with telemetry.invocation("list_invoices", context):
        if timer.past_due:
            _log.warning("The schedule was missed; listing now")
        try:
            sync_invoices(get_services())
        except Exception as error:
            _log.error("The run has failed: %s: %s", type(error).__name__, error)
            raise
