"""The fields of a model or a struct, by the names and types that they have in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from local.dictionary.meanings import Meaning, meanings
from shared.models.resource import Resource

Owner = type[Resource] | type[msgspec.Struct]

_IN_JSON: dict[Any, str] = {
    str: "text",
    Decimal: "amount",
    msgspec.Raw: "amount",
    datetime: "date",
    int: "number",
    bool: "true or false",
    list: "list",
}


@dataclass(frozen=True)
class Field:
    """A field: its name in the class, its names in JSON, its type there, and what it means."""

    name: str
    spelled: tuple[str, ...]
    type: str
    meaning: Meaning


def fields_of(owner: Owner) -> list[Field]:
    """Give the fields of a class, without those that it has by descent only.

    Raises LookupError for a field without a meaning.
    """
    found = []
    for name, spelled, type in declared(owner):
        meaning = meanings().of(owner, name)
        if meaning is not None:
            found.append(Field(name, spelled + meaning.also, type, meaning))
    return found


def declared(owner: Owner) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Give each field of a class by its name there, with its names and its type in JSON."""
    if issubclass(owner, msgspec.Struct):
        for each in msgspec.structs.fields(owner):
            # The app's own moments are typed as texts.
            type = "date" if each.name.endswith("_at") else type_in_json(each.type)
            yield each.name, (each.encode_name,), type
    else:
        # What a class inherits comes last: pydantic has it first.
        own = sorted(
            owner.model_fields.items(), key=lambda item: item[0] not in owner.__annotations__
        )
        for name, field in own:
            yield name, _spelled(name, field), type_in_json(field.annotation)


def _spelled(name: str, field: FieldInfo) -> tuple[str, ...]:
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(map(str, field.validation_alias.choices))
    return (field.alias or name,)


def type_in_json(annotation: Any) -> str:
    """Say in words of JSON what an annotation allows, besides null."""
    return " or ".join(dict.fromkeys(_types(annotation)))


def _types(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _types(each)
    elif annotation not in (NoneType, msgspec.UnsetType):
        yield _IN_JSON.get(origin or annotation, "object")
