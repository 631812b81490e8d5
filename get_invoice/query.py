"""What a query asks for: its parameters, each of them known and understood."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from urllib.parse import urlencode, urlsplit, urlunsplit

from get_invoice.stored import Row
from shared.errors import InvalidInput
from shared.keys import bare_customer_id, quoted
from shared.settling import STATES

FILTERS = ("state", "from", "to", "currency")
"""The parameters that say which rows; the others say how they are given."""

# Of the key that the Functions host asks for, and of nobody else.
_KEY, _OF_KEY = "code", ("code", "clientid")
_GIVEN_AS = ("locale", "format")
_SNAPSHOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", re.A)
_CUSTOMER_ID = re.compile(r"[!-~]{1,100}", re.A)
_MOST_ROWS = 5000
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.A)
_POSITION = re.compile(r"\d{4}-\d\d-\d\d~\w{1,32}", re.A)
_SIZE = re.compile(r"[1-9]\d{0,3}", re.A)


def key_of(params: Mapping[str, str]) -> str | None:
    """Give the function key, where it came in the query. ASP.NET, and so the host, takes its name in any case."""
    return next((text for name, text in params.items() if name.lower() == _KEY), None)


def _refuse_unknown(params: Mapping[str, str], known: Collection[str]) -> None:
    """Raise InvalidInput for a parameter that nobody reads: one that is misspelled would ask for everything."""
    for name in params:
        if name not in known and name.lower() not in _OF_KEY:
            raise InvalidInput(f"unknown parameter {quoted(name)}; known are {', '.join(known)}")


@dataclass(frozen=True)
class LinesQuery:
    """Which lines a caller wants: those of a customer, by its bare id, and those of an earlier version."""

    customer_id: str | None = None
    snapshot: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, str]) -> LinesQuery:
        """Read the parameters of a query. Raises InvalidInput."""
        _refuse_unknown(params, ("customerId", "snapshot", *_GIVEN_AS))
        return cls(_customer(params.get("customerId")), _snapshot(params.get("snapshot")))


def _customer(text: str | None) -> str | None:
    if text is None:
        return None
    bare = bare_customer_id(text)
    # An empty one is a script's variable that was not set: what comes is not to be sent to a customer.
    if not bare or not _CUSTOMER_ID.fullmatch(text):
        raise InvalidInput(f"customerId must be a customer's id, not {quoted(text)}")
    return bare


def _snapshot(text: str | None) -> str | None:
    if text is None:
        return None
    with suppress(ValueError):
        if _SNAPSHOT.fullmatch(text) and datetime.fromisoformat(text):
            return text
    raise InvalidInput(
        f"snapshot must be as the manifest has it in earlier, like 2026-11-26T20:41:04.4560000Z, not {quoted(text)}"
    )


@dataclass(frozen=True)
class ListQuery:
    """Which rows a caller wants: all that is None does not matter. `after` is the position of the last one seen."""

    state: str | None = None
    since: date | None = None
    until: date | None = None
    currency: str | None = None
    after: str | None = None
    page_size: int = 0

    @classmethod
    def of(cls, params: Mapping[str, str], page_size: int) -> ListQuery:
        """Read the parameters of a query; `page_size` where it has none. Raises InvalidInput."""
        _refuse_unknown(params, (*FILTERS, "pageSize", "after", *_GIVEN_AS))
        return cls(
            _state(params.get("state")),
            _day("from", params.get("from")),
            _day("to", params.get("to")),
            _currency(params.get("currency")),
            _position(params.get("after")),
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
        if whole_months and page and (month := page[-1].month):
            page += takewhile(lambda row: row.month == month, left[len(page) :])
        return page, len(matching), page[-1].position if len(left) > len(page) else None

    def _matches(self, row: Row) -> bool:
        day = row.head.invoice_date
        return (
            self.state in (None, row.state)
            and (self.since is None or (day is not None and day >= self.since))
            and (self.until is None or (day is not None and day <= self.until))
            and self.currency in (None, (row.head.currency or "").upper())
        )


def link_to(url: str, params: Mapping[str, str], **changed: str) -> str:
    """Give the address of the same list with other parameters, and without a key."""
    query = {name: text for name, text in params.items() if name.lower() not in _OF_KEY} | changed
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def _state(text: str | None) -> str | None:
    if not text:
        return None
    if text.lower() not in STATES:
        raise InvalidInput(f"state must be one of {', '.join(STATES)}, not {quoted(text)}")
    return text.lower()


def _day(name: str, text: str | None) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        if _DAY.fullmatch(text):  # weeks and the like are ISO dates, too
            return date.fromisoformat(text)
    raise InvalidInput(f"{name} must be a day like 2026-10-31, not {quoted(text)}")


def _position(text: str | None) -> str | None:
    if text and not _POSITION.fullmatch(text):
        raise InvalidInput(f"after must be what the page before has given, not {quoted(text)}")
    return text or None


def _currency(text: str | None) -> str | None:
    if not text:
        return None
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise InvalidInput(f"currency must be like USD, not {quoted(text)}")
    return text.upper()


def _size(text: str | None, default: int) -> int:
    if not text:
        return default
    if not _SIZE.fullmatch(text) or int(text) > _MOST_ROWS:
        raise InvalidInput(f"pageSize must be 1 to {_MOST_ROWS}, not {quoted(text)}")
    return int(text)
