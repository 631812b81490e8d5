"""A line as cells of a table, whose columns are the same for all lines of a source and type."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import get_args

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from get_invoice.csv_text import NUMBER, Dialect, harmless
from shared.models import LINE_ITEM_TYPES

OTHERS = "otherFields"
"""The last column: what a line has beside the documented fields, as a JSON object."""

_line = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


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

    def cells(self, line: bytes, dialect: Dialect) -> list[str]:
        """Give the cells of a line; nothing that it has is left out.

        Raises MsgspecError for a line that is no JSON object.
        """
        cells = [""] * len(self.names)
        others: dict[str, msgspec.Raw] = {}
        for name, value in _line.decode(line).items():
            number = self._index.get(name.lower())
            if number is None or cells[number]:
                others[name] = value
            else:
                cells[number] = _cell(bytes(value), dialect, is_amount=self._amounts[number])
        if others:
            cells[-1] = msgspec.json.encode(others).decode()
        return cells


@cache
def columns_of(kind: tuple[str, str, str]) -> Columns | None:
    """Give the columns for a source, provider and type; None where such lines are not documented."""
    return Columns(kind) if kind in LINE_ITEM_TYPES else None


def _cell(value: bytes, dialect: Dialect, *, is_amount: bool) -> str:
    match value[:1]:
        case b'"':
            text = _text.decode(value)
            # Exports write some amounts as strings.
            is_number = is_amount and NUMBER.fullmatch(text)
            return dialect.number(text) if is_number else harmless(text)
        case b"n":
            return ""
        case b"t" | b"f" | b"{" | b"[":
            return value.decode()
        case _:
            return dialect.number(value.decode())


def _names(field: FieldInfo) -> list[str]:
    """Give the names by which lines may have a field, the documented one first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
    return [str(field.alias)]
