"""What all of Partner Center's resources have in common: names, dates, amounts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from shared.amounts import checked
from shared.json_text import loads

_NO_DATE = "0001-01-01T00:00:00"


def _without_sentinel(value: object) -> object:
    return None if value == "" or str(value).startswith(_NO_DATE) else value


def _number_or_none(value: object) -> object:
    return None if value == "" else value


def _reckonable(value: Decimal | None) -> Decimal | None:
    return None if value is None else checked(value)


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ApiDate = Annotated[datetime | None, BeforeValidator(_without_sentinel)]
"""A date as the API writes it: without zone, `Z` or an offset, 0 to 7 fractional digits.

The seventh digit is cut. The year 1 stands for no date and is read as None.
"""

Amount = Annotated[Decimal | None, BeforeValidator(_number_or_none), AfterValidator(_reckonable)]
"""A decimal that comes as a number or as a string, with up to 22 digits; `""` is read as None."""

Text = Annotated[str | None, BeforeValidator(_as_text)]
"""A string, also where some of the API's classes write a number (`mpnId`, `resellerMpnId`)."""


class Resource(BaseModel):
    """A resource of Partner Center: camelCase names, every field optional, unknown ones kept.

    Nothing is required because the API leaves fields out freely; enumerations are plain strings
    because it adds values freely.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        frozen=True,
        defer_build=True,  # a cold start waits only for the types that it needs
    )

    attributes: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Read one JSON object, a byte order mark included, with every decimal exact.

        Raises ValueError (pydantic's ValidationError is one) for anything else.
        """
        return cls.model_validate(loads(text))
