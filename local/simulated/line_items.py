"""The lines of an invoice as Partner Center v1 gives them: one_time by token, others by offset."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aiohttp import web

from local.simulated.envelope import EnvelopeLink, EnvelopeOptions, collection, make_next_link
from local.simulated.lines import pieces
from local.simulated.model import (
    AZURE,
    BILLING,
    OFFICE,
    ONE_TIME,
    USAGE,
    Detail,
    Invoice,
    pascal_case,
)
from local.simulated.parameters import known_name, number, query_of
from local.simulated.refusals import not_valid

# URLs know no underscores.
_PROVIDERS = {name.replace("_", ""): name for name in (OFFICE, AZURE, ONE_TIME)}
_TYPES = {name.replace("_", ""): name for name in (BILLING, USAGE)}
_TOKEN_HEADER = "MS-ContinuationToken"
_SEEK = "&seekOperation=Next"


@dataclass
class LinesOptions(EnvelopeOptions):
    """Switches for lines."""

    max_page_size: int = 2000
    next_links: Literal["good", "none", "malformed"] = "good"
    total_count: Literal["page", "whole"] = "page"  # by offset; by token it is always the page
    token_in: Literal["both", "top", "next"] = "both"  # continuationToken, links.next.headers
    empty_page_at: int | None = None  # by token: page n (from 1) is empty, but not the last
    repeat_token_at: int | None = None  # by token: page n (from 1) gives page 1's token again


# --- what is asked for ----------------------------------------------------------------------------


def kind_of_lines(provider: str, type: str) -> tuple[str, str]:
    """Give provider and type as responses spell them, from a URL's spelling."""
    return known_name(provider, _PROVIDERS), known_name(type, _TYPES)


class LinesRequest(NamedTuple):
    """What a request for lines asks for."""

    requested_id: str
    invoice: Invoice
    detail: Detail
    size: int
    token: str  # of the header; empty if there is none
    query: dict[str, str]

    @classmethod
    def of(
        cls, request: web.Request, invoice: Invoice, kind: tuple[str, str], options: LinesOptions
    ) -> LinesRequest:
        """Read a request for the lines of this kind."""
        detail = invoice.detail(*kind)
        if detail is None:
            raise not_valid("Invoice Line Item type is not valid.")
        query = query_of(request)
        size = number(query, "size", at_least=1) or options.max_page_size
        size = min(size, options.max_page_size)
        token = request.headers.get(_TOKEN_HEADER, "")
        return cls(request.match_info["id"], invoice, detail, size, token, query)

    @property
    def uri(self) -> str:
        """The link to it, in the service's own spelling and with its defaults."""
        provider, type = pascal_case(self.detail.provider), pascal_case(self.detail.type)
        kind = f"provider={provider}&invoicelineitemtype={type}"
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

    @property
    def is_rated_usage(self) -> bool:
        """Whether it is for the usage lines of new commerce, which have rules of their own."""
        return (self.detail.provider, self.detail.type) == (ONE_TIME, USAGE)

    def items(self, start: int, stop: int) -> list[bytes]:
        """Render these lines, as pieces to be joined."""
        return pieces(self.invoice, self.detail.provider, self.detail.type, start, stop)


# --- what is given --------------------------------------------------------------------------------


class TokenPosition(NamedTuple):
    """Where a continuation token goes on: at line `start`, as page n (from 1) of this size."""

    invoice_id: str
    provider: str
    type: str
    size: int
    start: int = 0
    page: int = 1

    def token(self) -> str:
        """Make the token: opaque, and with the characters that real ones have."""
        # Spelled here, so that no token depends on what this class is called.
        fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        digest = hashlib.sha256(f"Position({fields})".encode()).digest()
        text = base64.b64encode(digest).decode()
        return f"{uuid.UUID(bytes=digest[:16])},0705c4a9_80/OGda/{text}"

    def is_of(self, asked: LinesRequest) -> bool:
        """Tell whether it goes on with the lines that are asked for."""
        lines = (asked.invoice.id, asked.detail.provider, asked.detail.type)
        return (self.invoice_id, self.provider, self.type) == lines


class LinePages:
    """Gives pages of lines, and remembers where each continuation token goes on."""

    def __init__(self) -> None:
        self._positions: dict[str, TokenPosition] = {}

    def by_path(self, asked: LinesRequest, options: LinesOptions) -> bytes:
        """Give a page to who has the kind of lines in the path."""
        # A known defect of the real service; the query form works.
        return nothing(asked) if asked.is_rated_usage else self._page(asked, options)

    def by_query(self, asked: LinesRequest, options: LinesOptions) -> bytes:
        """Give a page to who has the kind of lines in the query."""
        if asked.is_rated_usage and _currency(asked) != asked.invoice.currency:
            return nothing(asked)
        return self._page(asked, options)

    def _page(self, asked: LinesRequest, options: LinesOptions) -> bytes:
        if asked.detail.provider != ONE_TIME:
            return _page_by_offset(asked, options)
        position = self._position(asked)
        return self._page_by_token(asked._replace(size=position.size), position, options)

    def _position(self, asked: LinesRequest) -> TokenPosition:
        seek = asked.query.get("seekoperation")
        if not seek:
            detail = asked.detail
            return TokenPosition(asked.invoice.id, detail.provider, detail.type, asked.size)
        if seek.lower() != "next":
            raise not_valid("Only the seek operation Next is supported.")
        position = self._positions.get(asked.token)
        if position is None or not position.is_of(asked):
            raise not_valid("The continuation token is not valid.")
        return position if "size" not in asked.query else position._replace(size=asked.size)

    def _page_by_token(
        self, asked: LinesRequest, position: TokenPosition, options: LinesOptions
    ) -> bytes:
        start, stop = position.start, _stop(asked, position, options)
        items, count = asked.items(start, stop), max(0, stop - start)
        self_link = EnvelopeLink(asked.uri + (_SEEK if position.page > 1 else ""))
        following = _following(asked, position, stop, options)
        if following is None:
            return collection(items, count, self_link)
        token = following.token()
        self._positions[token] = following
        next_link = _next_by_token(asked, token, options)
        in_top = options.token_in != "next" or next_link is None
        return collection(items, count, self_link, next_link, token=token if in_top else None)


def _currency(asked: LinesRequest) -> str:
    currency = asked.query.get("currencycode")
    if not currency:
        raise not_valid("The currency code is required.")
    return currency.upper()


def nothing(asked: LinesRequest) -> bytes:
    """Give a page without lines."""
    return collection([], 0, EnvelopeLink(asked.uri))


def _page_by_offset(asked: LinesRequest, options: LinesOptions) -> bytes:
    start = number(asked.query, "offset", at_least=0) or 0
    whole = asked.detail.line_count
    stop = min(start + asked.size, whole)
    return collection(
        asked.items(start, stop),
        whole if options.total_count == "whole" else max(0, stop - start),
        EnvelopeLink(f"{asked.uri}&offset={start}"),
        _next_by_offset(asked, stop, options) if stop < whole else None,
    )


def _next_by_offset(asked: LinesRequest, stop: int, options: LinesOptions) -> EnvelopeLink | None:
    uri = {
        "good": f"{asked.uri}&offset={stop}",
        "malformed": f"{asked.misspelt_uri}&offset=",
        "none": "",
    }[options.next_links]
    return make_next_link(uri, options) if uri else None


def _stop(asked: LinesRequest, position: TokenPosition, options: LinesOptions) -> int:
    if position.page == options.empty_page_at:
        return position.start
    return min(position.start + position.size, asked.detail.line_count)


def _following(
    asked: LinesRequest, position: TokenPosition, stop: int, options: LinesOptions
) -> TokenPosition | None:
    if position.page == options.repeat_token_at:
        return position._replace(start=position.size, page=2)
    if stop == asked.detail.line_count and position.page != options.empty_page_at:
        return None
    return position._replace(start=stop, page=position.page + 1)


def _next_by_token(asked: LinesRequest, token: str, options: LinesOptions) -> EnvelopeLink | None:
    uri = {
        "good": f"{asked.uri}{_SEEK}",
        "malformed": f"{asked.misspelt_uri}?{_SEEK[1:]}",
        "none": "",
    }[options.next_links]
    headers = ((_TOKEN_HEADER, token),) if options.token_in != "top" else ()
    return make_next_link(uri, options, headers) if uri else None
