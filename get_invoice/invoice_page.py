"""The page of one invoice, from the same answer that other apps get."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

import msgspec

from get_invoice.answer import Answer
from get_invoice.pages import Links, page, spreadsheet_forms
from shared.json_text import loads

_PROVIDERS = {"office": "Office", "azure": "Azure", "one_time": "New commerce"}
_TYPES = {"billing_line_items": "billing", "usage_line_items": "usage"}
_STATUS = {"complete": "in storage", "in_progress": "on the way", "missing": "missing"}


class _Earlier(msgspec.Struct, rename="camel"):
    snapshot: str
    lines: int
    total: Decimal | None = None
    fetched_at: str | None = None


class _Detail(msgspec.Struct, rename="camel"):
    billing_provider: str
    invoice_line_item_type: str
    status: str
    source: str | None = None
    lines: int | None = None
    total: Decimal | None = None
    currency: str | None = None
    fetched_at: str | None = None
    pages_staged: int = 0
    earlier: list[_Earlier] = []

    @property
    def name(self) -> str:
        provider = _PROVIDERS.get(self.billing_provider, self.billing_provider)
        return f"{provider}, {_TYPES.get(self.invoice_line_item_type, self.invoice_line_item_type)}"

    @property
    def progress(self) -> str:
        pages = f", {self.pages_staged:,} pages or blocks so far" if self.pages_staged else ""
        return f"{_STATUS.get(self.status, self.status)}{pages}"


class _ChargeType(msgspec.Struct, rename="camel"):
    charge_type: str
    lines: int
    total: Decimal


class _Billing(msgspec.Struct, rename="camel"):
    billing_provider: str
    charge_types: list[_ChargeType] = []


class _Reconciliation(msgspec.Struct, rename="camel"):
    billing: list[_Billing] = []


class _Manifest(msgspec.Struct, rename="camel"):
    state: str | None = None
    reason: str = ""
    currency_code: str | None = None
    line_total: Decimal | None = None
    difference: Decimal | None = None
    checks: int = 0
    checked_at: str | None = None
    next_check_at: str | None = None
    reconciliation: _Reconciliation = msgspec.field(default_factory=_Reconciliation)


class _Added(msgspec.Struct, rename="camel"):
    """What `?expand=lineItems` adds to an invoice."""

    line_items: list[_Detail]
    manifest: msgspec.Raw = msgspec.Raw(b"null")


def invoice_page(invoice_id: str, answer: Answer, links: Links, languages: list[str]) -> Answer:
    """Write the page of an invoice from its answer; `languages` are those that the reader's spreadsheet may speak."""
    added = msgspec.json.decode(answer.body, type=_Added)
    made = page(
        "invoice.html",
        links,
        id=invoice_id,
        head=loads(answer.body),
        manifest=_manifest(added.manifest),
        details=added.line_items,
        downloads=partial(_downloads, links, languages, invoice_id),
        stored_for=_age(answer.headers.get("Age")),
        provider_names=_PROVIDERS,
    )
    return replace(made, status=answer.status)


def _manifest(text: msgspec.Raw) -> _Manifest | None:
    try:
        return msgspec.json.decode(text, type=_Manifest | None)
    except msgspec.MsgspecError:
        return None  # somebody has spoiled it


def _downloads(
    links: Links, languages: list[str], invoice_id: str, detail: _Detail, **version: str
) -> dict[str, str]:
    """Give the addresses of the lines by the names of the forms that they can have."""
    where = (invoice_id, "lineItems", detail.billing_provider, detail.invoice_line_item_type)
    forms = spreadsheet_forms(languages) | {"JSON lines": {"format": "jsonl"}}
    return {name: links.to(*where, **form, **version) for name, form in forms.items()}


def _age(seconds: str | None) -> str | None:
    if seconds is None:
        return None
    minutes = int(seconds) // 60
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if count := minutes // size:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "a moment"
