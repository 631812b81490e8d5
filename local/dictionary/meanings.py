"""What fields mean: meanings.toml, read and looked up."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("meanings.toml")
_SHARED = "LineItem"


@dataclass(frozen=True)
class Meaning:
    """What a field means, in which unit an amount is, and other spellings of its name."""

    text: str
    unit: str | None = None
    also: tuple[str, ...] = ()


Table = dict[str, Meaning | None]
"""Meanings by the name of the field in its class; None for what a class has by descent only."""


@dataclass(frozen=True)
class Meanings:
    """The meanings by class; `groups` has the names of what all lines share, in the order to be told."""

    tables: dict[str, Table]
    groups: dict[str, list[list[str]]]

    def of(self, owner: type, field: str) -> Meaning | None:
        """Give the meaning of a field; None for what the class has by descent only.

        Raises LookupError where nobody has written it yet.
        """
        table = self.table_with(owner, field)
        if table is None:
            raise LookupError(f"{owner.__name__}.{field} has no meaning in {FILE.name}")
        return self.tables[table][field]

    def table_with(self, owner: type, field: str) -> str | None:
        """Name the nearest class in the line of descent that has the meaning of a field."""
        line = (each.__name__ for each in owner.__mro__)
        return next((name for name in line if field in self.tables.get(name, {})), None)


@cache
def meanings() -> Meanings:
    """Read the file."""
    written = tomllib.loads(FILE.read_text())
    shared = written.pop(_SHARED)
    groups = {title: [names.split(", ") for names in group] for title, group in shared.items()}
    all_shared = {names: value for group in shared.values() for names, value in group.items()}
    tables = {**written, _SHARED: all_shared}
    return Meanings({name: _table(table) for name, table in tables.items()}, groups)


def _table(written: dict[str, Any]) -> Table:
    return {name: _meaning(value) for names, value in written.items() for name in names.split(", ")}


def _meaning(value: Any) -> Meaning | None:
    match value:
        case str():
            return Meaning(value)
        case dict():
            return Meaning(value["meaning"], value.get("unit"), tuple(value.get("also", ())))
        case _:
            return None
