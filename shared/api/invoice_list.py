"""The list of all invoices, which (unlike an invoice by its id) an app may read without a user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.api.collection import Page, parse_page
from shared.api.exchange import RequestContext
from shared.api.partner_center import PartnerCenter
from shared.errors import Fatal, InvalidInput
from shared.json_text import loads, raw_elements, raw_members
from shared.keys import invoice_id
from shared.links import next_list_parameters
from shared.log import get_logger

_log = get_logger(__name__)
_MOST_BARREN = 100
"""Pages of the list in a row, each with a token to go on, that bring no invoice."""


class _Members(msgspec.Struct):
    id: Any = None
    invoiceType: Any = None
    amendments: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True)
class ListedInvoice:
    """An invoice as the list has it, or as a voided one nests it: its JSON text, read once.

    `id` is the bare one, None where it has none that could be one. Only legacy invoices are paged.
    """

    text: bytes
    id: str | None
    is_legacy: bool
    amendments: tuple[ListedInvoice, ...]

    @classmethod
    def read(cls, text: bytes) -> ListedInvoice:
        """Read what identifies an invoice, whatever else is odd about it."""
        try:
            members = _members(text)
            nested = tuple(map(cls.read, _elements(members.amendments)))
        except (ValueError, RecursionError):
            return cls(text, None, is_legacy=False, amendments=())
        bare_id = _bare_id(members.id)
        kind = members.invoiceType or (bare_id or "")[:1]
        return cls(text, bare_id, is_legacy=kind in ("Recurring", "D"), amendments=nested)

    def with_amendments(self) -> Iterator[ListedInvoice]:
        """Give the invoice and all that is nested in it."""
        yield self
        for amendment in self.amendments:
            yield from amendment.with_amendments()


def _bare_id(value: object) -> str | None:
    try:
        return invoice_id(value) if isinstance(value, str) else None
    except InvalidInput:
        return None


def _members(invoice: bytes) -> _Members:
    try:
        return msgspec.json.decode(invoice, type=_Members)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        raw = raw_members(invoice)
        known = {name: loads(raw[name]) for name in ("id", "invoiceType") if name in raw}
        return _Members(**known, amendments=msgspec.Raw(raw.get("amendments", b"null")))


def _elements(json_array: msgspec.Raw) -> list[bytes]:
    text = bytes(json_array)
    # What is no list holds no invoices; list_invoices logs that it is not as documented.
    return raw_elements(text) if text.startswith(b"[") else []


def listed_invoices(
    partner_center: PartnerCenter, context: RequestContext
) -> Iterator[ListedInvoice]:
    """Give each invoice of the list, whatever paging the answers show.

    Legacy invoices are paged by size and offset, modern ones come with every page, and a server may
    ignore paging altogether (the article *Get a collection of invoices*): each invoice is given once,
    and a page that brings nothing new is the last. Raises ApiError.
    """
    seen: dict[str | bytes, int] = {}
    legacy = barren = 0
    tokens: set[str] = set()
    params: dict[str, str | int] = {}
    headers: dict[str, str] = {}
    while True:
        page = partner_center.get(
            "/invoices", parse_page, context=context, params=params, headers=headers
        )
        fresh = _fresh(page, seen)
        legacy += sum(invoice.is_legacy for invoice in fresh)
        yield from fresh
        barren = 0 if fresh else barren + 1
        if barren > _MOST_BARREN:
            raise Fatal(
                f"Partner Center's invoice list has {barren} pages in a row with nothing new"
            )
        if page.token:
            _remember(page.token, tokens)
            params = params | {"seekOperation": "Next"}
            headers = {"MS-ContinuationToken": page.token}
            continue
        # Only legacy invoices are paged: the others come with every page and move no offset.
        following = _next_parameters(page, params, legacy or len(seen), len(seen))
        if not fresh or following is None:
            if page.total_count > len(seen):
                _log.error("Partner Center lists %d of %d invoices", len(seen), page.total_count)
            return
        params, headers = following, {}


def find_invoice(
    partner_center: PartnerCenter, context: RequestContext, wanted: str
) -> ListedInvoice | None:
    """Give the invoice with the bare id `wanted`, nested amendments included."""
    by_id, _ = invoices_by_id(listed_invoices(partner_center, context))
    return by_id.get(wanted)


def invoices_by_id(
    listed: Iterable[ListedInvoice],
) -> tuple[dict[str, ListedInvoice], list[ListedInvoice]]:
    """Sort listed invoices and the amendments nested in them by bare id; give those without one too.

    What is listed by itself comes as that, with its links, also where it is nested in another.
    """
    invoices = list(listed)
    nested = [amendment for invoice in invoices for amendment in [*invoice.with_amendments()][1:]]
    by_id: dict[str, ListedInvoice] = {}
    without_id = []
    for invoice in [*invoices, *nested]:
        if invoice.id is None:
            without_id.append(invoice)
        else:
            by_id.setdefault(invoice.id, invoice)
    return by_id, without_id


def _fresh(page: Page, seen: dict[str | bytes, int]) -> list[ListedInvoice]:
    fresh = []
    for invoice in map(ListedInvoice.read, map(bytes, page.items)):
        identity, content = invoice.id or invoice.text, hash(invoice.text)
        if identity not in seen:
            seen[identity] = content
            fresh.append(invoice)
        elif seen[identity] != content:
            _log.error(
                "Invoice %s is listed twice with different contents; the first counts", identity
            )
    return fresh


def _remember(token: str, tokens: set[str]) -> None:
    if token in tokens:
        raise Fatal("Partner Center repeats a continuation token of the invoice list")
    tokens.add(token)


def _next_parameters(
    page: Page, params: dict[str, str | int], offset: int, so_far: int
) -> dict[str, str | int] | None:
    """Where the list goes on: by its next link, or because something else says that there is more."""
    if page.next_link is not None:
        try:
            return {"offset": offset} | next_list_parameters(page.next_link)
        except InvalidInput as error:
            raise Fatal(
                f"Partner Center's invoice list goes on at a wrong place: {error}"
            ) from error
    full = "size" in params and len(page.items) >= int(params["size"])
    if full or page.total_count > so_far:
        return {"size": params.get("size", max(len(page.items), 1)), "offset": offset}
    return None
