"""Sums of money without rounding."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext

# decimal's default context rounds to 28 digits; the API's amounts alone have up to 22. What does not
# fit here either is an error, never a rounded sum.
_EXACT = Context(prec=1000, traps=[Inexact, InvalidOperation, Overflow])
_ROUGH = Context(prec=1000)
_LARGEST_EXPONENT = 100
_FINEST = Decimal("1e-800")


def is_amount(number: Decimal) -> bool:
    """Whether a number can be one of money: finite, and of a size and digits that sums stay exact with."""
    if not number.is_finite() or (number and abs(number.adjusted()) > _LARGEST_EXPONENT):
        return False
    try:
        _EXACT.quantize(number, _FINEST)
    except ArithmeticError:
        return False
    return True


def amount_of(value: object) -> Decimal | None:
    """Give the amount that a value of JSON is, also one in a string; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if is_amount(amount) else None


def checked(number: Decimal) -> Decimal:
    """Give the number if it `is_amount`; raises ValueError."""
    if not is_amount(number):
        raise ValueError("is no amount of money")
    return number


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts exactly; raises ArithmeticError where one of them is not `is_amount`."""
    with localcontext(_EXACT):
        return sum(amounts, Decimal(0))


def subtract(amount: Decimal, other: Decimal) -> Decimal:
    """Subtract exactly."""
    return _EXACT.subtract(amount, other)


def plain(number: Decimal) -> str:
    """Write a number so that equal ones look equal: 1.10 as 1.1."""
    return str(number.normalize(_EXACT) if is_amount(number) else number)


def written(amount: Decimal) -> str:
    """Write an amount with all its digits and no exponent, as it goes into metadata and manifests."""
    return format(amount, "f") if amount else "0"


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """Round an amount for people, half to even."""
    return _ROUGH.quantize(amount, unit)


def shown(amount: Decimal) -> str:
    """Write an amount for people: with all its digits but trailing zeros, two decimals at the least."""
    text = written(amount.normalize(_EXACT))
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"
