"""The messages of the queue `invoice-line-items`: what to fetch, and how far a fetch has come."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache, cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from shared.amounts import checked
from shared.content import Content
from shared.errors import InvalidInput
from shared.keys import LineItemsKey
from shared.links import key_of, link_of
from shared.storage.blocks import BlockNumber, Count, Staged

CONFIG = ConfigDict(
    alias_generator=to_camel,
    populate_by_name=True,
    defer_build=True,  # a cold start waits only for the types that it needs
)
EXPECTED = (
    'expected {"link": "/invoices/…/lineitems/…/…"}, or {"invoiceId": …, "billingProvider": …, '
    '"invoiceLineItemType": …}, or {"invoiceId": …} for all lines of an invoice, or the bare link; any of '
    "them may be base64-encoded"
)
_CURRENCY = re.compile(r"^[A-Za-z]{3}$")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def _known_trace(value: object) -> str | None:
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


Traceparent = Annotated[str | None, BeforeValidator(_known_trace)]
"""Of W3C Trace Context; any other counts as not there, as no line depends on a trace."""
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, config=CONFIG)
class V1Position:
    """Where the pages of Partner Center v1 go on.

    `pages` is the number of the next page and `lines` the next offset; `token` is set where the API
    pages by continuation token, and goes with pages of the `size` that it was given for. `total_count`
    is the largest that an answer has given, `empty` the number of empty pages in a row, `fingerprint`
    tells the last page from others.
    """

    source: Literal["v1"] = "v1"
    pages: BlockNumber = 0
    lines: Count = 0
    total_count: Count = 0
    token: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$", max_length=4096)] | None = None
    size: Annotated[int, Field(gt=0, le=100_000)] | None = None
    empty: Count = 0
    fingerprint: Id | None = None


@dataclass(frozen=True, config=CONFIG)
class FilePosition:
    """How far a file of an export is staged: whole blocks of whole lines.

    `offset` counts the unpacked bytes, and `crc` (CRC-32) tells them from others: they have to be
    unpacked again, and have to be the same.
    """

    offset: Count = 0
    crc: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    blocks: Count = 0
    lines: Count = 0


@dataclass(frozen=True, config=CONFIG)
class GraphPosition:
    """Where an export of Microsoft Graph goes on.

    `operation` makes it, None before it was asked for; `looks` were in vain so far. `again` counts
    how often it was asked for anew since something came, `no_data` how often it had no data. `file` is
    the next file, `inside` how far it is staged; both are of the data's `version`, whose eTag is `etag`.
    """

    source: Literal["graph"] = "graph"
    operation: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")] | None = None
    looks: Count = 0
    again: Count = 0
    no_data: Count = 0
    version: Id | None = None
    etag: Annotated[str, Field(pattern=r"^[\x21-\x7e]+$", max_length=2_000)] | None = None
    file: Count = 0
    inside: FilePosition = FilePosition()

    @property
    def has_begun(self) -> bool:
        """Whether something of the data has come."""
        return self.file > 0 or self.inside.offset > 0

    def without_operation(self) -> GraphPosition:
        """Have the export asked for anew."""
        return replace(self, operation=None, looks=0)


Position = Annotated[V1Position | GraphPosition, Field(discriminator="source")]
"""The position of whatever source the lines come from."""


@dataclass(frozen=True, config=CONFIG)
class Progress:
    """How far a fetch has come: what a follow-up message carries from one invocation to the next.

    `run` names the fetch from its first message on, `fetched_for` is the version of the invoice for
    which it fetches, where that is known. `pages`, `lines` and `total` (of the charges; None where
    these lines have none) are what is `staged`, `content` tells it from others (None where it was
    staged by a release that did not), `azure`: some lines are those of an Azure plan. `position` is where the source
    goes on from there.
    `attempt` counts the messages in a row in which nothing came, `restarts` how often the fetch has
    started over.
    """

    run: Id = Field(default_factory=lambda: uuid.uuid4().hex[:16])
    correlation_id: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")] = Field(
        default_factory=lambda: str(uuid.uuid4())
    )
    fetched_for: Id | None = None
    staged: Staged = Staged()
    content: Content | None = None
    azure: bool = False
    pages: Count = 0
    lines: Count = 0
    total: Annotated[Decimal, AfterValidator(checked)] | None = None
    position: Position | None = None
    attempt: Count = 0
    restarts: Count = 0

    def in_vain(self) -> Progress:
        """Count one more message in which nothing came."""
        return replace(self, attempt=self.attempt + 1)

    def started_over(self) -> Progress:
        """Forget what is staged, and fetch as another run for the same version."""
        return type(self)(
            correlation_id=self.correlation_id,
            fetched_for=self.fetched_for,
            restarts=self.restarts + 1,
        )


@dataclass(frozen=True, config=CONFIG)
class Look:
    """A look at an invoice whose lines are all there, whether Microsoft has changed them.

    `due` is the moment for which it was ordered, `left` how many seconds there are still to wait when
    the message comes. `changed`: some of the lines were not the same, `failed`: some could not be looked at.
    """

    due: AwareDatetime
    left: Annotated[int, Field(ge=0, le=10**9)] = 0
    changed: bool = False
    failed: bool = False


@dataclass(frozen=True, config=CONFIG)
class LineItemsMessage:
    """Fetch the lines of one provider and type on one invoice.

    `version` is the invoice's when the message was enqueued; without one (a message written by hand)
    the lines are fetched whatever is stored. `progress` is there in a follow-up message only. With
    `look` the lines are those that a look has come to; the first message of a look names none. Without
    it, a message that names none is for every detail of its invoice. `traceparent` is the trace that it
    was sent in, where there was one.
    """

    link: str | None = None
    invoice_id: str | None = None
    billing_provider: str | None = None
    invoice_line_item_type: str | None = None
    currency_code: Annotated[str, Field(pattern=_CURRENCY)] | None = None
    version: Id | None = None
    progress: Progress | None = None
    look: Look | None = None
    traceparent: Traceparent = None

    @classmethod
    def of(
        cls, key: LineItemsKey, *, link: str | None, currency: str | None, version: str | None
    ) -> LineItemsMessage:
        """Ask for the lines `key` of an invoice at `version`; whatever is stored, without one."""
        return cls(
            link=link or link_of(key),
            invoice_id=key.invoice_id,
            billing_provider=key.billing_provider,
            invoice_line_item_type=key.invoice_line_item_type,
            currency_code=iso_currency(currency),
            version=version,
        )

    @cached_property
    def key(self) -> LineItemsKey:
        """Which lines are meant; raises InvalidInput where link and fields are unclear."""
        names = (self.invoice_id, self.billing_provider, self.invoice_line_item_type)
        if not self.link and not all(names):
            raise InvalidInput(f"The message names no lines: {EXPECTED}")
        return key_of(self.link or None, *names)

    @property
    def names_an_invoice(self) -> bool:
        """Whether the message is about an invoice as a whole."""
        names_lines = self.link or self.billing_provider or self.invoice_line_item_type
        return bool(self.invoice_id) and not names_lines

    @property
    def subject(self) -> str:
        """Name what the message is about, for the log."""
        return str(self.invoice_id if self.names_an_invoice else self.key)

    def encode(self) -> str:
        """Write the message as the queue carries it: JSON in one line."""
        adapter = _adapter(type(self))
        return adapter.dump_json(self, by_alias=True, exclude_none=True).decode()

    @classmethod
    def validated(cls, fields: dict[str, Any]) -> LineItemsMessage:
        """Make a message of its members as the queue carries them; raises pydantic's ValidationError."""
        message: LineItemsMessage = _adapter(cls).validate_python(fields)
        return message


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def iso_currency(code: str | None) -> str | None:
    """Give a currency's code if it is an ISO one; others are left out, only some requests want one."""
    return code if code and _CURRENCY.fullmatch(code) else None
