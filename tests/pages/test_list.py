"""The page of the list."""

from __future__ import annotations

import csv
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.pages.conftest import App
from tests.pages.world import DIFFERS, EUROS, ON_THE_WAY, STATES


def ids(page: Page) -> list[str]:
    """The invoices of a page, from above."""
    found: list[str] = page.locator("tbody th[scope=row]").all_inner_texts()
    return found


def row(page: Page, invoice_id: str) -> str:
    """What the row of an invoice says."""
    text: str = page.get_by_role("row").filter(has_text=invoice_id).inner_text()
    return text


def test_months_go_down_and_each_invoice_says_its_state(app: App, page: Page) -> None:
    """The newest month is first; a row has the state as a word, in a colour of its own."""
    page.goto(app.address())
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        "November 2026",
        "October 2026",
    ]
    assert sorted(ids(page)) == sorted(STATES)
    for invoice_id, state in STATES.items():
        assert state in row(page, invoice_id)
    colours = {
        page.get_by_role("table")
        .get_by_text(state, exact=True)
        .first.evaluate("element => getComputedStyle(element).backgroundColor")
        for state in ("fetching", "settling", "settled")
    }
    assert len(colours) == 3


def test_what_does_not_add_up_is_in_sight(app: App, page: Page) -> None:
    """At 1280 pixels all columns are in sight; on a phone the first three: invoice, state, difference."""
    for width, columns in ((1280, 12), (360, 3)):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(app.address())
        assert "12.34 more on the lines" in " ".join(row(page, DIFFERS).split())
        ends = page.locator("thead th, tbody tr > *").evaluate_all(
            "cells => cells.map(cell => [cell.cellIndex, cell.getBoundingClientRect().right])"
        )
        assert [end for column, end in ends if column < columns and end > width] == []
    expect(page.get_by_text("1 not adding up")).to_be_visible()


def test_lines_that_are_still_to_come_are_no_difference(app: App, page: Page) -> None:
    """An invoice that is being fetched does not look like one that does not add up."""
    page.goto(app.address())
    assert "not known yet" in row(page, ON_THE_WAY)
    page.goto(app.address(ON_THE_WAY))
    expect(page.get_by_text("not known yet")).to_be_visible()
    expect(page.locator(".bad")).to_have_count(0)


def test_a_link_leads_to_the_invoice_and_back(app: App, page: Page) -> None:
    """The key goes with it both ways."""
    page.goto(app.address())
    page.get_by_role("link", name=DIFFERS).click()
    expect(page).to_have_url(app.address(DIFFERS))
    expect(page.get_by_role("heading", level=1)).to_contain_text(DIFFERS)
    page.get_by_role("link", name="All invoices").click()
    expect(page).to_have_url(app.address())
    expect(page.get_by_role("heading", level=1)).to_have_text("Invoices")


def test_the_form_chooses_and_keeps_the_key(app: App, page: Page) -> None:
    """State, days and currency, alone and together; the form shows what was chosen, and a link ends it."""
    page.goto(app.address())
    page.get_by_label("State").select_option("settling")
    page.get_by_role("button", name="Show").click()
    assert ids(page) == [DIFFERS]
    expect(page.get_by_label("State")).to_have_value("settling")
    page.get_by_role("link", name="Show all").click()
    assert len(ids(page)) == len(STATES)
    page.get_by_label("From").fill("2026-11-01")
    page.get_by_label("to", exact=True).fill("2026-11-30")
    page.get_by_label("Currency").fill("eur")
    page.get_by_label("Currency").press("Enter")
    assert ids(page) == [EUROS]
    expect(page.get_by_label("Currency")).to_have_value("EUR")
    expect(page.get_by_label("From")).to_have_value("2026-11-01")
    page.get_by_label("State").select_option("fetching")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No invoices match.")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["code"] == [app.stack.host.function_key]


def test_every_page_of_a_long_list_is_reached(app: App, page: Page) -> None:
    """By *Earlier invoices*, each is there once, each month is whole, and the filter stays."""
    page.goto(app.address(pageSize="1", to="2026-11-30"))
    expect(page.get_by_text(f"{len(STATES)} invoices, ")).to_be_visible()
    seen, months = ids(page), page.get_by_role("heading", level=2).all_text_contents()
    while (earlier := page.get_by_role("link", name="Earlier invoices")).count():
        assert page.get_by_role("heading", level=2).count() == 1
        earlier.click()
        expect(page.get_by_label("to", exact=True)).to_have_value("2026-11-30")
        seen += ids(page)
        months += page.get_by_role("heading", level=2).all_text_contents()
    assert sorted(seen) == sorted(STATES)
    assert len(months) == len(set(months)) > 1


def test_the_list_is_downloaded_as_it_is_filtered(app: App, page: Page) -> None:
    """As CSV and for the Excel of the browser's language it has the rows that the page has."""
    page.goto(app.address(state="fetching"))
    for form, separator in (("CSV", ","), ("CSV for Excel (de-DE)", ";")):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"This list: {form}", exact=True).click()
        name = "invoices.csv" if form == "CSV" else "invoices_de-DE.csv"
        assert download.value.suggested_filename == name
        with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=separator))
        assert [row["invoiceId"] for row in rows] == [ON_THE_WAY]
