"""What names the lines in storage: invoice id, billing provider and line item type, normalised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.errors import InvalidInput

# One letter and nine upper-case letters or digits is what invoices have; the documentation's
# samples are looser. A digit is required: `summary` or `unbilled` are other resources.
_INVOICE_ID = re.compile(
    r"(?:(?:recurring|onetime)-)?((?:H[0-9]-)?(?=[A-Z]*[0-9])[A-Z0-9]{4,32})", re.I | re.A
)
_PROVIDERS = {
    "office": "office",
    "azure": "azure",
    "onetime": "one_time",
    "marketplace": "one_time",  # its old name; *Get invoice line items* says to ask for onetime
}
_TYPES = {"billinglineitems": "billing_line_items", "usagelineitems": "usage_line_items"}


@dataclass(frozen=True)
class LineItemsKey:
    """The lines of one provider and type on one invoice, spelled as responses spell them.

    One link leads to them, and one blob holds them.
    """

    invoice_id: str
    billing_provider: str
    invoice_line_item_type: str

    @classmethod
    def of(cls, invoice: str, provider: str, item_type: str) -> LineItemsKey:
        """Check and normalise the three parts; raises InvalidInput."""
        return cls(invoice_id(invoice), billing_provider(provider), line_item_type(item_type))

    @property
    def kind(self) -> str:
        """Which of an invoice's lines they are: `one_time/usage_line_items`."""
        return f"{self.billing_provider}/{self.invoice_line_item_type}"

    def __str__(self) -> str:
        return f"{self.invoice_id}/{self.kind}"


def invoice_id(text: str) -> str:
    """Give the bare id of an invoice, from the bare or the prefixed form (`OneTime-G000024135`).

    Raises InvalidInput for anything else.
    """
    match = _INVOICE_ID.fullmatch(text)
    if not match:
        raise InvalidInput(
            f"{quoted(text)} is not an invoice id: expected one like G000024135, D0500033K3 or "
            "Recurring-D0500033K3"
        )
    return match[1].upper()


def is_invoice_id(text: str) -> bool:
    """Whether a text is the bare id of an invoice, as storage has it."""
    match = _INVOICE_ID.fullmatch(text)
    return match is not None and match[1].upper() == text


def billing_provider(text: str) -> str:
    """Give the provider as responses spell it; upper and lower case and `_` do not matter.

    Raises InvalidInput for one that this app does not know how to page through.
    """
    return _known(_PROVIDERS, text, "billing provider")


def line_item_type(text: str) -> str:
    """Give the line item type as responses spell it; upper and lower case and `_` do not matter."""
    return _known(_TYPES, text, "invoice line item type")


def bare_customer_id(text: str) -> str:
    """Take a tenant's id for the same in upper and lower case, and with the `org:` of some of v1's samples."""
    return text.casefold().removeprefix("org:")


def quoted(text: str) -> str:
    """Quote a text from outside for an error, cut where it is long."""
    return repr(text if len(text) <= 100 else f"{text[:100]}…")


def _known(names: dict[str, str], text: str, what: str) -> str:
    known = names.get(text.replace("_", "").lower())
    if known is None:
        raise InvalidInput(f"{quoted(text)} is not a known {what}: expected {_any_of(names)}")
    return known


def _any_of(names: dict[str, str]) -> str:
    *others, last = dict.fromkeys(names.values())
    return f"{', '.join(others)} or {last}"
