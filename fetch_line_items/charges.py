"""Charges that are not all amounts, or are spelled in other ways: what can be summed is, and the rest is told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fetch_line_items.fields import FieldNames
from fetch_line_items.sums import Sums, sums_of
from shared.amounts import amount_of, total_of
from shared.log import get_logger

_log = get_logger(__name__)


def sums_of_odd(lines: Sequence[object], *names: FieldNames) -> Sums:
    """Sum up lines whose fields are spelled in the first of these ways, else in the next, else in any other case."""
    sums = sums_of([*map(names[0].read, lines)], names[0])
    charges = [each.amounts["charge"] for each in names]
    sums.total = _total([_value(line, charges) for line in lines], charges[0])
    return sums


def _value(line: object, spellings: Sequence[str]) -> object:
    if not isinstance(line, dict):
        return None
    found = [name for name in line if name.lower() == spellings[0].lower()]
    found.sort(key=lambda name: spellings.index(name) if name in spellings else len(spellings))
    return next((line[name] for name in found if line[name] is not None), None)


def _total(values: Sequence[object], field: str) -> Decimal:
    """Sum the values of a field; one that is no amount adds nothing, and is logged."""
    said = [value for value in values if value not in (None, "")]
    amounts = [amount for amount in map(amount_of, said) if amount is not None]
    if len(amounts) < len(said):
        odd = len(said) - len(amounts)
        _log.warning("%d of %d lines have no number in %s", odd, len(values), field)
    return total_of(amounts)
