"""A line as cells of a table, whose columns are the same for all lines of a source and type."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, get_args

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from get_invoice.csv_text import FORMULA, NUMBER, Dialect, harmless
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

# Stands where an object or a list is to be written: no text of a line is this very one.
_NESTED = "{\0}"
_Plan = list[tuple[int, bool]]
"""For each field of a line the number of its column, and whether that is of amounts."""


class Columns:
    """The columns of the lines of a source, provider and type, in the order of the documented fields.

    A field that goes by several names has one column; names are read in any case, as exports differ in it.
    """

    def __init__(self, kind: tuple[str, str, str]) -> None:
        fields = LINE_ITEM_TYPES[kind].model_fields
        # Attributes say nothing of the charge. Every line of v1 has them, they come last; no row of an export has.
        in_order = [name for name in fields if name != "attributes"]
        in_order += ["attributes"] if kind[0] == "v1" else []
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
        cells = [""] * (len(self.names) + 1)
        for (number, is_amount), value in zip(plan, fields.values(), strict=True):
            # Most of the fifty values of a line are texts: a call for each would be a fifth of the time.
            if value.__class__ is str and not is_amount and value[:1] not in FORMULA:
                cells[number] = value
            else:
                cells[number] = _cell(value, dialect, is_amount=is_amount)
        if others or _NESTED in cells:
            self._fill_in_raw(cells, plan, others, _raw.decode(line))
        cells.pop()
        return cells

    def _fill_in_raw(
        self, cells: list[str], plan: _Plan, others: list[str], raw: dict[str, msgspec.Raw]
    ) -> None:
        """Write objects and lists, and what has no column, as they stand in the line."""
        for (number, _), text in zip(plan, raw.values(), strict=True):
            if cells[number] is _NESTED:
                cells[number] = bytes(text).decode()
        if others:
            cells[-2] = msgspec.json.encode({name: raw[name] for name in others}).decode()

    def _plan(self, names: tuple[str, ...]) -> tuple[_Plan, list[str]]:
        """Say for each field of a line in which column it goes, and which have none: most lines have the same names."""
        known = self._plans.get(names)
        if known is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()  # another answer may be at it, too
            known = self._plans[names] = self._made_plan(names)
        return known

    def _made_plan(self, names: tuple[str, ...]) -> tuple[_Plan, list[str]]:
        found: dict[int, str] = {}
        for name in names:
            if (number := self._index.get(name.lower())) is not None:
                found.setdefault(number, name)
        columns = {name: number for number, name in found.items()}
        # What has none goes behind the last one, and from there nowhere.
        nowhere = (len(self.names), False)
        plan = [
            (columns[name], self._amounts[columns[name]]) if name in columns else nowhere
            for name in names
        ]
        return plan, [name for name in names if name not in columns]


@cache
def columns_of(kind: tuple[str, str, str]) -> Columns | None:
    """Give the columns for a source, provider and type; None where such lines are not documented."""
    return Columns(kind) if kind in LINE_ITEM_TYPES else None


def _cell(value: Any, dialect: Dialect, *, is_amount: bool) -> str:
    kind = value.__class__
    if kind is _Number:
        return dialect.number(value)
    if kind is str:
        # Exports write some amounts as strings.
        is_number = is_amount and NUMBER.fullmatch(value)
        return dialect.number(value) if is_number else harmless(value)
    if kind is int:
        return str(value)
    return _NESTED if kind is dict or kind is list else _TRUTH[value]


def _names(field: FieldInfo) -> list[str]:
    """Give the names by which lines may have a field, the documented one first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
    return [str(field.alias)]
