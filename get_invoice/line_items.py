"""The lines of one detail of an invoice, as JSON lines or CSV, all of them or those of one customer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO

from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from werkzeug.http import parse_accept_header
from zlib_ng import zlib_ng

from get_invoice.answer import Answer
from get_invoice.columns import Columns, columns_of
from get_invoice.content_types import CSV, JSON_LINES, negotiated
from get_invoice.csv_text import Dialect
from get_invoice.deadline import within
from get_invoice.lines import NotALine, as_csv, of_customer
from get_invoice.problem import (
    no_columns,
    no_such_lines,
    no_such_version,
    not_a_line,
    replaced_meanwhile,
    too_large,
    too_many_at_once,
)
from get_invoice.query import LinesQuery
from shared.keys import LineItemsKey
from shared.storage.archive import Archive
from shared.storage.blobs import StoredLines

# An answer is in memory as a whole, as the Functions host takes no other; so it is packed where the caller
# can unpack it, and has an end.
_MOST_BYTES = 128 * 1024 * 1024
_AT_ONCE = threading.BoundedSemaphore(2)
# Who waits for a turn has a thread that others of the app's five could use.
_TURN_SECONDS, _RETRY_SECONDS = 2.0, 20.0
# Azure's load balancer waits for 230 s.
_SECONDS = 200.0
_ATTEMPTS = 2
_ENDINGS = {CSV: "csv", JSON_LINES: "jsonl"}
_NO_NAME = re.compile(r"[^0-9A-Za-z.-]+")


class _Ends(Exception):
    """The lines cannot be had as they are wanted: this is the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def lines_answer(
    key: LineItemsKey, params: Mapping[str, str], headers: Mapping[str, str], archive: Archive
) -> Answer:
    """Answer with the stored lines; with `customerId` those of one customer, with `snapshot` earlier ones.

    JSON lines are the stored bytes. Raises InvalidInput for a query that cannot be understood, AzureError
    where storage fails and TimeoutError where it gives no answer in time.
    """
    query, dialect = LinesQuery.of(params), Dialect.of(params.get("locale"))
    form, packed = negotiated(params, headers, (JSON_LINES, CSV)), _takes_gzip(headers)
    until = time.monotonic() + _SECONDS

    def body() -> bytes:
        read = archive.read_lines(key, query.snapshot)
        if read is None:
            raise _Ends(
                no_such_version(key, query.snapshot) if query.snapshot else no_such_lines(key)
            )
        pieces = _in_time(read.pieces, until)
        if query.customer_id:
            pieces = of_customer(pieces, query.customer_id)
        if form == CSV:
            pieces = as_csv(pieces, _columns(read.stored), dialect)
        return _collected(_packed(pieces) if packed else pieces)

    if not _AT_ONCE.acquire(timeout=_TURN_SECONDS):
        return too_many_at_once(_RETRY_SECONDS)
    try:
        text = within(until, lambda: _again_if_replaced(body))
    except _Ends as end:
        return end.answer
    except NotALine as error:
        return not_a_line(error)
    finally:
        _AT_ONCE.release()
    name = _file_name(key, query, form, params.get("locale"))
    return Answer(200, text, _headers(name, form, packed=packed))


def _again_if_replaced(body: Callable[[], bytes]) -> bytes:
    """Make an answer, and where the lines are replaced while they are read, once more: nothing has been sent yet."""
    for _ in range(_ATTEMPTS):
        with suppress(ResourceModifiedError, ResourceNotFoundError):
            return body()
    raise _Ends(replaced_meanwhile(_RETRY_SECONDS))


def _takes_gzip(headers: Mapping[str, str]) -> bool:
    return parse_accept_header(headers.get("accept-encoding"))["gzip"] > 0


def _in_time(pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
    """Stop reading for an answer that nobody waits for any more."""
    for piece in pieces:
        if time.monotonic() > until:
            raise TimeoutError
        yield piece


def _columns(stored: StoredLines) -> Columns:
    columns = columns_of((stored.about.source, *stored.key.kind.split("/")))
    if columns is None:
        raise _Ends(no_columns(stored))
    return columns


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib_ng.compressobj(wbits=zlib_ng.MAX_WBITS | 16)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _collected(pieces: Iterable[bytes]) -> bytes:
    body = BytesIO()  # gives what it holds without copying it
    for piece in pieces:
        body.write(piece)
        if body.tell() > _MOST_BYTES:
            raise _Ends(too_large(_MOST_BYTES))
    return body.getvalue()


def _file_name(key: LineItemsKey, query: LinesQuery, form: str, locale: str | None) -> str:
    """Give a name that says which lines these are, of letters that a file may have everywhere."""
    parts = [key.invoice_id, key.billing_provider, key.invoice_line_item_type]
    others = (query.customer_id, query.snapshot, locale if form == CSV else None)
    parts += [_NO_NAME.sub("-", part) for part in others if part]
    return f"{'_'.join(parts)}.{_ENDINGS[form]}"


def _headers(name: str, form: str, *, packed: bool) -> dict[str, str]:
    headers = {
        "Content-Type": f"{form}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Vary": "Accept, Accept-Encoding",
    }
    return headers | ({"Content-Encoding": "gzip"} if packed else {})
