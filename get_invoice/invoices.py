"""The list of what is stored, as JSON, CSV or a page."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import msgspec

from get_invoice.content_types import CSV, HTML, JSON, wanted
from get_invoice.csv_text import Dialect, harmless
from get_invoice.pages import Links, list_page
from get_invoice.problem import Answer
from get_invoice.stored import Row, Wanted, link_to, stored_rows
from shared.amounts import written
from shared.storage.archive import Archive

# A file has no next page: as CSV come all that there are.
_PAGE_SIZE = {JSON: 100, HTML: 200, CSV: sys.maxsize}

COLUMNS = (
    *("invoiceId", "invoiceDate", "billingPeriodStartDate", "billingPeriodEndDate", "invoiceType"),
    *("documentType", "currencyCode", "totalCharges", "lines", "lineTotal", "difference", "state"),
    *("source", "fetchedAt", "earlierVersions"),
)
_NUMBERS = frozenset(("totalCharges", "lines", "lineTotal", "difference", "earlierVersions"))


def list_answer(
    url: str, params: Mapping[str, str], headers: Mapping[str, str], archive: Archive
) -> Answer:
    """Answer for the list: the rows that the query wants, and a link to the next ones.

    Raises InvalidInput for a query that cannot be understood, AzureError where storage fails.
    """
    form = wanted(params, headers, (JSON, CSV, HTML))
    query, dialect = Wanted.of(params, _PAGE_SIZE[form]), Dialect.of(params.get("locale"))
    rows, count, last = query.page(stored_rows(archive), whole_months=form == HTML)
    following = None if last is None else link_to(url, params, after=last)
    more = {"Link": f'<{following}>; rel="next"'} if following else {}
    if form == HTML:
        return list_page(rows, count, query, Links.of(url, params), _filters(params), last)
    if form == CSV:
        return Answer(200, _csv(rows, dialect), {**_AS_FILE, **more})
    return Answer(200, _json(rows, count, following), {"Content-Type": JSON, **more})


def _filters(params: Mapping[str, str]) -> dict[str, str]:
    return {name: params[name] for name in ("state", "from", "to", "currency") if params.get(name)}


_AS_FILE = {
    "Content-Type": f"{CSV}; charset=utf-8",
    "Content-Disposition": 'attachment; filename="invoices.csv"',
}


def _json(rows: list[Row], count: int, following: str | None) -> bytes:
    page = {"totalCount": count, "value": [_members(row) for row in rows], "nextLink": following}
    return msgspec.json.encode({name: value for name, value in page.items() if value is not None})


def _members(row: Row) -> dict[str, object]:
    texts = _texts(row)
    return {
        name: msgspec.Raw(text.encode()) if text is not None and name in _NUMBERS else text
        for name, text in texts.items()
    }


def _csv(rows: list[Row], dialect: Dialect) -> bytes:
    cells = (
        [
            dialect.number(text or "") if name in _NUMBERS else harmless(text or "")
            for name, text in _texts(row).items()
        ]
        for row in rows
    )
    return dialect.head(COLUMNS) + dialect.rows(cells)


def _texts(row: Row) -> dict[str, str | None]:
    """Write what a row has by the names of the columns; numbers as JSON has them."""
    head = row.head
    days = (head.invoice_date, head.period_start, head.period_end)
    difference = row.difference
    texts = (
        row.id,
        *(day.isoformat() if day else None for day in days),
        head.invoice_type,
        head.document_type,
        head.currency,
        None if head.charges is None else written(head.charges),
        str(row.lines),
        written(row.line_total),
        None if difference is None else written(difference),
        row.state,
        row.source,
        row.fetched_at,
        str(row.earlier),
    )
    return dict(zip(COLUMNS, texts, strict=True))
