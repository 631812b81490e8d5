"""The fields of a line that are looked at, whatever its source; all others are never built."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from shared.amounts import amount_of
from shared.models import LineItem

MOST_IN_FULL = 25_000
"""Billing lines of which all of these fields are looked at; of more, those that cost the least time."""

_PRODUCT = {"category": "ProductCategory", "sku": "SkuName"}
_CHARGE_TYPE, _SUBSCRIPTION = {"charge_type": "ChargeType"}, {"subscription": "SubscriptionId"}
_CUSTOMER = {"customer": "CustomerId"}


class Fields(msgspec.Struct, gc=False):
    """What is looked at of one line; None is what it does not have.

    Decoders make rows of a type of their own, with those of these attributes that are looked at.
    """

    charge: Decimal | None = None
    tax: Decimal | None = None
    charge_type: str | None = None
    customer: str | None = None
    subscription: str | None = None
    category: str | None = None
    sku: str | None = None


class FieldNames:
    """The names of these fields in one kind of line, as Microsoft Graph or else v1 spells them.

    Lines without tax are usage: what is looked at is whose it is. `in_full` says how much of others is.
    """

    def __init__(
        self, kind: type[LineItem], spelled: Callable[[str], str], *, in_full: bool = True
    ) -> None:
        self.is_usage, self.in_full = kind.tax_field is None, in_full
        tax = kind.tax_field if in_full else None
        amounts = {"charge": kind.charge_field, "tax": tax}
        billing = _CHARGE_TYPE | _PRODUCT | (_CUSTOMER | _SUBSCRIPTION if in_full else {})
        texts = _SUBSCRIPTION if self.is_usage else billing
        self.amounts = {field: spelled(name) for field, name in amounts.items() if name}
        self.texts = {field: spelled(name) for field, name in texts.items()}

    def struct(self) -> type[Fields]:
        """Make the type that a decoder reads these fields into."""
        kinds: dict[type, dict[str, str]] = {Decimal: self.amounts, str: self.texts}
        fields: list[Any] = [
            (field, kind | None, msgspec.field(name=name, default=None))
            for kind, names in kinds.items()
            for field, name in names.items()
        ]
        return msgspec.defstruct("Row", fields, gc=False)  # type: ignore[return-value]

    def is_spelled_otherwise(self, text: bytes) -> bool:
        """Whether a charge in the text of lines has its name in another case."""
        charge = self.amounts["charge"]
        return any(match[1].decode() != charge for match in spellings_of(charge).finditer(text))

    def read(self, line: object) -> Fields:
        """Read the fields of a line that is odd: their names in any case, what is not as documented as None."""
        if not isinstance(line, dict):
            return Fields()
        values = {name.lower(): value for name, value in line.items()}
        read: dict[str, Any] = {
            f: amount_of(values.get(n.lower())) for f, n in self.amounts.items()
        }
        read |= {f: _text(values.get(n.lower())) for f, n in self.texts.items()}
        return Fields(**read)


def spellings_of(field: str) -> re.Pattern[bytes]:
    """Find a field in the text of lines, in any case; the group is how it is spelled there."""
    return re.compile(rb'"(%b)"[ \t\r\n]*:' % re.escape(field.encode()), re.I)


def camel_case(name: str) -> str:
    """Spell a field of an export as Partner Center v1 spells it."""
    return name[0].lower() + name[1:]


def as_it_is(name: str) -> str:
    """Spell a field as the documents of an export do."""
    return name


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
