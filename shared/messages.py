"""The messages of the queue `invoice-line-items`, as people write them and as the app does."""

from __future__ import annotations

import base64
import binascii
import json
import re
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import InvalidInput
from shared.links import LineItems

_EXPECTED = (
    'expected {"link": "/invoices/…/lineitems/…/…"}, or {"invoiceId": …, "billingProvider": …, '
    '"invoiceLineItemType": …}, or the bare link; any of them may be base64-encoded'
)
_CURRENCY = re.compile(r"^[A-Za-z]{3}$")


class _Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Part(_Message):
    """The pages that one invocation has staged; `id` is part of the ids of their blocks.

    Each invocation has an id of its own. So when a message is delivered twice and both go on, neither
    replaces a block that the other one counts.
    """

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    pages: int = Field(gt=0)


class Progress(_Message):
    """How far a fetch has come: what a follow-up message carries from one invocation to the next.

    `run` names the fetch from its first message on. `pages`, `lines` and `total` (of the charges) are
    what the `parts` hold together. `token` is set where the API pages by continuation token, and
    `total_count` is the largest that Partner Center has told. `attempt` counts the messages in a row
    that brought no page, `restarts` how often the fetch has begun anew; `fetched_for` is the version
    of the invoice for which the lines are fetched, where it is known.
    """

    run: str = Field(pattern=r"^[0-9a-f]{16}$")
    parts: tuple[Part, ...] = ()
    correlation_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    pages: int = Field(0, ge=0)
    lines: int = Field(0, ge=0)
    total: Decimal = Decimal(0)
    total_count: int = Field(0, ge=0)
    token: str | None = Field(None, pattern=r"^[\x20-\x7e]+$")
    attempt: int = Field(0, ge=0)
    restarts: int = Field(0, ge=0)
    fetched_for: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")


class LineItemsMessage(_Message):
    """Fetch the lines of one provider and type on one invoice.

    `version` is the invoice's at the time of the order; without one (a message written by hand) the
    lines are fetched whatever is stored. `progress` is there in a follow-up message only.
    """

    link: str | None = None
    invoice_id: str | None = None
    billing_provider: str | None = None
    invoice_line_item_type: str | None = None
    currency_code: str | None = Field(None, pattern=_CURRENCY)
    version: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    progress: Progress | None = None

    @classmethod
    def order(
        cls, items: LineItems, *, link: str | None, currency: str | None, version: str
    ) -> LineItemsMessage:
        """Write what the timer asks for: the lines `items` of an invoice at `version`."""
        return cls(
            link=link or items.link,
            invoice_id=items.invoice_id,
            billing_provider=items.billing_provider,
            invoice_line_item_type=items.invoice_line_item_type,
            currency_code=iso_currency(currency),
            version=version,
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a message, in any of the forms that design and runbook allow.

        Raises InvalidInput that says what is wrong and what was expected.
        """
        message = cls._validated(_fields(body))
        message.items()  # says what is wrong with the link or the three fields
        return message

    @classmethod
    def _validated(cls, fields: dict[str, Any]) -> Self:
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()
            )
            raise InvalidInput(
                f"The message cannot be understood: {problems}; {_EXPECTED}"
            ) from None

    def encode(self) -> str:
        """Write the message as the queue carries it: JSON in one line."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def items(self) -> LineItems:
        """Say which lines are meant; raises InvalidInput where link and fields are unclear."""
        names = (self.invoice_id, self.billing_provider, self.invoice_line_item_type)
        if not self.link and not all(names):
            raise InvalidInput(f"The message names no lines: {_EXPECTED}")
        return LineItems.meant_by(self.link or None, *names)


def iso_currency(code: str | None) -> str | None:
    """Give a currency's code if it is an ISO one; others are left out, only some requests want one."""
    return code if code and _CURRENCY.fullmatch(code) else None


def _fields(body: bytes) -> dict[str, Any]:
    text = _text(body)
    if not text.startswith(("{", '"')):
        text = _unwrapped(text)
    if not text.startswith(("{", '"')):
        return {"link": text}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The message is not valid JSON ({error}): {_EXPECTED}") from None
    return _named(value) if isinstance(value, dict) else {"link": value}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """Spell the members as documented, whatever their case; an empty one counts as not there."""
    spelled = {
        field.alias.lower(): field.alias
        for field in LineItemsMessage.model_fields.values()
        if field.alias
    }
    trimmed = {
        name: value.strip() if isinstance(value, str) else value for name, value in fields.items()
    }
    return {
        spelled.get(name.lower(), name): value for name, value in trimmed.items() if value != ""
    }


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"The message is not UTF-8 text: {_EXPECTED}") from None


def _unwrapped(text: str) -> str:
    """Decode base64 where that is what the text is.

    A link is no base64 of any text: `/i` and `in` stand for bytes that cannot begin UTF-8.
    """
    try:
        # Tools wrap it into lines.
        return _text(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return text
