"""A simulated Partner Center: the invoice calls, with the quirks that are known of the real one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from local.simulated.access import CheckToken, TokenState, accept_any_token, token_state
from local.simulated.bodies import BodyOptions, json_response
from local.simulated.invoice_list import ListOptions, list_page
from local.simulated.invoices import invoice_json
from local.simulated.line_items import LinePages, LinesOptions, LinesRequest, kind_of_lines
from local.simulated.model import Invoice
from local.simulated.parameters import query_of
from local.simulated.refusals import error, not_found
from local.simulated.refusing import checked
from local.simulated.retired import RetiredOptions, answer_of_retired
from local.simulated.server import Service


@dataclass
class Options(BodyOptions, ListOptions, LinesOptions, RetiredOptions):
    """Switches for what differs between accounts and days; they may be changed at any time.

    Those for bodies, the list and lines are explained where they are read.
    """

    latency_seconds: float = 0

    # an invoice by id
    by_id_allowed: bool = False  # to app-only callers
    by_id_unknown: frozenset[str] = frozenset()  # ids that only the list knows


class SimulatedPartnerCenter(Service):
    """Partner Center with these invoices.

    `invoices`, `options` and `faults` may be changed while it runs. `check_token` gets a token and
    the audience to expect, which is this service's URL: `SimulatedEntraId.check` fits.
    """

    def __init__(
        self,
        invoices: Iterable[Invoice] = (),
        *,
        check_token: CheckToken = accept_any_token,
        options: Options | None = None,
    ) -> None:
        super().__init__()
        self.invoices = {invoice.id: invoice for invoice in invoices}
        self.options = options or Options()
        self._check_token = check_token
        self._line_pages = LinePages()

    def put(self, invoice: Invoice) -> None:
        """Add an invoice, or replace the one of this id."""
        self.invoices[invoice.id] = invoice

    def application(self) -> web.Application:
        """Make the application."""
        application = web.Application(middlewares=[self._answer])
        application.on_response_prepare.append(_add_headers)
        router = application.router
        router.add_get("/v1/invoices", self._list)
        router.add_get("/v1/invoices/{id}", self._by_id)
        router.add_get("/v1/invoices/{id}/lineitems", self._lines_by_query)
        router.add_get("/v1/invoices/{id}/lineitems/{provider}/{type}", self._lines_by_path)
        router.add_route("*", "/{tail:.*}", self._nothing)
        return application

    @web.middleware
    async def _answer(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        await asyncio.sleep(self.options.latency_seconds)
        return await checked(request, self._check_caller, handler)

    def _check_caller(self, request: web.Request) -> None:
        state = token_state(request, self._check_token)
        if state is TokenState.MISSING:
            raise error(401, "800001", "Partner Token missing in request context")
        if state is TokenState.WRONG_AUDIENCE:
            text = "The audience in the token is invalid and is no longer supported in Partner Center API."
            raise error(401, "900420", text)
        if state is not TokenState.VALID:
            raise error(401, "400", "Access denied")

    async def _list(self, request: web.Request) -> web.Response:
        invoices = list(self.invoices.values())
        body = list_page(query_of(request), invoices, self.options)
        return json_response(request, body, self.options)

    async def _by_id(self, request: web.Request) -> web.Response:
        if not self.options.by_id_allowed:
            text = "This resource doesn't support application-only authentication."
            raise error(403, "900329", text)
        invoice = _find(request, self.invoices.values())
        if invoice.id in self.options.by_id_unknown:
            raise not_found()
        return json_response(request, invoice_json(invoice).encode(), self.options)

    async def _lines_by_path(self, request: web.Request) -> web.Response:
        names = request.match_info
        asked = self._asked(request, names["provider"], names["type"])
        body = answer_of_retired(asked, self.options)
        body = body or self._line_pages.by_path(asked, self.options)
        return json_response(request, body, self.options)

    async def _lines_by_query(self, request: web.Request) -> web.Response:
        query = query_of(request)
        asked = self._asked(
            request, query.get("provider", ""), query.get("invoicelineitemtype", "")
        )
        body = answer_of_retired(asked, self.options)
        body = body or self._line_pages.by_query(asked, self.options)
        return json_response(request, body, self.options)

    def _asked(self, request: web.Request, provider: str, type: str) -> LinesRequest:
        kind = kind_of_lines(provider, type)
        with_amendments = (i for top in self.invoices.values() for i in (top, *top.amendments))
        invoice = _find(request, with_amendments)
        return LinesRequest.of(request, invoice, kind, self.options)

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        raise not_found()


def _find(request: web.Request, invoices: Iterable[Invoice]) -> Invoice:
    wanted = request.match_info["id"]
    for invoice in invoices:
        if wanted in (invoice.id, invoice.prefixed_id):
            return invoice
    raise not_found()


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name in ("MS-RequestId", "MS-CorrelationId"):
        response.headers[name] = request.headers.get(name) or str(uuid.uuid4())
    response.headers["MS-CV"] = "simulated0000000.0"
    response.headers["MS-ServerId"] = "simulated-1"
