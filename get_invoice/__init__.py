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
from get_invoice.invoice_page import page_of_invoice
from get_invoice.invoices import list_answer
from get_invoice.line_items import lines_answer
from get_invoice.pages import Links, problem_page
from get_invoice.problem import problem, storage_failed
from get_invoice.recent_list import RecentList
from shared import telemetry
from shared.errors import InvalidInput
from shared.keys import LineItemsKey
from shared.log import about, also_about, get_logger
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
    parts = req.route_params
    fields = {
        "invoice": parts.get("invoiceId"),
        "provider": parts.get("billingProvider"),
        "type": parts.get("invoiceLineItemType"),
    }
    with telemetry.invocation(name, context), about(**fields):
        answered = _answer(name, req, work)
        if answered.status >= 400 and negotiated({}, req.headers, (JSON, HTML)) == HTML:
            links = Links.of(req.url, req.params)
            answered = problem_page(answered, links, json.loads(answered.body))
    headers = _ALWAYS | answered.headers
    return func.HttpResponse(answered.body, status_code=answered.status, headers=headers)


def _answer(
    name: str, req: func.HttpRequest, work: Callable[[func.HttpRequest, Services], Answer]
) -> Answer:
    """Do the work; whatever goes wrong is an answer, too."""
    try:
        try:
            services = get_services()
        except InvalidInput as error:
            _log.error("%s", error)
            return problem(500, "App settings need attention", str(error))
        return work(req, services)
    except InvalidInput as error:
        return problem(400, "The request is not understood", str(error))
    except (AzureError, TimeoutError) as error:
        _log.warning("Storage: %s", str(error) or "no answer in time")
        return storage_failed(error)
    except Exception:  # the host would send a 500 without a word
        _log.exception("%s failed", name)
        return problem(500, "Internal error", "The app's log says what went wrong.")


def _invoice(req: func.HttpRequest, services: Services) -> Answer:
    # Other parameters pass, as they do in the first release: callers may have some.
    expand = req.params.get("expand")
    if expand not in (None, "lineItems"):
        return problem(400, "Unknown expand", "The one value that expand can have is lineItems.")
    name, recent_list = req.route_params["invoiceId"], get_recent_list()
    if negotiated(req.params, req.headers, (JSON, HTML)) == HTML:
        links, languages = Links.of(req.url, req.params), spreadsheet_languages(req.headers)
        return page_of_invoice(name, services, recent_list, links, languages)
    return invoice_answer(name, services, recent_list, expand=expand is not None)


def _invoices(req: func.HttpRequest, services: Services) -> Answer:
    return list_answer(req.url, _params(req), req.headers, services.archive)


def _line_items(req: func.HttpRequest, services: Services) -> Answer:
    parts = req.route_params
    key = LineItemsKey.of(
        parts["invoiceId"], parts["billingProvider"], parts["invoiceLineItemType"]
    )
    also_about(
        invoice=key.invoice_id, provider=key.billing_provider, type=key.invoice_line_item_type
    )
    return lines_answer(key, _params(req), req.headers, services.archive)


def _params(req: func.HttpRequest) -> dict[str, str]:
    """Give the parameters of the query, also those that are empty, which the Functions host leaves out."""
    in_address = parse_qsl(urlsplit(req.url).query, keep_blank_values=True)
    return {name: "" for name, text in in_address if not text} | dict(req.params)


@cache
def get_recent_list() -> RecentList:
    """Give the process's list; raises InvalidInput when settings are missing or wrong."""
    return RecentList(get_services().partner_center)
