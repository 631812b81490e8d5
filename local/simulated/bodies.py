"""How JSON goes out, from any simulated service: compact or pretty, with a mark, zipped."""

from __future__ import annotations

import codecs
import gzip
import json
import re
from dataclasses import dataclass

from aiohttp import web

_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


@dataclass
class BodyOptions:
    """Switches for bodies."""

    pretty: bool = False
    byte_order_mark: bool = False
    gzip: bool = False  # for those who accept it


def json_response(request: web.Request, body: bytes, options: BodyOptions) -> web.Response:
    """Answer with this JSON, in the form that the switches say."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if options.pretty:
        body = pretty(body)
    if options.byte_order_mark:
        body = codecs.BOM_UTF8 + body
    if options.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)


def compact(value: object) -> str:
    """Spell a value as JSON without whitespace between its tokens."""
    return json.dumps(value, separators=(",", ":"))


def pretty(text: bytes) -> bytes:
    """Indent JSON without touching its tokens, as a service does at times."""
    pieces, depth = [], 0
    for token in _JSON_TOKEN.findall(text):
        depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
        line_break = b"\r\n" + b"  " * depth
        before = line_break if token in (b"}", b"]") else b""
        after = line_break if token in (b"{", b"[", b",") else b" " if token == b":" else b""
        pieces.append(before + token + after)
    return b"".join(pieces)
