"""What people see: the list of invoices and one invoice, as pages that work without script."""

from __future__ import annotations

from base64 import b64encode
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from get_invoice.answer import Answer
from get_invoice.query import ListQuery, key_of
from get_invoice.stored import Row
from shared.amounts import amount_of, rounded, shown, total_of
from shared.json_text import well_formed
from shared.settling import FETCHING, SETTLED, STATES
from shared.storage.head import Head
from shared.storage.metadata import moment

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_NONE, _MINUS, _THIN_SPACE = "\u2013", "\u2212", "\u202f"
_VOID_NOTE = "void_note"
_TYPES = {"OneTime": "New commerce", "Recurring": "Legacy"}
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Links:
    """The addresses that a page leads to. A key that came in the query goes with them: a link has no headers."""

    path: str
    key: str | None

    @classmethod
    def of(cls, url: str, params: Mapping[str, str]) -> Links:
        """Make those of a page; `url` is that of the list, or of anything below it."""
        path = urlsplit(url).path
        # Routes are taken in upper and lower case.
        above = path[: path.lower().rindex("/invoices")]
        return cls(f"{above}/invoices", key_of(params))

    def to(self, *parts: str, **query: str) -> str:
        """Give an address below that of the list."""
        path = "/".join([self.path, *(quote(part, safe="") for part in parts)])
        query = query | ({"code": self.key} if self.key else {})
        return f"{path}?{urlencode(query)}" if query else path


@dataclass(frozen=True)
class _Month:
    """The invoices of a month, what they charge by currency as far as it is known, and how many are voided, not settled or, complete, do not add up."""

    first_day: date | None
    rows: list[Row]
    totals: list[tuple[str | None, Decimal]]
    unknown: int
    voided: int
    unsettled: int
    differing: int


def list_page(
    rows: list[Row],
    count: int,
    query: ListQuery,
    links: Links,
    filters: Mapping[str, str],
    after: str | None,
    languages: list[str],
) -> Answer:
    """Write the page of the list: `rows` of the `count` that the `filters` let pass, and what comes `after`.

    `languages` are those that the reader's spreadsheet may speak.
    """
    forms = spreadsheet_forms(languages)
    return page(
        "invoices.html",
        links,
        months=list(_months(rows)),
        rows=rows,
        count=count,
        query=query,
        states=STATES,
        filters=filters,
        following=after and links.to(**filters, pageSize=str(query.page_size), after=after),
        downloads={name: links.to(**filters, **form) for name, form in forms.items()},
    )


def spreadsheet_forms(languages: list[str]) -> dict[str, dict[str, str]]:
    """Give the parameters by which a table can be downloaded, by the names of what reads it."""
    csv = {"format": "csv"}
    return {f"CSV for Excel ({each})": csv | {"locale": each} for each in languages} | {"CSV": csv}


def _months(rows: list[Row]) -> Iterator[_Month]:
    for first_day, group in groupby(rows, lambda row: row.month):
        of_month = list(group)
        known = [row.head for row in of_month if row.head.charges is not None]
        currencies = dict.fromkeys(head.currency for head in known)
        yield _Month(
            first_day,
            of_month,
            [(currency, _charged(known, currency)) for currency in currencies],
            len(of_month) - len(known),
            sum(row.head.document_type == _VOID_NOTE for row in of_month),
            sum(row.state != SETTLED for row in of_month),
            sum(bool(row.difference) and row.state != FETCHING for row in of_month),
        )


def _charged(heads: list[Head], currency: str | None) -> Decimal:
    return total_of(head.charges for head in heads if head.charges and head.currency == currency)


def problem_page(answer: Answer, links: Links, told: Mapping[str, Any]) -> Answer:
    """Write the page of an error; `told` is what its JSON says."""
    made = page("problem.html", links, **told)
    kept = {name: text for name, text in answer.headers.items() if name == "Retry-After"}
    return Answer(answer.status, made.body, made.headers | kept)


def page(template: str, links: Links, **values: Any) -> Answer:
    """Write a page from a template, whose texts are escaped."""
    style = _style()
    text = _environment().get_template(template).render(**values, links=links, style=style)
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        # The address may have a key in it.
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, well_formed(text).encode(), headers)


@cache
def _environment() -> Environment:
    # Imported here because who asks for JSON does not wait for it.
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "money": money,
        "count": count,
        "kind": lambda name: _TYPES.get(name, name or _NONE),
        "cents": cents,
        "period": period,
        "day": day,
        "minute": minute,
        "sentence": sentence,
    }
    return environment


@cache
def _style() -> str:
    return (_TEMPLATES / "style.css").read_text("utf-8")


def _digest(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode()


def money(amount: object) -> str:
    """Write an amount for people: all its digits, two decimals at the least, thousands apart."""
    number = amount_of(str(amount))
    if number is None:
        return _NONE
    whole, _, decimals = shown(number).partition(".")
    return f"{_MINUS if number < 0 else ''}{count(int(whole.lstrip('-')))}.{decimals}"


def count(number: int) -> str:
    """Write a number of things, thousands apart by a space: a comma would be the decimal point of many readers."""
    return f"{number:,}".replace(",", _THIN_SPACE)


def cents(amount: object) -> str:
    """Write an amount rounded to cents, but one that would be nothing then."""
    number = amount_of(str(amount))
    in_cents = number and rounded(number, _CENT)
    return money(in_cents or amount)


def period(head: Head) -> str:
    """Write the period of an invoice: the month, if it is one."""
    first, last = head.period_start, head.period_end
    if first is None or last is None:
        return _NONE
    of_month = first.replace(day=1), first.replace(day=monthrange(first.year, first.month)[1])
    return f"{first:%b %Y}" if (first, last) == of_month else f"{first} to {last}"


def day(text: object) -> str:
    """Write the day of a moment as the API writes one; the year 1 stands for none."""
    found = str(text or "")[:10]
    return found if found and not found.startswith("0001") else _NONE


def minute(text: object) -> str:
    """Write a moment to the minute."""
    found = moment(str(text)) if text else None
    return f"{found:%Y-%m-%d %H:%M}" if found else _NONE


def sentence(text: str) -> str:
    """Write what a manifest says as a sentence."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""
