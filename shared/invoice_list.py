"""The list of all invoices, which (unlike an invoice by its id) an app may read without a user."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from shared.errors import Fatal, InvalidInput
from shared.links import invoice_id, next_list_parameters
from shared.models.resource import loads
from shared.pages import Page, parse_page
from shared.partner_center import Operation, PartnerCenter

_log = logging.getLogger(__name__)


class _Identified(msgspec.Struct):
    id: Any = None
    invoiceType: Any = None


class _Amended(msgspec.Struct):
    amendments: list[msgspec.Raw] | None = None


def listed_invoices(partner_center: PartnerCenter, operation: Operation) -> Iterator[bytes]:
    """Give the JSON text of each invoice of the list, whatever paging the answers show.

    Legacy invoices are paged by size and offset, modern ones come with every page, and a server may
    ignore paging altogether (the article *Get a collection of invoices*): each invoice is given once,
    and a page that brings nothing new is the last. Raises PartnerCenterError.
    """
    seen: set[str] = set()
    legacy: set[str] = set()
    tokens: set[str] = set()
    params: dict[str, str | int] = {}
    headers: dict[str, str] = {}
    while True:
        page = partner_center.get(
            "/invoices", parse_page, operation=operation, params=params, headers=headers
        )
        fresh = _fresh(page, seen)
        legacy.update(text for text in map(_legacy_id, fresh) if text)
        yield from fresh
        if page.token:
            _remember(page.token, tokens)
            params = params | {"seekOperation": "Next"}
            headers = {"MS-ContinuationToken": page.token}
            continue
        # Only legacy invoices are paged: the others come with every page and move no offset.
        following = _next_parameters(page, params, len(legacy) or len(seen), len(seen))
        if not fresh or following is None:
            if page.total_count > len(seen):
                _log.error("Partner Center lists %d of %d invoices", len(seen), page.total_count)
            return
        params, headers = following, {}


def find_invoice(partner_center: PartnerCenter, operation: Operation, wanted: str) -> bytes | None:
    """Give the JSON text of the invoice with the bare id `wanted`, nested amendments included."""
    by_id, _ = invoices_by_id(listed_invoices(partner_center, operation))
    return by_id.get(wanted)


def invoices_by_id(listed: Iterable[bytes]) -> tuple[dict[str, bytes], list[bytes]]:
    """Sort listed invoices and the amendments nested in them by bare id; tell those without one.

    What is listed by itself comes as that, with its links, also where it is nested in another.
    """
    invoices = list(listed)
    nested = [text for invoice in invoices for text in list(_documents(invoice))[1:]]
    by_id: dict[str, bytes] = {}
    without_id = []
    for text in [*invoices, *nested]:
        bare_id = identity(text)
        if bare_id is None:
            without_id.append(text)
        else:
            by_id.setdefault(bare_id, text)
    return by_id, without_id


def _documents(invoice: bytes) -> Iterator[bytes]:
    """Give an invoice's JSON text, and those of the amendments nested in it."""
    yield invoice
    try:
        nested = msgspec.json.decode(invoice, type=_Amended).amendments or []
    except msgspec.DecodeError:
        return  # amendments that are no list: the invoice itself is told as broken by its reader
    for amendment in nested:
        yield from _documents(bytes(amendment))


def identity(invoice: bytes) -> str | None:
    """Give the bare id in an invoice's JSON text; None where it has none that could be one."""
    try:
        return invoice_id(_identified(invoice).id)
    except (ValueError, TypeError):
        return None


def _identified(invoice: bytes) -> _Identified:
    try:
        return msgspec.json.decode(invoice, type=_Identified)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:  # JSON that msgspec does not take, such as half a surrogate pair
        return msgspec.convert(loads(invoice), _Identified)


def _legacy_id(invoice: bytes) -> str | None:
    bare_id = identity(invoice)
    legacy = bare_id and (_identified(invoice).invoiceType or bare_id[0]) in ("Recurring", "D")
    return bare_id if legacy else None


def _fresh(page: Page, seen: set[str]) -> list[bytes]:
    fresh = []
    for item in page.items:
        text = bytes(item)
        key = identity(text) or text.decode()
        if key not in seen:
            seen.add(key)
            fresh.append(text)
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
