"""Errors as `application/problem+json` (RFC 9457), by what Partner Center or the caller did."""

from __future__ import annotations

import json
import math

from azure.core.exceptions import AzureError

from get_invoice.answer import Answer
from get_invoice.lines import NotALine
from shared.errors import (
    ApiError,
    InvalidInput,
    NoAnswer,
    NotFound,
    Retriable,
    Throttled,
)
from shared.keys import LineItemsKey
from shared.storage.blobs import StoredLines
from shared.storage.failures import error_code, may_pass_later

_RETRY_AFTER_SECONDS = 30.0


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    correlation_id: str | None = None,
    retry_after: float | None = None,
) -> Answer:
    """Make the answer for an error; `correlation_id` is what the log knows it by."""
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = str(math.ceil(retry_after))
    fields = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if correlation_id:
        fields["correlationId"] = correlation_id
    return Answer(status, json.dumps(fields).encode(), headers)


def not_an_invoice_id(error: InvalidInput) -> Answer:
    """400: nothing was asked of anyone."""
    return problem(400, "Not an invoice id", str(error))


def no_such_version(key: LineItemsKey, snapshot: str) -> Answer:
    """404: there is no such snapshot, or it has been deleted."""
    detail = (
        f"There is no version {snapshot} of the lines {key.kind} of the invoice {key.invoice_id}; its "
        "manifest names those that there are in earlier."
    )
    return problem(404, "No such version", detail)


def no_such_lines(key: LineItemsKey) -> Answer:
    """404: there is no such blob, yet."""
    detail = f"No lines {key.kind} of the invoice {key.invoice_id} are stored yet, or it has none of that kind."
    return problem(404, "No such lines", detail)


def no_columns(stored: StoredLines) -> Answer:
    """406: there is no table of such lines."""
    detail = (
        f"Lines {stored.key.kind} of {stored.about.source} are not documented: ask for JSON lines."
    )
    return problem(406, "No such table", detail)


def not_a_line(error: NotALine) -> Answer:
    """500: somebody has written into the blob."""
    return problem(500, "The stored lines are broken", str(error))


def too_large(most_bytes: int) -> Answer:
    """413: an answer of the Functions host is in memory as a whole."""
    detail = (
        f"The answer would have more than {most_bytes >> 20} MiB. Send Accept-Encoding: gzip, ask for "
        "one customer (customerId), or take the blob from storage."
    )
    return problem(413, "Too large for an answer", detail)


def too_many_at_once(retry_after: float) -> Answer:
    """503: others are being answered, and the memory is theirs."""
    detail = "Others are being answered; ask again."
    return problem(503, "Too many at once", detail, retry_after=retry_after)


def replaced_meanwhile(retry_after: float) -> Answer:
    """503: other lines came while these were read, again and again."""
    detail = "The lines are being replaced; ask again."
    return problem(503, "Lines are being replaced", detail, retry_after=retry_after)


def storage_failed(error: AzureError | TimeoutError, correlation_id: str | None = None) -> Answer:
    """504 where storage did not answer in time, 500 where it refused: the role, or this very blob."""
    if may_pass_later(error):
        detail = "Storage gave no answer in time."
        return problem(504, "No answer in time", detail, correlation_id=correlation_id)
    code = error_code(error) or getattr(error, "status_code", None)
    detail = f"Storage refused this app with {code}; its log says why."
    return problem(500, "Storage refused", detail, correlation_id=correlation_id)


def not_answered(invoice_id: str, error: ApiError, correlation_id: str) -> Answer:
    """Say what became of the request to Partner Center; what it said itself is in the log."""
    if isinstance(error, NotFound):
        detail = f"Partner Center does not know an invoice {invoice_id}."
        return problem(404, "No such invoice", detail, correlation_id=correlation_id)
    if isinstance(error, Throttled):
        return problem(
            503,
            "Partner Center is throttling",
            "Too many requests for now; ask again later.",
            correlation_id=correlation_id,
            retry_after=error.delay or _RETRY_AFTER_SECONDS,
        )
    if isinstance(error, NoAnswer):
        detail = f"Partner Center gave no answer in time, and no copy of {invoice_id} is stored."
        return problem(504, "No answer in time", detail, correlation_id=correlation_id)
    if isinstance(error, Retriable):
        detail = f"Partner Center failed, and no copy of {invoice_id} is stored."
        return problem(502, "Partner Center failed", detail, correlation_id=correlation_id)
    detail = (
        "Partner Center, or Entra ID before it, refused this app; its log says why "
        f"(MS-CorrelationId {correlation_id})."
    )
    return problem(502, "Partner Center refused", detail, correlation_id=correlation_id)
