"""HTTP triggers: one invoice, the list of what is stored, and lines; for other apps and for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
from azure.core.exceptions import AzureError

from get_invoice.answer import Answer
from get_invoice.content_types import HTML, JSON, negotiated, spreadsheet_languages
from get_invoice.invoice import invoice_answer
from get_invoice.invoice_page import invoice_page
from get_invoice.invoices import list_answer
from get_invoice.line_items import lines_answer
from get_invoice.pages import Links, problem_page
from get_invoice.problem import problem, storage_failed
from get_invoice.recent_list import RecentList
from shared import telemetry
from shared.errors import InvalidInput
from shared.keys import LineItemsKey, invoice_id
from shared.log import about, get_logger
from shared.services import Services, get_services

bp = func.Blueprint()

_log = get_logger(__name__)

# What a partner is billed belongs into no cache, and a browser is not answered as a program is.
_ALWAYS = {"Cache-Control": "no-store", "Vary": "Accept"}


@bp.function_name("get_invoice")
@bp.route(route="invoices/{invoiceId}", methods=["GET"])
def get_invoice(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer `GET /api/invoices/{invoiceId}[?expand=lineItems]`, as docs/openapi.yaml describes it."""
    return _respond("get_invoice", req, context, _invoice)


@bp.function_name("get_invoices")
@bp.route(route="invoices", methods=["GET"])
def get_invoices(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer `GET /api/invoices`: what is stored."""
    return _respond("get_invoices", req, context, _invoices)


@bp.function_name("get_line_items")
@bp.route(
    route="invoices/{invoiceId}/lineItems/{billingProvider}/{invoiceLineItemType}", methods=["GET"]
)
def get_line_items(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer `GET /api/invoices/{invoiceId}/lineItems/{billingProvider}/{invoiceLineItemType}`."""
    return _respond("get_line_items", req, context, _line_items)


def _respond(
    name: str,
    req: func.HttpRequest,
    context: func.Context,
    work: Callable[[func.HttpRequest, Services], Answer],
) -> func.HttpResponse:
    with telemetry.invocation(name, context):
        try:
            answered = _answer(req, work)
        except Exception:  # the host would send a 500 without a word
            _log.exception("%s failed", name)
            answered = problem(500, "Internal error", "The app's log says what went wrong.")
    headers = _ALWAYS | answered.headers
    return func.HttpResponse(answered.body, status_code=answered.status, headers=headers)


def _answer(req: func.HttpRequest, work: Callable[[func.HttpRequest, Services], Answer]) -> Answer:
    """Do the work; errors are answers too, and pages where a browser asks."""
    try:
        answered = _done(req, work)
    except (AzureError, TimeoutError) as error:
        _log.warning("Storage: %s", error or "no answer in time")
        answered = storage_failed(error)
    if answered.status >= 400 and negotiated({}, req.headers, (JSON, HTML)) == HTML:
        return problem_page(answered, Links.of(req.url, req.params), json.loads(answered.body))
    return answered


def _done(req: func.HttpRequest, work: Callable[[func.HttpRequest, Services], Answer]) -> Answer:
    try:
        services = get_services()
    except InvalidInput as error:
        _log.error("%s", error)
        return problem(500, "App settings need attention", str(error))
    try:
        return work(req, services)
    except InvalidInput as error:
        return problem(400, "The request is not understood", str(error))


def _invoice(req: func.HttpRequest, services: Services) -> Answer:
    expand = req.params.get("expand")
    if expand not in (None, "lineItems"):
        return problem(400, "Unknown expand", "The one value that expand can have is lineItems.")
    as_page = negotiated(req.params, req.headers, (JSON, HTML)) == HTML
    name = req.route_params["invoiceId"]
    found = invoice_answer(name, services, get_recent_list(), expand=as_page or expand is not None)
    if as_page and found.status == 200:
        languages = spreadsheet_languages(req.headers)
        return invoice_page(invoice_id(name), found, Links.of(req.url, req.params), languages)
    return found


def _invoices(req: func.HttpRequest, services: Services) -> Answer:
    return list_answer(req.url, _params(req), req.headers, services.archive)


def _line_items(req: func.HttpRequest, services: Services) -> Answer:
    parts = req.route_params
    key = LineItemsKey.of(
        parts["invoiceId"], parts["billingProvider"], parts["invoiceLineItemType"]
    )
    with about(
        invoice=key.invoice_id, provider=key.billing_provider, type=key.invoice_line_item_type
    ):
        return lines_answer(key, _params(req), req.headers, services.archive)


def _params(req: func.HttpRequest) -> dict[str, str]:
    """Give the parameters of the query, also those that are empty, which the Functions host leaves out."""
    in_address = parse_qsl(urlsplit(req.url).query, keep_blank_values=True)
    return {name: "" for name, text in in_address if not text} | dict(req.params)


@cache
def get_recent_list() -> RecentList:
    """Give the process's list; raises InvalidInput when settings are missing or wrong."""
    return RecentList(get_services().partner_center)
