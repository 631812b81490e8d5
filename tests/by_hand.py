"""Answers of Partner Center that a test makes by hand, where the simulated service would not give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local.simulated import SimulatedPartnerCenter

Answering = Callable[[dict[str, str], Any], bytes | web.Response]


def serve(partner_center: SimulatedPartnerCenter, path: str, answer: Answering) -> None:
    """Answer every request below a path that ends so, from its query and its headers."""

    async def act(request: web.Request, _: object) -> web.StreamResponse:
        query = dict(parse_qsl(request.rel_url.raw_query_string))
        body = answer(query, request.headers)
        if isinstance(body, web.Response):
            return body
        return web.Response(body=body, content_type="application/json")

    def matches(url: str) -> bool:
        below = url.partition("?")[0]
        return below.endswith(path) or (path == "lineitems" and path in below)

    partner_center.faults.add(act, match=matches, times=None)


def page(items: Sequence[object], **links: object) -> bytes:
    """A page of a collection."""
    return json.dumps({"totalCount": len(items), "items": items, "links": links}).encode()


def next_page(token: str | None) -> dict[str, object]:
    """The next link that goes with a token, or with none."""
    header = [{"key": "MS-ContinuationToken", "value": token}] if token else []
    uri = "/invoices/G000000001/lineitems?provider=OneTime&seekOperation=Next"
    return {"uri": uri, "method": "GET", "headers": header}


def rows(count: int) -> list[object]:
    """Lines that are told apart by their number, and cost 1.00 each."""
    return [{"n": n, "totalForCustomer": "1.00"} for n in range(count)]


def numbers(blob: bytes) -> list[int]:
    """The numbers of the lines in a blob."""
    return [json.loads(line)["n"] for line in blob.split(b"\n")[:-1]]
