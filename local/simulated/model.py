"""What Partner Center knows of an invoice, and how its values are spelled in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

BILLING, USAGE = "billing_line_items", "usage_line_items"
OFFICE, AZURE, ONE_TIME = "office", "azure", "one_time"
RECURRING = "Recurring"  # of the kinds of invoices; the other is called OneTime
NEW_COMMERCE = "OneTime"


@dataclass(frozen=True)
class Detail:
    """One kind of lines on an invoice, spelled as in responses."""

    provider: str
    type: str
    line_count: int


@dataclass(frozen=True)
class Invoice:
    """What Partner Center knows about an invoice; `dataclasses.replace` makes a changed one."""

    id: str
    kind: str
    invoice_date: date
    details: tuple[Detail, ...] | None = ()
    currency: str = "USD"
    document_type: str = "invoice"
    amendments: tuple[Invoice, ...] = ()
    amends: str | None = None
    paid_amount: Decimal = Decimal("0.0")
    state: str = ""
    adjustment: Decimal = Decimal(0)  # charged on the invoice, but on none of its lines
    has_billing_period: bool = True
    revision: int = 0  # another revision has other lines
    large_tags: bool = False  # one exported row of usage in each period has a text of 100 KB

    @property
    def prefixed_id(self) -> str:
        """The id as links spell it."""
        return f"{self.kind}-{self.id}"

    @property
    def billing_period(self) -> date:
        """The first day of the month that it is for: the one before its date."""
        return (self.invoice_date.replace(day=1) - timedelta(days=1)).replace(day=1)

    def detail(self, provider: str, type: str) -> Detail | None:
        """Find the detail of this provider and type."""
        pair = (provider, type)
        return next((d for d in self.details or () if (d.provider, d.type) == pair), None)


class Raw(str):
    """JSON text that goes out exactly as it is spelled here: `1.10`, or a string with escapes."""

    __slots__ = ()


def to_json(value: object) -> str:
    """Spell a value as compact JSON; decimals keep every digit, which `json.dumps` can't do."""
    match value:
        case Raw():
            return value
        case Decimal():
            return _decimal_text(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{to_json(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(to_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _decimal_text(value: Decimal) -> str:
    text = f"{value:f}"
    return text if "." in text else f"{text}.0"


def pascal_case(name: str) -> str:
    """Spell an enum value as in links: `one_time` is `OneTime` there."""
    return "".join(part.capitalize() for part in name.split("_"))
