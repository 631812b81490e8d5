"""The shape of what came from outside: texts that are safe to show, types in place of values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

HIDDEN = "{not shown}"

_GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I)
_WORD = re.compile(r"(?!.*[0-9]{4})[A-Za-z][A-Za-z0-9_.@-]{0,63}")
_CODE = re.compile(r"[0-9]{1,10}|[A-Za-z][A-Za-z_.]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/+;=. -]{0,79}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{5,16}(?:Z|[+-][0-9:]{5})?)?")
# What addresses of exports are made of, as documented and recorded; everything else is an id.
_KNOWN = {"reports", "partners", "billing", "operations", "manifests", "beta", ""}
_VERSION = re.compile(r"v[0-9](?:\.[0-9])?")
_FRAGMENTS = {"full", "basic", "default"}


def without_guids(text: str) -> str:
    """Put `{id}` for each GUID."""
    return _GUID.sub("{id}", text)


def word(text: object) -> str:
    """Give a name that is one, such as a role, a status or a key; many digits may be an id's."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else HIDDEN


def code(text: object) -> str:
    """Give an error's code: a number or a name."""
    return str(text) if _CODE.fullmatch(str(text)) else HIDDEN


def header(value: str | None) -> str:
    """Give a header's value, `none` where it is not there."""
    if value is None:
        return "none"
    return without_guids(value) if _HEADER.fullmatch(value) else HIDDEN


def wait(retry_after: str | None) -> str:
    """Give Retry-After: seconds, or that it is a date."""
    if retry_after is None:
        return "none"
    return retry_after if re.fullmatch("[0-9]{1,6}", retry_after) else "a date"


def yes(condition: object) -> str:
    """Say yes or no."""
    return "yes" if condition else "no"


def words(texts: Iterable[object]) -> str:
    """Give names with commas in between."""
    return ", ".join(map(word, texts)) or "none"


def json_type(value: object) -> str:
    """Give the JSON type of a value; of a text that is a moment, its form."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | Decimal() | float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case str() if _MOMENT.fullmatch(value):
            return f"text {re.sub('[0-9]', '9', value)}"
        case _:
            return "text"


def columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Give the keys of all rows by their types: `number` or, where rows differ, `null or number`."""
    types: dict[str, set[str]] = {}
    for row in rows:
        for key, value in row.items():
            types.setdefault(word(key), set()).add(json_type(value))
    keys: dict[str, list[str]] = {}
    for key, of_key in types.items():
        keys.setdefault(" or ".join(sorted(of_key)), []).append(key)
    return keys


def call_path(path: str) -> str:
    """Give the path of an address of Graph, its ids as `{id}`."""
    return "/".join(
        part if part in _KNOWN or _VERSION.fullmatch(part) else "{id}" for part in path.split("/")
    )


def directory_path(path: str) -> str:
    """Give the path of a directory of files: the container, the names of its parts, no ids."""
    _, *parts = path.split("/")
    return "/" + "/".join(_directory(part, first=not number) for number, part in enumerate(parts))


def _directory(part: str, *, first: bool) -> str:
    name, equals, value = part.partition("=")
    if equals:
        return f"{word(name)}={value if value in _FRAGMENTS else '{id}'}"
    known = _VERSION.fullmatch(part) or (first and re.fullmatch("[a-z]{3,40}", part))
    return part if known else "{id}"


def ending(name: str) -> str:
    """Give what a file's name ends in, such as `.json.gz`."""
    match = re.search(r"(?:\.[a-z]{1,8}){1,2}$", name)
    return match[0] if match else "nothing known"
