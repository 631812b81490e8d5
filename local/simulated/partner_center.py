"""A simulated Partner Center: the invoice calls, with the quirks that are known of the real one."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl

from aiohttp import web

from local.simulated.entra_id import TokenState
from local.simulated.invoices import invoice_json
from local.simulated.lines import pieces
from local.simulated.model import (
    AZURE,
    BILLING,
    OFFICE,
    ONE_TIME,
    RECURRING,
    USAGE,
    Invoice,
    pascal_case,
)
from local.simulated.server import Service

CheckToken = Callable[[str, str], TokenState]

# URLs know no underscores.
_PROVIDERS = {name.replace("_", ""): name for name in (OFFICE, AZURE, ONE_TIME)}
_TYPES = {name.replace("_", ""): name for name in (BILLING, USAGE)}
_TOKEN_HEADER = "MS-ContinuationToken"
_SEEK = "&seekOperation=Next"


@dataclass
class Options:
    """Switches for what differs between accounts and days; they may be changed at any time."""

    latency_seconds: float = 0

    # bodies
    pretty: bool = False
    byte_order_mark: bool = False
    gzip: bool = False  # for those who accept it

    # the list
    whole_list: bool = False  # size and offset ignored, and no next link
    default_list_page: int | None = None  # pages even when no size is asked for
    ignore_list_paging: bool = False  # size and offset ignored, and yet a next link

    # an invoice by id
    by_id_allowed: bool = False  # to app-only callers
    by_id_unknown: frozenset[str] = frozenset()  # ids that only the list knows

    # lines
    max_page_size: int = 2000
    next_links: Literal["good", "none", "malformed"] = "good"
    foreign_next_link: str | None = None  # put before each next link: another host
    total_count: Literal["page", "whole"] = "page"  # by offset; by token it is always the page
    token_in: Literal["both", "top", "next"] = "both"  # continuationToken, links.next.headers
    empty_page_at: int | None = None  # by token: page n (from 1) is empty, but not the last
    repeat_token_at: int | None = None  # by token: page n (from 1) gives page 1's token again


class Link(NamedTuple):
    """A link as envelopes have it."""

    uri: str
    headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> str:
        """Spell the link."""
        headers = [{"key": key, "value": value} for key, value in self.headers]
        return _compact({"uri": self.uri, "method": "GET", "headers": headers})


class Position(NamedTuple):
    """Where a continuation token goes on: at line `start`, as page n (from 1) of this size."""

    invoice_id: str
    provider: str
    type: str
    size: int
    start: int = 0
    page: int = 1

    def token(self) -> str:
        """Make the token: opaque, and with the characters that real ones have."""
        digest = hashlib.sha256(repr(self).encode()).digest()
        text = base64.b64encode(digest).decode()
        return f"{uuid.UUID(bytes=digest[:16])},0705c4a9_80/OGda/{text}"


class Refusal(Exception):
    """A request is refused with this status and body."""

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error(status: int, code: str, description: str) -> Refusal:
    """Refuse the documented way."""
    body: dict[str, object] = {"code": code, "description": description, "data": []}
    return Refusal(status, body | {"source": "PartnerFD"})


def invalid_request() -> Refusal:
    """Refuse the way a value is refused that isn't understood."""
    return Refusal(400, {"message": "The request is invalid."})


def accept_any_token(token: str, _audience: str) -> TokenState:
    """Accept every caller who has a token at all."""
    return TokenState.VALID if token else TokenState.UNKNOWN


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
        self._positions: dict[str, Position] = {}

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
        try:
            self._check_caller(request)
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)

    def _check_caller(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise error(401, "800001", "Partner Token missing in request context")
        state = self._check_token(token, f"http://{request.host}")
        if state is TokenState.WRONG_AUDIENCE:
            text = "The audience in the token is invalid and is no longer supported in Partner Center API."
            raise error(401, "900420", text)
        if state is not TokenState.VALID:
            raise error(401, "400", "Access denied")

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        raise error(404, "1000", "Not found")

    # --- invoices ---

    async def _list(self, request: web.Request) -> web.Response:
        query = _query(request)
        size = _number(query, "size", at_least=1) or self.options.default_list_page
        offset = _number(query, "offset", at_least=0) or 0
        everything = list(self.invoices.values())
        if self.options.whole_list or (size is None and offset == 0):
            return self._invoices(request, everything, Link("/invoices"))
        size = size or len(everything) or 1
        self_link, next_link = (
            Link(f"/invoices?size={size}&offset={start}") for start in (offset, offset + size)
        )
        if self.options.ignore_list_paging:
            return self._invoices(request, everything, self_link, next_link)
        # Only legacy invoices are paged: the others are all on each page.
        legacy = [invoice for invoice in everything if invoice.kind == RECURRING]
        page = {invoice.id for invoice in legacy[offset : offset + size]}
        shown = [i for i in everything if i.kind != RECURRING or i.id in page]
        is_last = offset + size >= len(legacy)
        return self._invoices(request, shown, self_link, None if is_last else next_link)

    def _invoices(
        self,
        request: web.Request,
        invoices: Sequence[Invoice],
        self_link: Link,
        next_link: Link | None = None,
    ) -> web.Response:
        items = ",".join(map(invoice_json, invoices)).encode()
        next_link = self._elsewhere(next_link)
        return self._json(request, _collection([items], len(invoices), self_link, next_link))

    async def _by_id(self, request: web.Request) -> web.Response:
        if not self.options.by_id_allowed:
            text = "This resource doesn't support application-only authentication."
            raise error(403, "900329", text)
        invoice = self._find(request, self.invoices.values())
        if invoice.id in self.options.by_id_unknown:
            raise error(404, "1000", "Not found")
        return self._json(request, invoice_json(invoice).encode())

    def _find(self, request: web.Request, invoices: Iterable[Invoice]) -> Invoice:
        wanted = request.match_info["id"]
        for invoice in invoices:
            if wanted in (invoice.id, invoice.prefixed_id):
                return invoice
        raise error(404, "1000", "Not found")

    # --- lines ---

    async def _lines_by_path(self, request: web.Request) -> web.Response:
        names = request.match_info
        link = self._line_items(request, names["provider"], names["type"])
        if (link.provider, link.type) == (ONE_TIME, USAGE):
            # A known defect of the real service; the query form works.
            return self._json(request, _collection([], 0, Link(link.uri)))
        return self._page(request, link)

    async def _lines_by_query(self, request: web.Request) -> web.Response:
        query = _query(request)
        link = self._line_items(
            request, query.get("provider", ""), query.get("invoicelineitemtype", "")
        )
        if (link.provider, link.type) == (ONE_TIME, USAGE):
            currency = query.get("currencycode")
            if not currency:
                raise error(400, "3000", "The currency code is required.")
            if currency.upper() != link.invoice.currency:
                return self._json(request, _collection([], 0, Link(link.uri)))
        return self._page(request, link)

    def _line_items(self, request: web.Request, provider: str, type: str) -> LineItems:
        names = _enum(provider, _PROVIDERS), _enum(type, _TYPES)
        with_amendments = (i for top in self.invoices.values() for i in (top, *top.amendments))
        invoice = self._find(request, with_amendments)
        detail = invoice.detail(*names)
        if detail is None:
            raise error(400, "3000", "Invoice Line Item type is not valid.")
        query = _query(request)
        size = _number(query, "size", at_least=1) or self.options.max_page_size
        size = min(size, self.options.max_page_size)
        return LineItems(request.match_info["id"], invoice, *names, detail.line_count, size, query)

    def _page(self, request: web.Request, link: LineItems) -> web.Response:
        if link.provider != ONE_TIME:
            return self._json(request, self._page_by_offset(link))
        return self._json(request, self._page_by_token(link, self._position(request, link)))

    def _page_by_offset(self, link: LineItems) -> bytes:
        start = _number(link.query, "offset", at_least=0) or 0
        stop = min(start + link.size, link.line_count)
        next_link = {
            "good": Link(f"{link.uri}&offset={stop}"),
            "malformed": Link(f"{link.misspelt_uri}&offset="),
            "none": None,
        }[self.options.next_links]
        return _collection(
            link.items(start, stop),
            link.line_count if self.options.total_count == "whole" else max(0, stop - start),
            Link(f"{link.uri}&offset={start}"),
            self._elsewhere(next_link) if stop < link.line_count else None,
        )

    def _position(self, request: web.Request, link: LineItems) -> Position:
        seek = link.query.get("seekoperation")
        first = Position(link.invoice.id, link.provider, link.type, link.size)
        if not seek:
            return first
        if seek.lower() != "next":
            raise error(400, "3000", "Only the seek operation Next is supported.")
        position = self._positions.get(request.headers.get(_TOKEN_HEADER, ""))
        if position is None or position[:3] != first[:3]:
            raise error(400, "3000", "The continuation token is not valid.")
        return position if "size" not in link.query else position._replace(size=link.size)

    def _page_by_token(self, link: LineItems, position: Position) -> bytes:
        options, (size, start, page) = self.options, position[3:]
        link = link._replace(size=size)
        stop = start if page == options.empty_page_at else min(start + size, link.line_count)
        items, count = link.items(start, stop), max(0, stop - start)
        self_link = Link(link.uri + (_SEEK if page > 1 else ""))
        next_position = position._replace(start=stop, page=page + 1)
        if page == options.repeat_token_at:
            next_position = position._replace(start=size, page=2)
        elif stop == link.line_count and page != options.empty_page_at:
            return _collection(items, count, self_link)
        token = next_position.token()
        self._positions[token] = next_position
        next_link = self._next_by_token(link, token)
        in_top = options.token_in != "next" or next_link is None
        return _collection(items, count, self_link, next_link, token=token if in_top else None)

    def _next_by_token(self, link: LineItems, token: str) -> Link | None:
        uri = {
            "good": f"{link.uri}{_SEEK}",
            "malformed": f"{link.misspelt_uri}?{_SEEK[1:]}",
            "none": "",
        }[self.options.next_links]
        headers = ((_TOKEN_HEADER, token),) if self.options.token_in != "top" else ()
        return self._elsewhere(Link(uri, headers)) if uri else None

    # --- bodies ---

    def _elsewhere(self, link: Link | None) -> Link | None:
        if link is None or self.options.foreign_next_link is None:
            return link
        return link._replace(uri=self.options.foreign_next_link + link.uri)

    def _json(self, request: web.Request, body: bytes) -> web.Response:
        options = self.options
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if options.pretty:
            body = pretty(body)
        if options.byte_order_mark:
            body = b"\xef\xbb\xbf" + body
        if options.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)


class LineItems(NamedTuple):
    """What a request for lines asks for."""

    requested_id: str
    invoice: Invoice
    provider: str
    type: str
    line_count: int
    size: int
    query: dict[str, str]

    @property
    def uri(self) -> str:
        """The link to it, in the service's own spelling and with its defaults."""
        kind = f"provider={pascal_case(self.provider)}&invoicelineitemtype={pascal_case(self.type)}"
        more = "".join(
            f"&{name}={self.query[name]}"
            for name in ("currencycode", "period")
            if name in self.query
        )
        return f"/invoices/{self.requested_id}/lineitems?{kind}{more}&size={self.size}"

    @property
    def misspelt_uri(self) -> str:
        """The link as the documentation's samples have it."""
        return self.uri.replace("&invoicelineitemtype", "&nvoicelineitemtype")

    def items(self, start: int, stop: int) -> list[bytes]:
        """Render these lines, as pieces to be joined."""
        return pieces(self.invoice, self.provider, self.type, start, stop)


def _collection(
    items: Sequence[bytes],
    total_count: int,
    self_link: Link,
    next_link: Link | None = None,
    *,
    token: str | None = None,
) -> bytes:
    """Make the envelope; `items` are the pieces of the array's text."""
    top = f'"continuationToken":{_compact(token)},' if token else ""
    links = f'"self":{self_link.json()}' + (f',"next":{next_link.json()}' if next_link else "")
    head = f'{{{top}"totalCount":{total_count},"items":['
    tail = f'],"links":{{{links}}},"attributes":{{"objectType":"Collection"}}}}'
    return b"".join((head.encode(), *items, tail.encode()))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


def pretty(text: bytes) -> bytes:
    """Indent JSON without touching its tokens, as the service does at times."""
    pieces, depth = [], 0
    for token in _JSON_TOKEN.findall(text):
        depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
        line_break = b"\r\n" + b"  " * depth
        before = line_break if token in (b"}", b"]") else b""
        after = line_break if token in (b"{", b"[", b",") else b" " if token == b":" else b""
        pieces.append(before + token + after)
    return b"".join(pieces)


def _query(request: web.Request) -> dict[str, str]:
    pairs = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    return {name.lower(): value for name, value in pairs}


def _enum(value: str, known: dict[str, str]) -> str:
    try:
        return known[value.lower()]
    except KeyError:
        raise invalid_request() from None


def _number(query: dict[str, str], name: str, *, at_least: int) -> int | None:
    text = query.get(name)
    # An empty value counts as none, as in every ASP.NET service: `offset=` is the first page.
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]+", text):
        raise invalid_request()
    if int(text) < at_least:
        raise error(400, "3000", f"The value of {name} has to be {at_least} or more.")
    return int(text)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name in ("MS-RequestId", "MS-CorrelationId"):
        response.headers[name] = request.headers.get(name) or str(uuid.uuid4())
    response.headers["MS-CV"] = "simulated0000000.0"
    response.headers["MS-ServerId"] = "simulated-1"
