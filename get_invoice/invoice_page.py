"""The page of one invoice: what is stored of it, or where nothing is, what Partner Center gives."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET

from get_invoice.answer import Answer
from get_invoice.deadline import within
from get_invoice.expand import Detail, line_items, of_the_whole
from get_invoice.invoice import invoice_answer
from get_invoice.pages import Links, count, page, spreadsheet_forms
from get_invoice.problem import not_an_invoice_id
from get_invoice.recent_list import RecentList
from shared.amounts import is_amount
from shared.errors import InvalidInput
from shared.json_text import loads
from shared.keys import invoice_id
from shared.services import Services
from shared.settling import FETCHING, STATES
from shared.storage.archive import Archive
from shared.storage.inventory import inventory_of

_SECONDS = 60.0
_PROVIDERS = {"office": "Office", "azure": "Azure", "one_time": "New commerce"}
_TYPES = {"billing_line_items": "billing", "usage_line_items": "usage"}
_STATUS = {"complete": "in storage", "in_progress": "on the way", "missing": "missing"}


class _ChargeType(msgspec.Struct, rename="camel"):
    charge_type: str
    lines: int
    total: Decimal


class _Billing(msgspec.Struct, rename="camel"):
    billing_provider: str
    charge_types: list[_ChargeType] = []
    tax: Decimal | None = None
    customers: int | None = None


class _Reconciliation(msgspec.Struct, rename="camel"):
    billing: list[_Billing] = []


class _Manifest(msgspec.Struct, rename="camel"):
    state: str = FETCHING
    reason: str = ""
    currency_code: str | None = None
    line_total: Decimal | None = None
    difference: Decimal | None = None
    checks: int = 0
    checked_at: str | None = None
    next_check_at: str | None = None
    reconciliation: _Reconciliation = msgspec.field(default_factory=_Reconciliation)


@dataclass(frozen=True)
class _Version:
    """Lines that are, or were, in storage; `downloads` are their addresses by the names of the forms."""

    lines: int
    total: Decimal | None
    fetched_at: str | None
    downloads: dict[str, str]


@dataclass(frozen=True)
class _Row:
    """A detail of the invoice, and the address of its lines; `now` is None where none are in storage."""

    name: str
    address: str
    progress: str
    source: str | None
    currency: str | None
    now: _Version | None
    earlier: list[_Version]


def page_of_invoice(
    name: str, services: Services, recent_list: RecentList, links: Links, languages: list[str]
) -> Answer:
    """Write the page of the invoice with the id `name`; `languages` are those that the reader's spreadsheet may speak.

    Microsoft is asked only where the invoice is not stored. Errors are answers too; raises AzureError
    where storage fails and TimeoutError where it gives no answer in time.
    """
    try:
        bare_id = invoice_id(name)
    except InvalidInput as error:
        return not_an_invoice_id(error)
    archive, until = services.archive, time.monotonic() + _SECONDS
    stored = within(until, lambda: archive.invoice(bare_id))
    if stored:
        text, stored_at = stored.text, stored.stored_at
    elif within(until, lambda: inventory_of(archive, bare_id).is_invoice):
        # Its lines came by a message, before the first run of the timer.
        text, stored_at = b"{}", None
    else:
        found = invoice_answer(name, services, recent_list, expand=False)
        if found.status != 200:
            return found
        text, stored_at = found.body, None
    forms = spreadsheet_forms(languages) | {"JSON lines": {"format": "jsonl"}}
    return within(until, lambda: _page(bare_id, text, stored_at, archive, links, forms))


def _page(
    bare_id: str,
    text: bytes,
    stored_at: datetime | None,
    archive: Archive,
    links: Links,
    forms: dict[str, dict[str, str]],
) -> Answer:
    manifest, head = archive.manifest_text(bare_id), _head(text)
    return page(
        "invoice.html",
        links,
        id=bare_id,
        head=head,
        amends=_bare(head.get("amendsOf")),
        amended_by=_amended_by(head.get("amendments")),
        stored_at=stored_at,
        has_manifest=manifest is not None,
        manifest=_manifest(manifest),
        details=[_row(each, bare_id, links, forms) for each in line_items(text, bare_id, archive)],
        provider_names=_PROVIDERS,
        first_form=next(iter(forms.values())),
    )


def _head(text: bytes) -> dict[str, object]:
    with suppress(ValueError):
        found = loads(text)
        return found if isinstance(found, dict) else {}
    return {}  # somebody has spoiled it


def _amended_by(amendments: object) -> list[str]:
    found = amendments if isinstance(amendments, list) else []
    ids = (_bare(each.get("id")) for each in found if isinstance(each, dict))
    return [each for each in ids if each]


def _bare(name: object) -> str | None:
    with suppress(InvalidInput):
        return invoice_id(name) if isinstance(name, str) else None
    return None


def _manifest(text: bytes | None) -> _Manifest | None:
    """Read a manifest member by member: one that is odd counts as unknown."""
    members = of_the_whole(text)
    if members is None:
        return None
    manifest = _Manifest()
    for field in msgspec.structs.fields(_Manifest):
        with suppress(KeyError, msgspec.MsgspecError):
            value = msgspec.json.decode(members[field.encode_name], type=field.type)
            if not isinstance(value, Decimal) or is_amount(value):
                setattr(manifest, field.name, value)
    if manifest.state not in STATES:
        manifest.state = FETCHING
    return manifest


def _row(detail: Detail, bare_id: str, links: Links, forms: dict[str, dict[str, str]]) -> _Row:
    where = (bare_id, "lineItems", detail.billing_provider, detail.invoice_line_item_type)

    def downloads(**version: str) -> dict[str, str]:
        return {name: links.to(*where, **form, **version) for name, form in forms.items()}

    provider = _PROVIDERS.get(detail.billing_provider, detail.billing_provider)
    kind = _TYPES.get(detail.invoice_line_item_type, detail.invoice_line_item_type)
    staged = f", {count(detail.pages_staged)} pages or blocks so far" if detail.pages_staged else ""
    now = None
    if detail.lines is not UNSET:
        fetched_at = detail.fetched_at or None
        now = _Version(detail.lines, _amount(detail.total), fetched_at, downloads())
    return _Row(
        name=f"{provider}, {kind}",
        address=links.to(*where),
        progress=f"{_STATUS[detail.status]}{staged}",
        source=detail.source or None,
        currency=detail.currency or None,
        now=now,
        earlier=[
            _Version(
                each.lines, _amount(each.total), each.fetched_at, downloads(snapshot=each.snapshot)
            )
            for each in detail.earlier or ()
        ],
    )


def _amount(number: object) -> Decimal | None:
    """Take an amount as a manifest has it."""
    return Decimal(bytes(number).decode()) if isinstance(number, msgspec.Raw) else None
