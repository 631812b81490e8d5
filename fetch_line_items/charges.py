"""Charges that are not all amounts: what can be summed is, and the rest is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from shared.amounts import is_amount, total_of

_log = logging.getLogger(__name__)


def total_of_odd(values: Sequence[object], field: str) -> Decimal:
    """Sum the values of a field; one that is no amount adds nothing, and is logged."""
    said = [value for value in values if value not in (None, "")]
    amounts = [amount for amount in map(_amount, said) if amount is not None]
    if len(amounts) < len(said):
        odd = len(said) - len(amounts)
        _log.warning("%d of %d lines have no number in %s", odd, len(values), field)
    return total_of(amounts)


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if is_amount(amount) else None


def camel_case(name: str) -> str:
    """Spell a field of an export as Partner Center v1 spells it."""
    return name[0].lower() + name[1:]
