"""A line as cells of a table, whose columns are the same for all lines of a source and type."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from get_invoice.csv_text import FORMULA, NUMBER, Dialect, harmless
from shared.amounts import amount_of, written
from shared.json_text import loads, raw_members, well_formed
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


class _Plan(NamedTuple):
    """Where the fields of a line go: lines of the same names have the same plan.

    `columns` has for each field the number of its column, None where it has none, and whether that is of
    amounts; `others` names the fields that have none. `rivals`: some are one field, spelled in several ways.
    """

    columns: list[tuple[int | None, bool]]
    others: list[str]
    rivals: bool


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
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def cells(self, line: bytes, dialect: Dialect) -> list[str]:
        """Give the cells of a line; nothing that it has is left out, but what stands twice by the very same name.

        Raises ValueError for a line that is no JSON object.
        """
        raw = None
        try:
            fields = _values.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raw = _odd_members(line)
            fields = {name: _odd_value(bytes(text)) for name, text in raw.items()}
        plan = self._plan(tuple(fields))
        if plan.rivals:  # the one that has a value counts, as it does for the sums
            fields = {
                name: value
                for name, value in fields.items()
                if value is not None or name.lower() not in self._index
            }
            plan = self._plan(tuple(fields))
        cells = [""] * len(self.names)
        for (number, is_amount), value in zip(plan.columns, fields.values(), strict=True):
            if number is None:
                continue
            # Most of the fifty values of a line are texts: a call for each would be a fifth of the time.
            if value.__class__ is str and not is_amount and value[:1] not in FORMULA:
                cells[number] = value
            else:
                cells[number] = _cell(value, dialect, is_amount=is_amount)
        if plan.others or _NESTED in cells:
            raw = raw or _raw.decode(line)
            self._fill_in_raw(cells, plan, {name: raw[name] for name in fields})
        return cells

    def _fill_in_raw(self, cells: list[str], plan: _Plan, raw: dict[str, msgspec.Raw]) -> None:
        """Write objects and lists, and what has no column, as they stand in the line."""
        for (number, _), text in zip(plan.columns, raw.values(), strict=True):
            if number is not None and cells[number] is _NESTED:
                cells[number] = bytes(text).decode()
        if plan.others:
            others = {name: raw[name] for name in plan.others}
            cells[-1] = msgspec.json.encode(others).decode()

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        known = self._plans.get(names)
        if known is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()  # another answer may be at it, too
            known = self._plans[names] = self._made_plan(names)
        return known

    def _made_plan(self, names: tuple[str, ...]) -> _Plan:
        found: dict[int, str] = {}
        documented = set(self.names)
        with_column = [name for name in names if name.lower() in self._index]
        for name in with_column:
            number = self._index[name.lower()]
            if found.get(number) not in documented:  # else the one that is spelled as documented
                found[number] = name
        columns = {name: number for number, name in found.items()}
        return _Plan(
            [
                (columns[name], self._amounts[columns[name]]) if name in columns else (None, False)
                for name in names
            ],
            [name for name in names if name not in columns],
            rivals=len(with_column) > len(columns),
        )


@cache
def columns_of(kind: tuple[str, str, str]) -> Columns | None:
    """Give the columns for a source, provider and type; None where such lines are not documented."""
    return Columns(kind) if kind in LINE_ITEM_TYPES else None


def _cell(value: Any, dialect: Dialect, *, is_amount: bool) -> str:
    kind = value.__class__
    if kind is _Number:
        return dialect.number(value)
    if kind is str:
        return _amount_in_text(value, dialect) if is_amount else harmless(value)
    if kind is int:
        return str(value)
    return _NESTED if kind is dict or kind is list else _TRUTH[value]


def _amount_in_text(text: str, dialect: Dialect) -> str:
    """Write an amount that came as a string, as exports write some."""
    if NUMBER.fullmatch(text):
        return dialect.number(text)
    amount = amount_of(text)
    return harmless(text) if amount is None else dialect.number(written(amount))


def _odd_members(line: bytes) -> dict[str, msgspec.Raw]:
    """Read a line that msgspec refuses and the sums take: half a surrogate pair, broken UTF-8, endless digits, NaN.

    Raises ValueError for a line that is no JSON object.
    """
    members = raw_members(line.decode(errors="replace").encode())
    return {well_formed(name): msgspec.Raw(text) for name, text in members.items()}


def _odd_value(text: bytes) -> Any:
    value = loads(text)
    if isinstance(value, str):
        return well_formed(value)
    if value is None or isinstance(value, bool | dict | list):
        return value
    number = text.decode()
    return _Number(number) if NUMBER.fullmatch(number) else number


def _names(field: FieldInfo) -> list[str]:
    """Give the names by which lines may have a field, the documented one first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
    return [str(field.alias)]
