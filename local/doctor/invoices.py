"""What Partner Center v1 lists, and how it gives the lines of a legacy invoice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date

import msgspec

from local.doctor.report import Finding, detail, failed, well
from local.doctor.shapes import columns, yes
from local.doctor.subject import NotAsked, Subject, within
from shared.api.collection import Page, parse_page
from shared.api.exchange import Answer
from shared.api.invoice_list import ListedInvoice, invoices_by_id, listed_invoices
from shared.details import details_of, parse_invoice
from shared.json_text import loads, without_byte_order_mark
from shared.keys import LineItemsKey
from shared.links import link_of
from shared.models import Invoice

_LIST_SECONDS, _LINES_SECONDS = 80, 50
_OTHER_TENANT = (
    "Whoever has set PARTNER_CENTER_TENANT_ID: no invoice is listed. It has to be the tenant whose invoices "
    "you see in Partner Center."
)


def invoice_list(subject: Subject) -> Iterator[Finding]:
    """Tell how many invoices of which kinds there are, and how the list was paged."""
    subject.has_token(subject.settings.scope)
    subject.answers.clear()
    listed = list(listed_invoices(subject.partner_center, within(_LIST_SECONDS)))
    by_id, without_id = invoices_by_id(listed)
    subject.invoices = sorted(_parsed(by_id), key=_age, reverse=True)
    if not by_id:
        yield failed("no invoice is listed", _OTHER_TENANT)
    else:
        yield well(f"{len(by_id)} invoices, {len(by_id) - _by_itself(listed)} of them amendments")
        kinds = Counter(bare_id[0] for bare_id in by_id)
        yield detail("by first letter: " + ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())))
    if without_id:
        yield detail(f"{len(without_id)} without an id that could be one")
    for invoice in subject.invoices[:1]:
        if invoice.invoice_date:
            yield detail(f"newest: {invoice.invoice_date:%Y-%m}")
    yield _paging(list(_pages(subject.answers)), listed)


def _pages(answers: list[Answer]) -> Iterator[Page]:
    """Give the answers that were pages: others were failures that have passed."""
    for answer in answers:
        with suppress(ValueError):
            yield parse_page(without_byte_order_mark(answer.body))


def _by_itself(listed: Iterable[ListedInvoice]) -> int:
    return len({invoice.id for invoice in listed if invoice.id})


def _parsed(by_id: dict[str, ListedInvoice]) -> Iterator[Invoice]:
    for bare_id, listed in by_id.items():
        with suppress(ValueError):
            yield parse_invoice(listed.text).invoice.model_copy(update={"id": bare_id})


def _age(invoice: Invoice) -> tuple[date, str]:
    """Sort by day; those of one day come in the same order each time."""
    return invoice.invoice_date.date() if invoice.invoice_date else date.min, invoice.id


def _paging(pages: list[Page], listed: list[ListedInvoice]) -> Finding:
    return detail(
        f"paging: answers {len(pages)}; next link {yes(any(p.next_link for p in pages))}, continuation "
        f"token {yes(any(p.token for p in pages))}, totalCount is what was listed "
        f"{yes(any(p.total_count == len(listed) for p in pages))}"
    )


def legacy_lines(subject: Subject) -> Iterator[Finding]:
    """Tell how one line of the newest legacy invoice comes."""
    subject.has_token(subject.settings.scope)
    key = _newest_legacy(subject.listed())
    page = subject.partner_center.get(
        link_of(key),
        parse_page,
        context=within(_LINES_SECONDS),
        params={"size": 1, "offset": 0},
        no_content=Page([], 0, None, None),
    )
    asked = f"{key.billing_provider}/{key.invoice_line_item_type}"
    yield well(f"1 line of {asked} was asked for, {len(page.items)} came")
    yield detail(
        f"next link {yes(page.next_link)}, continuation token {yes(page.token)}, "
        f"totalCount {yes(page.total_count)}"
    )
    yield from column_findings(page.items)


def column_findings(texts: Iterable[bytes | msgspec.Raw]) -> Iterator[Finding]:
    """Tell the keys of rows and their types."""
    rows = [loads(bytes(text)) for text in texts]
    for types, keys in columns(row for row in rows if isinstance(row, dict)).items():
        yield detail(f"{types}: {', '.join(keys)}")


def _newest_legacy(invoices: list[Invoice]) -> LineItemsKey:
    for invoice in invoices:
        if invoice.id.startswith("D") and (keys := details_of(invoice).links):
            return next(iter(keys))
    raise NotAsked("no legacy invoice with lines is listed")
