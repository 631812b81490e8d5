"""Invoice ids and links: data from outside, taken apart and checked before anything is built of it.

The grammar is that of the API articles *Get invoices* and *Get invoice line items*. Requests, blob
names and messages are made of the parsed parts only, never of the text that came in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from shared.errors import InvalidInput

# One letter and nine upper-case letters or digits is what invoices have; the documentation's
# samples are looser. A digit is required: `summary` or `unbilled` are other resources.
_INVOICE_ID = re.compile(
    r"(?:(?:recurring|onetime)-)?((?:H[0-9]-)?(?=[A-Z]*[0-9])[A-Z0-9]{4,32})", re.I | re.A
)
_PATH = re.compile(r"(?:/v1)?/invoices/([^/]+)/lineitems(?:/([^/]+)/([^/]+))?", re.I)
_LIST_PATH = re.compile(r"(?:/v1)?/invoices", re.I)
# What a path of Partner Center is made of: no scheme, host, `..`, `%` or control character.
_RELATIVE = re.compile(r"/?[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")

_PROVIDERS = {"office": "office", "azure": "azure", "onetime": "one_time"}
_TYPES = {"billinglineitems": "billing_line_items", "usagelineitems": "usage_line_items"}
_PATH_SPELLING = {
    "office": "Office",
    "azure": "Azure",
    "one_time": "OneTime",
    "billing_line_items": "BillingLineItems",
    "usage_line_items": "UsageLineItems",
}


def invoice_id(text: str) -> str:
    """Give the bare id of an invoice, from the bare or the prefixed form (`OneTime-G000024135`).

    Raises InvalidInput for anything else.
    """
    match = _INVOICE_ID.fullmatch(text)
    if not match:
        raise InvalidInput(
            f"{_shown(text)} is not an invoice id: expected one like G000024135, D0500033K3 or "
            "Recurring-D0500033K3"
        )
    return match[1].upper()


def billing_provider(text: str) -> str:
    """Give the provider as responses spell it; upper and lower case and `_` do not matter.

    Raises InvalidInput for one that this app does not know how to page through.
    """
    return _known(_PROVIDERS, text, "billing provider")


def line_item_type(text: str) -> str:
    """Give the line item type as responses spell it; upper and lower case and `_` do not matter."""
    return _known(_TYPES, text, "invoice line item type")


@dataclass(frozen=True)
class LineItems:
    """The lines of one provider and type on one invoice: what a line items link stands for."""

    invoice_id: str
    billing_provider: str
    invoice_line_item_type: str

    @classmethod
    def of(cls, invoice: str, provider: str, item_type: str) -> LineItems:
        """Check and normalise the three parts; raises InvalidInput."""
        return cls(invoice_id(invoice), billing_provider(provider), line_item_type(item_type))

    @classmethod
    def parse(cls, link: str) -> LineItems:
        """Take a link apart, in its path form or its query form.

        `/invoices/{id}/lineitems/{provider}/{type}` or
        `/invoices/{id}/lineitems?provider={provider}&invoicelineitemtype={type}`, both with or
        without `/v1`; paging parameters are passed over. Raises InvalidInput for an absolute link
        and for anything else.
        """
        path, query = _relative(link)
        match = _PATH.fullmatch(path)
        if not match:
            raise InvalidInput(
                f"{_shown(link)} is not a line items link: expected "
                "/invoices/{invoice-id}/lineitems/{billing-provider}/{invoice-line-item-type}"
            )
        provider = match[2] or query.get("provider", "")
        item_type = match[3] or query.get("invoicelineitemtype", "")
        return cls.of(match[1], provider, item_type)

    @classmethod
    def meant_by(
        cls, link: str | None, invoice: str | None, provider: str | None, item_type: str | None
    ) -> LineItems:
        """Say which lines are meant by a link, or without one by the three names.

        Names that stand beside a link have to agree with it. Raises InvalidInput.
        """
        if link is None:
            return cls.of(invoice or "", provider or "", item_type or "")
        by_link = cls.parse(link)
        said = cls.of(
            invoice or by_link.invoice_id,
            provider or by_link.billing_provider,
            item_type or by_link.invoice_line_item_type,
        )
        if said != by_link:
            raise InvalidInput(
                f"The link {_shown(link)} leads to {by_link}, but stands beside {said}: expected the same"
            )
        return by_link

    @property
    def link(self) -> str:
        """The link in its path form, as the details of an invoice spell it."""
        provider = _PATH_SPELLING[self.billing_provider]
        item_type = _PATH_SPELLING[self.invoice_line_item_type]
        return f"/invoices/{self.invoice_id}/lineitems/{provider}/{item_type}"

    @property
    def by_token(self) -> bool:
        """Whether the API pages these lines by continuation token (else by offset)."""
        return self.billing_provider == "one_time"

    @property
    def charge_field(self) -> str | None:
        """The field of a line that holds its charge, or None where a line has no price."""
        return {
            ("office", "billing_line_items"): "totalForCustomer",
            ("azure", "billing_line_items"): "postTaxTotal",
            ("one_time", "billing_line_items"): "totalForCustomer",
            ("one_time", "usage_line_items"): "billingPreTaxTotal",
        }.get((self.billing_provider, self.invoice_line_item_type))

    def __str__(self) -> str:
        return f"{self.invoice_id}/{self.billing_provider}/{self.invoice_line_item_type}"


def check_next_line_items(link: str, items: LineItems) -> None:
    """Refuse a next link that leads elsewhere than to more lines of the same invoice.

    The API is known to write malformed queries (a second `?`, a misspelt parameter, an empty
    offset), so only the path has to be right. Raises InvalidInput.
    """
    path, _ = _relative(link)
    match = _PATH.fullmatch(path)
    if not match or invoice_id(match[1]) != items.invoice_id:
        raise InvalidInput(f"{_shown(link)} is not a next link of {items}")


def next_list_parameters(link: str) -> dict[str, str]:
    """Give the paging parameters of the invoice list's next link, such as size and offset.

    Raises InvalidInput for a link that is not one of the list.
    """
    path, query = _relative(link)
    if not _LIST_PATH.fullmatch(path):
        raise InvalidInput(f"{_shown(link)} is not a next link of the invoice list")
    numbers = {name: query[name] for name in ("size", "offset") if query.get(name, "").isdecimal()}
    return numbers | ({"seekOperation": "Next"} if "seekoperation" in query else {})


def _relative(link: str) -> tuple[str, dict[str, str]]:
    """Split a relative link into path and query (lower-case names); refuse every other kind."""
    path, _, query = link.partition("?")
    if not _RELATIVE.fullmatch(path) or not link.isascii() or not link.isprintable():
        raise InvalidInput(
            f"{_shown(link)} is refused: expected a relative link of Partner Center, like "
            "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
        )
    pairs = parse_qsl(query.replace("?", "&"), keep_blank_values=True)
    return f"/{path.removeprefix('/')}", {name.lower(): value for name, value in pairs}


def _known(names: dict[str, str], text: str, what: str) -> str:
    known = names.get(text.replace("_", "").lower())
    if known is None:
        raise InvalidInput(f"{_shown(text)} is not a known {what}: expected {_any_of(names)}")
    return known


def _any_of(names: dict[str, str]) -> str:
    *others, last = names.values()
    return f"{', '.join(others)} or {last}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")
