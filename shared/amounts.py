"""Sums of money without rounding."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce

# decimal's default context rounds to 28 digits; the API's amounts alone have up to 22.
_EXACT = Context(prec=1000)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts exactly."""
    return reduce(_EXACT.add, amounts, Decimal(0))


def subtract(amount: Decimal, other: Decimal) -> Decimal:
    """Subtract exactly."""
    return _EXACT.subtract(amount, other)


def plain(amount: Decimal) -> str:
    """Write an amount so that equal ones look equal: 1.10 as 1.1."""
    return str(amount.normalize(_EXACT))


def written(amount: Decimal) -> str:
    """Write an amount with all its digits and no exponent, as it goes into metadata and manifests."""
    return format(amount, "f") if amount else "0"
