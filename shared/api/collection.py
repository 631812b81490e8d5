"""A page of a Partner Center collection: its items as the very bytes received, and what comes next."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from shared.json_text import loads, raw_elements, raw_members

_TOKEN_HEADER = "ms-continuationtoken"  # noqa: S105 - the name of a header
_LONGEST_TOKEN = 4_096
"""Servers take no longer headers, and the follow-up message has to carry it."""
_MOST = 10**12


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a request for a collection.

    `items` are slices of the answer's body. `total_count` is the collection's or the page's: the
    API uses it for both. `next_link` is set where the answer has one, `token` where the next page is
    to be asked for with the header MS-ContinuationToken.
    """

    items: list[msgspec.Raw]
    total_count: int
    next_link: str | None
    token: str | None


class _Header(msgspec.Struct):
    key: str | None = None
    Key: str | None = None
    value: str | None = None
    Value: str | None = None


class _Link(msgspec.Struct):
    uri: str | None = None
    Uri: str | None = None
    headers: list[_Header] | None = None
    Headers: list[_Header] | None = None


class _Links(msgspec.Struct):
    next: _Link | None = None
    Next: _Link | None = None


class _Envelope(msgspec.Struct):
    """The members, also as other releases may spell them: passed over, they would end a collection."""

    items: list[msgspec.Raw] | None
    totalCount: Any = None
    TotalCount: Any = None
    totalcount: Any = None
    links: _Links | None = None
    Links: _Links | None = None
    continuationToken: str | None = None
    ContinuationToken: str | None = None
    continuationtoken: str | None = None


_decoder = msgspec.json.Decoder(_Envelope)


def parse_page(body: bytes) -> Page:
    """Split a body into its items; raises ValueError (msgspec's errors are) if it is not a page."""
    try:
        return _page(_decoder.decode(body))
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _page(_thorough_envelope(body))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _page(envelope: _Envelope) -> Page:
    links = envelope.links or envelope.Links
    following = (links.next or links.Next) if links else None
    counts = (envelope.totalCount, envelope.TotalCount, envelope.totalcount)
    token = (
        _header_token(following)
        or envelope.continuationToken
        or envelope.ContinuationToken
        or envelope.continuationtoken
        or None
    )
    if token and not (token.isascii() and token.isprintable() and len(token) <= _LONGEST_TOKEN):
        raise ValueError("the continuation token cannot be sent back as a header")
    return Page(
        items=envelope.items or [],
        total_count=max(map(_count, counts)),
        next_link=(following.uri or following.Uri or "") if following else None,
        token=token,
    )


def _thorough_envelope(body: bytes) -> _Envelope:
    """Split a body that msgspec does not take; raises ValueError for what is no JSON either way."""
    members = raw_members(body)
    items = members.get("items", b"")
    is_array = items.startswith(b"[")
    if is_array:
        members["items"] = b"[]"
    envelope = msgspec.convert({name: loads(text) for name, text in members.items()}, _Envelope)
    if is_array:
        envelope.items = [msgspec.Raw(text) for text in raw_elements(items)]
    return envelope


def _count(value: object) -> int:
    """Read a number of lines: as a number of any kind or as a text; 0 for what is none."""
    with suppress(ArithmeticError, ValueError):
        number = Decimal(str(value).strip().replace(",", ""))
        if not isinstance(value, bool) and 0 < number < _MOST and number == int(number):
            return int(number)
    return 0


def _header_token(link: _Link | None) -> str | None:
    for header in (link and (link.headers or link.Headers)) or []:
        if (header.key or header.Key or "").lower() == _TOKEN_HEADER:
            return header.value or header.Value
    return None
