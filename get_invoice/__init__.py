"""HTTP trigger: one invoice for other apps."""

from __future__ import annotations

import logging
from functools import cache

import azure.functions as func

from get_invoice.invoice import Sources, answer
from get_invoice.problem import Answer, problem
from get_invoice.recent_list import RecentList
from shared.errors import InvalidInput
from shared.services import get_archive, get_partner_center

bp = func.Blueprint()

_log = logging.getLogger(__name__)


@bp.function_name("get_invoice")
@bp.route(route="invoices/{invoiceId}", methods=["GET"])
def get_invoice(req: func.HttpRequest) -> func.HttpResponse:
    """Answer `GET /api/invoices/{invoiceId}[?expand=lineItems]`, as docs/openapi.yaml describes it."""
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
        sources = get_sources()
    except InvalidInput as error:
        _log.error("%s", error)
        return problem(500, "App settings need attention", str(error))
    return answer(req.route_params["invoiceId"], sources, expand=expand is not None)


@cache
def get_sources() -> Sources:
    """Give the process's sources; raises InvalidInput when settings are missing or wrong."""
    partner_center = get_partner_center()
    return Sources(partner_center, RecentList(partner_center), get_archive())
