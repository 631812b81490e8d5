"""HTTP trigger: one invoice for other apps."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from get_invoice.invoice import answer
from get_invoice.problem import Answer, problem
from get_invoice.recent_list import RecentList
from shared import telemetry
from shared.errors import InvalidInput
from shared.log import get_logger
from shared.services import get_services

bp = func.Blueprint()

_log = get_logger(__name__)


@bp.function_name("get_invoice")
@bp.route(route="invoices/{invoiceId}", methods=["GET"])
def get_invoice(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer `GET /api/invoices/{invoiceId}[?expand=lineItems]`, as docs/openapi.yaml describes it."""
    with telemetry.invocation("get_invoice", context):
        try:
            answered = _answer(req)
        except Exception:  # the host would send a 500 without a word
            _log.exception("get_invoice failed")
            answered = problem(500, "Internal error", "The app's log says what went wrong.")
    return func.HttpResponse(answered.body, status_code=answered.status, headers=answered.headers)


def _answer(req: func.HttpRequest) -> Answer:
    expand = req.params.get("expand")
    if expand not in (None, "lineItems"):
        return problem(400, "Unknown expand", "The one value that expand can have is lineItems.")
    try:
        services, recent_list = get_services(), get_recent_list()
    except InvalidInput as error:
        _log.error("%s", error)
        return problem(500, "App settings need attention", str(error))
    invoice_id = req.route_params["invoiceId"]
    return answer(invoice_id, services, recent_list, expand=expand is not None)


@cache
def get_recent_list() -> RecentList:
    """Give the process's list; raises InvalidInput when settings are missing or wrong."""
    return RecentList(get_services().partner_center)
