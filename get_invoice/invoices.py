"""The list of what is stored, as JSON, CSV or a page."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter

import msgspec

from get_invoice.answer import Answer
from get_invoice.content_types import CSV, HTML, JSON, negotiated, spreadsheet_languages
from get_invoice.csv_text import Dialect, harmless
from get_invoice.deadline import within
from get_invoice.pages import Links, list_page
from get_invoice.query import FILTERS, ListQuery, link_to
from get_invoice.stored import Row, stored_rows
from shared.amounts import written
from shared.storage.archive import Archive

_SECONDS = 60.0

# A file has no next page: as CSV come all that there are.
_PAGE_SIZE = {JSON: 100, HTML: 200, CSV: sys.maxsize}

COLUMNS = {
    "invoiceId": attrgetter("id"),
    "invoiceDate": attrgetter("head.invoice_date"),
    "billingPeriodStartDate": attrgetter("head.period_start"),
    "billingPeriodEndDate": attrgetter("head.period_end"),
    "invoiceType": attrgetter("head.invoice_type"),
    "documentType": attrgetter("head.document_type"),
    "currencyCode": attrgetter("head.currency"),
    "totalCharges": attrgetter("head.charges"),
    "lines": attrgetter("summary.lines"),
    "lineTotal": attrgetter("summary.line_total"),
    "difference": attrgetter("difference"),
    "state": attrgetter("state"),
    "source": attrgetter("summary.source"),
    "fetchedAt": attrgetter("summary.fetched_at"),
    "earlierVersions": attrgetter("summary.earlier"),
}
"""What is told of a `Row`, by name."""


def list_answer(
    url: str, params: Mapping[str, str], headers: Mapping[str, str], archive: Archive
) -> Answer:
    """Answer for the list: the rows that the query wants, and a link to the next ones.

    Raises InvalidInput for a query that cannot be understood, AzureError where storage fails and
    TimeoutError where it gives no answer in time.
    """
    form = negotiated(params, headers, (JSON, CSV, HTML))
    query, dialect = ListQuery.of(params, _PAGE_SIZE[form]), Dialect.of(params.get("locale"))
    stored = within(time.monotonic() + _SECONDS, lambda: stored_rows(archive))
    rows, count, last = query.page(stored, whole_months=form == HTML)
    following = None if last is None else link_to(url, params, after=last)
    more = {"Link": f'<{following}>; rel="next"'} if following else {}
    if form == HTML:
        links, languages = Links.of(url, params), spreadsheet_languages(headers)
        return list_page(rows, count, query, links, _filters(params), last, languages)
    if form == CSV:
        headers = _as_file(params.get("locale")) | more
        return Answer(200, _csv(rows, dialect), headers)
    return Answer(200, _json(rows, count, following), {"Content-Type": JSON, **more})


def _filters(params: Mapping[str, str]) -> dict[str, str]:
    return {name: params[name] for name in FILTERS if params.get(name)}


def _as_file(locale: str | None) -> dict[str, str]:
    name = f"invoices_{locale}.csv" if locale else "invoices.csv"
    return {
        "Content-Type": f"{CSV}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _json(rows: list[Row], count: int, following: str | None) -> bytes:
    page = {"totalCount": count, "value": [_members(row) for row in rows], "nextLink": following}
    return msgspec.json.encode({name: value for name, value in page.items() if value is not None})


def _members(row: Row) -> dict[str, object]:
    return {name: _to_the_digit(value(row)) for name, value in COLUMNS.items()}


def _to_the_digit(value: object) -> object:
    return msgspec.Raw(written(value).encode()) if isinstance(value, Decimal) else value


def _csv(rows: list[Row], dialect: Dialect) -> bytes:
    cells = ([_cell(value(row), dialect) for value in COLUMNS.values()] for row in rows)
    return dialect.head(tuple(COLUMNS)) + dialect.rows(cells)


def _cell(value: object, dialect: Dialect) -> str:
    if isinstance(value, Decimal):
        return dialect.number(written(value))
    return "" if value is None else harmless(str(value))
