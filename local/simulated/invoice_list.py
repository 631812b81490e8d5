"""The list of invoices as Partner Center v1 gives it, whole or page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.simulated.envelope import EnvelopeLink, EnvelopeOptions, collection, make_next_link
from local.simulated.invoices import invoice_json
from local.simulated.model import RECURRING, Invoice
from local.simulated.parameters import number


@dataclass
class ListOptions(EnvelopeOptions):
    """Switches for the list."""

    whole_list: bool = False  # size and offset ignored, and no next link
    default_list_page: int | None = None  # pages even when no size is asked for
    ignore_list_paging: bool = False  # size and offset ignored, and yet a next link


def list_page(query: dict[str, str], invoices: Sequence[Invoice], options: ListOptions) -> bytes:
    """Give the list, or the page of it that the query asks for."""
    size = number(query, "size", at_least=1) or options.default_list_page
    offset = number(query, "offset", at_least=0) or 0
    if options.whole_list or (size is None and offset == 0):
        return _listed(invoices, "/invoices")
    size = size or len(invoices) or 1
    uri, stop = f"/invoices?size={size}&offset=", offset + size
    next_link = make_next_link(f"{uri}{stop}", options)
    if options.ignore_list_paging:
        return _listed(invoices, f"{uri}{offset}", next_link)
    # Only legacy invoices are paged: the others are all on each page.
    legacy = [invoice for invoice in invoices if invoice.kind == RECURRING]
    page = {invoice.id for invoice in legacy[offset:stop]}
    shown = [i for i in invoices if i.kind != RECURRING or i.id in page]
    return _listed(shown, f"{uri}{offset}", next_link if stop < len(legacy) else None)


def _listed(invoices: Sequence[Invoice], uri: str, next_link: EnvelopeLink | None = None) -> bytes:
    items = ",".join(map(invoice_json, invoices)).encode()
    return collection([items], len(invoices), EnvelopeLink(uri), next_link)
