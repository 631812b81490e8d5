"""Which of the stored invoices a caller gets, and in which form."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from get_invoice.content_types import CSV, HTML, JSON, JSON_LINES, negotiated, spreadsheet_languages
from get_invoice.pages import Links
from get_invoice.query import LinesQuery, ListQuery, link_to
from get_invoice.stored import Row
from shared.errors import InvalidInput
from shared.storage.head import Head, Summary


def row(name: str, day: str | None, state: str = "settled", currency: str = "USD") -> Row:
    head = Head(
        invoice_date=date.fromisoformat(day) if day else None,
        currency=currency,
        charges=Decimal("10.00"),
    )
    return Row(name, head, state, Summary(1, Decimal("9.66"), "graph"))


ROWS = sorted(
    [
        row("G000000001", "2026-11-08"),
        row("G000000002", "2026-11-08", "settling", "EUR"),
        row("D0500000A1", "2026-10-20", "fetching"),
        row("D0500000A2", "2026-10-08"),
        row("G000000003", None),
    ],
    key=lambda each: each.position,
    reverse=True,
)


def ids(**params: str) -> list[str]:
    names = {"since": "from", "until": "to"}
    query = ListQuery.of({names.get(name, name): text for name, text in params.items()}, 100)
    return [each.id for each in query.page(ROWS)[0]]


def test_the_newest_comes_first() -> None:
    """Of one day by id; what has no date comes last."""
    assert ids() == ["G000000002", "G000000001", "D0500000A1", "D0500000A2", "G000000003"]


def test_filters_are_by_state_day_and_currency() -> None:
    """Days count from the first to the last; upper and lower case do not matter."""
    assert ids(state="Settling") == ["G000000002"]
    assert ids(currency="eur") == ["G000000002"]
    assert ids(since="2026-10-08", until="2026-10-20") == ["D0500000A1", "D0500000A2"]
    assert ids(since="2026-11-09") == []
    assert ids(state="", currency="", since="") == ids()


def test_pages_give_each_invoice_once() -> None:
    """Also where a newer one comes in between."""
    seen: list[str] = []
    after: str | None = ""
    rows = list(ROWS)
    while after is not None:
        page, count, after = ListQuery.of({"pageSize": "2", "after": after}, 100).page(rows)
        seen += [each.id for each in page]
        assert count == len(rows)
        rows = [row(f"G00000001{len(rows)}", "2026-12-08"), *rows]
    assert seen == ids()


def test_a_page_for_people_ends_with_a_month() -> None:
    """Its sums are those of whole months."""
    query = ListQuery.of({"pageSize": "3"}, 100)
    page, _, after = query.page(ROWS, whole_months=True)
    assert [each.id for each in page] == ["G000000002", "G000000001", "D0500000A1", "D0500000A2"]
    page, _, after = ListQuery.of({"after": after or ""}, 100).page(ROWS, whole_months=True)
    assert ([each.id for each in page], after) == (["G000000003"], None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("state", "done"),
        ("from", "2026-13-01"),
        ("to", "yesterday"),
        ("from", "2026-W40"),
        ("after", "G1"),
        ("after", "2026-11-08~<b>"),
        ("to", "20261031"),
        ("from", "２０２６-10-31"),  # noqa: RUF001 - full width
        ("currency", "US"),
        ("currency", "U$D"),
        ("currency", "ＵＳＤ"),  # noqa: RUF001 - full width
        ("pageSize", "0"),
        ("pageSize", "5001"),
        ("pageSize", "-1"),
        ("pageSize", "+5"),
        ("pageSize", "9" * 400),
        ("pageSize", "²"),
    ],
)
def test_what_cannot_be_understood_is_refused(name: str, text: str) -> None:
    """By the name of the parameter."""
    with pytest.raises(InvalidInput, match=f"{name} must be"):
        ListQuery.of({name: text}, 100)


@pytest.mark.parametrize("name", ["State", "customerid", "pagesize", "$filter", ""])
def test_a_parameter_that_nobody_reads_is_refused(name: str) -> None:
    """One that is misspelled would ask for everything."""
    with pytest.raises(
        InvalidInput, match="known are state, from, to, currency, pageSize, after, "
    ):
        ListQuery.of({"state": "settled", name: "x"}, 100)
    with pytest.raises(InvalidInput, match="known are customerId, snapshot, locale, format"):
        LinesQuery.of({"customerId": "a14e7c5b-1", name: "x"})


def test_parameters_of_the_key_and_of_the_form_are_others_business() -> None:
    """The host reads the key; `format` and `locale` are read where the answer is written."""
    others = {"code": "secret", "clientId": "default", "format": "csv", "locale": "de-DE"}
    assert ListQuery.of(others, 100) == ListQuery(page_size=100)
    assert LinesQuery.of(others) == LinesQuery()


@pytest.mark.parametrize("text", ["", "org:", "x" * 101, " ", " a14e7c5b-1", "Süd"])
def test_a_customer_that_is_none_is_refused(text: str) -> None:
    """A script's variable that was not set must not bring the lines of all customers."""
    with pytest.raises(InvalidInput, match="customerId must be"):
        LinesQuery.of({"customerId": text})


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-11-26", "x&comp=metadata", "' or 1=1", "2026-99-99T20:41:04.4560000Z"],
)
def test_a_snapshot_is_a_moment(text: str) -> None:
    """Nothing else gets to storage."""
    with pytest.raises(InvalidInput, match="snapshot must be"):
        LinesQuery.of({"snapshot": text})


def test_the_difference_is_exact() -> None:
    """What is on the invoice and on no line; not known without charges."""
    assert ROWS[0].difference == Decimal("0.34")
    assert Row("G1", Head(), "fetching", Summary(0, Decimal(0))).difference is None


def test_the_next_link_has_no_key() -> None:
    """Whoever logs or passes it on gives nothing away."""
    url = "https://app.example/api/invoices?code=secret&state=settled"
    link = link_to(url, {"code": "secret", "state": "settled"}, after="2026-11-08~G1")
    assert link == "https://app.example/api/invoices?state=settled&after=2026-11-08~G1"
    assert link_to(url, {"CODE": "secret", "clientid": "default"}) == url.partition("?")[0]


@pytest.mark.parametrize(
    "path", ["/api/invoices", "/api/Invoices", "/api/INVOICES/G1/lineItems/a/b"]
)
@pytest.mark.parametrize("name", ["code", "Code"])
def test_links_of_a_page_lead_below_the_list(path: str, name: str) -> None:
    """With the key that came, in whatever case the address was written."""
    links = Links.of(f"https://app.example{path}?{name}=secret", {name: "secret"})
    assert links.to("G1") == "/api/invoices/G1?code=secret"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("params", "accept", "offered", "expected"),
    [
        ({}, None, (JSON, CSV, HTML), JSON),
        ({}, "*/*", (JSON, CSV, HTML), JSON),
        ({}, BROWSER, (JSON, CSV, HTML), HTML),
        ({}, "text/csv", (JSON, CSV, HTML), CSV),
        ({}, "text/csv;q=0.5, application/json", (JSON, CSV, HTML), JSON),
        ({}, "application/xml", (JSON, CSV, HTML), JSON),
        ({}, "text/html;q=0, */*", (JSON, HTML), JSON),
        ({}, BROWSER, (JSON_LINES, CSV), JSON_LINES),
        ({"format": "csv"}, BROWSER, (JSON_LINES, CSV), CSV),
        ({"format": "JSON"}, BROWSER, (JSON, CSV, HTML), JSON),
        ({"locale": "de-DE"}, BROWSER, (JSON, CSV, HTML), CSV),
        ({"locale": "de-DE", "format": "jsonl"}, None, (JSON_LINES, CSV), JSON_LINES),
        ({"locale": ""}, None, (JSON_LINES, CSV), JSON_LINES),
        ({"format": "jsonl"}, "text/csv", (JSON_LINES, CSV), JSON_LINES),
        ({}, ";;q=x,,", (JSON, CSV), JSON),
        ({}, "text/csv; charset=utf-8; header=present", (JSON, CSV), CSV),
        ({}, "text/html;level=1;q=0.2, text/csv;q=0.1", (JSON, CSV, HTML), HTML),
    ],
)
def test_the_form_is_what_the_caller_wants_most(
    params: dict[str, str], accept: str | None, offered: tuple[str, ...], expected: str
) -> None:
    """`format` comes before `Accept`; programs that do not care get JSON, browsers a page."""
    headers = {"accept": accept} if accept is not None else {}
    assert negotiated(params, headers, offered) == expected


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("de-DE, de;q=0.9, en;q=0.8, en-US;q=0.7", ["de-DE", "en"]),
        ("en-US,fr-FR;q=0.5,de-CH;q=0.4", ["en-US", "fr-FR", "de-CH"]),
        ("*, ;;, tlh-Klingon-x", []),
        (None, []),
    ],
)
def test_a_reader_has_a_table_for_each_way_to_write_numbers(
    accepted: str | None, expected: list[str]
) -> None:
    """The most wanted language of each comes first."""
    headers = {"accept-language": accepted} if accepted else {}
    assert spreadsheet_languages(headers) == expected


def test_a_format_that_is_not_offered_is_refused() -> None:
    """With those that are."""
    with pytest.raises(InvalidInput, match="format must be jsonl or csv"):
        negotiated({"format": "xml"}, {}, (JSON_LINES, CSV))
    with pytest.raises(InvalidInput, match="format must be jsonl or csv"):
        negotiated({"format": "html"}, {}, (JSON_LINES, CSV))
