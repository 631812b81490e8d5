"""Charges that are not all amounts: what can be summed is, and the rest is told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.amounts import amount_of, total_of
from shared.log import get_logger

_log = get_logger(__name__)


def total_of_odd(values: Sequence[object], field: str) -> Decimal:
    """Sum the values of a field; one that is no amount adds nothing, and is logged."""
    said = [value for value in values if value not in (None, "")]
    amounts = [amount for amount in map(amount_of, said) if amount is not None]
    if len(amounts) < len(said):
        odd = len(said) - len(amounts)
        _log.warning("%d of %d lines have no number in %s", odd, len(values), field)
    return total_of(amounts)
