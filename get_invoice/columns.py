"""A line as cells of a table, whose columns are the same for all lines of a source and type."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, get_args

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from get_invoice.csv_text import NUMBER, Dialect, harmless
from shared.models import LINE_ITEM_TYPES

OTHERS = "otherFields"
"""The last column: what a line has beside the documented fields, as a JSON object."""


class _Number(str):
    """A number with decimals or an exponent, as it stands in the line."""

    __slots__ = ()


_values = msgspec.json.Decoder(dict[str, Any], float_hook=_Number)
_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TRUTH = {None: "", True: "true", False: "false"}
_MOST_PLANS = 1000

_Plan = list[tuple[str, int, bool]]


class Columns:
    """The columns of the lines of a source, provider and type, in the order of the documented fields.

    A field that goes by several names has one column; names are read in any case, as exports differ in it.
    """

    def __init__(self, kind: tuple[str, str, str]) -> None:
        fields = LINE_ITEM_TYPES[kind].model_fields
        # Every line of v1 has attributes, which say nothing of the charge: they come last.
        in_order = sorted(fields, key=lambda name: name == "attributes")
        spellings = [_names(fields[name]) for name in in_order]
        self.names = [*(names[0] for names in spellings), OTHERS]
        self._amounts = [Decimal in get_args(fields[name].annotation) for name in in_order]
        self._index = {
            name.lower(): number for number, names in enumerate(spellings) for name in names
        }
        self._plans: dict[tuple[str, ...], tuple[_Plan, list[str]]] = {}

    def cells(self, line: bytes, dialect: Dialect) -> list[str]:
        """Give the cells of a line; nothing that it has is left out.

        Raises MsgspecError for a line that is no JSON object.
        """
        fields = _values.decode(line)
        plan, others = self._plan(tuple(fields))
        cells = [""] * len(self.names)
        for name, number, is_amount in plan:
            cells[number] = _cell(fields[name], line, name, dialect, is_amount=is_amount)
        if others:
            raw = _raw.decode(line)
            cells[-1] = msgspec.json.encode({name: raw[name] for name in others}).decode()
        return cells

    def _plan(self, names: tuple[str, ...]) -> tuple[_Plan, list[str]]:
        """Say in which column each field of a line goes, and which have none: most lines have the same names."""
        if names not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            found: dict[int, str] = {}
            for name in names:
                if (number := self._index.get(name.lower())) is not None:
                    found.setdefault(number, name)
            plan = [(name, number, self._amounts[number]) for number, name in found.items()]
            others = [name for name in names if name not in found.values()]
            self._plans[names] = plan, others
        return self._plans[names]


@cache
def columns_of(kind: tuple[str, str, str]) -> Columns | None:
    """Give the columns for a source, provider and type; None where such lines are not documented."""
    return Columns(kind) if kind in LINE_ITEM_TYPES else None


def _cell(value: Any, line: bytes, name: str, dialect: Dialect, *, is_amount: bool) -> str:
    kind = value.__class__
    if kind is str:
        # Exports write some amounts as strings.
        if is_amount and NUMBER.fullmatch(value):
            return dialect.number(value)
        return harmless(value)
    if kind is _Number:
        return dialect.number(value)
    if kind is int:
        return str(value)
    if kind is dict or kind is list:
        return bytes(_raw.decode(line)[name]).decode()
    return _TRUTH[value]


def _names(field: FieldInfo) -> list[str]:
    """Give the names by which lines may have a field, the documented one first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
    return [str(field.alias)]
