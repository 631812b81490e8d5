"""A page of a Partner Center collection: its items as the very bytes received, and what comes next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

_TOKEN_HEADER = "ms-continuationtoken"  # noqa: S105 - the name of a header


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
    value: str | None = None


class _Link(msgspec.Struct):
    uri: str | None = None
    headers: list[_Header] | None = None


class _Links(msgspec.Struct):
    next: _Link | None = None


class _Envelope(msgspec.Struct):
    items: list[msgspec.Raw] | None
    totalCount: Any = None
    links: _Links | None = None
    continuationToken: str | None = None


_decoder = msgspec.json.Decoder(_Envelope)
_json = json.JSONDecoder()
_NOT_WHITE = re.compile(r"[^ \t\r\n]")


def parse_page(body: bytes) -> Page:
    """Split a body into its items; raises ValueError (msgspec's errors are) if it is not a page."""
    try:
        return _page(_decoder.decode(body))
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _page(_thorough_envelope(body))


def _page(envelope: _Envelope) -> Page:
    following = envelope.links.next if envelope.links else None
    count = envelope.totalCount
    token = _header_token(following) or envelope.continuationToken or None
    if token and not (token.isascii() and token.isprintable()):
        raise ValueError("the continuation token cannot be sent back as a header")
    return Page(
        items=envelope.items or [],
        total_count=count if isinstance(count, int) else 0,
        next_link=(following.uri or "") if following else None,
        token=token,
    )


def _thorough_envelope(body: bytes) -> _Envelope:
    r"""Split a body with the standard library, which takes half a surrogate pair (`\ud83d`).

    JSON allows it and a server writes it where it cuts a text in the middle of an emoji; msgspec
    does not. Raises ValueError for what is no JSON either way.
    """
    text = body.decode()
    rest: dict[str, Any] = {}
    items: list[msgspec.Raw] | None = None
    for name, start in _members(text):
        if name == "items" and text[start] == "[":
            items = [msgspec.Raw(text[a:b].encode()) for a, b in _elements(text, start)]
        else:
            rest[name] = _json.raw_decode(text, start)[0]
    if items is None and "items" not in rest:
        raise ValueError("an answer without items")
    rest["items"] = []
    envelope = msgspec.convert(rest, _Envelope)
    envelope.items = items
    return envelope


def _members(text: str) -> Iterator[tuple[str, int]]:
    """Give the name of each member of the object that `text` is, and where its value starts."""
    at = _expect(text, 0, "{")
    while text[at] != "}":
        name, at = _json.raw_decode(text, at)
        start = _expect(text, at, ":")
        yield name, start
        at = _after_separator(text, _json.raw_decode(text, start)[1], "}")
    if text[at + 1 :].strip():
        raise ValueError("an answer with something behind it")


def _elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Give where each element of the array that starts there begins and ends."""
    at = _expect(text, start, "[")
    while text[at] != "]":
        end = _json.raw_decode(text, at)[1]
        yield at, end
        at = _after_separator(text, end, "]")


def _expect(text: str, at: int, mark: str) -> int:
    """Pass over white space and `mark`; give where the next thing starts."""
    at = _next(text, at)
    if text[at] != mark:
        raise ValueError(f"expected {mark} at {at}")
    return _next(text, at + 1)


def _after_separator(text: str, at: int, end: str) -> int:
    at = _next(text, at)
    return at if text[at] == end else _expect(text, at, ",")


def _next(text: str, at: int) -> int:
    match = _NOT_WHITE.search(text, at)
    if match is None:
        raise ValueError("an answer that is cut off")
    return match.start()


def _header_token(link: _Link | None) -> str | None:
    for header in (link and link.headers) or []:
        if (header.key or "").lower() == _TOKEN_HEADER:
            return header.value
    return None
