"""How Partner Center v1 reads what a request says; what it can't read it refuses."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from aiohttp import web

from local.simulated.refusals import not_understood, not_valid


def query_of(request: web.Request) -> dict[str, str]:
    """Give the query; its names may be in any case, and are in lower case here."""
    pairs = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    return {name.lower(): value for name, value in pairs}


def known_name(value: str, known: dict[str, str]) -> str:
    """Give what this value, in any case, is the URL's spelling of."""
    try:
        return known[value.lower()]
    except KeyError:
        raise not_understood() from None


def number(query: dict[str, str], name: str, *, at_least: int) -> int | None:
    """Give this number of the query, if it has it."""
    text = query.get(name)
    # An empty value counts as none, as in every ASP.NET service: `offset=` is the first page.
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]+", text):
        raise not_understood()
    if int(text) < at_least:
        raise not_valid(f"The value of {name} has to be {at_least} or more.")
    return int(text)
