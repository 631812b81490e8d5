"""What a browser shows where there is no page."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.pages.conftest import App
from tests.pages.world import EUROS


def test_a_problem_is_a_page_with_a_way_back(app: App, context: BrowserContext) -> None:
    """An unknown invoice, a query that is wrong, lines that are not there: what is the matter, in words."""
    page = context.new_page()
    for address, status, title in (
        (app.address("G000099999"), 404, "No such invoice"),
        (app.address("nonsense"), 400, "Not an invoice id"),
        (app.address(state="lost"), 400, "The request is not understood"),
        (app.address(EUROS, expand="all"), 400, "Unknown expand"),
        (app.address(EUROS, "lineItems", "azure", "usage_line_items"), 404, "No such lines"),
    ):
        answer = page.goto(address)
        assert answer
        assert (answer.status, page.title()) == (status, title)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.get_by_role("link", name="All invoices").click()
        expect(page).to_have_url(app.address())


def test_without_a_key_nothing_is_shown(app: App, context: BrowserContext) -> None:
    """The host answers 401 before the app is asked; its answer has no text."""
    page = context.new_page()
    for address in (app.url, f"{app.url}/{EUROS}?code=wrong"):
        answer = page.goto(address)
        assert answer
        assert answer.status == 401
        expect(page.get_by_text("Invoice")).to_have_count(0)
