"""What is stored, an invoice a row, from one listing of the container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import takewhile
from urllib.parse import urlencode, urlsplit, urlunsplit

from shared.amounts import subtract, total_of
from shared.errors import InvalidInput
from shared.keys import shown
from shared.settling import FETCHING, SETTLED, SETTLING
from shared.storage.archive import Archive
from shared.storage.head import Head
from shared.storage.inventory import InvoiceBlobs, inventory
from shared.storage.manifest import replaced

STATES = (FETCHING, SETTLING, SETTLED)
_MOST = 5000


@dataclass(frozen=True)
class Row:
    """An invoice in storage.

    `lines` are those of all its details, `line_total` is the sum of the billing lines, `difference` what the
    charges are more than that (None where they are not known), all in `head.currency`. `source` names
    where the lines are from (`graph`, `v1`), `earlier` counts versions of them that have been replaced.
    """

    id: str
    head: Head
    state: str
    lines: int
    line_total: Decimal
    source: str | None
    fetched_at: str | None
    earlier: int

    @property
    def difference(self) -> Decimal | None:
        """What is on the invoice and on no line."""
        charges = self.head.charges
        return None if charges is None else subtract(charges, self.line_total)

    @property
    def month(self) -> date | None:
        """The first day of its month."""
        day = self.head.invoice_date
        return day.replace(day=1) if day else None

    @property
    def position(self) -> str:
        """Where it stands: rows are in the order of this, backwards. Without a date they come last."""
        day = self.head.invoice_date
        return f"{day.isoformat() if day else '0000-00-00'}~{self.id}"


def stored_rows(archive: Archive) -> list[Row]:
    """Say what is stored, the newest first."""
    stored = inventory(archive, earlier=True)
    rows = [_row(name, blobs) for name, blobs in stored.items() if blobs.is_invoice]
    return sorted(rows, key=lambda row: row.position, reverse=True)


def _row(name: str, blobs: InvoiceBlobs) -> Row:
    lines = blobs.lines.values()
    billing = [each for each in lines if each.key.invoice_line_item_type == "billing_line_items"]
    return Row(
        id=name,
        head=blobs.invoice.head if blobs.invoice else Head(),
        state=blobs.state,
        lines=sum(each.about.lines for each in lines),
        line_total=total_of(each.about.total for each in billing if each.about.total is not None),
        source=", ".join(sorted({each.about.source for each in lines})) or None,
        fetched_at=max(
            (each.about.fetched_at for each in lines if each.about.fetched_at), default=None
        ),
        earlier=sum(len(replaced(each, blobs.earlier.get(each.key, ()))) for each in lines),
    )


@dataclass(frozen=True)
class Wanted:
    """Which rows a caller wants: all that is None does not matter. `after` is the position of the last one seen."""

    state: str | None = None
    since: date | None = None
    until: date | None = None
    currency: str | None = None
    after: str | None = None
    page_size: int = 0

    @classmethod
    def of(cls, params: Mapping[str, str], page_size: int) -> Wanted:
        """Read the parameters of a query; `page_size` where it has none. Raises InvalidInput."""
        return cls(
            _one_of(STATES, "state", params.get("state")),
            _day("from", params.get("from")),
            _day("to", params.get("to")),
            _currency(params.get("currency")),
            params.get("after") or None,
            _size(params.get("pageSize"), page_size),
        )

    def page(
        self, rows: list[Row], *, whole_months: bool = False
    ) -> tuple[list[Row], int, str | None]:
        """Give the rows of a page, how many there are in all, and the position after which there are more.

        With `whole_months` a page is as much longer as its last month needs.
        """
        matching = [row for row in rows if self._matches(row)]
        left = [row for row in matching if self.after is None or row.position < self.after]
        page = left[: self.page_size]
        if whole_months and page:
            month = page[-1].month
            page += takewhile(lambda row: row.month == month, left[len(page) :])
        return page, len(matching), page[-1].position if len(left) > len(page) else None

    def _matches(self, row: Row) -> bool:
        day = row.head.invoice_date
        return (
            self.state in (None, row.state)
            and (self.since is None or (day is not None and day >= self.since))
            and (self.until is None or (day is not None and day <= self.until))
            and self.currency in (None, row.head.currency)
        )


def link_to(url: str, params: Mapping[str, str], **changed: str) -> str:
    """Give the address of the same list with other parameters, and without a key."""
    query = {name: value for name, value in params.items() if name != "code"} | changed
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def _one_of(known: tuple[str, ...], name: str, text: str | None) -> str | None:
    if not text:
        return None
    if text.lower() not in known:
        raise InvalidInput(f"{name}: {shown(text)} is none of {', '.join(known)}")
    return text.lower()


def _day(name: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput(
            f"{name}: {shown(text or '')} is no day: expected one like 2026-10-31"
        ) from None


def _currency(text: str | None) -> str | None:
    if not text:
        return None
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise InvalidInput(f"currency: {shown(text)} is none: expected one like USD")
    return text.upper()


def _size(text: str | None, default: int) -> int:
    if not text:
        return default
    if (
        not text.isascii()
        or not text.isdecimal()
        or not 1 <= int(text[:6]) <= _MOST
        or len(text) > 6
    ):
        raise InvalidInput(f"pageSize: {shown(text)} is none: expected 1 to {_MOST}")
    return int(text)
